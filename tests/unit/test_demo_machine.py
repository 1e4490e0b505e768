"""What this machine cannot run is named at the end of a test run, and is a failure under ``CI=true``. Each
test runs pytest on a little folder of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOKS = "from tests.conftest import pytest_sessionfinish, pytest_terminal_summary\n"
NEEDS_A_MACHINE = """
from connector.demo.errors import DemoError
from tests.support.machine import obtained

def nowhere():
    raise DemoError("There is none.", "apt install moon")

def test_that_needs_the_moon(pytestconfig):
    obtained(pytestconfig, "the moon", nowhere)
"""
SKIPS = "import pytest\n@pytest.mark.skip\ndef test_that_somebody_skipped():\n    pass\n"
PASSES = "def test_that_passes():\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(HOOKS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(folder: Path, test: str, *, ci: str) -> tuple[int, str]:
    """The exit code and the output of a run of one file."""
    (folder / "test_one.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder)
    return result.returncode, result.stdout


def test_a_developer_reads_what_did_not_run_and_how_it_would(folder: Path) -> None:
    code, output = run(folder, NEEDS_A_MACHINE, ci="")
    assert code == 0
    assert "1 tests that need the moon: There is none." in output
    assert "to run them: apt install moon" in output


def test_under_ci_a_part_that_cannot_be_had_is_a_failure(folder: Path) -> None:
    code, output = run(folder, NEEDS_A_MACHINE, ci="true")
    assert code == 1
    assert "1 failed" in output
    assert "apt install moon" in output


def test_under_ci_any_skip_at_all_is_a_failure(folder: Path) -> None:
    assert run(folder, SKIPS, ci="false")[0] == 0
    code, output = run(folder, SKIPS, ci="true")
    assert code == 1
    assert "1 skipped; under CI that is a failure" in output


def test_under_ci_a_run_without_skips_passes(folder: Path) -> None:
    assert run(folder, PASSES, ci="true")[0] == 0
