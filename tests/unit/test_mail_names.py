"""Names and addresses before they stand in a mail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation.mail_address import parse
from connector.mail.names import MAX_LENGTH, clean_name, display_name, inviter_name
from tests.support.builders import a_profile


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("Dr.-Ing. Jörg O'Hara-Müller", "Dr.-Ing. Jörg O'Hara-Müller"),
        ("Ada https://evil.example/x now", "Ada now"),
        ("Ada www.evil.example", "Ada"),
        ("ada@acme.example", ""),
        ("Win at evil.example", "Win at evil. example"),
        ("evil\u3002example", "evil. example"),
        ("evil\u200d.example", "evil\u200d. example"),
        ("Ada\r\nBcc: eve", "Ada Bcc: eve"),
        ("Ada\0\x1b[31m", "Ada [31m"),
        ("Ada\u2028Eve", "Ada Eve"),
        ("Ada \u202eecalevoL", "Ada ecalevoL"),
        ("Ada\u200b", "Ada"),
        ("A\u0301da", "\u00c1da"),
        ("\ud800Ada", "Ada"),
    ],
)
def test_control_m1_a_name_is_one_line_without_links(written: str, shown: str) -> None:
    assert clean_name(written) == shown


@given(st.text(max_size=300))
def test_control_m1_no_name_has_a_line_break_a_link_or_great_length(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_LENGTH
    assert not {"\r", "\n", "\0", "\u2028", "\u2029", "\x85", "@"} & set(name)
    assert "://" not in name


def test_a_name_too_long_for_a_line_ends_in_an_ellipsis() -> None:
    assert clean_name("ab " * 100) == ("ab " * 27)[: MAX_LENGTH - 1].rstrip() + "…"


def test_of_a_huge_name_only_the_beginning_is_looked_at() -> None:
    assert clean_name("a" * 5_000_000) == "a" * (MAX_LENGTH - 1) + "…"


def test_a_display_name_that_is_nothing_but_a_link_gives_way_to_the_other_names() -> None:
    assert display_name(a_profile(display_name="http://evil.example")) == "Ada Lovelace"
    assert display_name(a_profile(display_name="", given_name="", family_name="")) == ""


@pytest.mark.parametrize(
    ("inviter", "shown"),
    [
        ("oskar@acme.example", "oskar@acme.example"),
        ("olga", ""),
        ("scim:entra", ""),
        ("oskar@acme.example\r\nBcc: x", ""),
        ("Win at http://evil.example/oskar@acme.example", ""),
    ],
)
def test_an_inviter_is_named_if_it_is_a_person_we_can_name(inviter: str, shown: str) -> None:
    assert inviter_name(inviter) == shown


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("ada@acme.example", "ada@acme.example"),
        ("o'hara+news@acme.example", "o'hara+news@acme.example"),
        ("ada@localhost", "ada@localhost"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example"),
        ("jörg@acme.example", "jörg@acme.example"),
    ],
)
def test_control_m2_an_address_has_its_domain_as_the_wire_has_it(written: str, wire: str) -> None:
    assert str(parse(written)) == wire


def test_control_m2_a_look_alike_domain_shows_that_it_is_one() -> None:
    assert str(parse("ada@\u0430cme.example")) == "ada@xn--cme-5cd.example"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@acme.example",
        "ada@",
        "ada@acme..example",
        "ada@acme.example.",
        "ada@[127.0.0.1]",
        '"ada lovelace"@acme.example',
        "ada@eve@acme.example",
        "ada@acme.example,eve@evil.example",
        "ada@acme.example\r\nBcc: eve@evil.example",
        "ada\0@acme.example",
        "ada\x9b@acme.example",
        "ada\u202e@acme.example",
        "ada\u200b@acme.example",
        "=?utf-8?q?eve=40evil.example=2C?=@acme.example",
        "a" * 65 + "@acme.example",
        "ü" * 33 + "@acme.example",
        "ada@" + "a" * 64 + ".example",
        "ada@xn--\u00df.example",
    ],
)
def test_control_m1_what_is_no_single_plain_address_is_none(written: str) -> None:
    with pytest.raises(ValueError, match=r"e-mail address|domain"):
        parse(written)


@given(st.text())
def test_control_m1_any_text_is_an_address_or_a_value_error(text: str) -> None:
    for written in (text, f"{text}@acme.example", f"ada@{text}"):
        try:
            box = parse(written)
        except ValueError:
            continue
        assert box.domain.isascii()
        assert not set(str(box)) & set("\r\n\0 <>,")
