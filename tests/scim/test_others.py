"""What other provisioning clients send, row by row of their checklists, to a generic tenant."""

import pytest

from tests.scim.conftest import Caller, House, a_user, payload

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_onelogin_p01_sends_one_email_as_an_object_and_a_scim_1_urn(generic: Caller) -> None:
    created = generic.created(payload("onelogin/create_user.json"))
    assert created["emails"] == [{"value": "ada@acme.example", "type": "work", "primary": True}]
    assert created["schemas"] == [CORE]


def test_jumpcloud_p02_makes_and_deletes_a_test_user(generic: Caller) -> None:
    created = generic.created(a_user("test@jumpcloud.example"))
    assert generic.delete(f"/Users/{created['id']}").status == 204


def test_ping_p03_replaces_users_and_finds_by_email(generic: Caller) -> None:
    created = generic.created(a_user())
    reply = generic.put(f"/Users/{created['id']}", a_user(displayName="Ada"))
    assert (reply.status, reply.json["displayName"]) == (200, "Ada")
    assert generic.found('emails eq "ADA@acme.example"') == [reply.json]


@pytest.mark.parametrize(
    "path",
    ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", f"/Schemas/{CORE}"],
)
def test_sailpoint_p04_reads_all_discovery(generic: Caller, path: str) -> None:
    assert generic.get(path).status == 200


def test_rippling_p05_a_repeated_post_makes_no_second_user(generic: Caller) -> None:
    assert generic.get("/ServiceProviderConfig").json["patch"] == {"supported": True}
    first = generic.created(payload("rippling/create_user.json"))
    assert generic.post("/Users", payload("rippling/create_user.json")).error == (409, "uniqueness")
    assert generic.found('externalId eq "5f8d0d55b54764421b7156c3"') == [first]


def test_rippling_p05_a_post_for_a_user_it_switched_off_brings_the_same_one_back(generic: Caller) -> None:
    first = generic.created(payload("rippling/create_user.json"))
    generic.patch(f"/Users/{first['id']}", {"op": "replace", "path": "active", "value": False})
    again = generic.created(payload("rippling/create_user.json"))
    assert (again["id"], again["active"]) == (first["id"], True)
    assert generic.get("/Users").json["totalResults"] == 1


def test_graph_p06_asks_for_the_active_ones_that_changed(house: House, generic: Caller) -> None:
    created = generic.created(a_user())
    query = '(ActiVe eq true) and meta.lastmodified ge "2026-01-05T08:15:30.1234567Z"'
    assert generic.found(query) == [created]
    house.clock.move(1)
    generic.patch(f"/Users/{created['id']}", {"op": "replace", "path": "active", "value": False})
    assert generic.found(query) == []


def test_any_p07_names_in_any_case_and_with_their_urns(generic: Caller) -> None:
    body = {
        "Schemas": [CORE, ENTERPRISE],
        "ID": "our-own-id",
        f"{CORE}:UserName": "ada@acme.example",
        "NAME": {"GivenName": "Ada"},
        "Emails": [{"VALUE": "ada@acme.example"}],
        ENTERPRISE.upper(): {"Department": "Engines"},
    }
    created = generic.created(body)
    assert created["id"] != "our-own-id"
    assert created["userName"] == "ada@acme.example"
    assert created["name"] == {"givenName": "Ada"}
    assert created["emails"] == [{"value": "ada@acme.example"}]
    assert created[ENTERPRISE] == {"department": "Engines"}
    assert generic.found(f'{CORE}:USERNAME Eq "ada@acme.example"') == [created]


def test_any_p07_a_patch_in_any_case_and_with_a_whole_extension(generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "operations": [
            {"OP": "REPLACE", "Path": f"{CORE}:displayname", "VALUE": "Ada"},
            {"op": "add", "value": {ENTERPRISE: {"department": "Engines", "costCenter": "7"}}},
        ],
    }
    user = generic.call("PATCH", f"/Users/{user_id}", body).json
    assert user["displayName"] == "Ada"
    assert user[ENTERPRISE] == {"department": "Engines", "costCenter": "7"}


def test_any_p07_no_content_type(generic: Caller) -> None:
    assert generic.post("/Users", a_user(), Content_Type="").status == 201


def test_any_p08_a_second_primary_email_unmarks_the_first(generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    second = {"value": "second@acme.example", "type": "home", "primary": True}
    user = generic.patch(f"/Users/{user_id}", {"op": "add", "path": "emails", "value": [second]}).json
    assert [item.get("primary") for item in user["emails"]] == [False, True]


@pytest.mark.parametrize("op", ["add", "replace"])
def test_any_p08_a_value_for_each_email_makes_one_where_there_is_none(generic: Caller, op: str) -> None:
    user = generic.created(a_user(emails=None))
    change = {"op": op, "path": "emails.value", "value": 'a"b@acme.example'}
    for _ in range(2):
        generic.patch(f"/Users/{user['id']}", change)
        assert generic.user(user["id"])["emails"] == [{"value": 'a"b@acme.example'}]


def test_any_p08_a_value_for_each_email_reaches_all_there_are(generic: Caller) -> None:
    emails = [{"value": "a@acme.example", "type": "work"}, {"value": "b@acme.example", "type": "home"}]
    user_id = generic.created(a_user(emails=emails))["id"]
    both = {"op": "replace", "path": "emails.display", "value": "Ada"}
    user = generic.patch(f"/Users/{user_id}", both).json
    assert user["emails"] == [{**item, "display": "Ada"} for item in emails]


def test_any_p08_null_in_place_of_the_chosen_email_removes_it(generic: Caller) -> None:
    user_id = generic.created(a_user())["id"]
    nothing = {"op": "replace", "path": 'emails[type eq "work"]', "value": None}
    for _ in range(2):
        assert "emails" not in generic.patch(f"/Users/{user_id}", nothing).json
