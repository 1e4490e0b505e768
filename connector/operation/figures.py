"""What the database says of the work that waits, looked up at each scrape. It owns which figures these are
and how sinks are named outside of Usher; it must not change anything.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

import structlog

from connector.application.ports import Clock
from connector.application.records import MANY, SINGLE, URGENT, OutboxFigures, Sink, WorkerSeen
from connector.application.repositories import Store
from connector.domain.effects import Lane

if TYPE_CHECKING:
    from prometheus_client.core import Metric

STATES = ("ready", "running", "quarantined")
_QUEUES = tuple(product(Lane, (URGENT, SINGLE, MANY)))
"""Every lane with every priority."""
_MAIL = "smtp"

log = structlog.get_logger()


def shown_sink(name: str) -> str:
    """A sink's name for figures and probes: a realm's whole, a mail sender's without the address, which
    may be a tenant's.
    """
    kind = name.partition(":")[0]
    return kind if kind == _MAIL else name


class Figures:
    """A collector of prometheus-client, and the list of what is away."""

    def __init__(self, store: Store, clock: Clock, *, realms: Iterable[str]) -> None:
        self._store = store
        self._clock = clock
        self._known = (*(f"keycloak:{realm}" for realm in realms), _MAIL)

    def away(self) -> list[str]:
        """The sinks that are away, without anything that is a tenant's."""
        with self._store.read() as work:
            return sorted({shown_sink(sink.name) for sink in work.sinks.all()})

    def collect(self) -> Iterable["Metric"]:
        """All figures at once, from one snapshot. A database that does not answer leaves them out, which
        ``/readyz`` then says too; what the processes counted is shown all the same.
        """
        now = self._clock.now()
        try:
            with self._store.read() as work:
                found = work.outbox.figures(now=now), work.sinks.all(), work.workers.all()
        except Exception:
            log.exception("figures_missing")
            return []
        outbox, sinks, workers = found
        return [*_of_outbox(outbox), _of_sinks(sinks, self._known), _of_workers(workers, now)]


def _of_outbox(found: OutboxFigures) -> Iterator["Metric"]:
    yield _gauge(
        "outbox_open",
        "Rows that are not finished.",
        ("lane", "state"),
        (((_name(lane), state), found.open.get((lane, state), 0)) for lane, state in product(Lane, STATES)),
    )
    yield _gauge(
        "outbox_oldest_seconds",
        "How long the row has been due that waits longest.",
        ("lane", "prio"),
        (((_name(lane), str(prio)), found.oldest.get((lane, prio), 0)) for lane, prio in _QUEUES),
    )
    yield _gauge(
        "quarantined",
        "Rows that wait for somebody to act.",
        ("reason",),
        (((reason,), count) for reason, count in found.quarantined.items()),
    )


def _of_sinks(away: Sequence[Sink], known: Sequence[str]) -> "Metric":
    """1 for each that is away; mail counts its senders."""
    counts = Counter(shown_sink(sink.name) for sink in away)
    names = sorted({*known, *counts})
    return _gauge(
        "sink_open", "Whether another side is away.", ("sink",), (((name,), counts[name]) for name in names)
    )


def _of_workers(workers: Sequence[WorkerSeen], now: float) -> "Metric":
    """Of each host the worker that was seen last."""
    latest: dict[str, float] = {}
    for worker in workers:
        latest[worker.host] = max(worker.seen_at, latest.get(worker.host, worker.seen_at))
    ages = (((host,), max(0.0, now - seen)) for host, seen in latest.items())
    return _gauge("worker_seen_seconds", "How long ago a worker was last seen.", ("host",), ages)


def _gauge(
    name: str, what: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"usher_{name}", what, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _name(lane: Lane) -> str:
    return lane.name.lower()
