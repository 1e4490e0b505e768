"""Reads Prometheus' text as a scrape would: which figures there are, and what a test added to one. Figures
are the process's own, so a test compares before and after.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from connector.foundation import metrics

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(text: bytes | None = None) -> Series:
    """Every figure by its name and labels; of this process if no text is given."""
    shown = (metrics.exposition() if text is None else text).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(found: Series, name: str, **labels: str) -> float:
    """One figure; 0 where there is none."""
    return found.get((name, frozenset(labels.items())), 0.0)


@contextmanager
def counted(name: str, **labels: str) -> Iterator[list[float]]:
    """What the block adds to one figure; read it afterwards."""
    added: list[float] = []
    before = value(series(), name, **labels)
    yield added
    added.append(value(series(), name, **labels) - before)
