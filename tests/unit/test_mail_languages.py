"""Which language a mail is in, and how its dates read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mail.languages import moment, regional, wanted

WINTER = datetime(2027, 1, 22, 8, 0, tzinfo=UTC).timestamp()
SUMMER = datetime(2027, 7, 22, 22, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("preferences", "tags"),
    [
        (("de-AT", "fr"), ["de-at", "de", "fr"]),
        (("de_CH",), ["de-ch", "de"]),
        (("zh-Hant-TW",), ["zh-hant-tw", "zh-hant", "zh"]),
        (("fr-CA, de;q=0.8",), ["fr-ca", "fr", "de"]),
        (("", "en"), ["en"]),
        (("-", ",", ";"), []),
    ],
)
def test_a_preference_is_followed_by_what_is_left_of_it(
    preferences: tuple[str, ...], tags: list[str]
) -> None:
    assert list(wanted(*preferences)) == tags


@pytest.mark.parametrize(
    ("tag", "zone", "at", "text"),
    [
        ("de", "Europe/Berlin", WINTER, "Freitag, 22. Januar 2027 um 09:00 Uhr (Mitteleuropäische Zeit)"),
        (
            "de-AT",
            "Europe/Vienna",
            WINTER,
            "Freitag, 22. Jänner 2027 um 09:00 Uhr (Mitteleuropäische Zeit)",
        ),
        ("de", "Europe/Berlin", SUMMER, "Freitag, 23. Juli 2027 um 00:30 Uhr (Mitteleuropäische Zeit)"),
        ("en", "America/New_York", WINTER, "Friday, January 22, 2027 at 3:00\u00a0AM (Eastern Time)"),
        ("en-GB", "Europe/London", SUMMER, "Thursday, 22 July 2027 at 23:30 (United Kingdom Time)"),
        ("en", "UTC", WINTER, "Friday, January 22, 2027 at 8:00\u00a0AM (Coordinated Universal Time)"),
    ],
)
def test_an_expiry_is_in_the_given_zone_and_names_it(tag: str, zone: str, at: float, text: str) -> None:
    assert moment(at, zone, regional(tag.partition("-")[0], wanted(tag))) == text


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_an_error(zone: str) -> None:
    with pytest.raises((LookupError, ValueError)):
        moment(WINTER, zone, regional("en", ()))


def test_a_region_counts_only_for_its_own_language() -> None:
    assert str(regional("en", ["de-at", "en-gb"])) == "en_GB"
    assert str(regional("de", ["fr-ca"])) == "de"


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_preference_ends_in_some_locale(preferences: list[str]) -> None:
    assert regional("de", wanted(*preferences)).language == "de"
