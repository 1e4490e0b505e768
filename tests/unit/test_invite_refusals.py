"""What the web server itself refuses looks like a page of ours, and tells nobody's name; SCIM answers for
itself.
"""

from pathlib import Path

import pytest

from scim_server.blueprint import scim_blueprint
from tests.support.invite_room import PUBLIC, Room, a_room

GERMAN = {"Accept-Language": "de-CH,en;q=0.5"}
NOWHERE = (
    "/",
    "/favicon.ico",
    "/invite",
    "/invite/",
    "/brand/other/style.css",
    "/oidc/none/jwks",
    "/a/b?c=d",
    "/invite//x",
    "//evil.example/invite/x",
    "/oidc//main/jwks",
)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    room = a_room(tmp_path)

    @room.app.get("/broken")
    def broken() -> str:
        raise RuntimeError("it broke at ada@acme.example")

    room.app.register_blueprint(scim_blueprint(room.service, public_url=PUBLIC))
    room.app.testing = False
    return room


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("language", [{}, GERMAN], ids=["en", "de"])
def test_an_address_that_there_is_not_looks_like_a_link_that_there_is_not(
    room: Room, path: str, language: dict[str, str]
) -> None:
    browser = room.browser()
    page, unknown = (browser.get(where, **language) for where in (path, "/invite/x"))
    assert page.status_code == unknown.status_code == 404
    assert page.data == unknown.data
    assert "Location" not in page.headers
    assert page.headers["Content-Security-Policy"] == unknown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "status", "english", "german"),
    [
        ("GET", "/nowhere", 404, "This link leads nowhere", "Dieser Link führt nirgendwohin"),
        ("PUT", "/invite/done", 405, "That does not work here", "Das geht hier nicht"),
        ("HEAD", "/oidc/main/authorize", 405, "", ""),
        ("GET", "/oidc/main/token", 405, "That does not work here", "Das geht hier nicht"),
        ("DELETE", "/alive", 405, "That does not work here", "Das geht hier nicht"),
        ("POST", "/oidc/main/token", 413, "That does not work here", "Das geht hier nicht"),
        ("GET", "/broken", 500, "Something went wrong", "Da ist etwas schiefgegangen"),
    ],
)
def test_a_refusal_is_a_neutral_page_in_the_browsers_language(
    room: Room, method: str, path: str, status: int, english: str, german: str
) -> None:
    for headers, text in ((None, english), (GERMAN, german)):
        body = {"code": "c" * 100_000} if status == 413 else None
        answer = room.app.test_client().open(path, method=method, headers=headers, data=body)
        assert answer.status_code == status
        assert text in answer.text
        assert "it broke" not in answer.text
        assert "Acme" not in answer.text
        assert answer.mimetype == "text/html"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


def test_a_refused_method_comes_with_those_that_are_taken(room: Room) -> None:
    answer = room.app.test_client().delete("/invite/go")
    assert set(answer.allow) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/scim", 404),
        ("POST", "/scim/", 404),
        ("GET", "/scim/none", 404),
        ("BREW", "/scim/acme/v2/Users", 401),
    ],
)
def test_scim_refuses_in_its_own_form(room: Room, method: str, path: str, status: int) -> None:
    answer = room.app.test_client().open(path, method=method)
    assert answer.status_code == status
    assert answer.mimetype == "application/scim+json"
    assert answer.json is not None
    assert answer.json["status"] == str(status)
