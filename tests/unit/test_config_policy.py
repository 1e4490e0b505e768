"""The policy's keys and the domain's policy are one thing in two spellings."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from connector.domain.policy import OrgAdmins, Policy, Sso
from connector.foundation.config_form import FormError, fill
from connector.foundation.config_policy import PolicyForm
from connector.foundation.config_values import Surroundings

HERE = Surroundings(folder=Path("/nowhere"))

# Every key, set to something that is not its default, and what the domain then holds.
OTHERWISE: list[tuple[str, Any, dict[str, Any]]] = [
    ("invite", "manual", {"invite": "manual"}),
    ("invitation_life", "3d", {"invitation_life": 259200.0}),
    ("reminder", "none", {"reminder": None}),
    ("link_use", "first_press", {"link_use": "first_press"}),
    ("self_renew", False, {"self_renew": False}),
    ("resend_interval", "0s", {"resend_interval": 0.0}),
    ("email_verification", "invitation", {"email_verification": "invitation"}),
    (
        "sign_in",
        {"sso": {"alias": "idp", "link_attribute": "employeeNumber", "welcome_mail": True}},
        {"sso": Sso(alias="idp", link_attribute="employeeNumber", welcome_mail=True)},
    ),
    ("view", "merged", {"view": "merged"}),
    ("reenable", "notify", {"reenable": "notify"}),
    ("delete", "hard", {"delete": "hard"}),
    ("grace", "7d", {"grace": 604800.0}),
    ("email_change", "never", {"email_change": "never"}),
    ("org_admins", {"min": 1, "max": 2}, {"org_admins": OrgAdmins(min=1, max=2)}),
    ("org_admin_can", ["disable"], {"org_admin_can": frozenset({"disable"})}),
    ("admin_reset_password", False, {"admin_reset_password": False}),
    ("password_recovery", False, {"password_recovery": False}),
    ("bulk", ["send", "delete"], {"bulk": frozenset({"send", "delete"})}),
    ("confirm", ["hold", "restore"], {"confirm": frozenset({"hold", "restore"})}),
    ("draft_account", "disabled", {"draft_account": True}),
    ("console_delete", "draft", {"console_delete": "draft"}),
    (
        "email_domains",
        {"allow": ["Acme.Example"], "deny": ["old.acme.example"]},
        {
            "email_domains_allow": frozenset({"acme.example"}),
            "email_domains_deny": frozenset({"old.acme.example"}),
        },
    ),
]


def read(**keys: Any) -> Policy:
    return fill(PolicyForm, keys, HERE).policy()


@pytest.mark.parametrize(("key", "written", "wanted"), OTHERWISE, ids=[row[0] for row in OTHERWISE])
def test_each_key_sets_its_own_switch_and_no_other(key: str, written: Any, wanted: dict[str, Any]) -> None:
    policy, default = read(**{key: written}), Policy()
    different = {
        field.name
        for field in fields(Policy)
        if getattr(policy, field.name) != getattr(default, field.name)
    }
    assert {name: getattr(policy, name) for name in different} == wanted


def test_every_key_and_every_switch_is_in_the_table() -> None:
    assert [row[0] for row in OTHERWISE] == list(PolicyForm.model_fields)
    assert {name for row in OTHERWISE for name in row[2]} == {field.name for field in fields(Policy)}


def test_the_defaults_are_the_domains() -> None:
    assert PolicyForm().policy() == Policy()


@pytest.mark.parametrize(("key", "written", "_"), OTHERWISE, ids=[row[0] for row in OTHERWISE])
def test_what_is_shown_of_a_key_reads_back_the_same(key: str, written: Any, _: Any) -> None:
    form = fill(PolicyForm, {key: written}, HERE)
    shown = form.model_dump(mode="json")
    assert fill(PolicyForm, shown, HERE).policy() == form.policy()


@pytest.mark.parametrize(
    ("key", "word", "wanted"),
    [
        ("bulk", "all", {"bulk": None}),
        ("sign_in", "local", {"sso": None}),
        ("email_domains", "any", {"email_domains_allow": None}),
        ("draft_account", "none", {"draft_account": False}),
        ("resend_interval", 0, {"resend_interval": 0.0}),
    ],
)
def test_a_word_stands_for_a_value(key: str, word: Any, wanted: dict[str, Any]) -> None:
    policy = read(**{key: word})
    assert {name: getattr(policy, name) for name in wanted} == wanted


def test_all_for_org_admins_leaves_out_the_administrators_role() -> None:
    can = read(org_admin_can="all").org_admin_can
    assert {"invite", "disable", "delete", "edit"} <= can
    assert not {"grant_admin", "revoke_admin", "restore", "hold", "purge", "accept"} & can


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("invitation_life", "59m"),
        ("invitation_life", "31d"),
        ("resend_interval", "25h"),
        ("reminder", "30m"),
        ("grace", "400d"),
        ("org_admins", {"min": -1}),
        ("org_admin_can", ["hold"]),
        ("confirm", ["accept"]),
        ("bulk", "send"),
        ("self_renew", "yes"),
    ],
)
def test_a_value_out_of_its_range_is_refused(key: str, written: Any) -> None:
    with pytest.raises(FormError):
        read(**{key: written})


def test_a_key_set_to_its_default_still_stands_over_a_preset() -> None:
    preset = fill(PolicyForm, {"view": "merged", "delete": "hard"}, HERE)
    own = fill(PolicyForm, {"view": "split"}, HERE)
    policy = own.over(preset).policy()
    assert (policy.view, policy.delete) == ("split", "hard")
