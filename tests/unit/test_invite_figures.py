"""What is counted and logged of people on the way through Keycloak."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.errors import Unavailable
from connector.invite.keycloak_client import Identity
from tests.support.builders import ACME, ADA
from tests.support.figures import counted
from tests.support.invite_room import Browser, Room


@contextmanager
def one(outcome: str) -> Iterator[None]:
    """The block counts this outcome once."""
    with counted("usher_handovers_total", outcome=outcome) as times:
        yield
    assert times == [1.0]


def back_as(room: Room, browser: Browser, sub: str) -> None:
    query = browser.to_sign_in()
    room.client.codes["c"] = Identity(sub=sub, name="", id_token="a.fresh.token")
    browser.get(f"/invite/done?code=c&state={query['state']}")


def test_operation_x2_a_hand_over_is_begun_and_completed_once(room: Room, browser: Browser) -> None:
    with one("begun"), one("completed"):
        query = browser.to_sign_in()
        room.idp.finish_actions(room.account(), created_at=room.clock.now())
        room.client.codes["c"] = Identity(sub=room.account(), name="", id_token="a.fresh.token")
        for _ in range(2):
            browser.get(f"/invite/done?code=c&state={query['state']}")


def test_operation_x2_whoever_comes_back_without_a_credential_is_turned_away(
    room: Room, browser: Browser
) -> None:
    browser.press()
    room.idp.edit(room.account(), requiredActions=[])
    with one("turned_away"):
        back_as(room, browser, room.account())


def test_operation_x2_somebody_else_at_the_end_counts(room: Room, browser: Browser) -> None:
    with one("somebody_else"):
        back_as(room, browser, "somebody-else")


def test_operation_x2_a_press_that_keycloak_does_not_take_counts(room: Room, browser: Browser) -> None:
    room.idp.fail("link", Unavailable("down"))
    with one("failed"):
        browser.press()


def test_operation_x2_keycloak_away_at_the_end_counts(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    room.client.away = Unavailable("down")
    with one("unanswered"):
        browser.get(f"/invite/done?code=c&state={query['state']}")


def test_operation_x4_a_page_has_its_rule_its_tenant_and_its_user_in_the_line_and_not_the_link(
    room: Room, browser: Browser, stream: io.StringIO
) -> None:
    browser.get(room.link())
    browser.press()
    browser.get("/invite/x.y.z")
    shown, pressed, unknown = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (shown["route"], shown["method"], shown["status"]) == ("/invite/<token>", "GET", 200)
    assert (pressed["method"], pressed["status"]) == ("POST", 303)
    assert (shown["tenant"], shown["user_id"]) == (pressed["tenant"], pressed["user_id"]) == (ACME, ADA)
    assert (unknown["route"], unknown.get("user_id")) == ("/invite/<token>", None)
    assert room.link().rpartition("/")[2] not in stream.getvalue()


def test_operation_x5_the_id_of_a_press_is_in_its_timeline_entry_and_its_rows(
    room: Room, browser: Browser
) -> None:
    answer = browser.press()
    request_id = answer.headers["X-Request-ID"]
    with room.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
        rows = {row.effect: row.request_id for row in work.outbox.open_rows(ACME, ADA)}
    assert (entry.action, entry.request_id) == ("press", request_id)
    assert rows["check_handover"] == request_id
    assert len(request_id) >= 8
