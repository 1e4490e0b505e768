"""Every row of the error table: status, scimType, and a detail that names attributes and never
values.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.commands import Command
from connector.domain.errors import Busy, VersionConflict
from connector.domain.model import PortalUser
from scim_server.auth import Door
from scim_server.blueprint import MAX_BODY, scim_blueprint
from tests.scim.conftest import PUBLIC_URL, Caller, House, Reply, a_user
from tests.support.web import an_app

SECRET = "canary-value"


def patching(caller: Caller, operation: Any) -> Reply:
    user = caller.created(a_user())
    return caller.patch(f"/Users/{user['id']}", operation)


@pytest.mark.parametrize(
    ("act", "status", "scim_type", "detail"),
    [
        (
            lambda c: c.post("/Users", b"{"),
            400,
            "invalidSyntax",
            "The body is not valid JSON: it is malformed at character 2",
        ),
        (lambda c: c.post("/Users", {"schemas": []}), 400, "invalidValue", "'userName' is required"),
        (
            lambda c: c.post("/Users", a_user(displayName={"x": SECRET})),
            400,
            "invalidValue",
            "'displayName' must be text",
        ),
        (
            lambda c: c.post("/Users", a_user(x509Certificates=[{"value": SECRET}])),
            400,
            "invalidValue",
            "'x509Certificates.value' has a value that does not fit",
        ),
        (
            lambda c: c.post("/Users", a_user(emails=[{"primary": True}, {"primary": True}])),
            400,
            "invalidValue",
            "'emails' may have one primary value only",
        ),
        (
            lambda c: patching(c, {"op": SECRET, "path": "title"}),
            400,
            "invalidValue",
            "'op' must be add, remove or replace",
        ),
        (
            lambda c: patching(c, {"op": "replace", "path": "meta.created", "value": SECRET}),
            400,
            "mutability",
            "'meta' cannot be changed",
        ),
        (
            lambda c: patching(c, {"op": "remove", "path": "userName"}),
            400,
            "mutability",
            "'userName' cannot be changed",
        ),
        (
            lambda c: patching(c, {"op": "remove", "path": f'emails[value eq "{SECRET}"'}),
            400,
            "invalidPath",
            "'emails[…' is no attribute path here",
        ),
        (lambda c: patching(c, {"op": "remove"}), 400, "noTarget", "A removal needs a path"),
        (
            lambda c: c.get("/Users", filter=f'userName eq "{SECRET}'),
            400,
            "invalidFilter",
            "Column 13: the filter cannot be read",
        ),
        (
            lambda c: c.get("/Users", filter=f'nickName eq "{SECRET}"'),
            400,
            "invalidFilter",
            "'nickName' cannot be filtered",
        ),
        (
            lambda c: c.get("/Users", filter='password eq "x"'),
            403,
            "sensitive",
            "'password' cannot be filtered",
        ),
        (lambda c: c.get("/Schemas", filter="id pr"), 403, "", "Discovery cannot be filtered"),
        (lambda c: c.get("/Users/unknown"), 404, "", "No User has this id"),
        (lambda c: c.get("/Groups"), 404, "", "No resource has this id"),
        (lambda c: c.get("/Schemas/unknown"), 404, "", "No resource has this id"),
        (lambda c: c.put("/Users", {}), 405, "", "Allowed: GET, POST"),
        (lambda c: c.call("OPTIONS", "/Users/1"), 405, "", "Allowed: DELETE, GET, PATCH, PUT"),
        (lambda c: c.get("/Users/.search"), 405, "", "Allowed: POST"),
        (lambda c: c.post("/Users", b" " * (MAX_BODY + 1)), 413, "", f"At most {MAX_BODY} bytes are read"),
        (
            lambda c: c.post("/Users", b"x", Content_Type="text/xml"),
            415,
            "",
            "Bodies are application/scim+json or application/json",
        ),
        (lambda c: c.get("/Me"), 501, "", "Not supported"),
        (lambda c: c.delete("/Me"), 501, "", "Not supported"),
    ],
)
def test_an_error_says_what_and_where(
    generic: Caller, act: Callable[[Caller], Reply], status: int, scim_type: str, detail: str
) -> None:
    reply = act(generic)
    assert reply.error == (status, scim_type)
    assert reply.json["detail"] == detail


def test_a_405_names_the_methods(generic: Caller) -> None:
    assert generic.put("/Users", {}).headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("method", ["PROPFIND", "PURGE", "TRACE"])
def test_an_unheard_of_method_gets_scims_answer_too(generic: Caller, method: str) -> None:
    reply = generic.call(method, "/Users")
    assert reply.error == (405, "")
    assert reply.headers["Allow"] == "GET, POST"
    assert generic.call(method, "/Users", Authorization="").error == (401, "")


@pytest.mark.parametrize("status", [409])
def test_a_taken_name_is_named_without_its_value(generic: Caller, status: int) -> None:
    generic.created(a_user())
    reply = generic.post("/Users", a_user())
    assert reply.error == (status, "uniqueness")
    assert reply.json["detail"] == "'userName' is already in use"


# --- faults of ours --------------------------------------------------------------------------------


class Broken:
    """A store that fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self) -> AbstractContextManager[UnitOfWork]:
        raise self._error

    write = read


class Conflicting(Service):
    """A service whose every change meets somebody else's."""

    def __init__(self, service: Service, conflicts: int) -> None:
        super().__init__(service.store, service.tenants, service.mapping, service.clock, service._ids)
        self.conflicts = conflicts

    def handle(self, *commands: Command) -> PortalUser:
        if self.conflicts:
            self.conflicts -= 1
            raise VersionConflict("changed meanwhile")
        return super().handle(*commands)


def over(house: House, service: Service, caller: Caller) -> Caller:
    """The caller, before another service with the same tokens."""
    door = Door(house.store, house.tenants, house.clock, cache_life=0.0)
    app = an_app(scim_blueprint(service, public_url=PUBLIC_URL, door=door))
    return Caller(app.test_client(), caller.tenant, caller.token)


def broken(house: House, error: Exception, caller: Caller) -> Caller:
    service = Service(Broken(error), house.tenants, house.service.mapping, house.clock, house.service._ids)
    return over(house, service, caller)


@pytest.mark.parametrize("path", ["/Users", "/Users/1"])
def test_a_busy_database_is_503_and_never_404(house: House, generic: Caller, path: str) -> None:
    reply = broken(house, Busy("locked"), generic).get(path)
    assert reply.error == (503, "")
    assert reply.headers["Retry-After"] == "1"


def test_a_busy_database_at_the_door_is_503(house: House, generic: Caller) -> None:
    door = Door(Broken(Busy("locked")), house.tenants, house.clock)
    app = an_app(scim_blueprint(house.service, public_url=PUBLIC_URL, door=door))
    assert Caller(app.test_client(), "generic", generic.token).get("/Users").error == (503, "")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_control_s14_an_unexpected_fault_is_500_and_tells_nothing(
    house: House, generic: Caller, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = None if method in ("GET", "DELETE") else a_user()
    caller = broken(house, RuntimeError(f"disk full at /var/{SECRET}"), generic)
    if method == "PATCH":
        body = {"Operations": [{"op": "add", "path": "title", "value": "x"}]}
    with caplog.at_level(logging.DEBUG):
        reply = caller.call(method, "/Users/1", body, X_Request_ID="request-0815")
    assert reply.error == (500, "")
    assert reply.json["detail"] == "Internal error, request request-0815"
    assert SECRET not in caplog.text


def test_a_write_that_meets_others_is_read_and_applied_again(house: House, generic: Caller) -> None:
    user = generic.created(a_user())
    caller = over(house, Conflicting(house.service, 3), generic)
    reply = caller.patch(f"/Users/{user['id']}", {"op": "add", "path": "title", "value": "Countess"})
    assert reply.json["title"] == "Countess"


def test_a_write_that_always_meets_others_is_503(house: House, generic: Caller) -> None:
    user = generic.created(a_user())
    caller = over(house, Conflicting(house.service, 1000), generic)
    reply = caller.put(f"/Users/{user['id']}", a_user(title="Countess"))
    assert reply.error == (503, "")
    assert reply.headers["Retry-After"] == "1"
