"""Answers of Keycloak as recorded, and what each means to us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from connector.domain.errors import (
    Conflict,
    Exists,
    Forbidden,
    Gone,
    Linked,
    Misconfigured,
    OutsideError,
    Rejected,
    Unavailable,
)
from connector.keycloak import errors

JSON = "application/json"
HTML = "text/html;charset=UTF-8"


@dataclass(frozen=True)
class Recorded:
    """An answer."""

    status_code: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def recorded(status: int, body: object, media_type: str = JSON, **headers: str) -> Recorded:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Recorded(status, content, {"Content-Type": media_type, **named})


REJECTED = [
    (
        {"field": "username", "errorMessage": "error-invalid-length", "params": ["username", 3, 255]},
        ("username", "error-invalid-length"),
    ),
    (
        {
            "errors": [
                {"field": "email", "errorMessage": "error-invalid-email", "params": ["email", "nope"]},
                {"field": "firstName", "errorMessage": "error-invalid-length"},
            ]
        },
        ("email", "error-invalid-email"),
    ),
    ({"errorMessage": "User name is missing"}, ("", "User name is missing")),
    (
        {"error": "invalid_request", "error_description": "Cannot parse the JSON"},
        ("", "Cannot parse the JSON"),
    ),
    ({"error": "Invalid json representation"}, ("", "Invalid json representation")),
    (
        {"field": "username", "errorMessage": "error-user-attribute-read-only"},
        ("username", "error-user-attribute-read-only"),
    ),
    ({"errors": []}, ("", "")),
    ({"errors": ["text"]}, ("", "")),
    ([], ("", "")),
]


@pytest.mark.parametrize(("body", "told"), REJECTED)
def test_keycloak_a3_each_shape_of_a_400_names_field_and_rule(body: object, told: tuple[str, str]) -> None:
    error = errors.failure_of(recorded(400, body))
    assert isinstance(error, Rejected)
    assert (error.field, error.rule) == told


def test_the_value_that_was_refused_is_not_repeated() -> None:
    body = {"field": "email", "errorMessage": "error-invalid-email", "params": ["email", "ann@x"]}
    assert "ann@x" not in str(errors.failure_of(recorded(400, body)))


BY_STATUS: list[tuple[Recorded, type[OutsideError]]] = [
    (recorded(401, {"error": "HTTP 401 Unauthorized"}), Misconfigured),
    (recorded(401, "<html>", HTML), Unavailable),
    (recorded(405, "<html>", HTML), Unavailable),
    (recorded(413, "<html>", HTML), Rejected),
    (recorded(403, {"error": "HTTP 403 Forbidden"}), Forbidden),
    (recorded(404, {"error": "User not found"}), Gone),
    (recorded(404, {"error": "Realm not found."}), Misconfigured),
    (recorded(404, {"error": "HTTP 404 Not Found"}), Misconfigured),
    (recorded(404, {"error": "Link not found"}), Misconfigured),
    (recorded(404, {"errorMessage": "User not found"}), Misconfigured),
    (recorded(404, [{"error": "User not found"}]), Misconfigured),
    (recorded(404, {"error": "Unable to find matching target resource method"}), Misconfigured),
    (recorded(404, '{"error":"User not found"}', HTML), Unavailable),
    (recorded(404, "User not found", HTML), Unavailable),
    (recorded(404, "not json"), Unavailable),
    (recorded(404, ""), Unavailable),
    (recorded(409, {"errorMessage": "User exists with same username"}), Exists),
    (recorded(409, {"errorMessage": "User exists with same email"}), Exists),
    (recorded(409, {"errorMessage": "User is already linked with provider"}), Linked),
    (recorded(409, {"errorMessage": "Something else"}), Conflict),
    (recorded(301, ""), Misconfigured),
    (recorded(302, "<html>", HTML), Misconfigured),
    (recorded(304, ""), Misconfigured),
    (recorded(307, ""), Misconfigured),
    (recorded(405, {"error": "HTTP 405 Method Not Allowed"}), Misconfigured),
    (recorded(415, {"error": "HTTP 415 Unsupported Media Type"}), Misconfigured),
    (recorded(429, ""), Unavailable),
    (recorded(500, {"error": "unknown_error"}), Unavailable),
    (recorded(502, "<html>", HTML), Unavailable),
    (recorded(503, ""), Unavailable),
    (recorded(400, "<html>", HTML), Unavailable),
    (recorded(403, "<html>", HTML), Unavailable),
    (recorded(409, "<html>", HTML), Unavailable),
    (recorded(400, "not json"), Unavailable),
]


@pytest.mark.parametrize(
    ("answer", "error"),
    BY_STATUS,
    ids=[f"{answer.status_code}-{error.__name__}" for answer, error in BY_STATUS],
)
def test_keycloak_a3_each_answer_means_what_the_table_says(
    answer: Recorded, error: type[OutsideError]
) -> None:
    assert type(errors.failure_of(answer)) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "17"}, 17.0),
        (
            {
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
                "Retry_After": "Sun, 22 Nov 2026 10:01:30 GMT",
            },
            90.0,
        ),
        (
            {
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
                "Retry_After": "Sun, 22 Nov 2026 09:00:00 GMT",
            },
            0.0,
        ),
        ({"Retry_After": "Sun, 22 Nov 2026 10:01:30 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_read_as_seconds_or_as_a_date(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    answer = recorded(status, "", **headers)
    error = errors.failure_of(answer)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds
    with pytest.raises(Unavailable) as caught:
        errors.token_in(answer)
    assert caught.value.retry_after == seconds


def test_a_good_answer_gives_its_value() -> None:
    assert errors.value_of(recorded(200, {"id": "1"})) == {"id": "1"}
    assert errors.value_of(Recorded(204)) is None
    assert errors.object_of(recorded(200, {"id": "1"}, "application/json;charset=UTF-8")) == {"id": "1"}
    assert errors.objects_of(recorded(200, [])) == []


@pytest.mark.parametrize("body", ["<html>", "[", '"text"', "3", "[1]", "null"])
def test_a_good_status_with_another_value_is_unavailable(body: str) -> None:
    with pytest.raises(Unavailable):
        errors.object_of(recorded(200, body))
    with pytest.raises(Unavailable):
        errors.objects_of(recorded(200, body))


def test_a_page_that_says_it_is_fine_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        errors.value_of(recorded(200, "<html>", HTML))


def test_a_bad_status_raises_its_error_whatever_is_asked_for() -> None:
    for read in (errors.value_of, errors.object_of, errors.objects_of):
        with pytest.raises(Gone):
            read(recorded(404, {"error": "User not found"}))


def test_the_name_of_an_error_is_only_taken_from_json() -> None:
    assert errors.error_name(recorded(404, {"error": "Link not found"})) == "Link not found"
    assert errors.error_name(recorded(404, {"error": "Link not found"}, HTML)) == ""
    assert errors.error_name(recorded(404, "Link not found")) == ""


def test_a_token_is_read_with_its_life() -> None:
    token = errors.token_in(recorded(200, {"access_token": "abc", "expires_in": 300, "scope": "x"}))
    assert (token.value, token.seconds) == ("abc", 300)
    assert "abc" not in repr(token)


NO_TOKEN: list[tuple[Recorded, type[OutsideError]]] = [
    (recorded(400, {"error": "invalid_grant", "error_description": "Invalid user"}), Misconfigured),
    (recorded(401, {"error": "unauthorized_client"}), Misconfigured),
    (recorded(403, {"error": "access_denied"}), Misconfigured),
    (recorded(404, {"error": "Realm does not exist"}), Misconfigured),
    (recorded(302, ""), Misconfigured),
    (recorded(404, "<html>", HTML), Unavailable),
    (recorded(403, "<html>", HTML), Unavailable),
    (recorded(200, "<html>", HTML), Unavailable),
    (recorded(200, {"error": "none today"}), Unavailable),
    (recorded(429, ""), Unavailable),
    (recorded(500, ""), Unavailable),
    (recorded(503, "<html>", HTML), Unavailable),
]


@pytest.mark.parametrize(
    ("answer", "error"),
    NO_TOKEN,
    ids=[f"{answer.status_code}-{error.__name__}" for answer, error in NO_TOKEN],
)
def test_no_token_is_misconfigured_unless_it_may_come_later(
    answer: Recorded, error: type[OutsideError]
) -> None:
    with pytest.raises(error) as caught:
        errors.token_in(answer)
    assert type(caught.value) is error


def test_why_keycloak_gives_no_token_is_told() -> None:
    body = {
        "error": "unauthorized_client",
        "error_description": "Invalid client or Invalid client credentials",
    }
    with pytest.raises(Misconfigured, match="401 Invalid client or Invalid client credentials"):
        errors.token_in(recorded(401, body))


def test_a_person_who_is_not_signed_in_gets_advice_for_a_person() -> None:
    body = {"error": "invalid_grant", "error_description": "Invalid user credentials"}
    with pytest.raises(Misconfigured, match=r"USHER_ADMIN_PASSWORD.*401 Invalid user credentials"):
        errors.token_in(recorded(401, body))


def test_nothing_reached_and_a_body_the_library_did_not_expect_are_unavailable() -> None:
    from keycloak.exceptions import KeycloakConnectionError

    with pytest.raises(Unavailable, match="ConnectionRefusedError"), errors.translated():
        raise KeycloakConnectionError("Can't connect to server") from ConnectionRefusedError()
    with pytest.raises(Unavailable), errors.translated():
        raise TypeError("Unexpected response type")


def test_other_exceptions_are_ours_and_pass() -> None:
    with pytest.raises(KeyError), errors.translated():
        raise KeyError("x")
