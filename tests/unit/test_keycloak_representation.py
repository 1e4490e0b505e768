"""What is written to make an account as wanted: nothing else, and nothing that wipes."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import connector
from connector.domain.account import Account, DesiredAccount
from connector.domain.model import AccountId
from connector.keycloak.representation import account_of, credential_of, differences, new_account

OURS = frozenset({"UPDATE_PASSWORD", "VERIFY_EMAIL"})

WANTED = DesiredAccount(
    usher_id="acme:1",
    user_name="ann",
    email="ann@example.com",
    given_name="Ann",
    family_name="Archer",
    enabled=True,
    required_actions=frozenset({"UPDATE_PASSWORD"}),
    attributes={"usher.tenant": "acme", "usher.state": "pending"},
)

USER: dict[str, Any] = {
    "id": "5f0c",
    "username": "ann",
    "email": "ann@example.com",
    "firstName": "Ann",
    "lastName": "Archer",
    "enabled": True,
    "emailVerified": False,
    "requiredActions": ["UPDATE_PASSWORD"],
    "attributes": {
        "usher.id": ["acme:1"],
        "usher.tenant": ["acme"],
        "usher.state": ["pending"],
    },
}

IDENTITY = {
    "username": "ann",
    "email": "ann@example.com",
    "firstName": "Ann",
    "lastName": "Archer",
}


def account(**fields: Any) -> Account:
    return account_of({**USER, **fields})


def written(before: Account, wanted: DesiredAccount) -> dict[str, Any]:
    return differences(before, wanted, OURS)


def test_a_full_representation_becomes_an_account() -> None:
    assert account() == Account(
        id=AccountId("5f0c"),
        user_name="ann",
        email="ann@example.com",
        given_name="Ann",
        family_name="Archer",
        enabled=True,
        email_verified=False,
        required_actions=frozenset({"UPDATE_PASSWORD"}),
        attributes={
            "usher.id": ("acme:1",),
            "usher.tenant": ("acme",),
            "usher.state": ("pending",),
        },
    )


def test_what_keycloak_leaves_out_is_empty() -> None:
    bare = account_of({"id": "5f0c", "username": "ann", "enabled": False})
    assert (bare.email, bare.given_name, bare.attributes, bare.usher_id) == ("", "", {}, "")


def test_a_permanent_lock_out_is_told_from_a_disable() -> None:
    locked = account(enabled=False, attributes={"disabledReason": ["permanentLockout"]})
    assert locked.locked_out
    assert not account(enabled=False).locked_out


def test_a_credentials_age_is_in_seconds_and_without_a_date_it_is_oldest() -> None:
    dated = credential_of({"id": "c", "type": "password", "createdDate": 1_700_000_000_500})
    assert dated.created_at == 1_700_000_000.5
    assert credential_of({"id": "c", "type": "otp"}).created_at == 0.0


def test_a_new_account_carries_everything_in_one_body() -> None:
    assert new_account(WANTED, ["/usher-users"]) == {
        **IDENTITY,
        "enabled": True,
        "emailVerified": False,
        "requiredActions": ["UPDATE_PASSWORD"],
        "attributes": {
            "usher.id": ["acme:1"],
            "usher.tenant": ["acme"],
            "usher.state": ["pending"],
        },
        "groups": ["/usher-users"],
    }


def test_an_account_as_wanted_needs_nothing() -> None:
    assert written(account(), WANTED) == {}


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        ({"enabled": False}, {"enabled": False}),
        ({"given_name": "Anna"}, {"firstName": "Anna"}),
        ({"family_name": ""}, {"lastName": ""}),
        ({"user_name": "anna"}, {"username": "anna"}),
        ({"email": "a@example.com"}, {"email": "a@example.com", "emailVerified": False}),
        (
            {"email": "a@example.com", "email_verified": True},
            {"email": "a@example.com", "emailVerified": True},
        ),
        ({"email_verified": True}, {"emailVerified": True}),
        ({"email_verified": False}, {}),
        ({"required_actions": None}, {}),
        ({"required_actions": frozenset()}, {"requiredActions": []}),
        ({"user_name": "ANN", "email": "Ann@Example.com"}, {}),
        ({"given_name": " "}, {"firstName": " "}),
    ],
)
def test_only_what_differs_is_written(wanted: dict[str, Any], body: dict[str, Any]) -> None:
    assert written(account(), replace(WANTED, **wanted)) == body


def test_a_name_of_space_alone_is_not_written_for_ever() -> None:
    assert written(account(firstName=None), replace(WANTED, given_name=" ")) == {}


def test_a_verified_address_that_changes_is_not_verified_any_more() -> None:
    body = written(account(emailVerified=True), replace(WANTED, email="a@example.com"))
    assert body == {"email": "a@example.com", "emailVerified": False}


def test_a_verified_address_that_stays_is_left_alone() -> None:
    assert written(account(emailVerified=True), WANTED) == {}


def test_changed_attributes_take_names_address_and_foreign_attributes_along() -> None:
    before = account(attributes={**USER["attributes"], "shoe": ["38", "39"]})
    active = replace(WANTED, attributes={"usher.tenant": "acme", "usher.state": "active"})
    assert written(before, active) == {
        **IDENTITY,
        "attributes": {
            "shoe": ["38", "39"],
            "usher.id": ["acme:1"],
            "usher.tenant": ["acme"],
            "usher.state": ["active"],
        },
    }


def test_an_attribute_of_ours_with_two_values_is_put_right() -> None:
    before = account(attributes={**USER["attributes"], "usher.state": ["pending", "active"]})
    assert written(before, WANTED)["attributes"]["usher.state"] == ["pending"]


def test_an_empty_attribute_is_left_out() -> None:
    without = replace(WANTED, attributes={"usher.tenant": "acme", "usher.state": ""})
    assert "usher.state" not in written(account(), without)["attributes"]
    assert "usher.state" not in new_account(without, [])["attributes"]


def test_an_accounts_mark_is_always_the_users_own() -> None:
    mismatched = replace(WANTED, attributes={**WANTED.attributes, "usher.id": "globex:2"})
    assert new_account(mismatched, [])["attributes"]["usher.id"] == ["acme:1"]


def test_our_actions_are_replaced_and_foreign_ones_stay() -> None:
    before = account(requiredActions=["CONFIGURE_TOTP", "UPDATE_PASSWORD"])
    verify = replace(WANTED, required_actions=frozenset({"VERIFY_EMAIL"}))
    assert written(before, verify) == {"requiredActions": ["CONFIGURE_TOTP", "VERIFY_EMAIL"]}


def test_a_foreign_action_alone_is_no_difference() -> None:
    before = account(requiredActions=["CONFIGURE_TOTP", "UPDATE_PASSWORD"])
    assert written(before, WANTED) == {}


def test_a_lock_out_is_not_lifted_and_not_deepened() -> None:
    locked = account(
        enabled=False,
        attributes={**USER["attributes"], "disabledReason": ["permanentLockout"]},
    )
    assert written(locked, WANTED) == {}
    assert written(locked, replace(WANTED, enabled=False)) == {}


def test_an_unlocked_account_is_enabled_again() -> None:
    assert written(account(enabled=False), WANTED) == {"enabled": True}


def test_keycloak_a3_two_modules_alone_see_the_library() -> None:
    root = Path(*connector.__path__)
    seers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"^\s*(from|import) keycloak\b", path.read_text(), re.MULTILINE)
    }
    assert seers == {"keycloak/connection.py", "keycloak/errors.py"}


def test_the_adapter_does_not_load_the_library_before_it_is_used() -> None:
    code = (
        "import sys, connector.keycloak.adapter, connector.keycloak.setup.run; "
        "sys.exit('keycloak' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
