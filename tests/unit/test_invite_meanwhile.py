"""Keycloak takes its time to say whose code it gave and what the account looks like. What happens to the
user meanwhile counts: whatever takes the invitation away wins, and nothing else costs anybody the way in.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from connector.application.records import HandOverStatus
from connector.domain import commands as c
from connector.domain.model import HoldKind, State
from connector.invite.keycloak_client import Identity
from tests.support.builders import ACME, ADA, SYSTEM, a_document
from tests.support.invite_room import Browser, Room, back, complete, is_code_of, state

Deed = Callable[[Room], object]


@pytest.fixture
def during_the_exchange(room: Room, monkeypatch: pytest.MonkeyPatch) -> Callable[[Deed], None]:
    """Have something happen once, while Keycloak is asked whose code it gave."""

    def arrange(deed: Deed) -> None:
        def identify(*args: Any, **values: Any) -> Identity:
            monkeypatch.undo()
            deed(room)
            return room.client.identify(*args, **values)

        monkeypatch.setattr(room.client, "identify", identify)

    return arrange


def held(room: Room) -> None:
    room.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)


def held_and_let_back(room: Room) -> None:
    held(room)
    room.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM)


def revoked(room: Room) -> None:
    room.do(c.RevokeInvitation)


def resent(room: Room) -> None:
    room.do(c.Resend)


def deleted(room: Room) -> None:
    room.do(c.Delete, actor=SYSTEM)


def edited(room: Room, **values: Any) -> None:
    profile = replace(room.user().profile, **values)
    room.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))


def moved(room: Room) -> None:
    edited(room, email="ada@new.example")


def renamed(room: Room) -> None:
    edited(room, family_name=f"{room.user().profile.family_name}-Byron")


def begun_elsewhere(room: Room) -> None:
    """A press in another browser changes nothing about the user."""
    room.open_another_handover()


def held_and_cleared_away(room: Room) -> None:
    """The worker was quick: the account is gone."""
    held(room)
    room.work()


ENDINGS: list[Deed] = [
    *(held, held_and_let_back, held_and_cleared_away, revoked, resent, deleted, moved, begun_elsewhere),
]


def named(deed: Deed) -> str:
    return str(getattr(deed, "__name__", deed))


def comes_back(room: Room, browser: Browser) -> TestResponse:
    """All done at Keycloak, the person is sent back to us."""
    query = browser.to_sign_in()
    complete(room)
    return back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
def test_control_o5_what_ends_the_way_while_the_code_is_exchanged_wins(
    room: Room, browser: Browser, during_the_exchange: Callable[[Deed], None], ending: Deed
) -> None:
    during_the_exchange(ending)
    answer = comes_back(room, browser)
    assert "You are all set" not in answer.text
    assert state(room) is not State.ACTIVE


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
def test_control_o5_what_ends_the_way_while_the_credential_is_looked_at_wins(
    room: Room, browser: Browser, ending: Deed
) -> None:
    """The session that Keycloak opened for whoever came back ends."""
    room.on_call("credentials", lambda: ending(room))
    answer = comes_back(room, browser)
    assert "You are all set" not in answer.text
    assert state(room) is not State.ACTIVE
    assert {"sync_account", "end_sessions"} & room.states().keys()


def test_a_new_name_meanwhile_costs_nobody_the_way_in(room: Room, browser: Browser) -> None:
    room.on_call("credentials", lambda: renamed(room))
    page = comes_back(room, browser)
    assert page.status_code == 200
    assert "You are all set" in page.text
    assert state(room) is State.ACTIVE
    assert room.user().profile.family_name == "Lovelace-Byron"
    with room.store.read() as work:
        told = [(entry.action, entry.source) for entry in work.timeline.of(ACME, ADA)]
    assert told[-2:] == [("edit", "cli"), ("accept", "link")]


def test_whom_the_follow_up_lets_in_meanwhile_is_told_that_all_is_set(room: Room, browser: Browser) -> None:
    def seen() -> None:
        assert room.followup.activate_if_complete(room.handover(), request_id="look")

    room.on_call("credentials", seen)
    assert "You are all set" in comes_back(room, browser).text
    with room.store.read() as work:
        told = [entry.action for entry in work.timeline.of(ACME, ADA) if entry.after is State.ACTIVE]
    assert told == ["activate"]


def test_who_is_changed_all_the_while_may_try_again(room: Room, browser: Browser) -> None:
    """It is not looked for ever; the code is spent, and what was chosen is safe."""
    query = browser.to_sign_in()
    complete(room)
    room.idp.before("credentials", lambda: renamed(room))
    code = is_code_of(room, room.account())
    page = back(browser, "done", code=code, state=query["state"])
    assert page.status_code == 503
    assert "What you chose is safe" in page.text
    assert state(room) is State.PENDING
    assert room.user().profile.family_name.count("Byron") < 10

    room.idp.before("credentials", lambda: None)
    assert back(browser, "done", code=code, state=query["state"]).status_code == 200
    assert state(room) is State.ACTIVE


def test_control_o2_who_is_seen_to_have_come_through_after_another_browser_began_is_not_in(
    room: Room, browser: Browser
) -> None:
    """The account goes with the hand-over that the other press ended: who is let in now would have none."""
    browser.to_sign_in()
    complete(room)
    first = room.handover()
    room.on_call("credentials", lambda: begun_elsewhere(room))
    assert not room.followup.activate_if_complete(first, request_id="look")
    assert state(room) is State.PENDING
    assert room.handover().status is HandOverStatus.OPEN
