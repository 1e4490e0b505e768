"""``usher demo`` as a newcomer meets it: what it prints is true, and nothing of it outlives it."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from connector.demo.sites import SITES

USHER = [sys.executable, "-m", "connector"]
READY_SECONDS = 240.0
STOP_SECONDS = 40.0
TOKEN = re.compile(r"\$\(cat ([^)]+)\)")


class RunningDemo:
    """The demo's process; what it has said is in ``text``."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], log: Path) -> None:
        self.folder = folder
        self.process = process
        self._log = log

    @property
    def text(self) -> str:
        return self._log.read_text()

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + READY_SECONDS
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.1)

    def stop(self, number: signal.Signals) -> int:
        """Its exit code after a signal to it alone."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def after(self, label: str) -> str:
        """The first address after some words."""
        found = re.search(re.escape(label) + r"\s+(http\S+)", self.text)
        assert found, self.text
        return found[1]

    def all_after(self, label: str) -> list[str]:
        """Each address after some words, one a site."""
        found = re.findall(re.escape(label) + r" *(http\S+)", self.text)
        assert len(found) == len(SITES), self.text
        return found

    def command(self, begins: str) -> list[str]:
        """The words of a command as a shell would read them."""
        found = re.search(
            r"^ +(\S*" + re.escape(begins) + r".*?[^\\])$", self.text, re.DOTALL | re.MULTILINE
        )
        assert found, self.text
        return shlex.split(TOKEN.sub(lambda token: Path(token[1]).read_text(), found[1]))

    def processes(self) -> list[str]:
        """The command lines of all that runs on the demo's folder; Linux alone tells."""
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        return [line for line in lines if str(self.folder) in line and " demo " not in line]


@pytest.fixture
def demo(tmp_path: Path, keycloak_program: Path) -> Iterator[RunningDemo]:
    with running(tmp_path, "--data", str(tmp_path / "demo")) as started:
        yield started


@contextmanager
def running(tmp_path: Path, *options: str) -> Iterator[RunningDemo]:
    log = tmp_path / "said"
    with log.open("wb") as out:
        process = subprocess.Popen([*USHER, "demo", *options], stdout=out, stderr=subprocess.STDOUT)
    try:
        yield RunningDemo(tmp_path / "demo", process, log)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def test_all_that_it_prints_is_true_and_ctrl_c_ends_all_of_it(demo: RunningDemo) -> None:
    demo.wait_for("Ctrl-C stops all of it.")
    inbox, console = demo.after("in an invitation:"), demo.after("Keycloak console")
    portals, scim = demo.all_after("portal  "), demo.all_after("SCIM  ")
    pages = (inbox, *portals, console.partition("#")[0])
    assert [requests.get(page, timeout=10).status_code for page in pages] == [200] * (len(SITES) + 2)
    listed = requests.get(f"{inbox}/list", timeout=10).text
    for site in SITES:
        assert site.person.address in listed
    assert _may_administrate(demo.text, console.partition("/admin/")[0])

    assert _curl(demo.command("curl")).status_code == 204
    explained = subprocess.run(
        demo.command("usher --config"), capture_output=True, text=True, check=True, timeout=60
    )
    assert "pending → disabled" in explained.stdout

    running_now = demo.processes()
    assert demo.stop(signal.SIGINT) == 0
    assert "Stopped; nothing of it runs any more." in demo.text
    assert len(running_now) > 1 or not Path("/proc").exists()
    assert demo.processes() == []
    for url in (*pages, *scim):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=10)


def test_being_terminated_while_keycloak_starts_leaves_nothing_behind(demo: RunningDemo) -> None:
    demo.wait_for("Starting Keycloak")
    assert demo.stop(signal.SIGTERM) == 0
    assert demo.processes() == []


def test_the_unattended_run_asks_for_a_browser_before_it_starts_anything(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PATH"}
    result = subprocess.run(
        [*USHER, "demo", "--check"],
        env=env | {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "apt install chromium" in result.stdout
    assert "Keycloak" not in result.stdout


def _curl(words: list[str]) -> requests.Response:
    """What the printed curl would do."""
    options = dict(pairwise(words))
    url = next(word for word in words if word.startswith("http"))
    headers = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
    return requests.request(options["-X"], url, data=options["-d"], headers=dict(headers), timeout=10)


def _may_administrate(text: str, keycloak: str) -> bool:
    """Whether the printed user name and password open Keycloak's console."""
    found = re.search(r"^ +(\S+) / (\S+)$", text, re.MULTILINE)
    assert found, text
    form = {"client_id": "admin-cli", "grant_type": "password", "username": found[1], "password": found[2]}
    return requests.post(
        f"{keycloak}/realms/master/protocol/openid-connect/token", data=form, timeout=10
    ).ok
