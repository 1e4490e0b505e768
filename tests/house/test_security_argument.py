"""The security argument of the hand-over is about what is there: each control has a row and a test of its
own, and every test that it names exists.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARGUMENT = (ROOT / "docs" / "handover.md").read_text()
CONTROLS = (*(f"I{number}" for number in range(1, 14)), *(f"O{number}" for number in range(1, 15)))
COLUMNS = 6
_NAME = re.compile(r"`(test_\w+)`")


def rows(control: str) -> list[list[str]]:
    """The cells of each row that begins with a control's id."""
    found = re.findall(rf"^\| {control} \|.*\|$", ARGUMENT, re.M)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The name of every test there is."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for path in files for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.M)}


@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_has_one_row_and_a_test_named_after_it(control: str) -> None:
    (row,) = rows(control)
    assert len(row) == COLUMNS
    assert all(row)
    proofs = _NAME.findall(row[4])
    assert proofs
    assert all(name.startswith(f"test_control_{control.lower()}_") for name in proofs)


def test_every_test_that_the_argument_names_exists(tests: set[str]) -> None:
    assert [name for name in _NAME.findall(ARGUMENT) if name not in tests] == []


def test_every_test_of_a_control_belongs_to_one_that_is_argued(tests: set[str]) -> None:
    named = {name.split("_")[2].upper() for name in tests if re.match(r"test_control_[io]\d+_", name)}
    assert named - set(CONTROLS) == set()
