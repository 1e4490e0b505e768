"""Runs one server at a time, a WSGI factory on one core or ``usher run``, and counts what its processes
cost. It owns starting, stopping and reading ``/proc``; it must not know what is asked of the server.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import requests

from connector.demo.process import free_port

_TICK = os.sysconf("SC_CLK_TCK")
_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 40.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server under measurement. ``base`` is its URL without a slash at the end."""

    base: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the process tree so far."""
        return sum(_cpu(pid) for pid in _tree(self.pid))

    def pss(self) -> int:
        """Resident bytes of the process tree, what is shared counted once ("proportional set size")."""
        return sum(_pss(pid) for pid in _tree(self.pid))


@contextmanager
def serving(factory: str, *, env: Mapping[str, str], ready: str) -> Iterator[RunningServer]:
    """A WSGI factory (``module:name``) under granian with one worker and one blocking thread, on the last
    core. ``ready`` is a path that answers anything once it is up.
    """
    port = free_port()
    core = max(os.sched_getaffinity(0))
    command = [
        *("taskset", "-c", str(core)),
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--workers", "1"),
        *("--blocking-threads", "1", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"),
        factory,
    ]
    with _running(command, {**os.environ, **env}, port, ready) as server:
        yield server


@contextmanager
def usher_running(config: Path, port: int) -> Iterator[RunningServer]:
    """``usher run``, as an installation runs it; what it logs goes beside the configuration."""
    command = [sys.executable, "-m", "connector", "--config", str(config), "run", "--port", str(port)]
    with (
        config.with_name("usher.log").open("w") as log,
        _running(command, os.environ, port, "/scim/acme/v2/Users", log) as server,
    ):
        yield server


@contextmanager
def _running(
    command: Sequence[str], env: Mapping[str, str], port: int, ready: str, log: TextIO | None = None
) -> Iterator[RunningServer]:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, env=env, cwd=root, stdout=log or subprocess.DEVNULL, stderr=log or subprocess.DEVNULL
    ) as process:
        try:
            _wait(f"http://127.0.0.1:{port}{ready}")
            yield RunningServer(base=f"http://127.0.0.1:{port}", pid=process.pid)
        finally:
            process.terminate()
            process.wait(_SECONDS_TO_STOP)


def _wait(url: str) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=2)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} did not answer within {_SECONDS_TO_START:.0f} s")


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
