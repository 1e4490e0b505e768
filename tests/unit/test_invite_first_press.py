"""Links that work once: their press asks for the invited address, uses the link up, and binds it to the
browser that pressed.
"""

from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from connector.domain import commands as c
from connector.domain.effects import SendMail, Template
from connector.domain.errors import Unavailable
from connector.domain.model import State, state_of
from connector.domain.policy import LinkUse
from tests.support.builders import ACME, ADA, PERSON, a_tenant
from tests.support.invite_room import Browser, Room, a_room

HALF_AN_HOUR = 1800.0
RIGHT, WRONG = "ada@acme.example", "grace@acme.example"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return a_room(tmp_path, a_tenant(link_use=LinkUse.FIRST_PRESS, self_renew=False))


def press(browser: Browser, address: str | None = RIGHT) -> TestResponse:
    return browser.post(browser.room.link(), data={} if address is None else {"address": address})


# --- the address -----------------------------------------------------------------------------------


def test_the_page_asks_for_the_address_by_a_labelled_field(room: Room) -> None:
    page = room.browser().get(room.link()).text
    assert '<label for="address">Your e-mail address</label>' in page
    assert 'name="address" type="text" inputmode="email" autocomplete="email"' in page
    assert "works once and in this browser alone" in page
    assert RIGHT not in page


@pytest.mark.parametrize("typed", [RIGHT, "  Ada@ACME.example\t"])
def test_the_right_address_lets_in_however_it_is_spelt(room: Room, typed: str) -> None:
    assert press(room.browser(), typed).status_code == 303


@pytest.mark.parametrize("typed", [None, "", "   ", WRONG, "ada", "@" * 5000, "ada@acme.example.", "\0"])
def test_whatever_else_is_typed_gets_the_same_page_and_begins_nothing(
    room: Room, typed: str | None
) -> None:
    constant = press(room.browser(), "nobody@acme.example").data
    answer = press(room.browser(), typed)
    assert answer.status_code == 422
    assert answer.data == constant
    assert 'aria-invalid="true"' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert room.idp.calls == []


def test_five_wrong_addresses_make_everybody_wait_a_quarter_of_an_hour(room: Room) -> None:
    for _ in range(5):
        assert press(room.browser(), WRONG).status_code == 422
        room.clock.move(60)
    answer = press(room.browser())
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "600"
    room.clock.move(600)
    assert press(room.browser()).status_code == 303


def test_wrong_addresses_stand_on_the_timeline_and_are_not_written_down_there(room: Room) -> None:
    press(room.browser(), WRONG)
    with room.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert (entry.action, entry.reason) == ("press", "refused: wrong_address")
    assert WRONG not in room.dump()


def test_control_i5_forms_that_are_sent_untouched_keep_nobody_waiting(room: Room) -> None:
    before = room.dump()
    for _ in range(100):
        assert press(room.browser(), None).status_code == 422
        assert press(room.browser(), "").status_code == 422
    assert room.dump() == before
    assert press(room.browser()).status_code == 303


def test_where_links_live_until_completion_nobody_is_asked_for_an_address(tmp_path: Path) -> None:
    room = a_room(tmp_path)
    assert "<input" not in room.browser().get(room.link()).text
    assert press(room.browser(), None).status_code == 303


# --- the browser -----------------------------------------------------------------------------------


def test_control_i6_another_browser_is_told_to_finish_there_and_cannot_begin(room: Room) -> None:
    first, second = room.browser(), room.browser()
    press(first)
    handover = room.handover()
    page = second.get(room.link())
    assert page.status_code == 200
    assert "You began this elsewhere" in page.text
    assert "<button" not in page.text
    assert "Please finish there" in press(second).text
    assert room.handover() == handover


def test_this_browser_goes_on_without_typing_the_address_again(room: Room) -> None:
    browser = room.browser()
    press(browser)
    assert "<input" not in browser.get(room.link()).text
    assert press(browser, None).status_code == 303


def test_this_browser_begins_anew_after_its_links_time(room: Room) -> None:
    browser = room.browser()
    press(browser)
    first, cookie = room.handover(), browser.cookie()
    room.clock.move(901)
    assert press(browser, None).status_code == 303
    assert room.handover().id != first.id
    assert browser.cookie() == cookie
    assert "<button" in browser.get(room.link()).text


def test_of_two_who_press_at_once_one_gets_the_link(room: Room) -> None:
    """The other is ready first."""

    def overtake() -> None:
        taken = room.open_another_handover()
        with room.store.write() as work:
            room.service.bind_invitation(
                work, ACME, ADA, browser=taken.browser, until=taken.closes_at, request_id="request-2"
            )

    room.on_call("link", overtake)
    answer = press(room.browser())
    assert "You began this elsewhere" in answer.text
    assert "Set-Cookie" not in answer.headers
    invitation = room.user().invitation
    assert invitation is not None
    assert invitation.browser == "b" * 64


def test_a_press_that_keycloak_did_not_take_uses_nothing_up(room: Room) -> None:
    before = room.expires_at()
    room.idp.fail("link", Unavailable("down"))
    assert press(room.browser()).status_code == 503
    assert room.expires_at() == before
    assert press(room.browser()).status_code == 303


# --- the time --------------------------------------------------------------------------------------


def test_the_press_cuts_the_links_life_to_half_an_hour(room: Room) -> None:
    press(room.browser())
    assert room.expires_at() == room.clock.now() + HALF_AN_HOUR


def test_a_link_that_ends_sooner_gets_no_time_by_the_press(room: Room) -> None:
    end = room.expires_at()
    room.clock.move(end - room.clock.now() - 60)
    press(room.browser())
    assert room.expires_at() == end


def test_pressing_again_gives_no_more_time(room: Room) -> None:
    browser = room.browser()
    press(browser)
    end = room.expires_at()
    for _ in range(3):
        room.clock.move(500)
        press(browser, None)
    assert room.expires_at() == end


def test_who_leaves_without_a_password_is_expired_and_asks_for_a_new_invitation(room: Room) -> None:
    press(room.browser())
    room.work()
    room.clock.move(HALF_AN_HOUR + 61)
    room.work()
    assert state_of(room.user(), room.clock.now()) is State.EXPIRED
    assert not any(account.enabled for account in room.idp.accounts())
    page = room.browser().get(room.link())
    assert page.status_code == 410
    assert "ask whoever invited you" in page.text


def test_who_finished_in_another_browser_is_in_at_the_last_look(room: Room) -> None:
    press(room.browser())
    room.work()
    room.clock.move(HALF_AN_HOUR - 1)
    room.idp.finish_actions(room.account(), created_at=room.clock.now())
    room.clock.move(2)
    room.work()
    assert state_of(room.user(), room.clock.now()) is State.ACTIVE


def test_a_new_invitation_is_bound_to_nobody(room: Room) -> None:
    press(room.browser())
    room.clock.move(HALF_AN_HOUR + 1)
    room.do(c.Resend)
    browser = room.browser()
    assert browser.post(room.link(2), data={"address": RIGHT}).status_code == 303


def test_a_mail_that_comes_late_does_not_lengthen_a_link_that_was_used_up(room: Room) -> None:
    room.service.extend_invitation(ACME, ADA, 1, room.expires_at() + 5)
    press(room.browser())
    end = room.expires_at()
    room.clock.move(120)
    room.service.extend_invitation(ACME, ADA, 1, end + 86400)
    assert room.expires_at() == end


def test_no_reminder_goes_out_for_a_link_that_was_used_up(room: Room) -> None:
    press(room.browser())
    with room.store.write() as work:
        reminder = SendMail(template=Template.REMINDER, generation=1)
        room.service.enqueue(work, ACME, ADA, reminder, request_id="request-1")
    room.work()
    assert room.mails.sent == []


def test_completion_is_accepted_as_ever(room: Room) -> None:
    press(room.browser())
    room.do(c.Accept, actor=PERSON, generation=1)
    assert room.browser().get(room.link()).status_code == 410
