"""`usher run` as the operating system sees it: killed, stopped, started again. Keycloak is not there the
whole time, as it well may be.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from connector.demo.process import free_port
from connector.foundation.config_initial import write_initial

USHER = [sys.executable, "-m", "connector"]
SECONDS = 30.0


class Installation:
    """A configuration, a token, and `usher run` over them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.config = write_initial(folder, "acme")
        text = self.config.read_text().replace("http://localhost:8080", f"http://127.0.0.1:{free_port()}")
        self.config.write_text(text + "management: {port: 0}\n")
        self.token = self.usher("token", "create", "acme", "--name", "entra").stdout.strip()
        self.users = f"http://127.0.0.1:{self.port}/scim/acme/v2/Users"

    def usher(self, *verb: str) -> subprocess.CompletedProcess[str]:
        command = [*USHER, "--config", str(self.config), *verb]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [*USHER, "--config", str(self.config), "run", "--port", str(self.port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                self._wait_until(self.answers)
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                self._wait_until(lambda: not self.answers())

    def answers(self) -> bool:
        try:
            requests.get(self.users, timeout=2)
        except requests.RequestException:
            return False
        return True

    def create(self, name: str) -> int | None:
        """The answer's status; None if there was none."""
        body = {"userName": name, "emails": [{"type": "work", "value": name, "primary": True}]}
        headers = {"Authorization": f"Bearer {self.token}", "Connection": "close"}
        try:
            return requests.post(self.users, json=body, headers=headers, timeout=10).status_code
        except requests.RequestException:
            return None

    def _wait_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline, "usher run took too long"
            time.sleep(0.1)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_promise_p7_scim_takes_changes_while_keycloak_is_away_and_says_what_waits(
    installation: Installation,
) -> None:
    with installation.running():
        assert installation.create("ada@acme.example") == 201
        shown = installation.usher("user", "show", "acme", "ada@acme.example", "--json").stdout
    assert '"effect": "sync_account"' in shown
    assert '"state": "pending"' in shown


def test_queue_q11_asked_to_stop_it_exits_0_in_time(installation: Installation) -> None:
    with installation.running() as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_queue_q16_a_second_worker_is_refused_with_a_sentence(installation: Installation) -> None:
    with installation.running():
        command = [*USHER, "--config", str(installation.config), "worker", "--once"]
        second = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert second.returncode == 1
    assert "Another worker drains this database" in second.stderr
