"""The benchmarks' document, when only some of its parts are measured anew."""

from tests.bench.__main__ import with_sections

DOCUMENT = "# Benchmarks\n\nMeasured on Monday.\n\n## One\n\nold\n\n## Two\n\nkept\n"


def test_a_part_measured_anew_replaces_its_own_section_alone() -> None:
    assert with_sections(DOCUMENT, [["## One", "", "new"]]) == DOCUMENT.replace("old", "new")


def test_a_new_part_comes_last() -> None:
    assert with_sections(DOCUMENT, [["## Three", "", "new"]]) == f"{DOCUMENT}\n## Three\n\nnew\n"
