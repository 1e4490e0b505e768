"""Words that mix scripts are told from those that only look foreign."""

from typing import Any

import pytest

from connector.domain.model import Profile
from connector.foundation.scripts import mixed_scripts, mixed_scripts_of_domain, named
from connector.mail.names import clean_name, oddities

CYRILLIC_A, GREEK_O, JOINER = "\u0430", "\u03bf", "\u034f"
PAYPAL = f"P{CYRILLIC_A}yPal"

IMITATIONS = [
    (PAYPAL, {"Cyrillic", "Latin"}),
    (f"Ada L{GREEK_O}velace", {"Greek", "Latin"}),
    (f"{CYRILLIC_A}da", {"Cyrillic", "Latin"}),
    (f"Dr.{PAYPAL}", {"Cyrillic", "Latin"}),
    (f"P{JOINER}{CYRILLIC_A}yPal", {"Cyrillic", "Latin"}),
    (f"\U0001d40f{CYRILLIC_A}y", {"Cyrillic", "Latin"}),
    ("\u0531cme", {"Armenian", "Latin"}),
    ("\uff21\u0441me", {"Cyrillic", "Latin"}),
    (f"Иван P{CYRILLIC_A}y", {"Cyrillic", "Latin"}),
]

HONEST = [
    "",
    "Ada Lovelace",
    "Zoë Müller-Lüdenscheidt",
    "Иван Иванов",
    "Анна Smith",
    "Анна-Maria Шевченко",
    "Γιώργος",
    "李小龍 Bruce",
    "山田タロウさん",
    "김Minsu",
    "JR東日本",
    "々木",
    "שרה",
    "محمد علي",
    "अनिता",
    "Nguyễn Thị Hà",
    "Ada 2nd",
    "\u02bbOkina",
]


@pytest.mark.parametrize(("text", "scripts"), IMITATIONS)
def test_control_m2_a_word_that_mixes_scripts_is_told_and_no_mail_shows_it(
    text: str, scripts: set[str]
) -> None:
    assert mixed_scripts(text) == scripts
    assert clean_name(text) == ""


@pytest.mark.parametrize("text", HONEST)
def test_control_m2_a_name_of_whatever_script_is_shown(text: str) -> None:
    assert mixed_scripts(text) == frozenset()
    assert clean_name(text) == text


@pytest.mark.parametrize(
    ("domain", "mixes"),
    [
        ("acme.example", False),
        (f"{CYRILLIC_A}cme.example", True),
        (f"{CYRILLIC_A}-acme.example", True),
        ("почта.example", False),
        ("straße.example", False),
    ],
)
def test_control_m2_a_hyphen_joins_the_words_of_a_domain(domain: str, mixes: bool) -> None:
    assert bool(mixed_scripts_of_domain(domain)) is mixes


@pytest.mark.parametrize(
    ("values", "notices"),
    [
        ({"email": "ada@acme.example", "given_name": "Ada"}, []),
        (
            {"display_name": PAYPAL},
            ["the display name mixes Cyrillic and Latin letters within a word; mails leave it out"],
        ),
        (
            {"email": f"ada@{CYRILLIC_A}cme.example"},
            [
                f"the address's domain {CYRILLIC_A}cme.example is shown as xn--cme-5cd.example in mails",
                "the address mixes Cyrillic and Latin letters within a word",
            ],
        ),
        (
            {"email": "ada@xn--cme-5cd.example"},
            [
                f"the address's domain {CYRILLIC_A}cme.example is shown as xn--cme-5cd.example in mails",
                "the address mixes Cyrillic and Latin letters within a word",
            ],
        ),
        (
            {"email": "ada@bücher.example"},
            ["the address's domain bücher.example is shown as xn--bcher-kva.example in mails"],
        ),
        ({"email": "nobody"}, []),
        ({"email": "ada@xn--.example"}, []),
    ],
)
def test_control_m2_an_operator_is_told_what_is_odd(values: dict[str, Any], notices: list[str]) -> None:
    assert oddities(Profile(user_name="ada", **values)) == notices


def test_scripts_are_named_in_a_sentence() -> None:
    assert named(frozenset({"Latin", "Greek", "Cyrillic"})) == "Cyrillic, Greek and Latin"
