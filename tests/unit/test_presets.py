"""Each preset plays one product's portal: its switches and its words for the states."""

from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.model import State
from connector.domain.policy import (
    DeletePolicy,
    EmailChange,
    InvitePolicy,
    LinkUse,
    OrgAdmins,
    Policy,
    Reenable,
    View,
)
from connector.foundation.config import ConfigError
from connector.foundation.config_presets import load_preset, shipped_presets

EVERYTHING_AN_OPERATOR_MAY = frozenset(
    {
        "create",
        "invite",
        "resend",
        "reset_access",
        "revoke_invitation",
        "disable",
        "enable",
        "reset_password",
        "edit",
        "change_email",
        "delete",
    }
)
NOBODY = frozenset[str]()

# What differs from the defaults, preset by preset.
POLICIES: dict[str, Policy] = {
    "mitratech": Policy(
        invite=InvitePolicy.MANUAL,
        reenable=Reenable.REINVITE,
        delete=DeletePolicy.FORBIDDEN,
        org_admins=OrgAdmins(max=0),
        admin_reset_password=False,
        bulk=NOBODY,
        confirm=frozenset({"reset_access"}),
    ),
    "zoho": Policy(
        view=View.MERGED,
        delete=DeletePolicy.FORBIDDEN,
        org_admins=OrgAdmins(max=0),
        admin_reset_password=False,
        bulk=frozenset({"resend"}),
        confirm=NOBODY,
    ),
    "manageengine": Policy(
        view=View.MERGED,
        delete=DeletePolicy.HARD,
        org_admins=OrgAdmins(min=1, max=1),
        org_admin_can=EVERYTHING_AN_OPERATOR_MAY,
        admin_reset_password=False,
        bulk=NOBODY,
        confirm=frozenset({"enable", "disable", "delete", "resend"}),
    ),
    "creatio": Policy(
        invite=InvitePolicy.MANUAL,
        view=View.MERGED,
        link_use=LinkUse.FIRST_PRESS,
        self_renew=False,
        delete=DeletePolicy.FORBIDDEN,
        admin_reset_password=False,
        bulk=frozenset({"send"}),
        confirm=NOBODY,
    ),
    "lti": Policy(
        view=View.MERGED,
        delete=DeletePolicy.FORBIDDEN,
        email_change=EmailChange.NEVER,
        org_admins=OrgAdmins(max=0),
        bulk=NOBODY,
        confirm=NOBODY,
    ),
}


def label(preset: str, state: State) -> str:
    return shipped_presets()[preset].labels[state]


@pytest.mark.parametrize("preset", sorted(POLICIES))
def test_a_preset_sets_these_switches_and_no_others(preset: str) -> None:
    assert shipped_presets()[preset].policy.policy() == POLICIES[preset]


def test_these_presets_ship() -> None:
    assert shipped_presets().keys() == POLICIES.keys()


def test_no_preset_touches_what_its_product_says_nothing_about() -> None:
    for preset in shipped_presets().values():
        policy = preset.policy.policy()
        silent = replace(
            Policy(),
            **{name: getattr(policy, name) for name in ("invitation_life", "reminder", "sso", "grace")},
        )
        assert silent == Policy()


@pytest.mark.parametrize(
    ("preset", "state", "words"),
    [
        ("mitratech", State.PENDING, "Portal Access Pending"),
        ("mitratech", State.EXPIRED, "Portal Access Expired"),
        ("mitratech", State.DISABLED, "Portal Access Disabled"),
    ],
    ids=["m1", "m3", "m5"],
)
def test_seed_m1_m3_m5_mitratech_shows_expired_apart(preset: str, state: State, words: str) -> None:
    assert label(preset, state) == words


def test_seed_z3_zoho_says_not_confirmed_of_whoever_has_not_accepted() -> None:
    for state in (State.DRAFT, State.PENDING, State.EXPIRED):
        assert label("zoho", state) == "Not Confirmed"
    assert label("zoho", State.ACTIVE) != "Not Confirmed"


def test_seed_e5_manageengines_three_categories_cover_everyone_once() -> None:
    found = {
        state: label("manageengine", state) for state in State if state not in {State.ABSENT, State.DELETED}
    }
    assert found == {
        State.DRAFT: "Unconfirmed",
        State.PENDING: "Unconfirmed",
        State.EXPIRED: "Unconfirmed",
        State.ACTIVE: "Enabled",
        State.DISABLED: "Disabled",
    }


def test_seed_c18_creatio_names_no_states_so_it_has_the_canonical_words() -> None:
    assert label("creatio", State.PENDING) == "Pending"


def test_seed_l9_lti_labels_everyone_with_one_of_three() -> None:
    words = {label("lti", state) for state in State if state not in {State.ABSENT, State.DELETED}}
    assert words == {"Active", "Pending", "Inactive"}


@pytest.mark.parametrize("preset", sorted(POLICIES))
def test_every_state_has_a_label(preset: str) -> None:
    assert shipped_presets()[preset].labels.keys() == set(State) - {State.ABSENT}


LABELS = "labels: {draft: a, pending: b, expired: c, active: d, disabled: e, deleted: f}\n"


@pytest.mark.parametrize(
    ("text", "line", "where"),
    [
        (f"policy:\n  invit: manual\n{LABELS}", 2, "policy.invit"),
        (
            f"policy:\n  reenable: reinvite\n  sign_in: {{sso: {{alias: a}}}}\n{LABELS}",
            2,
            "policy.reenable",
        ),
        (
            "policy: {}\nlabels: {draft: a, pending: b, expired: c, active: d, disabled: e}\n",
            2,
            "labels.deleted",
        ),
        (f"policy: {{}}\n{LABELS.replace('draft: a', 'draft: 7')}", 2, "labels.draft"),
        ("policy: {}\n", 1, "labels"),
    ],
)
def test_a_fault_in_a_preset_has_its_line(tmp_path: Path, text: str, line: int, where: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_preset(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.where) == (path, line, where)
