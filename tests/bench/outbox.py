"""What a change and its outbox rows cost beside the database's own commits, which are counted in turn with
them: whatever else the disk does meets both. It owns these ratios and their aims.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from connector.bootstrap import Core
from connector.store.engine import is_sqlite, make_engines, parsed_url
from tests.bench.place import Place, configured, opened
from tests.bench.scim import Figure
from tests.bench.table import Aim, prose, table, verdicts
from tests.bench.work import create, drain, idle_worker, rename

ROW = "x" * 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One turn: the database's own one-row commits a second, before and after each measurement, and what
    was measured.
    """

    commits: tuple[float, float, float]
    changes: Figure
    drained: Figure

    @property
    def own(self) -> float:
        return statistics.mean(self.commits)

    @property
    def change_ratio(self) -> float:
        return self.changes.per_second / statistics.mean(self.commits[:2])

    @property
    def drain_ratio(self) -> float:
        return self.drained.per_second / statistics.mean(self.commits[1:])


class OwnCommits:
    """One-row commits over the driver itself, on a connection with the settings of Usher's."""

    def __init__(self, connection: Any, *, begins: bool) -> None:
        self._connection, self._begins = connection, begins
        connection.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, filler TEXT)")
        connection.commit()
        self._rows = 0

    def per_second(self, seconds: float) -> float:
        """Insert and commit, again and again."""
        before, begun = self._rows, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            self._rows += 1
            if self._begins:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(f"INSERT INTO bench VALUES ({self._rows}, '{ROW}')")  # noqa: S608 (ours)
            self._connection.commit()
        return (self._rows - before) / (time.perf_counter() - begun)


@contextmanager
def own_commits(url: str) -> Iterator[OwnCommits]:
    """On engines of their own: SQLite's pool has one connection that writes."""
    engines = make_engines(url)
    connection = engines.write.raw_connection()
    try:
        yield OwnCommits(connection.driver_connection, begins=is_sqlite(parsed_url(url)))
    finally:
        connection.close()
        engines.dispose()


def outbox_section(place: Place, *, quick: bool) -> list[str]:
    """Measure on each database; the lines of the document."""
    users, rounds, seconds = (100, 1, 0.2) if quick else (1000, 5, 0.7)
    found = {
        name: _measured(place, kind.migrated(), users, rounds, seconds)
        for name, kind in place.databases.items()
    }
    return [
        "## The outbox beside the database's own commits",
        "",
        *prose(
            f"""R is how many one-row inserts the driver commits in a second, on one connection with Usher's
            settings, counted in turn with the rest. A change is an edit: the user, a line of the timeline
            and an outbox row in one commit. Claimed and acknowledged: one worker with 8 slots whose effects
            do nothing. CPU ms is Usher's part of the time for each, which stays when the disk is slower:
            the quicker the disk, the smaller the multiples. Medians of {rounds} rounds of {users:,}."""
        ),
        "",
        *table(
            ["", "R", "changes/s", "of R", "CPU ms", "claimed and acknowledged/s", "of R", "CPU ms"],
            (_row(name, turns) for name, turns in found.items()),
        ),
        "",
        *verdicts(
            aim
            for name, turns in found.items()
            for aim in (
                Aim(f"{name}: change ≥ 0.6 R", _median(turns, "change_ratio"), at_least=0.6),
                Aim(f"{name}: claim and acknowledge ≥ 2 R", _median(turns, "drain_ratio"), at_least=2),
            )
        ),
    ]


def _row(name: str, turns: list[Round]) -> list[str]:
    own = f"{_median(turns, 'own'):.0f}"
    return [name, own, *_cells(turns, "changes", "change_ratio"), *_cells(turns, "drained", "drain_ratio")]


def _cells(turns: list[Round], what: str, ratio: str) -> list[str]:
    per_second, cpu = _median(turns, f"{what}.per_second"), _median(turns, f"{what}.cpu_ms")
    return [f"{per_second:.0f}", f"{_median(turns, ratio):.2f}", f"{cpu:.2f}"]


def _median(turns: list[Round], name: str) -> float:
    return float(statistics.median(map(attrgetter(name), turns)))


def _measured(place: Place, url: str, users: int, rounds: int, seconds: float) -> list[Round]:
    with opened(configured(place.without_realm(), database=url)) as core, own_commits(url) as own:
        made = create(core.service, range(users))
        drain(core, idle_worker(core))
        return [_round(core, own, made, f"Ada {number}", seconds) for number in range(rounds)]


def _round(core: Core, own: OwnCommits, users: list[Any], name: str, seconds: float) -> Round:
    first = own.per_second(seconds)
    changes = rename(core.service, users, name)
    second = own.per_second(seconds)
    drained = drain(core, idle_worker(core))
    return Round(commits=(first, second, own.per_second(seconds)), changes=changes, drained=drained)
