"""Reads: what a user looks like, projections, pages, searches, entity tags."""

from typing import Any

import pytest

from tests.scim.conftest import Caller, House, a_user, payload

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_a_user_comes_back_as_it_was_sent(generic: Caller) -> None:
    sent = payload("rfc/rfc7643-8.3-enterprise_user.json")
    created = generic.created(sent)
    unserved = {"password", "groups", "meta", "id"}
    expected = {name: value for name, value in sent.items() if name not in unserved}
    # displayName of a manager is read-only (RFC 7643 §4.3); it is not kept.
    del expected[ENTERPRISE]["manager"]["displayName"]
    assert {name: value for name, value in created.items() if name not in unserved} == expected
    assert generic.user(created["id"]) == created


def test_a_minimal_user_is_enough(generic: Caller) -> None:
    created = generic.created(payload("rfc/rfc7643-8.1-user-minimal.json"))
    assert set(created) == {"schemas", "id", "userName", "active", "meta"}


def test_text_keeps_its_case_and_spaces(generic: Caller) -> None:
    values: dict[str, Any] = {
        "displayName": "  Ada  ",
        "emails": [{"value": "Ada@Straße.LOCAL", "type": "WORK"}],
        "phoneNumbers": [{"value": " +1 (555) ", "type": "Mobile"}],
        "addresses": [{"type": "HOME", "country": "uk"}],
    }
    created = generic.created(a_user("ADA@acme.example", **values))
    assert created["userName"] == "ADA@acme.example"
    assert {name: created[name] for name in values} == values


def test_meta_is_the_servers(house: House, generic: Caller) -> None:
    created = generic.created(a_user())
    meta = created["meta"]
    assert meta["resourceType"] == "User"
    assert meta["created"] == meta["lastModified"] == "2027-01-15T08:00:00.000000Z"
    assert meta["version"] == 'W/"1"'
    house.clock.move(90.5)
    generic.patch(f"/Users/{created['id']}", {"op": "add", "path": "title", "value": "Countess"})
    changed = generic.user(created["id"])["meta"]
    assert changed["lastModified"] == "2027-01-15T08:01:30.500000Z"
    assert (changed["created"], changed["version"]) == (meta["created"], 'W/"2"')


def test_paths_may_be_written_loosely(generic: Caller) -> None:
    user = generic.created(a_user())
    for path in (f"/users/{user['id']}", f"//Users//{user['id']}/", f"/USERS/{user['id']}"):
        assert generic.get(path).json == user
    assert generic.get("/Users/", foo="bar").json["totalResults"] == 1


def test_head_is_get_without_a_body(generic: Caller) -> None:
    user = generic.created(a_user())
    reply = generic.call("HEAD", f"/Users/{user['id']}")
    assert (reply.status, reply.raw) == (200, b"")
    assert reply.headers["ETag"] == 'W/"1"'


def test_locations_begin_with_the_public_url_whatever_the_host_says(generic: Caller) -> None:
    reply = generic.post("/Users", a_user(), Host="evil.example")
    assert reply.headers["Location"].startswith("https://usher.example.com/scim/generic/v2/Users/")
    assert b"evil.example" not in reply.raw


# --- projection ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("userName", {"userName"}),
        ("USERNAME,nosuchname", {"userName"}),
        ("urn:ietf:params:scim:schemas:core:2.0:User:displayName", {"displayName"}),
        ("active,meta", {"active", "meta"}),
        ("department", {ENTERPRISE}),
        (f"{ENTERPRISE}:department", {ENTERPRISE}),
        (ENTERPRISE, {ENTERPRISE}),
        ('emails[type eq "work"]', {"emails"}),
        ("nosuchname", set()),
    ],
)
def test_attributes_select(generic: Caller, asked: str, names: set[str]) -> None:
    user = generic.created(a_user(displayName="Ada", **{ENTERPRISE: {"department": "E"}}))
    shown = generic.get(f"/Users/{user['id']}", attributes=asked).json
    assert set(shown) == {"schemas", "id"} | names


def test_attributes_select_parts(generic: Caller) -> None:
    user = generic.created(a_user(**{ENTERPRISE: {"department": "E", "costCenter": "1"}}))
    asked = f"name.givenName,emails.value,{ENTERPRISE}:costCenter"
    shown = generic.get(f"/Users/{user['id']}", attributes=asked).json
    assert shown["name"] == {"givenName": "Ada"}
    assert shown["emails"] == [{"value": "ada@acme.example"}]
    assert shown[ENTERPRISE] == {"costCenter": "1"}


def test_excluded_attributes_are_left_out(generic: Caller) -> None:
    user = generic.created(a_user())
    shown = generic.get(f"/Users/{user['id']}", excludedAttributes="id,schemas,name,emails.type,meta").json
    assert set(shown) == {"schemas", "id", "userName", "emails", "active"}
    assert shown["emails"] == [{"value": "ada@acme.example", "primary": True}]


def test_both_at_once_are_refused(generic: Caller) -> None:
    reply = generic.get("/Users", attributes="userName", excludedAttributes="name")
    assert reply.error == (400, "invalidValue")


def test_projections_reach_lists_and_answers_to_writes(generic: Caller) -> None:
    reply = generic.call("POST", "/Users", a_user(), query={"attributes": "userName"})
    assert set(reply.json) == {"schemas", "id", "userName"}
    (shown,) = generic.found("active eq true", attributes="userName")
    assert shown == reply.json
    put = generic.call("PUT", f"/Users/{shown['id']}", a_user(), query={"excludedAttributes": "name"})
    assert "name" not in put.json


# --- pages -----------------------------------------------------------------------------------------


@pytest.fixture
def five(generic: Caller) -> Caller:
    for number in range(5):
        generic.created(a_user(f"user{number}@acme.example"))
    return generic


@pytest.mark.parametrize(
    ("query", "start", "names"),
    [
        ({}, 1, "01234"),
        ({"startIndex": 2, "count": 2}, 2, "12"),
        ({"startIndex": 5}, 5, "4"),
        ({"startIndex": 6}, 6, ""),
        ({"startIndex": 0}, 1, "01234"),
        ({"startIndex": -1, "count": 1}, 1, "0"),
        ({"count": 0}, 1, ""),
        ({"count": -5}, 1, ""),
        ({"count": 5000}, 1, "01234"),
        ({"startIndex": 10**20}, 2**53, ""),
        ({"STARTINDEX": 5, "Count": 1}, 5, "4"),
        ({"filter": "active eq true", "startIndex": 4}, 4, "34"),
    ],
)
def test_pages(five: Caller, query: dict[str, Any], start: int, names: str) -> None:
    page = five.get("/Users", **query).json
    assert [one["userName"][4] for one in page["Resources"]] == list(names)
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, start, len(names))


@pytest.mark.parametrize("name", ["startIndex", "count"])
@pytest.mark.parametrize("value", ["abc", "1.5", "१"])
def test_a_page_number_that_is_none_is_refused(generic: Caller, name: str, value: str) -> None:
    assert generic.get("/Users", **{name: value}).error == (400, "invalidValue")


def test_a_page_has_a_hundred_unless_asked(generic: Caller) -> None:
    for number in range(101):
        generic.created(a_user(f"user{number}@acme.example"))
    page = generic.get("/Users").json
    assert (page["totalResults"], page["itemsPerPage"]) == (101, 100)


@pytest.mark.parametrize("path", ["/Users/.search", "/.search"])
def test_a_search_answers_as_a_get_does(five: Caller, path: str) -> None:
    asked = {"filter": 'userName eq "user3@acme.example"', "startIndex": 1, "count": 10}
    search = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["userName", "active"],
    }
    found = five.post(path, search | asked)
    assert found.status == 200
    assert found.json == five.get("/Users", attributes="userName,active", **asked).json


def test_the_root_lists_every_resource(five: Caller) -> None:
    assert five.get("/").json == five.get("/Users").json


def test_an_empty_parameter_is_none(five: Caller) -> None:
    assert (
        five.get("/Users", sortBy="", count="", startIndex="", attributes="").json
        == five.get("/Users").json
    )


# --- entity tags -----------------------------------------------------------------------------------


def test_a_get_that_has_the_newest_version_gets_304(generic: Caller) -> None:
    user = generic.created(a_user())
    path = f"/Users/{user['id']}"
    for tag in ('W/"1"', '"1"', "*", 'W/"7", W/"1"'):
        reply = generic.call("GET", path, If_None_Match=tag)
        assert (reply.status, reply.raw, reply.headers["ETag"]) == (304, b"", 'W/"1"')
    assert generic.call("GET", path, If_None_Match='W/"2"').status == 200


def test_a_stale_write_gets_412(generic: Caller) -> None:
    user = generic.created(a_user())
    path = f"/Users/{user['id']}"
    change = {"op": "replace", "path": "title", "value": "Countess"}
    assert generic.patch(path, change, If_Match='W/"1"').headers["ETag"] == 'W/"2"'
    for reply in (
        generic.patch(path, change, If_Match='W/"1"'),
        generic.put(path, a_user(), If_Match='W/"1"'),
        generic.delete(path, If_Match='W/"1"'),
    ):
        assert reply.error == (412, "")
    assert generic.delete(path, If_Match="*").status == 204
