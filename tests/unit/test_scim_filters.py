"""Filters, from text to the domain's query."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.document import fold
from connector.domain.query import And, Attribute, Compare, EmailItem, Filter, Operator
from scim_server.comparisons import NOBODY
from scim_server.errors import ScimError
from scim_server.filters import read
from scim_server.profiles import PRESETS, Client
from scim_server.times import seconds_of, text_of

GENERIC, STRICT = Client(PRESETS["generic"]), Client(PRESETS["strict"])


def equals(attribute: Attribute, value: str | bool | float) -> Compare:
    return Compare(attribute, Operator.EQ, value)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('userName eq "ADA"', equals(Attribute.USER_NAME, "ada")),
        ('USERNAME EQ "Straße"', equals(Attribute.USER_NAME, "strasse")),
        ('externalId eq "Ab"', equals(Attribute.EXTERNAL_ID, "Ab")),
        ('id eq "Ab"', equals(Attribute.ID, "Ab")),
        ('displayName eq "A \\"B\\""', equals(Attribute.DISPLAY_NAME, 'a "b"')),
        ('name.givenName eq "A"', equals(Attribute.GIVEN_NAME, "a")),
        ('name.familyName eq "A"', equals(Attribute.FAMILY_NAME, "a")),
        ("active eq true", equals(Attribute.ACTIVE, True)),
        ("active eq FALSE", equals(Attribute.ACTIVE, False)),
        ('emails eq "A@b"', EmailItem(type_key=None, value_key="a@b")),
        ('emails.value eq "A@b"', EmailItem(type_key=None, value_key="a@b")),
        ('emails.type eq "Work"', EmailItem(type_key="work", value_key=None)),
        ('emails[type eq "work"].value eq "A@b"', EmailItem(type_key="work", value_key="a@b")),
        ('emails[value eq "A@b" and type eq "work"]', EmailItem(type_key="work", value_key="a@b")),
        ('emails[value eq "A@b"]', EmailItem(type_key=None, value_key="a@b")),
        ('externalId eq ""', NOBODY),
        (
            'userName eq "a" and (active eq true)',
            And((equals(Attribute.USER_NAME, "a"), equals(Attribute.ACTIVE, True))),
        ),
        (
            'meta.lastModified gt "1970-01-01T01:00:01.5+01:00"',
            Compare(Attribute.MODIFIED, Operator.GT, 1.5),
        ),
        (
            'meta.created le "1970-01-01T00:00:00.1234567Z"',
            Compare(Attribute.CREATED, Operator.LE, 0.1234567),
        ),
    ],
)
def test_a_filter_is_read(text: str, query: Filter) -> None:
    assert read(text, GENERIC) == query
    assert read(text, STRICT) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("externalId eq jyoung", equals(Attribute.EXTERNAL_ID, "jyoung")),
        ("externalId eq 00123", equals(Attribute.EXTERNAL_ID, "00123")),
        ("externalId eq 123", equals(Attribute.EXTERNAL_ID, "123")),
        ("userName eq o'brien@acme.example", equals(Attribute.USER_NAME, "o'brien@acme.example")),
        (
            "externalId eq 123 and userName eq ada",
            And((equals(Attribute.EXTERNAL_ID, "123"), equals(Attribute.USER_NAME, "ada"))),
        ),
        ('active eq "True"', equals(Attribute.ACTIVE, True)),
        ('emails[type eq "work"].value eq a@b', EmailItem(type_key="work", value_key="a@b")),
    ],
)
def test_a_loose_filter_is_read_unless_the_client_is_strict(text: str, query: Filter) -> None:
    assert read(text, GENERIC) == query
    with pytest.raises(ScimError) as refused:
        read(text, STRICT)
    assert refused.value.scim_type == "invalidFilter"


@pytest.mark.parametrize(
    "text",
    [
        'nickName eq "x"',
        'unknown eq "x"',
        'urn:example:User:userName eq "x"',
        'userName co "x"',
        'userName xx "x"',
        "userName pr",
        'not (userName eq "x")',
        'userName eq "x" or userName eq "y"',
        "userName eq null",
        "userName eq true and active eq true",
        "active eq 1",
        "active gt true",
        'active eq "yes"',
        'meta.created gt "yesterday"',
        'meta.created co "2026"',
        'meta.version eq "W/\\"1\\""',
        'emails[primary eq true].value eq "x"',
        'emails[type eq "work" or value eq "x"]',
        'emails[type co "work"]',
        'addresses[type eq "work"]',
        'userName eq "x" userName eq "y"',
    ],
)
def test_what_is_not_understood_is_never_nobody(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        read(text, GENERIC)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")


@pytest.mark.parametrize("text", ['password eq "x"', "password pr", 'userName eq "x" and password sw "a"'])
def test_a_password_is_never_compared(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        read(text, GENERIC)
    assert (refused.value.status, refused.value.scim_type) == (403, "sensitive")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\\\0'), min_size=1))
def test_quoted_text_is_compared_as_it_is(text: str) -> None:
    written = text.translate({code: f"\\u{code:04x}" for code in range(32)})
    assert read(f'userName eq "{written}"', GENERIC) == equals(Attribute.USER_NAME, fold(text))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ScimError):
        read(text, GENERIC)


@given(st.floats(0, 4_000_000_000))
def test_a_time_shown_is_never_later_and_comes_back_the_same(seconds: float) -> None:
    shown = text_of(seconds)
    assert seconds_of(shown) <= seconds
    assert seconds - seconds_of(shown) < 2e-6
    assert text_of(seconds_of(shown)) == shown


def test_a_time_equals_what_is_shown_of_it() -> None:
    query = read('meta.lastModified eq "2027-01-15T08:00:00.123456Z"', GENERIC)
    from_, until = 1_800_000_000.123456, 1_800_000_000.123456 + 1e-6
    assert query == And(
        (
            Compare(Attribute.MODIFIED, Operator.GE, from_),
            Compare(Attribute.MODIFIED, Operator.LT, until),
        )
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:00z", 0.0),
        ("1970-01-01T00:00:00", 0.0),
        ("1970-01-01T00:00:00-0130", 5400.0),
        ("1969-12-31T23:59:59.25Z", -0.75),
    ],
)
def test_every_form_of_a_time_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00", "2026-01-01T24:00:61Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any reading fault)
        seconds_of(text)
