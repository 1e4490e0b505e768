"""What the database says of the work that waits, as figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from connector.application.records import OutboxFigures, Sink, WorkerSeen
from connector.application.repositories import Store, UnitOfWork
from connector.domain.effects import Lane
from connector.domain.errors import Busy
from connector.operation.figures import Figures
from tests.support.builders import NOW, FakeClock
from tests.support.figures import Series, series, value

AWAY = Sink(name="", opened_at=NOW, open_until=NOW + 30, openings=1, reason="unavailable", detail="")
WORKER = WorkerSeen(id="1", host="one", version="1", started_at=NOW - 500, seen_at=NOW)


@dataclass
class Answers:
    """A store of which only figures are asked."""

    outbox_figures: OutboxFigures = field(
        default_factory=lambda: OutboxFigures(open={}, oldest={}, quarantined={})
    )
    away: list[Sink] = field(default_factory=list)
    seen: list[WorkerSeen] = field(default_factory=list)
    error: Exception | None = None

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        if self.error:
            raise self.error
        yield cast("UnitOfWork", _Work(self))


class _Work:
    def __init__(self, answers: Answers) -> None:
        self.outbox = _Rows(answers.outbox_figures)
        self.sinks = _All(answers.away)
        self.workers = _All(answers.seen)


@dataclass
class _Rows:
    found: OutboxFigures

    def figures(self, *, now: float) -> OutboxFigures:
        assert now == NOW
        return self.found


@dataclass
class _All:
    found: list[Any]

    def all(self) -> list[Any]:
        return self.found


def scraped(answers: Answers) -> Series:
    registry = CollectorRegistry()
    registry.register(figures_of(answers))
    return series(generate_latest(registry))


def figures_of(answers: Answers) -> Figures:
    return Figures(cast("Store", answers), FakeClock(), realms=["main"])


def test_operation_x2_rows_count_by_lane_and_state_and_none_is_zero() -> None:
    found = OutboxFigures(
        open={(Lane.MAIL, "ready"): 7},
        oldest={(Lane.ACCOUNT, 0): 12.5},
        quarantined={"rejected": 2},
    )
    shown = scraped(Answers(found))
    assert value(shown, "usher_outbox_open", lane="mail", state="ready") == 7
    assert shown["usher_outbox_open", frozenset({("lane", "clock"), ("state", "running")})] == 0
    assert value(shown, "usher_outbox_oldest_seconds", lane="account", prio="0") == 12.5
    assert shown["usher_outbox_oldest_seconds", frozenset({("lane", "clock"), ("prio", "2")})] == 0
    assert value(shown, "usher_quarantined", reason="rejected") == 2


def test_operation_x2_a_sink_is_open_when_it_is_away_and_each_realm_is_known_when_it_is_not() -> None:
    assert shown_sinks(Answers()) == {"keycloak:main": 0, "smtp": 0}
    gone = [replace(AWAY, name=name) for name in ("keycloak:main", "smtp:a@acme.example", "smtp:default")]
    assert shown_sinks(Answers(away=gone)) == {"keycloak:main": 1, "smtp": 2}


def shown_sinks(answers: Answers) -> dict[str, float]:
    found = scraped(answers).items()
    return {dict(labels)["sink"]: count for (name, labels), count in found if name == "usher_sink_open"}


def test_operation_x2_of_a_host_the_worker_counts_that_was_seen_last() -> None:
    dead = replace(WORKER, id="2", seen_at=NOW - 400)
    slow = replace(WORKER, id="3", host="two", seen_at=NOW - 90)
    shown = scraped(Answers(seen=[dead, replace(WORKER, seen_at=NOW - 3), slow]))
    assert value(shown, "usher_worker_seen_seconds", host="one") == 3
    assert value(shown, "usher_worker_seen_seconds", host="two") == 90


def test_operation_x3_neither_figures_nor_probes_name_a_tenants_sender() -> None:
    answers = Answers(away=[replace(AWAY, name="smtp:a@acme.example"), replace(AWAY, name="keycloak:main")])
    assert figures_of(answers).away() == ["keycloak:main", "smtp"]
    assert not [labels for _, labels in scraped(answers) if "acme" in str(labels)]


def test_operation_x2_a_database_that_does_not_answer_leaves_its_figures_out() -> None:
    assert scraped(Answers(error=Busy("locked"))) == {}


def test_a_probe_hears_of_a_database_that_does_not_answer() -> None:
    with pytest.raises(Busy):
        figures_of(Answers(error=Busy("locked"))).away()
