"""What reaches a terminal, and what of it may steer the terminal: nothing."""

import json

import pytest

from connector.cli.output import console, show_fields, show_json, show_table, visible

STEERING = {
    "an escape sequence": ("\x1b[2J", r"\x1b[2J"),
    "an escape of one character": ("\x9b2J", r"\x9b2J"),
    "a bell": ("\a", r"\x07"),
    "a way back": ("\b\r", r"\x08\r"),
    "a title": ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    "an end of line": ("a\nb", r"a\nb"),
    "a turn of the writing": ("\u202etxt", r"\u202etxt"),
    "half a character": ("\ud800", r"\ud800"),
}


@pytest.mark.parametrize(("sent", "shown"), STEERING.values(), ids=STEERING.keys())
def test_nothing_in_a_name_steers_the_terminal(
    sent: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert visible(sent) == shown
    show_table(("name",), [(sent,)])
    show_fields([("name", sent)])
    console.print(f"name {sent}", markup=False)
    out = capsys.readouterr().out
    assert out.count(shown) >= 2
    assert sent not in out.replace("a\nb", "")


@pytest.mark.parametrize("sent", [each[0] for each in STEERING.values()], ids=STEERING.keys())
def test_json_is_escaped_and_says_the_same(sent: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": [sent, "plain"]})
    out = capsys.readouterr().out
    assert sent not in out
    assert json.loads(out) == {"name": [sent, "plain"]}


@pytest.mark.parametrize("name", ["Zoë Ångström", "نگار", "क्‍ष", "👩‍💻", "a b", "[red]x[/red]"])
def test_names_of_all_scripts_stay_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_fields([("name", name)])
    show_json([name])
    out = capsys.readouterr().out
    assert visible(name) == name
    assert out.count(name) == 2
