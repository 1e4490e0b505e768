"""How single values are written: durations, sizes, addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation.config_addresses import parse_base_url, parse_email, parse_origin
from connector.foundation.config_model import HandoverSettings
from connector.foundation.config_values import parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("15m", 900), ("48h", 172800), ("3d", 259200), (0, 0), ("0s", 0)],
)
def test_a_duration_is_a_whole_number_with_a_unit(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["15", 15, "1.5h", "-1s", "1 h", "h", "", None, True, "1w", "1h30m", "\uff11h"]
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="like 15m"):
        parse_duration(text)


@given(st.integers(0, 400 * 86400 * 1000))
def test_a_duration_that_is_shown_reads_back_the_same(milliseconds: int) -> None:
    assert round(parse_duration(show_duration(milliseconds / 1000)) * 1000) == milliseconds


def test_a_duration_is_shown_in_the_largest_unit_that_takes_it_whole() -> None:
    assert [show_duration(s) for s in (0, 0.25, 90, 900, 172800)] == ["0s", "250ms", "90s", "15m", "2d"]


@pytest.mark.parametrize("text", [5, "5", "5 MB", "1.5MiB", "5GiB", None, True])
def test_a_size_needs_one_of_its_units(text: object) -> None:
    with pytest.raises(ValueError, match="like 64KiB"):
        parse_size(text)


@given(st.integers(0, 2**40))
def test_a_size_that_is_shown_reads_back_the_same(size: int) -> None:
    assert parse_size(show_size(size)) == size


def test_python_gives_times_in_seconds() -> None:
    times = HandoverSettings(life=4.0, link_life=2.0, checks=(0.5, 1.0))
    assert (times.life, times.checks) == (4.0, (0.5, 1.0))


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com",
        "a.b+c@mail.example.com",
        "o'neil@example.com",
        "a@localhost",
        "a@xn--bcher-kva.example",
    ],
)
def test_a_plain_address_is_taken(address: str) -> None:
    assert parse_email(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b@example.com",
        ".a@example.com",
        "a.@example.com",
        "Ada <a@example.com>",
        "a@-example.com",
        "a@example..com",
        "a@example.com\n",
        "a@bücher.example",
        f"{'a' * 65}@example.com",
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        parse_email(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example",
        "https://",
        "https:///x",
        "//x.example",
        "https://x.example/a b",
        "https://x.example#a",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://[",
        "https://user@x.example",
    ],
)
def test_a_url_that_leads_elsewhere_or_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not a URL"):
        parse_base_url(url)


def test_a_base_url_keeps_its_path_without_the_slash_at_its_end() -> None:
    assert parse_base_url("https://sso.example.com/auth/") == "https://sso.example.com/auth"


def test_an_origin_may_end_with_a_slash_but_have_no_path() -> None:
    assert parse_origin("https://usher.example.com/") == "https://usher.example.com"
    with pytest.raises(ValueError, match="path"):
        parse_origin("https://usher.example.com/usher")
