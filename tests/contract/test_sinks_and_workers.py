"""The contracts of ``repositories.Sinks`` and ``Workers``, over every store. Neither is a tenant's."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from connector.application.records import Sink, WorkerSeen
from connector.application.repositories import Store
from tests.support.builders import NOW

AWAY = Sink(
    name="keycloak:main",
    opened_at=NOW,
    open_until=NOW + 30,
    openings=1,
    reason="unavailable",
    detail="no route",
)
WORKER = WorkerSeen(id="w1", host="usher-1", version="1.0", started_at=NOW, seen_at=NOW)


def test_a_sink_is_away_until_it_is_well_again(store: Store) -> None:
    with store.write() as work:
        assert work.sinks.get(AWAY.name) is None
        work.sinks.open(AWAY)
        work.sinks.open(replace(AWAY, name="a"))
    longer = replace(AWAY, openings=2, open_until=NOW + 60, probe_until=NOW + 90)
    with store.write() as work:
        work.sinks.open(longer)
    with store.read() as work:
        assert work.sinks.get(AWAY.name) == longer
        assert [sink.name for sink in work.sinks.all()] == ["a", AWAY.name]
    with store.write() as work:
        work.sinks.close(AWAY.name)
        work.sinks.close("never seen")
        assert [sink.name for sink in work.sinks.all()] == ["a"]


def test_queue_q8_one_of_many_wins_the_probe(store: Store) -> None:
    with store.write() as work:
        work.sinks.open(AWAY)

    def tries(_: int) -> bool:
        with store.write() as work:
            return work.sinks.win_probe(AWAY.name, until=NOW + 40, now=NOW + 30)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tries, range(8))) == 1


def test_queue_q8_nobody_probes_before_the_pause_is_over_or_while_another_does(store: Store) -> None:
    with store.write() as work:
        work.sinks.open(AWAY)
        assert not work.sinks.win_probe(AWAY.name, until=NOW + 40, now=NOW + 29)
        assert work.sinks.win_probe(AWAY.name, until=NOW + 40, now=NOW + 30)
        assert not work.sinks.win_probe(AWAY.name, until=NOW + 50, now=NOW + 39)
        assert work.sinks.win_probe(AWAY.name, until=NOW + 50, now=NOW + 40)
        assert not work.sinks.win_probe("well", until=NOW + 50, now=NOW + 40)


def test_queue_q16_workers_say_that_they_are_there_until_they_end(store: Store) -> None:
    with store.write() as work:
        work.workers.seen(replace(WORKER, id="w2"))
        work.workers.seen(WORKER)
        work.workers.seen(replace(WORKER, seen_at=NOW + 20))
    with store.read() as work:
        assert work.workers.all() == [replace(WORKER, seen_at=NOW + 20), replace(WORKER, id="w2")]
    with store.write() as work:
        work.workers.forget("w1")
        work.workers.forget("w9")
        assert [worker.id for worker in work.workers.all()] == ["w2"]
