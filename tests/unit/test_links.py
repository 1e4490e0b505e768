"""Invitation links: nobody but the key's holder makes one, and each has one spelling."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation import links as links_module
from connector.foundation.keys import LinkKey
from connector.foundation.links import InvitationLinks

KEY = LinkKey(bytes(range(32)))
LINKS = InvitationLinks("https://usher.example.com", KEY)
ID = "0123456789abcdef0123456789abcdef"

ids = st.text("0123456789abcdef", min_size=32, max_size=32)
generations = st.integers(1, 10**18 - 1)


def token_of(link: str) -> str:
    return link.removeprefix("https://usher.example.com/invite/")


TOKEN = token_of(LINKS.invitation(ID, 7))


@given(ids, generations)
def test_control_i2_a_link_opens_to_what_it_was_made_of(invitation: str, generation: int) -> None:
    link = LINKS.invitation(invitation, generation)
    assert LINKS.open(token_of(link)) == (invitation, generation)
    assert LINKS.invitation(invitation, generation) == link, "the same at each call"


def test_control_i1_a_token_carries_an_id_of_128_bits_and_a_seal_of_256() -> None:
    invitation, generation, seal = TOKEN.split(".")
    assert (invitation, generation) == (ID, "7")
    assert len(bytes.fromhex(invitation)) * 8 == 128
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", seal), "43 characters of base64url hold 256 bits"


def test_control_i1_links_make_no_randomness_of_their_own() -> None:
    source = Path(links_module.__file__).read_text()
    assert not re.search(r"^(import|from) (random|uuid|secrets|os)\b", source, re.MULTILINE)


def test_control_i11_the_seal_is_compared_in_constant_time() -> None:
    source = Path(links_module.__file__).read_text()
    assert "hmac.compare_digest(" in source
    assert not re.search(r"seal\s*[!=]=|[!=]=\s*(seal|expected)\b", source)


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
def test_control_i9_a_token_with_one_character_changed_is_not_ours(place: int, character: str) -> None:
    forged = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert LINKS.open(forged) == ((ID, 7) if forged == TOKEN else None)


@given(st.text(st.characters(codec=None), max_size=120))
def test_no_text_at_all_makes_open_raise(text: str) -> None:
    assert LINKS.open(text) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.replace(".7.", ".07."),
        TOKEN.replace(".7.", ".+7."),
        TOKEN.replace(".7.", ".7_0."),
        TOKEN.replace(".7.", ".\u0667."),
        TOKEN.replace(".7.", ".8."),
        TOKEN.replace(".7.", ".0."),
        TOKEN.replace(".7.", f".{'9' * 5000}."),
        TOKEN.replace(ID, ID.upper()),
        TOKEN.replace(ID, ID[:-1]),
        TOKEN.replace(ID, "f" * 32),
        TOKEN.replace(".", "%2e"),
        TOKEN.rsplit(".", 1)[0],
        TOKEN.rsplit(".", 1)[0] + ".",
    ],
)
def test_control_i2_another_spelling_of_a_good_token_is_not_ours(token: str) -> None:
    assert LINKS.open(token) is None


def test_the_unused_bits_of_the_last_character_do_not_give_a_second_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    opened = [last for last in alphabet if LINKS.open(TOKEN[:-1] + last)]
    assert opened == [TOKEN[-1]]


def test_a_link_of_another_installation_is_not_ours() -> None:
    other = InvitationLinks("https://usher.example.com", LinkKey(bytes(32)))
    assert other.open(TOKEN) is None


@given(ids, generations)
def test_a_link_ends_in_a_character_that_mail_programs_take_as_part_of_it(
    invitation: str, generation: int
) -> None:
    assert LINKS.invitation(invitation, generation)[-1].isalnum()


@pytest.mark.parametrize(
    ("invitation", "generation"),
    [("x", 1), (ID.upper(), 1), (ID, 0), (ID, -1), (ID, 10**18), (f"{ID}.1", 1)],
)
def test_an_id_or_generation_that_no_token_carries_is_refused(invitation: str, generation: int) -> None:
    with pytest.raises(ValueError, match="32 lower-case hex digits"):
        LINKS.invitation(invitation, generation)


def test_a_slash_at_the_public_urls_end_is_not_doubled() -> None:
    assert (
        InvitationLinks("https://x.example/", KEY)
        .invitation(ID, 1)
        .startswith("https://x.example/invite/0")
    )


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_different_things_are_never_derived_to_the_same_value(one: list[str], other: list[str]) -> None:
    same = LINKS.derive("state", *one) == LINKS.derive("state", *other)
    assert same == (one == other)


def test_each_purpose_has_values_of_its_own() -> None:
    values = {LINKS.derive(purpose, "h1", 1) for purpose in ("state", "nonce", "verifier")}
    assert len(values) == 3
    assert LINKS.derive("invitation", "h1", 1) not in values


def test_what_is_derived_can_be_a_pkce_verifier() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", LINKS.derive("verifier", "h1", 1))


def test_no_derived_value_is_the_key_or_depends_on_the_installation_alone() -> None:
    other = InvitationLinks("https://usher.example.com", LinkKey(bytes(32)))
    assert LINKS.derive("state", "h1") != other.derive("state", "h1")


def test_control_k1_the_links_do_not_show_the_key() -> None:
    assert KEY.value.hex() not in repr(LINKS)
    assert str(KEY.value) not in repr(vars(LINKS))
