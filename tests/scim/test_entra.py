"""What Microsoft Entra's provisioning service sends, row by row of its checklist, to a tenant of its
profile and to one of the generic profile.
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.scim.conftest import JSON, Caller, House, a_user, payload

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
CREATE = "entra/create_user.json"


@pytest.fixture(params=["entra", "generic"])
def idp(request: pytest.FixtureRequest, callers: Callable[[str], Caller]) -> Caller:
    return callers(request.param)


def emails_of(user: JSON) -> list[str]:
    return [item["value"] for item in user["emails"]]


def patched(idp: Caller, user_id: str, name: str) -> JSON:
    reply = idp.send_patch(f"/Users/{user_id}", name)
    assert reply.status in (200, 204), reply.raw
    return idp.user(user_id)


@pytest.mark.parametrize("path", ["userName", "externalId", 'emails[type eq "work"].value'])
def test_entra_e01_connection_test_finds_nobody(idp: Caller, path: str) -> None:
    reply = idp.get("/Users", filter=f'{path} eq "{uuid.uuid4()}"')
    assert reply.status == 200
    assert reply.json["totalResults"] == 0
    assert reply.json["Resources"] == []


def test_entra_e02_finds_by_user_name_in_other_case(idp: Caller) -> None:
    created = idp.created(payload(CREATE))
    assert [one["id"] for one in idp.found('userName eq "ADA.lovelace@acme.EXAMPLE"')] == [created["id"]]


@pytest.mark.parametrize("character", ["'", "+", "&", "#", "%"])
def test_entra_e02_finds_names_with_special_characters(idp: Caller, character: str) -> None:
    name = f"o{character}brien@acme.example"
    created = idp.created(a_user(name))
    idp.created(a_user("obrien@acme.example"))
    assert [one["id"] for one in idp.found(f'userName eq "{name}"')] == [created["id"]]


def test_entra_e02_finds_by_two_attributes(idp: Caller) -> None:
    created = idp.created(payload(CREATE))
    both = f'userName eq "{created["userName"]}" and externalId eq "{created["externalId"]}"'
    assert [one["id"] for one in idp.found(both)] == [created["id"]]
    assert idp.found(f'userName eq "{created["userName"]}" and externalId eq "other"') == []


def test_entra_e02_finds_by_an_unquoted_value(idp: Caller) -> None:
    created = idp.created(payload(CREATE) | {"externalId": "jyoung"})
    assert [one["id"] for one in idp.found("externalId eq jyoung")] == [created["id"]]
    assert [one["id"] for one in idp.found("externalId eq jyoung and active eq true")] == [created["id"]]


def test_entra_e03_create_user(idp: Caller) -> None:
    reply = idp.post("/Users", payload(CREATE))
    assert reply.status == 201
    created = reply.json
    assert reply.headers["Location"] == created["meta"]["location"] == f"{idp.base}/Users/{created['id']}"
    assert created["active"] is True
    assert created["emails"] == payload(CREATE)["emails"]
    assert "roles" not in created
    assert "addresses" not in created
    assert idp.user(created["id"]) == created


def test_entra_e04_a_mistyped_urn_is_not_echoed(idp: Caller) -> None:
    created = idp.created(payload("entra/create_user_mistyped_urn.json"))
    assert created["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:User"]
    assert not [name for name in created if "2.0User" in name]
    assert "department" not in created


def test_entra_e05_a_taken_user_name_is_a_conflict(idp: Caller) -> None:
    idp.created(payload(CREATE))
    again = payload(CREATE) | {"userName": payload(CREATE)["userName"].upper()}
    assert idp.post("/Users", again).error == (409, "uniqueness")
    other = idp.created(a_user("grace@acme.example"))
    reply = idp.patch(
        f"/Users/{other['id']}",
        {"op": "Replace", "path": "userName", "value": "ada.lovelace@ACME.example"},
    )
    assert reply.error == (409, "uniqueness")
    assert idp.user(other["id"]) == other


@pytest.mark.parametrize("style", ["", "_aadoptscim062020"])
def test_entra_e06_e07_disable_then_enable(idp: Caller, style: str) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    assert patched(idp, user_id, f"entra/disable_user{style}.json")["active"] is False
    (found,) = idp.found('userName eq "ada.lovelace@acme.example"')
    assert (found["id"], found["active"]) == (user_id, False)
    assert idp.found('active eq "False"') == [found]
    assert patched(idp, user_id, f"entra/enable_user{style}.json")["active"] is True


def test_entra_e07_both_styles_work_in_one_tenant(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    assert patched(idp, user_id, "entra/disable_user_aadoptscim062020.json")["active"] is False
    assert patched(idp, user_id, "entra/enable_user.json")["active"] is True
    user = patched(idp, user_id, "entra/update_user_aadoptscim062020.json")
    assert user["displayName"] == "Countess of Lovelace"
    assert (user["name"]["givenName"], user["name"]["familyName"]) == ("Augusta", "King")
    assert user[ENTERPRISE] == {"employeeNumber": "701984"}
    assert emails_of(user) == ["countess@acme.example"]


def test_entra_e08_six_replacements(idp: Caller) -> None:
    user = patched(idp, idp.created(payload(CREATE))["id"], "entra/update_user.json")
    assert user["displayName"] == "Countess of Lovelace"
    assert emails_of(user) == ["Countess@Acme.Example"]
    assert (user["name"]["givenName"], user["name"]["familyName"]) == ("Augusta", "King")
    assert user["externalId"] == "Eqpj"
    assert user[ENTERPRISE] == {"employeeNumber": "701984"}
    assert ENTERPRISE in user["schemas"]
    assert idp.found('externalId eq "Eqpj"') == [user]


def test_entra_e09_adds_typed_values_then_updates_them(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    for _ in range(2):
        user = patched(idp, user_id, "entra/add_typed_values.json")
        assert emails_of(user) == ["Ada.Lovelace@Acme.Example", "ada@home.example"]
        assert user["phoneNumbers"] == [{"type": "mobile", "value": "55555555555"}]
        assert user["addresses"] == [{"type": "work", "streetAddress": "1 Analytical Way"}]
    other = {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 555"}
    idp.patch(f"/Users/{user_id}", other)
    assert idp.user(user_id)["phoneNumbers"] == [{"type": "mobile", "value": "+1 555"}]


def test_entra_e09_the_validators_random_texts_are_kept(idp: Caller) -> None:
    bare = {"schemas": [CORE], "userName": "rickey@rohan.example"}
    user = patched(idp, idp.created(bare)["id"], "entra/validator_add_attributes.json")
    assert user["emails"] == [{"value": "roberta@rohan.example", "type": "work", "primary": True}]
    address = {"formatted": "QQHYDJGFDRFX", "postalCode": "ru86 0et", "type": "work", "primary": True}
    assert user["addresses"] == [address]
    assert user["phoneNumbers"] == [{"value": "22-377-3428", "type": "mobile"}]
    assert user["roles"] == [{"value": "CYDBGQIIERUP", "display": "MSSEWRRJREQY", "primary": True}]
    assert user["name"] == {"givenName": "Adell", "honorificSuffix": "Mathilde"}
    assert user[ENTERPRISE] == {"costCenter": "XAOYALZZMQDE"}
    assert (user["profileUrl"], user["locale"]) == ("UTISNQJTBOMN", "ECRNKKFCCWRQ")


def test_entra_e10_primary_values(idp: Caller) -> None:
    user = patched(idp, idp.created(payload(CREATE))["id"], "entra/primary_values.json")
    assert user["emails"] == [{"value": "first@acme.example", "type": "work", "primary": True}]
    role = '{"id":"18d14569","value":"Admin","displayName":"Admin"}'
    assert user["roles"] == [{"value": role, "primary": True}]


def test_entra_e11_manager_in_every_form(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    added = patched(idp, user_id, "entra/add_manager.json")
    assert added[ENTERPRISE]["manager"] == {"value": "0b5c1a5e-0000-4000-8000-0000000000aa"}
    replaced = patched(idp, user_id, "entra/replace_manager_bare.json")
    assert replaced[ENTERPRISE]["manager"] == {"value": "0b5c1a5e-0000-4000-8000-0000000000bb"}
    dotted = patched(idp, user_id, "entra/replace_manager_dotted_urn.json")
    assert dotted[ENTERPRISE]["manager"] == {"value": "0b5c1a5e-0000-4000-8000-0000000000cc"}
    for _ in range(2):
        assert ENTERPRISE not in patched(idp, user_id, "entra/remove_manager.json")


def test_entra_e12_clearing_and_repeating_are_no_errors(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    for _ in range(2):
        user = patched(idp, user_id, "entra/clear_values.json")
        assert "displayName" not in user
        assert "givenName" not in user["name"]
        assert user["externalId"] == "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"


def test_entra_e12_the_same_value_again_makes_no_version(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    once = patched(idp, user_id, "entra/update_user.json")
    again = patched(idp, user_id, "entra/update_user.json")
    assert again == once


def test_entra_e18_delete_user_twice(idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    assert idp.delete(f"/Users/{user_id}").status == 204
    assert idp.delete(f"/Users/{user_id}").error == (404, "")
    assert idp.get(f"/Users/{user_id}").error == (404, "")
    assert idp.found(f'externalId eq "{payload(CREATE)["externalId"]}"') == []


def test_entra_e19_disable_and_enable_keep_everything_else(idp: Caller) -> None:
    before = idp.created(payload(CREATE))
    patched(idp, before["id"], "entra/disable_user.json")
    after = patched(idp, before["id"], "entra/enable_user.json")
    assert {**after, "meta": None} == {**before, "meta": None}


def test_entra_e21_its_validator_sends_no_operations(callers: Callable[[str], Caller]) -> None:
    idp = callers("entra")
    created = idp.created(payload(CREATE))
    assert idp.send_patch(f"/Users/{created['id']}", "entra/validator_empty_operations.json").status == 204
    assert idp.user(created["id"]) == created


def test_entra_gets_204_for_a_patch_unless_it_asks_for_attributes(
    callers: Callable[[str], Caller],
) -> None:
    idp = callers("entra")
    user_id = idp.created(payload(CREATE))["id"]
    reply = idp.send_patch(f"/Users/{user_id}", "entra/disable_user.json")
    assert (reply.status, reply.raw) == (204, b"")
    assert reply.headers["ETag"] == 'W/"2"'
    asked: Any = {"attributes": "active"}
    body = payload("entra/enable_user.json")
    full = idp.call("PATCH", f"/Users/{user_id}", body, query=asked)
    assert full.status == 200
    assert set(full.json) == {"schemas", "id", "active"}


def test_entra_users_are_invited_once(house: House, idp: Caller) -> None:
    user_id = idp.created(payload(CREATE))["id"]
    with house.store.read() as work:
        rows = [row for row in work.outbox.list() if row.user_id == user_id]
    assert [row.target for row in rows if row.effect == "send_mail"] == ["invitation/1"]
