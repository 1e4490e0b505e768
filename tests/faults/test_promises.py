"""The promises of the README, each kept by real processes while something goes wrong."""

import threading
import time

from connector.domain.model import PortalUser
from tests.faults.conftest import Install
from tests.faults.door import door_of, opened
from tests.faults.installation import Installation
from tests.faults.invariants import check, check_stored
from tests.faults.journal import Fate
from tests.faults.processes import wait_until
from tests.faults.seeds import chance, scaled
from tests.faults.workers import working
from tests.support.fault_proxy import Mode

FEEDERS = 4
AT_LEAST = 15
"""Answers that a web process gives before it is killed."""


def test_promise_p1_no_answered_change_is_lost_however_often_the_process_is_killed(
    install_any: Install, seed: int
) -> None:
    lives = scaled(7, 125)
    with install_any() as installation:
        feeders = [
            installation.start_feeder(seed, name=f"f{number}", lives=lives, changes=30, pause=0.01)
            for number in range(FEEDERS)
        ]
        assert [feeder.wait(30.0 * lives) for feeder in feeders] == [0] * FEEDERS, feeders[0].tail()
        found = check_stored(installation, now=time.time())
    answered = len(found.journal.of_fate(Fate.ANSWERED))
    print(f"{FEEDERS * lives} kills, {answered} answered")
    assert FEEDERS * lives >= 25
    assert answered >= 500


def test_promise_p1_no_answered_scim_request_is_lost_when_usher_run_is_killed(
    install: Install, seed: int
) -> None:
    with install() as installation:
        door, pick, made, lives = door_of(installation), chance(seed, "door"), 0, scaled(2, 20)
        for life in range(lives):
            with opened(door) as process:
                for number in range(10_000):
                    if number == AT_LEAST:
                        threading.Timer(pick.uniform(0.1, 0.6), process.kill).start()
                    if door.create(life * 10_000 + number) is None:
                        break
                    made += 1
        assert made >= lives * AT_LEAST
        check_stored(installation, now=time.time())


def test_promise_p4_taking_access_away_overtakes_imports_and_mail(install: Install) -> None:
    with install() as installation:
        clerk = installation.clerk
        people = [clerk.create(number) for number in range(20)]
        with working(installation):
            installation.wait_until_settled()
            active = [clerk.do("activate", user) for user in _fresh(installation, people[:10])]
            installation.wait_until_settled()
        installation.smtp_proxy.always(Mode.REFUSE)
        invited = [clerk.do("resend", user) for user in _fresh(installation, people[10:])]
        for number in range(scaled(300, 3000)):
            clerk.create(1000 + number)
        posted = len(installation.office.mails())
        with working(installation):
            waits = [_seconds_until_off(installation, clerk.do("disable", user)) for user in active]
            for user in invited:
                clerk.do("hold", user)
            assert len(installation.waiting()) > 100
            installation.smtp_proxy.always(Mode.OK)
            installation.wait_until_settled(of={user.id for user in invited})
        held = {user.profile.email for user in invited}
        assert not [mail for mail in installation.office.mails()[posted:] if mail.recipient in held]
    print(f"off after {sorted(waits)} s")
    assert sorted(waits)[int(len(waits) * 0.95)] < 5.0


def _fresh(installation: Installation, users: list[PortalUser]) -> list[PortalUser]:
    with installation.store.read() as work:
        found = [work.users.get(user.tenant, user.id) for user in users]
    return [user for user in found if user is not None]


def _seconds_until_off(installation: Installation, user: PortalUser) -> float:
    began = time.monotonic()
    console = installation.realm.console
    wait_until(
        lambda: not console.get(f"users/{user.account_id}")["enabled"], 30.0, f"{user.id} is switched off"
    )
    return time.monotonic() - began


def test_promise_p5_what_cannot_be_delivered_stops_only_its_own_user(install: Install) -> None:
    count = scaled(20, 100)
    with install() as installation:
        clerk = installation.clerk
        poisoned = clerk.create(0, family_name="Love<lace>")
        others = [clerk.create(number) for number in range(1, count)]
        with working(installation):
            installation.wait_until_settled()
        found = check(installation, now=time.time(), stuck={"rejected"})
        stuck = [row for row in found.rows if row["state"] == "quarantined"]
        assert [(row["subject"], row["reason"]) for row in stuck] == [(f"u:acme/{poisoned.id}", "rejected")]
        assert {mail.recipient for mail in installation.office.mails()} == {
            user.profile.email for user in others
        }


def test_promise_p6_what_an_operator_gives_up_says_who_and_why(install: Install) -> None:
    with install() as installation:
        clerk = installation.clerk
        poisoned = clerk.create(0, family_name="Love<lace>")
        with working(installation):
            installation.wait_until_settled()
            (row,) = [row for row in installation.rows() if row.state == "quarantined"]
            installation.usher("outbox", "skip", str(row.id), "--because", "not a name")
            installation.wait_until_settled()
        with installation.store.read() as work:
            given_up = work.outbox.get(row.id)
            entry = work.timeline.of(poisoned.tenant, poisoned.id)[-1]
        assert given_up is not None
        assert given_up.state == "skipped"
        assert (entry.action, entry.actor) == ("outbox_skip", "operator")
        assert "not a name" in entry.reason


def test_promise_p7_scim_takes_changes_while_keycloak_and_mail_are_down(install: Install) -> None:
    with install() as installation:
        door = door_of(installation)
        with opened(door):
            installation.keycloak_proxy.always(Mode.BLACKHOLE)
            installation.smtp_proxy.always(Mode.BLACKHOLE)
            made = [door.create(number) for number in range(30)]
            assert all(made)
            assert door.readiness() == 200
            assert sorted(door.seconds)[len(made) // 2] < 1.0, "no answer waits for Keycloak or mail"
            assert max(door.seconds) < 3.0
            assert not installation.office.mails()
            installation.keycloak_proxy.always(Mode.OK)
            installation.smtp_proxy.always(Mode.OK)
            installation.wait_until_settled()
        check(installation, now=time.time())
