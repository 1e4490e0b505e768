"""Counts what Usher does, for whoever watches it. It owns the figures' names and labels, and how the
processes of one `usher` command count together; it must not know when something is to be counted.

A label's value comes from the code or the configuration, never from a request, a tenant or a person, so
that nobody outside can make series without end. prometheus-client is imported when the first thing is
counted: it decides then, once, whether this process counts for itself or into a folder that it shares.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from connector.foundation.figures_folder import figures_folder

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.registry import Collector

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the shared folder; the library reads it when it is imported."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What :func:`exposition` is (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

NO_ROUTE, OTHER_METHOD = "none", "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds; somebody waits for these."""
_PATIENT = (0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 75.0)
"""Seconds, up to the longest that an effect may take."""


# --- counting --------------------------------------------------------------------------------------


def effect(name: str, outcome: str, seconds: float) -> None:
    """One try of an effect, however it ended."""
    _meters().effects.labels(name, outcome).inc()
    _meters().effect_seconds.labels(name).observe(seconds)


def mail(template: str, outcome: str) -> None:
    """One entry in the record of mails."""
    _meters().mails.labels(template, outcome).inc()


def handover(outcome: str) -> None:
    """A step of a person on the way through Keycloak that is worth knowing."""
    _meters().handovers.labels(outcome).inc()


def stale_link(outcome: str) -> None:
    """An account was linked to our provider though nobody was on the way."""
    _meters().stale_links.labels(outcome).inc()


def tolerance(switch: str) -> None:
    """A SCIM caller deviated from the RFCs, and was understood."""
    _meters().tolerances.labels(switch).inc()


def request(route: str, method: str, status: int, seconds: float) -> None:
    """One web request. ``route`` is a rule of the code, empty for none."""
    shown = route or NO_ROUTE
    _meters().requests.labels(shown, shown_method(method), str(status)).inc()
    _meters().request_seconds.labels(shown).observe(seconds)


def shown_method(method: str) -> str:
    """A method that HTTP knows, or :data:`OTHER_METHOD`: callers may make up any word."""
    return method if method in _METHODS else OTHER_METHOD


# --- showing ---------------------------------------------------------------------------------------


@contextmanager
def shared_figures() -> Iterator[None]:
    """Until the block ends, this process and those that it starts count into one folder, which
    :func:`exposition` adds up in any of them. Enter it before anything is counted.
    """
    before = os.environ.get(SHARED)
    with figures_folder() as folder:
        os.environ[SHARED] = str(folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ[SHARED]
            else:
                os.environ[SHARED] = before


def exposition(*collectors: "Collector") -> bytes:
    """What was counted, and what ``collectors`` find now, in Prometheus' text form."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    if folder := os.environ.get(SHARED):
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # theirs has none
    else:
        registry.register(_meters().registry)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


# --- the meters ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meters:
    registry: "CollectorRegistry"
    effects: "Counter"
    effect_seconds: "Histogram"
    mails: "Counter"
    handovers: "Counter"
    stale_links: "Counter"
    tolerances: "Counter"
    requests: "Counter"
    request_seconds: "Histogram"


_MAKING = threading.Lock()


def _meters() -> _Meters:
    with _MAKING:
        return _made()


@cache
def _made() -> _Meters:
    from prometheus_client import CollectorRegistry, Counter, Histogram

    registry = CollectorRegistry()

    def counter(name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, namespace="usher", registry=registry)

    def histogram(name: str, what: str, label: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, what, (label,), namespace="usher", registry=registry, buckets=buckets)

    return _Meters(
        registry=registry,
        effects=counter("effects", "Tries of effects.", "effect", "outcome"),
        effect_seconds=histogram("effect_seconds", "How long a try took.", "effect", _PATIENT),
        mails=counter("mails", "Mails by what became of them.", "template", "outcome"),
        handovers=counter("handovers", "Steps of hand-overs.", "outcome"),
        stale_links=counter("links_stale", "Links without a hand-over that a sweep found.", "outcome"),
        tolerances=counter("scim_tolerance", "Deviations of SCIM callers that were taken.", "switch"),
        requests=counter("http_requests", "Web requests.", "route", "method", "status"),
        request_seconds=histogram("http_seconds", "How long a web request took.", "route", _QUICK),
    )
