"""The programs that the demo starts beside itself, played by shell scripts."""

import os
import signal
import time
from pathlib import Path

import pytest

from connector.demo.errors import DemoError
from connector.demo.process import Child, watch

SECONDS = 10.0


def child(tmp_path: Path, script: str, name: str = "Moon") -> Child:
    return Child(
        name, ["/bin/sh", "-c", script], log=tmp_path / f"{name}.log", env={"PATH": "/usr/bin:/bin"}
    )


def test_a_program_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"Moon does not start: No such file or directory \(/no/moon\)"):
        Child("Moon", ["/no/moon"], log=tmp_path / "log", env={})


def test_one_that_dies_is_reported_with_its_last_words_and_where_the_rest_is(tmp_path: Path) -> None:
    with child(tmp_path, "echo out of cheese; exit 3") as moon, pytest.raises(DemoError) as died:
        moon.wait_until(lambda: False, seconds=SECONDS)
    assert died.value.what == "Moon ended with exit code 3. The last lines of its log:\n    out of cheese"
    assert str(tmp_path / "Moon.log") in died.value.do


def test_one_that_is_too_slow_is_reported_with_the_usual_cause(tmp_path: Path) -> None:
    with child(tmp_path, "sleep 60") as moon, pytest.raises(DemoError, match="not ready") as slow:
        moon.wait_until(lambda: False, seconds=0)
    assert "close other programs" in slow.value.do


def test_one_that_ends_by_itself_is_done_when_it_says_so(tmp_path: Path) -> None:
    with child(tmp_path, "true") as moon:
        moon.wait_until_done(seconds=SECONDS)
    with child(tmp_path, "false") as moon, pytest.raises(DemoError, match="exit code 1"):
        moon.wait_until_done(seconds=SECONDS)


def test_the_death_of_any_is_noticed(tmp_path: Path) -> None:
    with child(tmp_path, "sleep 60", "Sun") as sun, child(tmp_path, "exit 4") as moon:
        with pytest.raises(DemoError, match="Moon ended with exit code 4"):
            watch([sun, moon])
        assert sun.is_running


def test_stopping_ends_what_the_program_has_started_too(tmp_path: Path) -> None:
    with child(tmp_path, "trap 'exit 0' TERM; sleep 60 & echo $!; wait") as moon:
        moon.wait_until(lambda: bool(moon.log.read_text()), seconds=SECONDS)
        grandchild = int(moon.log.read_text())
        os.kill(grandchild, 0)
    _must_end(grandchild)


def test_a_program_that_will_not_stop_is_ended(tmp_path: Path) -> None:
    moon = child(tmp_path, "trap '' TERM; echo deaf; while :; do sleep 1; done")
    moon.wait_until(lambda: bool(moon.log.read_text()), seconds=SECONDS)
    moon.stop(patience=0.1)
    assert moon.exit_code == -signal.SIGKILL


def _must_end(process: int) -> None:
    end = time.monotonic() + SECONDS
    while _is_there(process):
        assert time.monotonic() < end, f"process {process} still runs"
        time.sleep(0.05)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
