"""What the demo says, and which folders it leaves alone."""

import io
from pathlib import Path

import pytest

from connector.demo.run import demo
from connector.demo.steps import PlainSteps, timed


def test_plain_lines_tell_each_kind_of_work_once_and_no_brief_one() -> None:
    out = io.StringIO()
    steps = PlainSteps(out)
    for megabytes in range(3):
        steps.working(f"Downloading: {megabytes} MB")
    steps.working("a click", brief=True)
    with timed(steps, "Keycloak runs"):
        steps.working("Starting Keycloak")
    first, second, third = out.getvalue().splitlines()
    assert (first, second) == ("… Downloading", "… Starting Keycloak")
    assert third.startswith("ok ")
    assert third.endswith("s  Keycloak runs")


def test_a_folder_that_is_not_the_demos_own_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert demo(check=False, shots=None, data=tmp_path) == 1
    assert "Name another one with --data." in capsys.readouterr().out
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
