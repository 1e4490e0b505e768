"""The action table: total, disjoint, and what decide makes of it."""

from dataclasses import replace
from itertools import product

import pytest

from connector.domain import commands as c
from connector.domain.errors import HINTS, Refusal, Refused
from connector.domain.lifecycle import RULES, decide
from connector.domain.model import ActorKind, Hold, HoldKind, InvitationStatus, PortalUser, State, state_of
from connector.domain.transitions import CALC, REFUSED, TRANSITIONS, WHO, Action
from tests.support.builders import (
    NOW,
    OPERATOR,
    PERSON,
    SYSTEM,
    a_profile,
    a_user,
    an_invitation,
    command,
    facts,
)

USERS: dict[State, PortalUser | None] = {
    State.ABSENT: None,
    State.DRAFT: a_user(),
    State.PENDING: a_user(invitation=an_invitation()),
    State.EXPIRED: a_user(invitation=an_invitation(expires_at=NOW - 1)),
    State.ACTIVE: a_user(invitation=an_invitation(status=InvitationStatus.ACCEPTED), activated_at=NOW - 10),
    State.DISABLED: a_user(
        holds=frozenset({Hold(kind=HoldKind.ADMIN, source="admin", since=NOW)}), activated_at=NOW - 10
    ),
    State.DELETED: a_user(removed_at=NOW - 10),
}

PROFILE = a_profile(given_name="Augusta")
COMMANDS: dict[Action, c.Command] = {
    Action.CREATE: command(c.Create, profile=PROFILE, document={}),
    Action.INVITE: command(c.Invite),
    Action.RESEND: command(c.Resend),
    Action.RESET_ACCESS: command(c.ResetAccess),
    Action.REVOKE_INVITATION: command(c.RevokeInvitation),
    Action.ACCEPT: command(c.Accept, actor=PERSON, generation=1),
    Action.ACTIVATE: command(c.Activate, actor=SYSTEM),
    Action.EXPIRE: command(c.Expire, actor=SYSTEM),
    Action.DISABLE: command(c.Disable),
    Action.ENABLE: command(c.Enable),
    Action.HOLD: command(c.PutHold, kind=HoldKind.SECURITY),
    Action.RELEASE: command(c.Release, kind=HoldKind.ADMIN, hold_source="admin"),
    Action.RESET_PASSWORD: command(c.ResetPassword),
    Action.EDIT: command(c.Edit, profile=PROFILE, document={}),
    Action.CHANGE_EMAIL: command(c.Edit, profile=a_profile(email="new@acme.example"), document={}),
    Action.GRANT_ADMIN: command(c.GrantAdmin),
    Action.REVOKE_ADMIN: command(c.RevokeAdmin),
    Action.DELETE: command(c.Delete),
    Action.RESTORE: command(c.Restore),
    Action.PURGE: command(c.Purge, actor=SYSTEM),
    Action.ACCOUNT_LOST: command(c.AccountLost, actor=SYSTEM, account_id="k"),
}
CELLS = list(product(State, Action))


def test_every_state_is_what_its_example_computes_to() -> None:
    assert {state: state_of(user, NOW) for state, user in USERS.items()} == {s: s for s in State}


def test_transitions_and_refusals_are_disjoint_and_together_total() -> None:
    assert not set(TRANSITIONS) & set(REFUSED)
    assert set(TRANSITIONS) | set(REFUSED) == set(CELLS)


def test_every_action_has_its_actors_its_command_and_its_rule() -> None:
    assert set(WHO) == set(Action) == set(COMMANDS)
    assert set(RULES) == {type(asked) for asked in COMMANDS.values()}


def test_every_refusal_says_what_to_do_instead() -> None:
    assert set(HINTS) == set(Refusal)


@pytest.mark.parametrize(("state", "action"), CELLS, ids=lambda cell: str(cell))
def test_decide_does_what_the_cell_says(state: State, action: Action) -> None:
    user, asked = USERS[state], COMMANDS[action]
    if action is Action.CHANGE_EMAIL and user is None:
        action = Action.EDIT  # without a record there is no address that could change
    refusal = REFUSED.get((state, action))
    if refusal is not None:
        with pytest.raises(Refused) as caught:
            decide(user, asked, facts())
        assert caught.value.reason is refusal
        return
    decision = decide(user, asked, facts())
    wanted = TRANSITIONS[state, action]
    if action is Action.CREATE:
        wanted = State.PENDING  # the default policy invites in the same commit
    assert decision.before is state
    assert wanted in (CALC, decision.after)
    assert decision.after is state_of(decision.user, NOW)


@pytest.mark.parametrize("action", Action)
def test_nobody_may_ask_for_an_action_that_is_not_theirs(action: Action) -> None:
    actors = {
        ActorKind.OPERATOR: OPERATOR,
        ActorKind.SYSTEM: SYSTEM,
        ActorKind.USER: PERSON,
    }
    for kind, actor in actors.items():
        if kind in WHO[action]:
            continue
        foreign = replace(COMMANDS[action], actor=actor)
        with pytest.raises(Refused) as caught:
            decide(USERS[State.PENDING], foreign, facts())
        assert caught.value.reason is Refusal.NOT_PERMITTED
