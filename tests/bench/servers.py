"""Runs one WSGI server at a time on one core and counts what its processes cost. It owns starting, stopping
and reading ``/proc``; it must not know what is asked of the server.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from connector.demo.process import free_port

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SECONDS_TO_START = 30.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server under measurement. ``base`` is its URL without a slash at the end."""

    base: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the process tree so far."""
        return sum(_cpu(pid) for pid in _tree(self.pid))

    def rss(self) -> int:
        """Resident bytes of the process tree."""
        return sum(_rss(pid) for pid in _tree(self.pid))


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
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, env={**os.environ, **env}, cwd=root) as process:
        try:
            _wait(f"http://127.0.0.1:{port}{ready}")
            yield RunningServer(base=f"http://127.0.0.1:{port}", pid=process.pid)
        finally:
            process.terminate()
            process.wait(20)


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


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
