"""What holds for every sequence of commands, whatever they are and in whatever order they come."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from connector.domain import commands as c
from connector.domain.effects import EndSessions, SyncAccount
from connector.domain.errors import Refused
from connector.domain.lifecycle import decide
from connector.domain.mapping import Presence
from connector.domain.model import Actor, ActorKind, HoldKind, InvitationStatus, PortalUser, State, state_of
from connector.domain.policy import DAY, DeletePolicy, EmailChange, InvitePolicy, Policy, Reenable, Sso
from tests.support.builders import ACME, ADA, MAPPING, NOW, a_profile, a_tenant, facts

policies: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    invite=st.sampled_from(InvitePolicy),
    invitation_life=st.sampled_from([3600.0, 7 * DAY]),
    reenable=st.sampled_from(Reenable),
    delete=st.sampled_from(DeletePolicy),
    email_change=st.sampled_from(EmailChange),
    draft_account=st.booleans(),
    sso=st.sampled_from([None, Sso(alias="corporate", welcome_mail=True)]),
)
actors = st.builds(Actor, kind=st.sampled_from(ActorKind), name=st.sampled_from(["olga", "ann@x.example"]))
profiles = st.builds(a_profile, email=st.sampled_from(["ada@acme.example", "new@acme.example", ""]))
bases = {
    "tenant": st.just(ACME),
    "user_id": st.just(ADA),
    "actor": actors,
    "source": st.sampled_from(["cli", "scim:entra", "clock"]),
    "request_id": st.just("r"),
}
_extras: dict[type[c.Command], dict[str, Any]] = {
    c.Create: {
        "profile": profiles,
        "document": st.just({}),
        "held": st.sampled_from([None, HoldKind.SCIM]),
    },
    c.Accept: {"generation": st.integers(1, 4)},
    c.PutHold: {"kind": st.sampled_from(HoldKind), "hides": st.booleans()},
    c.Release: {"kind": st.sampled_from(HoldKind), "hold_source": st.sampled_from([None, "admin", "cli"])},
    c.Edit: {"profile": profiles, "document": st.just({})},
    c.AccountLost: {"account_id": st.just("k")},
}
_plain = [
    *(c.Invite, c.Resend, c.ResetAccess, c.RevokeInvitation, c.Activate, c.Expire, c.Disable, c.Enable),
    *(c.ResetPassword, c.GrantAdmin, c.RevokeAdmin, c.Delete, c.Restore, c.Purge),
]
commands = st.one_of(*(st.builds(kind, **bases, **_extras.get(kind, {})) for kind in (*_extras, *_plain)))
steps = st.lists(st.tuples(commands, st.sampled_from([0.0, 60.0, 3600.0, 8 * DAY])), max_size=12)


def play(
    policy: dict[str, Any], played: list[tuple[c.Command, float]]
) -> list[tuple[Any, Any, Any, float]]:
    """Every (before, command, decision, now) that was not refused."""
    tenant, now = a_tenant(**policy), NOW
    user: PortalUser | None = None
    history: list[tuple[Any, ...]] = []
    for command, pause in played:
        now += pause
        try:
            decision = decide(user, command, facts(tenant, now=now))
        except Refused:
            continue
        history.append((user, command, decision, now))
        user = decision.user
    return history


@given(policies, steps)
@settings(max_examples=300, deadline=None)
def test_decide_raises_nothing_but_refusals(policy: dict[str, Any], played: Any) -> None:
    play(policy, played)


@given(policies, steps)
@settings(max_examples=300, deadline=None)
def test_nobody_disabled_or_deleted_has_an_account_that_is_wanted_enabled(
    policy: dict[str, Any], played: Any
) -> None:
    for _, _, decision, now in play(policy, played):
        state = state_of(decision.user, now)
        if state in (State.DISABLED, State.DELETED):
            assert MAPPING.rule(state, Policy(**policy)).account is not Presence.ENABLED
            assert decision.user.invitation is None or not decision.user.invitation.is_live(now)


@given(policies, steps)
@settings(max_examples=300, deadline=None)
def test_taking_access_away_always_syncs_the_account_and_ends_sessions_first(
    policy: dict[str, Any], played: Any
) -> None:
    for before, _, decision, now in play(policy, played):
        was_in = state_of(before, now) in (State.ACTIVE, State.PENDING)
        if was_in and decision.after in (State.DISABLED, State.DELETED):
            assert SyncAccount(urgent=True) in decision.effects
            assert EndSessions(urgent=True) in decision.effects


@given(policies, steps)
@settings(max_examples=300, deadline=None)
def test_control_i4_only_the_newest_unexpired_generation_of_a_user_without_holds_is_accepted(
    policy: dict[str, Any], played: Any
) -> None:
    for before, command, decision, now in play(policy, played):
        if isinstance(command, c.Accept):
            assert state_of(before, now) is State.PENDING
            assert not before.holds
            assert before.invitation.status is InvitationStatus.OPEN
            assert before.invitation.generation == command.generation
            assert now < before.invitation.expires_at
            assert decision.after is State.ACTIVE


@given(policies, steps)
@settings(max_examples=300, deadline=None)
def test_generations_only_rise_and_the_invitations_id_stays(policy: dict[str, Any], played: Any) -> None:
    seen: PortalUser | None = None
    for before, _, decision, _ in play(policy, played):
        if before is None:
            seen = None
        after = decision.user
        if seen and seen.invitation and after.invitation:
            assert after.invitation.id == seen.invitation.id
            assert after.invitation.generation >= seen.invitation.generation
            reopened = after.invitation.status is InvitationStatus.OPEN
            was_closed = seen.invitation.status is not InvitationStatus.OPEN
            if reopened and was_closed:
                assert after.invitation.generation > seen.invitation.generation
        seen = after
