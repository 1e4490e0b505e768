"""What nobody else may learn: of a link from what we keep and write, of invitations from how we answer, of
our addresses from what a caller claims.
"""

import io
import random
import statistics
import time
from pathlib import Path

import pytest

from connector.domain import commands as c
from connector.domain.effects import Template
from connector.domain.errors import Unavailable
from connector.domain.policy import DAY
from connector.foundation.config import LimitSettings
from connector.foundation.keys import LinkKey
from connector.foundation.links import InvitationLinks
from connector.invite.keycloak_client import Identity
from tests.support.invite_room import PUBLIC, Browser, Room, a_room

ROUNDS = 3
"""How often the machine may disturb a comparison of times; what really differs differs each time."""


# --- I2, I7: nothing that is kept or written opens a link --------------------------------------------


def walk(room: Room, browser: Browser) -> list[str]:
    """A whole life: invited, mailed, pressed, signed in, expired, renewed; every token there was."""
    room.work()
    links = [room.link(1)]
    browser.get(links[0])
    query = browser.to_sign_in()
    browser.token(browser.authorize().headers["Location"].partition("code=")[2][:64])
    room.client.away = Unavailable("no route")
    browser.get(f"/invite/done?code=c&state={query['state']}")
    room.client.away = None
    room.clock.move(8 * DAY)
    room.work()
    browser.post(f"{links[0]}/renew")
    room.work()
    links.append(room.link(2))
    query = browser.asked(browser.post(links[1]))
    browser.get(f"/invite/probe?error=login_required&state={query['state']}")
    room.idp.finish_actions(room.account(), created_at=room.clock.now())
    room.client.codes["c"] = Identity(sub=room.account(), name="", id_token="a.fresh.token")
    browser.get(links[1][:-1])
    return [link.rpartition("/")[2] for link in links]


def test_control_i2_no_token_is_in_the_database_the_outbox_or_the_log(
    room: Room, stream: io.StringIO
) -> None:
    tokens = walk(room, room.browser())
    kept, written = room.dump(), stream.getvalue()
    assert {"outbox", "handover", "mail_attempt", "timeline"} <= set(kept.split("'"))
    assert '"route": "/invite/<token>"' in written
    for token in tokens:
        seal = token.rpartition(".")[2]
        assert seal not in kept
        assert seal not in written
    assert PUBLIC + "/invite/" not in kept + written


def test_control_i2_a_mail_that_is_repeated_has_the_same_link(room: Room) -> None:
    room.mails.error = Unavailable("no route")
    room.work()
    room.mails.error = None
    room.clock.move(3600)
    room.work()
    room.do(c.Resend)
    room.work()
    first, second = ((template, link) for template, _, link in room.mails.sent)
    assert room.mails.tries == 3
    assert first == (Template.INVITATION, PUBLIC + room.link(1))
    assert second == (Template.ACTIVATION_RESEND, PUBLIC + room.link(2))


def test_control_i7_the_seal_stands_in_addresses_of_our_own_alone(room: Room) -> None:
    """Nothing that a page loads or leads to could hand it on."""
    browser, link = room.browser(), room.link()
    landing, pressed = browser.get(link), browser.press()
    seal = link.rpartition(".")[2]
    assert seal not in f"{landing.headers}{pressed.headers}"
    around = landing.text.split(link)
    assert len(around) == 2
    assert around[0].endswith('action="')
    assert seal not in "".join(around)


# --- I9: nothing to learn without a seal -------------------------------------------------------------


def tries(room: Room) -> dict[str, str]:
    """A link that leads nowhere of each kind."""
    good = room.link().rpartition("/")[2]
    strange = InvitationLinks(PUBLIC, LinkKey(bytes(32)))
    return {
        "unknown": room.links.invitation("f" * 32, 1).removeprefix(PUBLIC),
        "foreign": strange.invitation(good[:32], 1).removeprefix(PUBLIC),
        "forged": f"/invite/{good[:-1]}{'A' if good[-1] != 'A' else 'B'}",
        "malformed": "/invite/nothing-of-ours",
    }


def medians(browser: Browser, paths: dict[str, str], samples: int = 200) -> dict[str, float]:
    """Seconds of each kind, taken by turns in a changing order: what disturbs one disturbs all."""
    took: dict[str, list[float]] = {kind: [] for kind in paths}
    order = random.Random(7)  # noqa: S311 (no secret: an order)
    for _ in range(samples):
        for kind in order.sample(sorted(paths), len(paths)):
            begun = time.perf_counter()
            browser.get(paths[kind])
            took[kind].append(time.perf_counter() - begun)
    return {kind: statistics.median(times) for kind, times in took.items()}


def test_control_i9_unknown_foreign_and_forged_links_take_the_same_time(tmp_path: Path) -> None:
    room = a_room(tmp_path, limits=LimitSettings(bad_links_per_address=10_000))
    browser, found = room.browser(), []
    for _ in range(ROUNDS):
        times = medians(browser, tries(room))
        found.append(max(times.values()) / min(times.values()))
        if found[-1] <= 1.2:
            return
    pytest.fail(f"slowest to fastest median: {found}")


def test_control_i9_unknown_foreign_and_forged_links_get_the_same_bytes_and_headers(tmp_path: Path) -> None:
    room = a_room(tmp_path, limits=LimitSettings(bad_links_per_address=10_000))
    for ask in ("get", "post"):
        for ending in ("", "/renew", "?lang=de"):
            answers = [getattr(room.browser(), ask)(path + ending) for path in tries(room).values()]
            assert {answer.status_code for answer in answers} == {404}
            assert len({answer.data for answer in answers}) == 1
            shown = [
                [header for header in answer.headers if header[0] != "X-Request-ID"] for answer in answers
            ]
            assert all(headers == shown[0] for headers in shown)


# --- I13: our addresses are the configuration's ------------------------------------------------------

CLAIMS = [
    {"Host": "evil.example"},
    {"Host": "usher.example.com.evil.example"},
    {"Host": "usher.example.com:443@evil.example"},
    {"Host": "evil.example:80"},
    {"Host": ""},
    {"Host": "[::1]"},
    {"Host": "usher.example.com", "X-Forwarded-Host": "evil.example"},
    {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "81", "X-Forwarded-Server": "evil.example"},
    {"Forwarded": "host=evil.example;proto=http;for=evil.example"},
    {"X-Original-URL": "/evil.example", "X-Rewrite-URL": "/evil.example"},
    {"X-Host": "evil.example", "X-HTTP-Host-Override": "evil.example"},
    {"X-Forwarded-Prefix": "/evil.example", "X-Script-Name": "/evil.example"},
    {"Referer": "https://evil.example/"},
]


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_control_i13_no_header_changes_a_byte_of_an_answer_or_where_it_leads(
    tmp_path: Path, claim: dict[str, str]
) -> None:
    def seen(headers: dict[str, str]) -> list[tuple[int, bytes, str]]:
        folder = tmp_path / f"with{len(headers)}"
        folder.mkdir()
        room = a_room(folder)
        http = room.app.test_client()
        given = {"Origin": PUBLIC, "Host": "usher.example.com", **headers}
        asked = [
            ("GET", room.link()),
            ("GET", "/invite/x"),
            ("POST", room.link()),
            ("GET", "/invite/done"),
            ("POST", f"{room.link()}/renew"),
            ("GET", "/oidc/main/.well-known/openid-configuration"),
            ("GET", "/oidc/main/authorize"),
            ("GET", "/brand/acme/style.css"),
        ]
        answers = [http.open(path, method=method, headers=given) for method, path in asked]
        return [(a.status_code, a.data, a.headers.get("Location", "")) for a in answers]

    assert seen(claim) == seen({})
