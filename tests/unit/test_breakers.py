"""When a sink is taken for away, and what happens to its rows then."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Forbidden, Misconfigured, Rejected, Unavailable
from connector.domain.model import HoldKind, UserId
from connector.store.checkpoint import Checkpointer
from tests.support.builders import ACME, ADA, NOW, SYSTEM
from tests.support.plant import Plant
from tests.support.waiting import wait_until

AWAY = Unavailable("connection refused")
SINK = "keycloak:main"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """As in a process that works for long, somebody keeps SQLite's log short."""
    plant = Plant(tmp_path)
    checkpoints = Checkpointer(plant.url)
    checkpoints.start()
    yield plant
    checkpoints.stop()


def people(plant: Plant, count: int) -> list[UserId]:
    ids = [UserId(f"user-{number:04}") for number in range(count)]
    for number, user in enumerate(ids):
        plant.create(user, f"user{number}@acme.example")
    return ids


def away(plant: Plant) -> dict[str, tuple[float, int]]:
    with plant.store.read() as work:
        return {sink.name: (sink.open_until, sink.openings) for sink in work.sinks.all()}


def due(plant: Plant, users: list[UserId]) -> set[float | None]:
    return {row.due_at for user in users for row in plant.waiting(user) if row.effect == "sync_account"}


def test_queue_q8_five_failures_over_several_users_open_the_breaker(plant: Plant) -> None:
    users = people(plant, 30)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    assert away(plant) == {SINK: (NOW + 30, 1)}
    rows = [row for user in users for row in plant.waiting(user) if row.effect == "sync_account"]
    parked = [row for row in rows if row.failures == 0]
    assert len(parked) > 15
    assert {(row.state, row.due_at, row.reason) for row in parked} == {("ready", NOW + 30, None)}


def test_queue_q8_one_users_failures_alone_open_nothing(plant: Plant) -> None:
    plant.create()
    plant.idp.go_away(AWAY)
    for _ in range(8):
        plant.worker.drain()
        plant.clock.move(600)
    assert away(plant) == {}


def test_queue_q8_a_success_in_between_begins_the_count_anew(plant: Plant) -> None:
    worker = plant.another_worker(account_slots=1)
    people(plant, 4)
    plant.idp.fail("create", AWAY, times=4)
    worker.drain()
    plant.create(UserId("good"), "good@acme.example")
    worker.drain()
    for number in range(4):
        plant.create(UserId(f"late-{number}"), f"late{number}@acme.example")
    plant.idp.fail("create", AWAY, times=4)
    worker.drain()
    assert away(plant) == {}


def test_queue_q8_what_cannot_get_better_by_itself_opens_it_at_once(plant: Plant) -> None:
    users = people(plant, 30)
    plant.idp.fail("create", Misconfigured("401 for a new token"), times=1000)
    plant.worker.drain()
    assert set(away(plant)) == {SINK}
    plant.clock.move(100 * 86400)
    plant.worker.drain()
    assert {row.state for user in users for row in plant.waiting(user)} == {"ready"}


def test_queue_q8_what_is_one_users_or_tenants_matter_opens_nothing(plant: Plant) -> None:
    people(plant, 30)
    plant.idp.fail("create", Rejected("email", "no"), times=6)
    plant.idp.fail("create", Misconfigured("not kept", sink_wide=False), times=6)
    plant.worker.drain()
    assert away(plant) == {}


def test_a_second_forbidden_account_says_that_our_rights_are_gone(plant: Plant) -> None:
    first, *others = people(plant, 30)
    plant.idp.fail("create", Forbidden("403"), times=1000)
    worker = plant.another_worker(account_slots=1)
    worker.drain()
    states = [row.state for user in [first, *others] for row in plant.waiting(user) if row.lane == 0]
    assert "quarantined" not in states
    assert set(away(plant)) == {SINK}


def test_queue_q8_the_pause_doubles_up_to_its_bound_and_one_row_is_the_probe(plant: Plant) -> None:
    people(plant, 40)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    tries, pauses = len(plant.idp.calls), []
    for _ in range(6):
        ((until, _openings),) = away(plant).values()
        pauses.append(until - plant.clock.now())
        plant.clock.time = until
        plant.worker.drain()
    assert pauses == [30, 60, 120, 240, 300, 300]
    assert len(plant.idp.calls) == tries + 6


def test_queue_q8_a_thousand_rows_and_an_hour_without_keycloak_cost_few_calls(plant: Plant) -> None:
    users = people(plant, 1000)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    while plant.clock.now() < NOW + 3600:
        plant.clock.move(30)
        plant.worker.drain()
    assert len(plant.idp.calls) < 60
    plant.idp.heal()
    drain_for(plant, 400)
    assert away(plant) == {}
    assert len(plant.idp.accounts()) == len(users)
    assert not [row for user in users for row in plant.waiting(user) if row.lane == 0]


def drain_for(plant: Plant, seconds: float) -> None:
    end = plant.clock.now() + seconds
    while plant.clock.now() < end:
        plant.worker.drain()
        plant.clock.move(30)


def test_queue_q8_a_probe_that_fails_for_itself_alone_is_not_tried_again_next(plant: Plant) -> None:
    users = people(plant, 30)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    plant.idp.heal()
    plant.idp.fail("create", AWAY)
    plant.clock.move(30)
    plant.worker.drain()
    ((until, openings),) = away(plant).values()
    assert openings == 2
    plant.clock.time = until
    plant.worker.drain()
    assert away(plant) == {}
    assert len(plant.idp.accounts()) == len(users) - 1


def test_queue_q8_of_two_workers_one_tries(plant: Plant) -> None:
    people(plant, 40)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    tried = len(plant.idp.calls)
    other = plant.another_worker(name="w2")
    seen: list[int] = []

    def meanwhile() -> None:
        if not seen:
            seen.append(other.drain())

    plant.idp.heal()
    plant.idp.before("create", meanwhile)
    plant.clock.move(30)
    assert plant.worker.drain() > 0
    assert seen == [0]
    assert len(plant.idp.calls) > tried


def test_queue_q8_a_look_whose_worker_died_is_not_waited_for(plant: Plant) -> None:
    users = people(plant, 30)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    plant.idp.heal()
    plant.clock.move(30)
    with plant.store.write() as work:
        assert work.outbox.claim(Lane.ACCOUNT, None, 1, lease=90, now=NOW + 30, sink=SINK)
        assert work.sinks.win_probe(SINK, until=NOW + 120, now=NOW + 30)
    plant.worker.drain()
    assert len(plant.idp.accounts()) == 0
    plant.worker.recover()
    plant.worker.drain()
    assert len(plant.idp.accounts()) == len(users)


def test_promise_p4_after_an_outage_taking_access_away_goes_first(plant: Plant) -> None:
    people(plant, 30)
    plant.create()
    plant.worker.drain()
    plant.idp.go_away(AWAY)
    people_later = [UserId(f"late-{number}") for number in range(30)]
    for number, user in enumerate(people_later):
        plant.create(user, f"late{number}@acme.example")
    plant.worker.drain()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    plant.idp.heal()
    worker = plant.another_worker(account_slots=1)
    before = len(plant.idp.calls)
    plant.clock.move(30)
    worker.drain()
    deeds = [method for method, _ in plant.idp.calls[before:]]
    # Behind the probe, which is whichever row has waited longest.
    assert deeds.index("update") < 6
    assert not plant.account_of(ADA).enabled


def test_queue_q8_what_a_worker_has_claimed_already_is_not_tried_either(plant: Plant) -> None:
    people(plant, 20)
    plant.idp.go_away(AWAY)
    worker = plant.another_worker(account_slots=1, poll=0.01)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: away(plant), what="opening")
    wait_until(lambda: "running" not in states(plant), what="giving back")
    worker.stop()
    thread.join(20)
    assert len(plant.idp.calls) < 10


def states(plant: Plant) -> set[str]:
    with plant.store.read() as work:
        return {row.state for row in work.outbox.list()}


def test_a_breaker_of_one_sink_leaves_the_others_alone(plant: Plant) -> None:
    users = people(plant, 30)
    plant.post.error = Unavailable("no route")
    plant.worker.drain()
    assert set(away(plant)) == {"smtp:default"}
    assert len(plant.idp.accounts()) == len(users)


def test_rows_that_need_nobody_are_never_put_off(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.clock.time = NOW + 5 * 86400
    with plant.store.read() as work:
        sinks = {row.sink for row in work.outbox.open_rows(ACME, ADA)}
    assert sinks == {"self"}


def opened(plant: Plant, count: int = 30) -> list[UserId]:
    users = people(plant, count)
    plant.idp.go_away(AWAY)
    plant.worker.drain()
    assert set(away(plant)) == {SINK}
    return users


def test_a_row_that_asks_nobody_says_nothing_of_its_sink(plant: Plant) -> None:
    people(plant, 30)
    plant.post.error = AWAY
    plant.worker.drain()
    ((_until, openings),) = away(plant).values()
    for number in range(30):
        plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM, user=UserId(f"user-{number:04}"))
    tried = plant.post.tries
    for _ in range(4):
        plant.clock.move(300)
        plant.worker.drain()
    assert plant.post.tries == tried
    assert [number for _, number in away(plant).values()] == [openings]
    assert [attempt.outcome for attempt in plant.mails(UserId("user-0001"))] == ["skipped"]


def test_a_failure_of_our_own_closes_nothing(plant: Plant) -> None:
    opened(plant, 8)
    plant.idp.heal()
    plant.idp.fail("find", RuntimeError("a bug of ours"), times=1000)
    plant.idp.fail("create", RuntimeError("a bug of ours"), times=1000)
    plant.clock.move(30)
    plant.worker.drain()
    assert set(away(plant)) == {SINK}


def test_queue_q12_when_the_clock_was_set_back_a_sink_that_is_away_is_tried_at_once(plant: Plant) -> None:
    users = opened(plant)
    plant.idp.heal()
    plant.clock.move(-8 * 86400)
    jumps = iter([True])
    worker = plant.another_worker(jumped=lambda: next(jumps, False))
    worker._beat()
    worker.drain()
    plant.clock.move(60)
    worker.drain()
    assert away(plant) == {}
    assert len(plant.idp.accounts()) == len(users)


def test_what_another_worker_saw_well_again_begins_anew_here(plant: Plant) -> None:
    users = opened(plant)
    plant.idp.heal()
    plant.clock.move(60)
    plant.another_worker(name="w2").drain()
    assert away(plant) == {}
    plant.worker.drain()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM, user=users[0])
    plant.idp.fail("get", AWAY)
    plant.worker.drain()
    assert away(plant) == {}
