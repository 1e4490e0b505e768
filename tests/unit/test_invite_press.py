"""The press: whom it lets begin, what it binds to the browser, and how it keeps to the outbox's order."""

import pytest

from connector.application.records import HandOver, HandOverStatus
from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Misconfigured, Rejected, Unavailable
from connector.domain.model import AccountId
from connector.foundation.config import HandoverSettings
from connector.invite.handover import HandOverDesk, NotLive
from connector.invite.standing import browser_of
from tests.support.builders import ACME, ADA, NOW, CountingIds
from tests.support.invite_room import PUBLIC, Room

DAY = 86400.0


# --- who may begin ---------------------------------------------------------------------------------


def test_a_press_goes_to_keycloak_and_asks_whether_somebody_is_signed_in(room: Room) -> None:
    browser = room.browser()
    query = browser.asked(browser.press())
    assert query["client_id"] == "usher-invite"
    assert query["redirect_uri"] == f"{PUBLIC}/invite/probe"
    assert query["prompt"] == "none"
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) == len(query["nonce"]) == len(query["code_challenge"]) == 43


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", f"{PUBLIC}.evil.example"])
def test_control_i6_a_press_from_elsewhere_is_refused(room: Room, origin: str | None) -> None:
    before = room.dump()
    answer = room.browser().post(room.link(), origin=origin)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert room.dump() == before


@pytest.mark.parametrize("ending", [c.RevokeInvitation, c.Delete, c.Resend])
def test_a_press_on_a_dead_link_begins_nothing(room: Room, ending: type[c.Command]) -> None:
    link = room.link()
    room.do(ending)
    answer = room.browser().post(link)
    assert answer.status_code == 410
    assert room.idp.calls == []


def test_a_press_on_a_forged_link_gets_the_neutral_page(room: Room) -> None:
    assert room.browser().post("/invite/forged").status_code == 404


def test_control_i5_reading_writes_nothing_however_often(room: Room) -> None:
    before = room.dump()
    http = room.app.test_client()
    for _ in range(100):
        for read in (http.get, http.head, http.options):
            assert "Set-Cookie" not in read(room.link(), base_url=PUBLIC).headers
    assert room.dump() == before
    assert room.browser().press().status_code == 303


def test_control_i5_a_head_of_a_callback_is_no_answer(room: Room) -> None:
    browser = room.browser()
    query = browser.to_sign_in()
    before = room.dump()
    for path in (f"/invite/done?state={query['state']}&error=x", "/invite/probe", "/oidc/main/authorize"):
        assert browser.http.head(path, base_url=PUBLIC).status_code == 405
    assert room.dump() == before


# --- what it makes ---------------------------------------------------------------------------------


def test_a_press_prepares_the_account_and_links_it_last(room: Room) -> None:
    room.browser().press()
    (account,) = room.idp.accounts()
    assert account.enabled
    assert account.required_actions == {"VERIFY_EMAIL", "UPDATE_PASSWORD"}
    assert room.idp.linked_sub(account.id) == room.handover().sub
    assert room.handover().account == account.id == room.account()
    wrote = [name for name, _ in room.idp.calls if name in {"create", "update", "link", "unlink"}]
    assert wrote[-1] == "link"


def test_control_o2_the_subject_is_fresh_and_lower_case_hex(room: Room) -> None:
    browser = room.browser()
    browser.press()
    first = room.handover().sub
    room.browser().press()
    second = room.handover().sub
    assert first != second
    assert all(len(sub) == 32 and set(sub) <= set("0123456789abcdef") for sub in (first, second))


def test_control_o12_the_cookie_binds_this_browser_alone(room: Room) -> None:
    browser = room.browser()
    answer = browser.press()
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-usher=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"):
        assert part in cookie
    assert "Domain" not in cookie
    assert room.handover().browser == browser_of(browser.cookie())
    assert browser.cookie() not in room.dump()


def test_a_follow_up_is_due_two_minutes_after_the_press(room: Room) -> None:
    room.browser().press()
    with room.store.read() as work:
        (check,) = [r for r in work.outbox.open_rows(ACME, ADA) if r.effect == "check_handover"]
    assert check.due_at == NOW + 120


def test_a_press_finishes_the_accounts_row_so_that_no_worker_repeats_it(room: Room) -> None:
    assert room.states()["sync_account"] == "ready"
    room.browser().press()
    assert "sync_account" not in room.states()


def test_a_press_is_on_the_timeline_without_the_link(room: Room) -> None:
    room.browser().press()
    with room.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert (entry.action, entry.source, entry.actor) == ("press", "link", "user")
    assert room.link().rpartition("/")[2] not in room.dump()


# --- again, elsewhere, another invitation ----------------------------------------------------------


def test_a_second_press_in_the_same_browser_continues_with_the_same_subject(room: Room) -> None:
    browser = room.browser()
    browser.press()
    before, calls = room.handover(), len(room.idp.calls)
    room.clock.move(600)
    assert browser.press().status_code == 303
    assert room.handover() == before
    assert len(room.idp.calls) == calls


def test_a_press_after_the_links_time_begins_anew(room: Room) -> None:
    browser = room.browser()
    browser.press()
    first = room.handover()
    room.clock.move(901)
    browser.press()
    assert room.handover().id != first.id
    assert room.handover().sub != first.sub
    assert room.idp.linked_sub(room.account()) == room.handover().sub


def test_a_press_in_another_browser_takes_the_hand_over(room: Room) -> None:
    first, second = room.browser(), room.browser()
    query = first.to_sign_in()
    second.press()
    assert first.get("/invite/go").status_code == 410
    assert first.get(f"/invite/done?code=x&state={query['state']}").status_code == 410
    assert second.get("/invite/go").status_code == 303


def test_a_press_of_another_invitation_in_this_browser_ends_the_former(room: Room) -> None:
    browser = room.browser()
    browser.press()
    former = room.handover()
    grace = room.invite_another("grace@acme.example")
    browser.post(grace)
    with room.store.read() as work:
        ended = work.handovers.get(former.id)
    assert ended is not None
    assert ended.status is HandOverStatus.CLOSED
    assert room.states()["sync_account"] == "ready"


def test_a_cookie_that_we_could_not_have_made_is_none(room: Room) -> None:
    browser = room.browser()
    browser.http.set_cookie("__Host-usher", "planted", domain="usher.example.com", secure=True)
    browser.press()
    assert browser.cookie() != "planted"


# --- the invitation's time -------------------------------------------------------------------------


def test_who_begins_in_time_gets_half_an_hour_to_finish(room: Room) -> None:
    room.clock.move(7 * DAY - 60)
    room.browser().press()
    assert room.expires_at() == room.clock.now() + 1800


def test_a_press_long_before_the_end_changes_nothing_about_it(room: Room) -> None:
    before = room.expires_at()
    room.browser().press()
    assert room.expires_at() == before


def test_pressing_again_and_again_keeps_no_link_alive(room: Room) -> None:
    end = room.expires_at()
    room.clock.move(7 * DAY - 60)
    browser = room.browser()
    while browser.press().status_code == 303:
        room.clock.move(600)
    assert end + 1200 <= room.clock.now() <= end + 2400
    assert room.expires_at() == end + 1800


# --- when the outside does not work ----------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [Unavailable("down"), Misconfigured("no client"), Rejected("email", "not taken")]
)
def test_a_press_while_keycloak_does_not_take_it_can_be_repeated(room: Room, error: Exception) -> None:
    room.idp.fail("link", error)
    browser = room.browser()
    answer = browser.press()
    assert answer.status_code == 503
    assert "your link stays good" in answer.text
    assert "Continue here" not in browser.get(room.link()).text
    assert browser.press().status_code == 303


def test_after_a_failed_press_the_worker_has_the_accounts_row_again(room: Room) -> None:
    room.idp.fail("create", Unavailable("down"))
    room.browser().press()
    assert room.states()["sync_account"] == "ready"
    assert room.handover().status is HandOverStatus.CLOSED


def test_a_press_while_the_invitation_ends_shows_how_the_link_stands(room: Room) -> None:
    """Revoked between our look and Keycloak's answer."""
    room.idp.fail("create", Unavailable("down"))
    link = room.link()
    room.on_call("create", lambda: room.do(c.RevokeInvitation))
    answer = room.browser().post(link)
    assert answer.status_code == 410
    assert "withdrawn" in answer.text


# --- the account's turn ----------------------------------------------------------------------------


class StubAccounts:
    """Accounts that only note what they are asked."""

    def __init__(self) -> None:
        self.prepared: list[str] = []

    def prepare_handover(self, handover: HandOver, sub: str) -> AccountId:
        self.prepared.append(handover.id)
        return AccountId("account")


def a_desk(room: Room, accounts: StubAccounts, wait: object) -> HandOverDesk:
    return HandOverDesk(
        room.service,
        accounts,  # type: ignore[arg-type]  # only what the press asks of them
        room.followup,
        CountingIds(),
        HandoverSettings(),
        wait,  # type: ignore[arg-type]  # a function of the test
    )


def test_a_press_waits_until_the_worker_has_finished_with_the_account(room: Room) -> None:
    (row,) = room.claim(Lane.ACCOUNT)
    accounts = StubAccounts()

    def wait(seconds: float) -> None:
        room.clock.move(seconds)
        assert accounts.prepared == []
        with room.store.write() as work:
            work.outbox.acknowledge([(row.id, row.attempt)], now=room.clock.now())

    desk = a_desk(room, accounts, wait)
    pressed = desk.press(room.invited(), cookie="", request_id="request-1")
    assert accounts.prepared == [pressed.handover.id]
    assert pressed.handover.sub


def test_a_press_waits_ten_seconds_and_no_longer(room: Room) -> None:
    room.claim(Lane.ACCOUNT)
    accounts = StubAccounts()
    desk = a_desk(room, accounts, room.clock.move)
    with pytest.raises(Unavailable):
        desk.press(room.invited(), cookie="", request_id="request-1")
    assert 10 <= room.clock.now() - NOW < 11
    assert accounts.prepared == []


def test_a_press_that_waits_gives_way_to_a_later_one(room: Room) -> None:
    room.claim(Lane.ACCOUNT)
    accounts = StubAccounts()
    pressed_elsewhere: list[HandOver] = []

    def wait(seconds: float) -> None:
        room.clock.move(seconds)
        if not pressed_elsewhere:
            pressed_elsewhere.append(room.open_another_handover())

    desk = a_desk(room, accounts, wait)
    with pytest.raises(NotLive):
        desk.press(room.invited(), cookie="", request_id="request-1")
    assert accounts.prepared == []


def test_a_press_that_lost_the_row_leaves_the_account_to_the_worker(room: Room) -> None:
    """Keycloak answered after the lease was over: what we wrote may be older than the worker's."""

    class SlowAccounts(StubAccounts):
        def prepare_handover(self, handover: HandOver, sub: str) -> AccountId:
            room.clock.move(16)
            room.claim(Lane.ACCOUNT)
            return super().prepare_handover(handover, sub)

    desk = a_desk(room, SlowAccounts(), room.clock.move)
    with pytest.raises(Unavailable):
        desk.press(room.invited(), cookie="", request_id="request-1")
    with room.store.read() as work:
        (row,) = [r for r in work.outbox.open_rows(ACME, ADA) if r.effect == "sync_account"]
    assert row.wanted > (row.taken or 0)
    assert room.handover().status is HandOverStatus.CLOSED


def test_a_hand_over_that_was_taken_while_the_account_was_prepared_keeps_no_link(room: Room) -> None:
    class Overtaken(StubAccounts):
        def prepare_handover(self, handover: HandOver, sub: str) -> AccountId:
            room.open_another_handover()
            return super().prepare_handover(handover, sub)

    desk = a_desk(room, Overtaken(), room.clock.move)
    with pytest.raises(NotLive):
        desk.press(room.invited(), cookie="", request_id="request-1")
    assert room.states()["sync_account"] == "ready"
