"""What Okta's SCIM client sends, row by row of its checklist, to a tenant of its profile and to one
of the generic profile.
"""

import json
from collections.abc import Callable

import pytest

from connector.domain.model import TenantId, UserId
from tests.scim.conftest import JSON, Caller, House, a_user, payload

CREATE = "okta/create_user.json"


@pytest.fixture(params=["okta", "generic"])
def idp(request: pytest.FixtureRequest, callers: Callable[[str], Caller]) -> Caller:
    return callers(request.param)


def test_okta_o01_connection_test(idp: Caller) -> None:
    idp.created(payload(CREATE))
    reply = idp.get("/Users", startIndex=1, count=1)
    page = reply.json
    assert page["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (1, 1, 1)
    assert {"id", "userName", "name", "emails", "active"} <= set(page["Resources"][0])


def test_okta_o02_looks_for_a_user_name(idp: Caller) -> None:
    created = idp.created(payload(CREATE))
    assert idp.found('userName eq "nobody@acme.example"') == []
    assert idp.found('userName eq "ADA.Lovelace@acme.example"') == [created]


@pytest.mark.parametrize("unknown", ["010101001010101011001010101011", "no-such-id"])
def test_okta_o03_an_unknown_id_is_404(idp: Caller, unknown: str) -> None:
    assert idp.get(f"/Users/{unknown}").error == (404, "")


def test_okta_o03_a_bad_authorization_is_401(idp: Caller) -> None:
    reply = idp.call("GET", "/Users", Authorization="non-token")
    assert reply.error == (401, "")


def test_okta_o04_create_user_twice(house: House, idp: Caller) -> None:
    reply = idp.post("/Users", payload(CREATE), Content_Type="application/json; charset=utf-8")
    assert reply.status == 201
    assert reply.json["active"] is True
    assert "groups" not in reply.json
    assert b"1mz050nq" not in reply.raw
    with house.store.read() as work:
        stored = work.users.get(TenantId(idp.tenant), UserId(reply.json["id"]))
        assert stored is not None
        assert "1mz050nq" not in json.dumps(dict(stored.document))
    assert idp.post("/Users", payload(CREATE)).error == (409, "uniqueness")


def test_okta_o05_deactivate_and_activate(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    off = idp.send_patch(f"/Users/{user_id}", "okta/deactivate_user.json")
    assert (off.status, off.json["active"]) == (200, False)
    assert idp.user(user_id)["active"] is False
    on = idp.send_patch(f"/Users/{user_id}", "okta/activate_user.json")
    assert (on.status, on.json["active"]) == (200, True)


def test_okta_o06_get_change_put(idp: Caller) -> None:
    user = idp.created(payload(CREATE) | {"title": "Countess"})
    changed: JSON = {**user, "displayName": "A. L.", "password": "another-canary", "groups": []}
    del changed["title"]
    reply = idp.put(f"/Users/{user['id']}", changed)
    assert reply.status == 200
    assert reply.json["displayName"] == "A. L."
    assert "title" not in reply.json
    assert reply.json["id"] == user["id"]
    assert reply.json["meta"]["created"] == user["meta"]["created"]
    assert idp.user(user["id"]) == reply.json


def test_okta_o06_put_deactivates_and_what_is_left_out_of_it_keeps_the_hold(idp: Caller) -> None:
    user = idp.created(payload(CREATE))
    assert idp.put(f"/Users/{user['id']}", {**user, "active": False}).json["active"] is False
    silent = {name: value for name, value in user.items() if name != "active"}
    assert idp.put(f"/Users/{user['id']}", silent).json["active"] is False
    assert idp.put(f"/Users/{user['id']}", user).json["active"] is True


def test_okta_o07_imports_every_user_once_in_one_order(idp: Caller) -> None:
    names = [f"user{number:03d}@acme.example" for number in range(7)]
    for name in names:
        idp.created(a_user(name))

    def walked() -> list[str]:
        found: list[str] = []
        total = 1
        while len(found) < total:
            page = idp.get("/Users", startIndex=len(found) + 1, count=3).json
            total = page["totalResults"]
            found += [one["userName"] for one in page["Resources"]]
        return found

    assert walked() == walked() == names


def test_okta_o08_finds_what_changed_since(house: House, idp: Caller) -> None:
    old, new = idp.created(a_user("old@acme.example")), idp.created(a_user("new@acme.example"))
    since = new["meta"]["lastModified"]
    house.clock.move(60)
    idp.patch(f"/Users/{new['id']}", {"op": "replace", "path": "title", "value": "Countess"})
    assert [one["id"] for one in idp.found(f'meta.lastModified gt "{since}"')] == [new["id"]]
    both = idp.found(f'meta.lastModified ge "{since}"')
    assert [one["id"] for one in both] == [old["id"], new["id"]]
