"""Every switch, in every profile: what a deviating caller sends and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from scim_server.profiles import CLIENTS, Switch
from tests.scim.conftest import JSON, Caller, House, Reply, a_user, patch_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
Act = Callable[[Caller], Reply]
LENIENT = ("generic", "entra", "okta")
ABSENT: Any = object()


@dataclass(frozen=True)
class Row:
    """What is sent; what stands in the user afterwards where it is taken; the error where it is
    refused.
    """

    switch: Switch
    act: Act
    name: str
    value: Any
    refused: tuple[int, str]
    strict_value: Any = ABSENT


def posting(**values: Any) -> Act:
    return lambda caller: caller.post("/Users", a_user("new@acme.example", **values))


def patching(*operations: JSON, **first: Any) -> Act:
    def act(caller: Caller) -> Reply:
        user = caller.created(a_user("new@acme.example", **first))
        reply = caller.call("PATCH", f"/Users/{user['id']}", patch_of(*operations))
        return reply if reply.status != 204 else caller.get(f"/Users/{user['id']}")

    return act


def filtering(text: str) -> Act:
    def act(caller: Caller) -> Reply:
        caller.created(a_user("new@acme.example", externalId="jyoung"))
        return caller.get("/Users", filter=text)

    return act


def projecting(names: str) -> Act:
    def act(caller: Caller) -> Reply:
        user = caller.created(a_user("new@acme.example"))
        return caller.get(f"/Users/{user['id']}", attributes=names)

    return act


SYNTAX, VALUE, PATH = (400, "invalidSyntax"), (400, "invalidValue"), (400, "invalidPath")
FILTER, TARGET = (400, "invalidFilter"), (400, "noTarget")
AS_UNKNOWN = {
    Switch.BARE_ENTERPRISE: (Switch.UNKNOWN_ATTRIBUTE, Switch.UNKNOWN_PATH),
    Switch.DOTTED_URN: (Switch.UNKNOWN_PATH,),
}
"""A switch that is refused by being like others."""

OLD_URN = ["urn:scim:schemas:core:1.0"]
WORK = [{"value": "new@acme.example", "type": "work", "primary": True}]

ROWS = [
    Row(Switch.UNKNOWN_ATTRIBUTE, posting(faxMachine="7"), "faxMachine", ABSENT, SYNTAX),
    Row(Switch.UNKNOWN_ATTRIBUTE, posting(name={"givenNam": "Ada"}), "name", ABSENT, SYNTAX),
    Row(
        Switch.UNKNOWN_URN,
        posting(schemas=OLD_URN),
        "schemas",
        ["urn:ietf:params:scim:schemas:core:2.0:User"],
        SYNTAX,
    ),
    Row(
        Switch.UNKNOWN_URN,
        posting(**{"urn:example:2.0:User": {"x": 1}}),
        "urn:example:2.0:User",
        ABSENT,
        SYNTAX,
    ),
    Row(
        Switch.UNKNOWN_PATH,
        patching({"op": "replace", "path": "faxMachine", "value": "7"}),
        "faxMachine",
        ABSENT,
        PATH,
    ),
    Row(
        Switch.PATHLESS_PATCH,
        patching({"op": "replace", "value": {"title": "Countess", "meta": {}, "groups": []}}),
        "title",
        "Countess",
        PATH,
    ),
    Row(
        Switch.EXTRA_PATCH_KEYS,
        patching({"op": "replace", "path": "title", "value": "Countess", "name": "addTitle"}),
        "title",
        "Countess",
        SYNTAX,
    ),
    Row(Switch.NULL_VALUE, patching({"op": "add", "path": "title", "value": None}), "title", ABSENT, VALUE),
    Row(
        Switch.EMPTY_TEXT,
        patching({"op": "replace", "path": "title", "value": ""}, title="Countess"),
        "title",
        ABSENT,
        (200, ""),
        strict_value="",
    ),
    Row(Switch.TEXT_BOOLEAN, posting(active="FALSE"), "active", False, VALUE),
    Row(
        Switch.TEXT_BOOLEAN,
        patching({"op": "replace", "path": 'emails[primary eq "True"].type', "value": "home"}),
        "emails",
        [{**WORK[0], "type": "home"}],
        VALUE,
    ),
    Row(Switch.TEXT_BOOLEAN, filtering('active eq "true"'), "totalResults", 1, FILTER),
    Row(Switch.NUMBER_FOR_TEXT, posting(externalId=701984), "externalId", "701984", VALUE),
    Row(Switch.TEXT_FOR_LINK, posting(profileUrl="ada.example"), "profileUrl", "ada.example", VALUE),
    Row(Switch.TEXT_FOR_LINK, posting(photos=[{"value": "ada"}]), "photos", [{"value": "ada"}], VALUE),
    Row(
        Switch.SINGLE_FOR_LIST,
        posting(emails={"value": "new@acme.example"}),
        "emails",
        [{"value": "new@acme.example"}],
        VALUE,
    ),
    Row(Switch.SINGLE_FOR_LIST, posting(roles=["user"]), "roles", [{"value": "user"}], VALUE),
    Row(
        Switch.MANAGER_FORM,
        posting(**{ENTERPRISE: {"manager": "m1"}}),
        ENTERPRISE,
        {"manager": {"value": "m1"}},
        VALUE,
    ),
    Row(
        Switch.MANAGER_FORM,
        posting(**{ENTERPRISE: {"manager": [{"value": "m1"}]}}),
        ENTERPRISE,
        {"manager": {"value": "m1"}},
        VALUE,
    ),
    Row(Switch.BARE_ENTERPRISE, posting(department="E"), ENTERPRISE, {"department": "E"}, SYNTAX),
    Row(
        Switch.BARE_ENTERPRISE,
        patching({"op": "replace", "path": "department", "value": "E"}),
        ENTERPRISE,
        {"department": "E"},
        PATH,
    ),
    Row(
        Switch.DOTTED_URN,
        patching({"op": "replace", "path": f"{ENTERPRISE}.department", "value": "E"}),
        ENTERPRISE,
        {"department": "E"},
        PATH,
    ),
    Row(
        Switch.UNMATCHED_VALUE_PATH,
        patching({"op": "add", "path": 'phoneNumbers[type eq "fax"].value', "value": "1"}),
        "phoneNumbers",
        [{"type": "fax", "value": "1"}],
        TARGET,
    ),
    Row(
        Switch.UNMATCHED_VALUE_PATH,
        patching({"op": "replace", "path": "phoneNumbers.value", "value": "1"}),
        "phoneNumbers",
        [{"value": "1"}],
        TARGET,
    ),
    Row(
        Switch.REMOVE_VALUE_LIST,
        patching(
            {"op": "remove", "path": "roles", "value": [{"value": "a"}]},
            roles=[{"value": "a"}, {"value": "b"}],
        ),
        "roles",
        [{"value": "b"}],
        VALUE,
    ),
    Row(Switch.UNQUOTED_FILTER, filtering("externalId eq jyoung"), "totalResults", 1, FILTER),
    Row(
        Switch.FILTER_IN_ATTRIBUTES,
        projecting('emails[type eq "work"]'),
        "emails",
        WORK,
        PATH,
    ),
    Row(Switch.PASSWORD, posting(password="s3cret"), "password", ABSENT, SYNTAX),
    Row(
        Switch.PASSWORD,
        patching({"op": "replace", "path": "password", "value": "s3cret"}),
        "password",
        ABSENT,
        SYNTAX,
    ),
]


def names(row: Row) -> str:
    return f"{row.switch}-{row.name}"


@pytest.mark.parametrize("profile", LENIENT)
@pytest.mark.parametrize("row", ROWS, ids=names)
def test_lenient_clients_are_taken_as_they_mean_it(
    callers: Callable[[str], Caller], row: Row, profile: str
) -> None:
    reply = row.act(callers(profile))
    assert reply.status in (200, 201), reply.raw
    assert reply.json.get(row.name, ABSENT) == row.value


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_a_strict_client_is_held_to_the_rfc(strict: Caller, row: Row) -> None:
    reply = row.act(strict)
    if row.strict_value is ABSENT:
        assert reply.error == row.refused
    else:
        assert (reply.status, reply.json[row.name]) == (200, row.strict_value)


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_a_tenant_may_set_each_switch_for_itself(
    house: House, callers: Callable[[str], Caller], row: Row
) -> None:
    house.change("strict", scim_switches={str(switch): "accept" for switch in {one.switch for one in ROWS}})
    assert row.act(callers("strict")).status in (200, 201)
    refused = {row.switch, *AS_UNKNOWN.get(row.switch, ())}
    house.change("generic", scim_switches={str(switch): "refuse" for switch in refused})
    reply = row.act(callers("generic"))
    assert reply.status == row.refused[0]


@pytest.mark.parametrize(
    ("profile", "status"), [("generic", 200), ("entra", 204), ("okta", 200), ("strict", 200)]
)
def test_patch_user_answer(callers: Callable[[str], Caller], profile: str, status: int) -> None:
    caller = callers(profile)
    user = caller.created(a_user())
    reply = caller.patch(f"/Users/{user['id']}", {"op": "add", "path": "title", "value": "x"})
    assert reply.status == status
    assert bool(reply.raw) is (status == 200)
    assert reply.headers["ETag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("profile", "status"), [("generic", 400), ("entra", 204), ("okta", 400), ("strict", 400)]
)
def test_empty_operations(callers: Callable[[str], Caller], profile: str, status: int) -> None:
    caller = callers(profile)
    user = caller.created(a_user())
    reply = caller.patch(f"/Users/{user['id']}")
    assert reply.status == status
    if status == 400:
        assert reply.error == (400, "invalidValue")


@pytest.mark.parametrize("profile", CLIENTS)
@pytest.mark.parametrize("nothing", [None, []])
def test_null_in_a_whole_user_is_no_value(
    callers: Callable[[str], Caller], profile: str, nothing: Any
) -> None:
    created = callers(profile).created(a_user(title=None, roles=nothing, nickName=nothing))
    assert {"title", "roles", "nickName"}.isdisjoint(created)


@pytest.mark.parametrize("profile", CLIENTS)
@pytest.mark.parametrize("link", ["https://ada.example/Me", "URN:x:1", "/people/ada"])
def test_a_uri_comes_back_as_it_was_sent(callers: Callable[[str], Caller], profile: str, link: str) -> None:
    created = callers(profile).created(a_user(profileUrl=link, photos=[{"value": link}]))
    assert (created["profileUrl"], created["photos"]) == (link, [{"value": link}])


@pytest.mark.parametrize("profile", LENIENT)
def test_a_pathless_patch_with_another_id_is_refused(
    callers: Callable[[str], Caller], profile: str
) -> None:
    caller = callers(profile)
    user = caller.created(a_user())
    same = caller.patch(
        f"/Users/{user['id']}", {"op": "replace", "value": {"id": user["id"], "title": "x"}}
    )
    assert same.status in (200, 204)
    other = caller.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"id": "other"}})
    assert other.error == (400, "mutability")


def test_every_switch_is_tried_here_or_in_a_test_of_its_own() -> None:
    of_its_own = {Switch.PATCH_USER_ANSWER, Switch.EMPTY_OPERATIONS, Switch.POST_INACTIVE}
    assert {row.switch for row in ROWS} | of_its_own == set(Switch)
