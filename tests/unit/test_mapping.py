"""From a user's state to the account it should have, by the shipped mapping; what a mapping may say."""

from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.errors import Invalid
from connector.domain.mapping import AccountRule, Presence, SignInKind, leave_no_sign_in
from connector.domain.model import PortalUser, Profile, State, Tenant, TenantId, UserId
from connector.domain.policy import EmailVerification, Policy
from connector.foundation.config import ConfigError
from connector.foundation.mapping_files import load_account_mapping

MAPPING = load_account_mapping()
ACTIONS = frozenset({"VERIFY_EMAIL", "UPDATE_PASSWORD"})

USER = PortalUser(
    tenant=TenantId("acme"),
    id=UserId("0b5c1a5e-0000-4000-8000-000000000001"),
    profile=Profile(
        user_name="ada@acme.example",
        email="ada@acme.example",
        given_name="Ada",
        family_name="Lovelace",
        external_ids={"scim": "ext-7"},
    ),
    document={},
    created_at=0.0,
    modified_at=0.0,
)
TENANT = Tenant(id=TenantId("acme"), name="Acme", realm="main", portal_url="https://portal.example.com")


@pytest.mark.parametrize(
    ("state", "account", "actions"),
    [
        (State.DRAFT, Presence.ABSENT, frozenset()),
        (State.PENDING, Presence.ENABLED, ACTIONS),
        (State.EXPIRED, Presence.DISABLED, frozenset()),
        (State.ACTIVE, Presence.ENABLED, frozenset()),
        (State.DISABLED, Presence.DISABLED, frozenset()),
        (State.DELETED, Presence.ABSENT, frozenset()),
    ],
)
def test_each_state_wants_its_account(state: State, account: Presence, actions: frozenset[str]) -> None:
    rule = MAPPING.rule(state, Policy())
    assert rule == AccountRule(account=account, required_actions=actions)


def test_every_state_that_a_user_can_be_in_has_a_rule() -> None:
    assert MAPPING.rules.keys() == set(State) - {State.ABSENT}


def test_a_tenant_may_want_an_account_for_drafts() -> None:
    rule = MAPPING.rule(State.DRAFT, Policy(draft_account=True))
    assert rule.account is Presence.DISABLED


def test_an_invitation_that_proves_the_mailbox_leaves_one_action() -> None:
    policy = Policy(email_verification=EmailVerification.INVITATION)
    assert MAPPING.rule(State.PENDING, policy).required_actions == {"UPDATE_PASSWORD"}


def test_only_pending_and_active_people_may_sign_in() -> None:
    enabled = {state for state in MAPPING.rules if MAPPING.desired(USER, state, TENANT).enabled}
    assert enabled == {State.PENDING, State.ACTIVE}


def test_an_account_carries_whose_it_is_and_what_it_is() -> None:
    account = MAPPING.desired(USER, State.PENDING, TENANT)
    assert account.usher_id == f"acme:{USER.id}"
    assert account.attributes == {
        "usher.id": f"acme:{USER.id}",
        "usher.tenant": "acme",
        "usher.state": "pending",
        "usher.external_id": "ext-7",
    }
    assert (account.user_name, account.email) == ("ada@acme.example", "ada@acme.example")
    assert (account.given_name, account.family_name) == ("Ada", "Lovelace")


def test_who_has_no_external_id_has_an_empty_one() -> None:
    user = replace(USER, profile=replace(USER.profile, external_ids={}))
    assert MAPPING.desired(user, State.ACTIVE, TENANT).attributes["usher.external_id"] == ""


def test_braces_in_a_persons_own_values_mean_nothing() -> None:
    profile = replace(USER.profile, user_name="{id} {tenant.__class__}", external_ids={"scim": "{state}"})
    account = MAPPING.desired(replace(USER, profile=profile), State.ACTIVE, TENANT)
    assert account.user_name == "{id} {tenant.__class__}"
    assert account.attributes["usher.external_id"] == "{state}"


def test_a_name_that_keycloak_would_refuse_is_refused_by_us_first() -> None:
    with pytest.raises(Invalid, match="at least 3 characters"):
        MAPPING.account_name(Profile(user_name="ab"), "acme")


# --- what the files may say ------------------------------------------------------------------------

NAMES = 'user_name: "{tenant}:{userName}"\nattributes:\n  usher.id: "{tenant}:{id}"\n'
RULES = """\
states:
  draft: {account: absent}
  pending: {account: enabled, required_actions: [UPDATE_PASSWORD, webauthn-register-passwordless]}
  expired: {account: disabled}
  active: {account: enabled}
  disabled: {account: disabled}
  deleted: {account: absent}
"""


def write(folder: Path, names: str = NAMES, rules: str = RULES) -> Path:
    (folder / "portal-user.yaml").write_text(names)
    (folder / "required-actions.yaml").write_text(rules)
    return folder


def test_own_files_say_what_they_like_within_the_rules(tmp_path: Path) -> None:
    mapping = load_account_mapping(write(tmp_path))
    assert mapping.account_name(USER.profile, "acme") == "acme:ada@acme.example"
    actions = mapping.rules[State.PENDING].required_actions
    assert actions == {"UPDATE_PASSWORD", "webauthn-register-passwordless"}


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "part"),
    [
        ("{tenant}:{userName}", "{tenant}", 1, "user_name", "must name {userName} or {email}"),
        ("{tenant}:{userName}", "{username}", 1, "user_name", "did you mean 'userName'?"),
        ("{tenant}:{userName}", "{userName}{id}", 1, "user_name", "{id} cannot stand here"),
        ("{tenant}:{userName}", "{userName!r}", 1, "user_name", "plain names"),
        ("{tenant}:{userName}", "{userName:>9}", 1, "user_name", "plain names"),
        ("{tenant}:{userName}", "{userName.__class__}", 1, "user_name", "cannot stand here"),
        ("{tenant}:{userName}", "{userName[0]}", 1, "user_name", "cannot stand here"),
        ("{tenant}:{userName}", "{}", 1, "user_name", "cannot stand here"),
        ("{tenant}:{userName}", "{userName", 1, "user_name", "a brace too many"),
        ('"{tenant}:{id}"', '"{id}"', 2, "attributes", 'must hold usher.id: "{tenant}:{id}"'),
        ("usher.id", "usher.ID", 2, "attributes", "accounts are recognised by it"),
        ('{id}"\n', '{id}"\n  "a b": x\n', 4, "attributes.a b", "letters, digits"),
        ('{id}"\n', '{id}"\n  a: "{phone}"\n', 4, "attributes.a", "{phone} cannot stand here"),
        ('{id}"\n', '{id}"\nmore: 1\n', 4, "more", "is not a known key"),
    ],
)
def test_a_fault_in_portal_user_has_its_line(
    tmp_path: Path, old: str, new: str, line: int, where: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_account_mapping(write(tmp_path, names=NAMES.replace(old, new)))
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.where) == (tmp_path / "portal-user.yaml", line, where)
    assert part in fault.message


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "part"),
    [
        (
            "{account: absent}\n  pending",
            "{account: gone}\n  pending",
            2,
            "states.draft.account",
            "'absent'",
        ),
        ("  expired: {account: disabled}\n", "", 1, "states.expired", "is missing"),
        ("  expired:", "  expird:", 4, "states.expird", "did you mean 'expired'?"),
        (
            "active: {account: enabled}",
            "active: {account: enabled, required_actions: []}",
            5,
            "states.active.required_actions",
            "is not a known key",
        ),
        (
            "[UPDATE_PASSWORD,",
            "['UPDATE PASSWORD',",
            3,
            "states.pending.required_actions.0",
            "Keycloak's names",
        ),
        (
            "[UPDATE_PASSWORD, webauthn-register-passwordless]",
            "[VERIFY_EMAIL, CONFIGURE_TOTP, TERMS_AND_CONDITIONS]",
            3,
            "states.pending.required_actions",
            "add UPDATE_PASSWORD or webauthn-register-passwordless",
        ),
    ],
)
def test_a_fault_in_required_actions_has_its_line(
    tmp_path: Path, old: str, new: str, line: int, where: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_account_mapping(write(tmp_path, rules=RULES.replace(old, new, 1)))
    found = {(fault.line, fault.where): fault.message for fault in caught.value.faults}
    assert part in found[line, where]


def test_the_faults_of_both_files_come_at_once(tmp_path: Path) -> None:
    write(tmp_path, names="user_name: x\nattributes: {}\n", rules="states: [\n")
    with pytest.raises(ConfigError) as caught:
        load_account_mapping(tmp_path)
    assert {fault.file.name for fault in caught.value.faults if fault.file} == {
        "portal-user.yaml",
        "required-actions.yaml",
    }


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"UPDATE_PASSWORD"}, SignInKind.PASSWORD),
        (
            {"UPDATE_PASSWORD", "VERIFY_EMAIL", "CONFIGURE_TOTP", "TERMS_AND_CONDITIONS"},
            SignInKind.PASSWORD,
        ),
        ({"webauthn-register-passwordless", "VERIFY_EMAIL"}, SignInKind.PASSKEY),
        ({"webauthn-register-passwordless", "UPDATE_PASSWORD"}, SignInKind.OTHER),
        ({"bank-review"}, SignInKind.OTHER),
        (set(), SignInKind.OTHER),
    ],
)
def test_what_people_will_sign_in_with_is_what_the_required_actions_give(
    asked: set[str], kind: SignInKind
) -> None:
    pending = AccountRule(account=Presence.ENABLED, required_actions=frozenset(asked))
    mapping = replace(MAPPING, rules={**MAPPING.rules, State.PENDING: pending})
    assert mapping.sign_in_kind(Policy()) is kind


def test_an_action_that_is_not_keycloaks_own_is_taken_for_a_way_in() -> None:
    assert leave_no_sign_in(frozenset({"VERIFY_EMAIL", "webauthn-register"}))
    assert not leave_no_sign_in(frozenset({"VERIFY_EMAIL", "bank-review"}))
