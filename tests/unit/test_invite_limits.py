"""Limits: whoever asks too often waits, and nobody else does."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask
from pydantic import ValidationError
from werkzeug.test import TestResponse

from connector.domain import commands as c
from connector.domain.policy import DAY
from connector.foundation.config import LimitSettings, ServerSettings
from connector.invite import limits as limits_module
from connector.invite.clients import client_address
from connector.invite.limits import Limits
from connector.invite.standing import look
from tests.support.builders import NOW
from tests.support.figures import counted
from tests.support.invite_room import PUBLIC, Room, a_room

OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


class From:
    """Somebody at an address, with a browser that keeps cookies or not."""

    def __init__(
        self, room: Room, address: str, *, keeps_cookies: bool = True, forwarded: str = ""
    ) -> None:
        self._room, self._http = room, room.app.test_client(use_cookies=keeps_cookies)
        self._address, self._headers = {"REMOTE_ADDR": address}, {"X-Forwarded-For": forwarded}

    def get(self, path: str) -> TestResponse:
        return self._http.get(path, base_url=PUBLIC, environ_overrides=self._address, headers=self._headers)

    def post(self, path: str) -> TestResponse:
        headers = {"Origin": PUBLIC, **self._headers}
        return self._http.post(path, base_url=PUBLIC, environ_overrides=self._address, headers=headers)

    def until_limited(self, ask: Callable[[], TestResponse], most: int = 200) -> int:
        """How often it went well before it was too often."""
        for number in range(most):
            if ask().status_code == 429:
                return number
        raise AssertionError("never too often")


# --- presses ---------------------------------------------------------------------------------------


def test_control_i10_one_browser_presses_ten_times_an_hour_and_reads_when_to_come_back(room: Room) -> None:
    ada, link = From(room, OFFICE), room.link()
    ada.post(link)
    assert ada.until_limited(lambda: ada.post(link)) == 10
    room.clock.move(600)
    page = ada.post(link)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "3000"
    assert "One moment, please" in page.text
    assert "Acme GmbH" in page.text
    room.clock.move(3000)
    assert ada.post(link).status_code == 303


def test_control_i10_a_browser_without_cookies_is_told_by_its_address(room: Room) -> None:
    robot, link = From(room, OFFICE, keeps_cookies=False), room.link()
    assert robot.until_limited(lambda: robot.post(link)) == 60
    assert From(room, ELSEWHERE).post(link).status_code == 303, "the person at home still can"


def test_control_i10_a_link_is_pressed_two_hundred_times_from_anywhere(room: Room) -> None:
    link, answers = room.link(), []
    for number in range(201):
        answers.append(From(room, f"198.51.100.{number}").post(link).status_code)
    assert answers == [303] * 200 + [429]
    room.do(c.Resend)
    assert From(room, ELSEWHERE).post(room.link(2)).status_code == 303, "a new link begins anew"


def test_control_i10_a_shared_office_address_locks_nobody_out(room: Room) -> None:
    """Everybody in it opens and presses, and its mail scanner tried a hundred links that lead nowhere."""
    for number in range(100):
        From(room, OFFICE).get(f"/invite/nowhere{number}")
    links = [room.invite_another(f"p{number}@acme.example") for number in range(40)]
    assert {From(room, OFFICE).get(link).status_code for link in links} == {200}
    assert {From(room, OFFICE).post(link).status_code for link in links} == {303}


def test_control_i10_what_was_refused_has_touched_neither_keycloak_nor_the_hand_over(room: Room) -> None:
    ada, link = From(room, OFFICE), room.link()
    ada.post(link)
    ada.until_limited(lambda: ada.post(link))
    before, calls = room.handover(), len(room.idp.calls)
    with counted("usher_handovers_total", outcome="limited") as times:
        assert ada.post(link).status_code == 429
    assert times == [1.0]
    assert (room.handover(), len(room.idp.calls)) == (before, calls)


def test_control_i10_looking_is_never_limited_for_a_good_link(room: Room) -> None:
    ada, link = From(room, OFFICE), room.link()
    ada.until_limited(lambda: ada.post(link))
    assert {ada.get(link).status_code for _ in range(50)} == {200}


def test_control_i10_all_processes_count_together(room: Room) -> None:
    """The counters are the database's: a second process or a restart resets none."""

    def process() -> Limits:
        return Limits(room.store, room.clock, room.links, LimitSettings(presses_per_link=4))

    opened = room.links.open(room.link().rpartition("/")[2])
    assert opened is not None
    with room.store.read() as work:
        invited = look(work, room.tenants, opened, browser="", now=NOW)
    assert invited is not None
    waits = [process().press(invited, browser="", address=f"192.0.2.{n}") for n in range(5)]
    assert waits == [0, 0, 0, 0, 3600]


def test_control_i10_no_address_is_stored_and_tallies_are_forgotten_with_their_window(room: Room) -> None:
    From(room, OFFICE).post(room.link())
    assert OFFICE not in room.dump()
    assert "press.address:" in room.dump()
    with room.store.write() as work:
        assert work.tallies.forget(before=NOW + 3600, limit=100) == 2


# --- asking for a new link -------------------------------------------------------------------------


def test_control_i10_a_new_link_is_asked_for_ten_times_an_hour_from_one_address(room: Room) -> None:
    room.clock.move(8 * DAY)
    ada, link = From(room, OFFICE), room.link()
    assert ada.until_limited(lambda: ada.post(f"{link}/renew")) == 10
    page = ada.post(f"{link}/renew")
    assert page.headers["Retry-After"] == "3600"
    assert From(room, ELSEWHERE).post(f"{link}/renew").status_code == 303
    assert room.generation() == 2, "one mail, however often"


def test_control_i10_a_new_link_is_asked_for_thirty_times_from_anywhere(room: Room) -> None:
    room.clock.move(8 * DAY)
    link = room.link()
    answers = [From(room, f"198.51.100.{n}").post(f"{link}/renew").status_code for n in range(31)]
    assert answers == [303] * 30 + [429]


# --- links that lead nowhere -----------------------------------------------------------------------


def test_control_i10_twenty_bad_links_a_minute_are_answered_and_then_a_pause(room: Room) -> None:
    stranger = From(room, ELSEWHERE)
    before = room.dump()
    assert stranger.until_limited(lambda: stranger.get("/invite/nowhere")) == 20
    page = stranger.get("/invite/nowhere")
    assert page.headers["Retry-After"] == "60"
    forged = room.link()[:-1] + "!"
    others = [stranger.get(forged), stranger.get("/invite/x/renew"), stranger.get(f"{forged}/renew")]
    assert {one.data for one in others} == {page.data}, "the same for every kind of bad link"
    assert room.dump() == before, "looking writes nothing"
    assert stranger.get(room.link()).status_code == 200, "a good link has its page"
    room.clock.move(60)
    assert stranger.get("/invite/nowhere").status_code == 404


def test_control_i10_the_memory_of_strangers_has_an_end(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MEMORY", 5)
    limits = Limits(room.store, room.clock, room.links, LimitSettings(bad_links_per_address=1))
    for number in range(50):
        limits.nowhere(f"198.51.100.{number}")
    assert limits.nowhere("198.51.100.49") == 60
    assert limits.nowhere("198.51.100.0") == 0, "the oldest made room"


def test_control_i10_a_clock_that_was_ahead_locks_nobody_out(room: Room) -> None:
    limits = Limits(room.store, room.clock, room.links, LimitSettings(bad_links_per_address=1))
    room.clock.move(8 * DAY)
    limits.nowhere(OFFICE)
    room.clock.move(-8 * DAY)
    assert limits.nowhere(OFFICE) == 0


def test_control_i10_addresses_of_one_ipv6_network_count_as_one(room: Room) -> None:
    limits = Limits(room.store, room.clock, room.links, LimitSettings(bad_links_per_address=2))
    waits = [limits.nowhere(f"2001:db8:1:2::{n:x}") for n in range(3)]
    assert waits == [0, 0, 60]
    assert limits.nowhere("2001:db8:1:3::1") == 0
    assert [limits.nowhere(one) for one in ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1")] == [0, 0, 60]


# --- behind proxies --------------------------------------------------------------------------------


PROXIES = [ip_network(one) for one in ("10.0.0.0/8", "127.0.0.1", "2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (OFFICE, [], OFFICE),
        (OFFICE, ["192.0.2.1"], OFFICE),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [OFFICE], OFFICE),
        ("10.0.0.1", [f"192.0.2.1, {OFFICE}"], OFFICE),
        ("10.0.0.1", ["192.0.2.1", OFFICE], OFFICE),
        ("10.0.0.1", [f"{OFFICE}, 10.0.0.2,10.0.0.3"], OFFICE),
        ("127.0.0.1", [f"192.0.2.1, {OFFICE}, 10.9.9.9"], OFFICE),
        ("10.0.0.1", ["10.0.0.9"], "10.0.0.9"),
        ("::ffff:10.0.0.1", [OFFICE], OFFICE),
        ("2001:db8::1", ["2001:db9::7"], "2001:db9::7"),
        ("10.0.0.1", ["192.0.2.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1, "], "10.0.0.1"),
        ("10.0.0.1", [f"{OFFICE}:4711"], "10.0.0.1"),
        ("", [OFFICE], ""),
    ],
)
def test_control_i10_the_client_is_whoever_reached_the_outermost_of_our_proxies(
    peer: str, forwarded: list[str], client: str
) -> None:
    headers = [("X-Forwarded-For", one) for one in forwarded]
    with Flask("t").test_request_context(headers=headers, environ_overrides={"REMOTE_ADDR": peer}):
        assert client_address(PROXIES) == client


def bad_links(room: Room, peer: str) -> list[int]:
    """What a stranger gets who writes another address into the header each time, 22 times over."""
    requests = (From(room, peer, forwarded=f"192.0.2.{n}") for n in range(22))
    return [one.get("/invite/x").status_code for one in requests]


def test_control_i10_a_forged_header_resets_nothing(room: Room) -> None:
    assert bad_links(room, ELSEWHERE) == [404] * 20 + [429] * 2


def test_control_i10_behind_a_listed_proxy_each_client_counts_for_itself(tmp_path: Path) -> None:
    room = a_room(tmp_path, server=ServerSettings.model_validate({"proxies": ["10.0.0.0/8"]}))
    assert bad_links(room, "10.0.0.1") == [404] * 22
    assert bad_links(room, ELSEWHERE) == [404] * 20 + [429] * 2


@pytest.mark.parametrize("written", ["10.0.0.7/8", "proxy.example.com", "", 7])
def test_a_proxy_that_is_no_address_or_network_is_a_fault(written: object) -> None:
    with pytest.raises(ValidationError, match="must be an address or a network"):
        ServerSettings.model_validate({"proxies": [written]})


def test_a_proxy_may_be_an_address_or_a_network() -> None:
    written = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]
    read = ServerSettings.model_validate({"proxies": written})
    assert read.model_dump(mode="json")["proxies"] == ["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"]
