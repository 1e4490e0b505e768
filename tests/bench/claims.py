"""How long it takes to find what is due beside all that is not: a million finished rows, many that are put
off, many that wait behind others. It owns how the table is filled; what a claim is, is the worker's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, text

from connector.application.breakers import Breakers
from connector.application.claims import Claims
from connector.application.leases import Leases
from connector.application.pace import BATCH, WorkerSettings
from connector.bootstrap import Core
from connector.domain.effects import Lane
from connector.store.clock import boot_time
from tests.bench.place import Place, configured, opened
from tests.bench.table import Aim, prose, spread, table, verdicts

HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows of each kind, and how often to measure."""

    done: int
    parked: int
    due: int
    times: int


_FILL = text(
    """
    INSERT INTO outbox (tenant, request_id, created_at, subject, effect, target, lane, sink, prio,
                        state, due_at, finished_at, wanted, attempt, failures, unsure)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    SELECT 'acme', 'bench-request', CAST(:now AS DOUBLE PRECISION),
           'u:acme/' || CAST(:subject AS TEXT) || '-0000-4000-8000-' || CAST(i AS TEXT),
           CAST(:effect AS TEXT), '', CAST(:lane AS INTEGER), CAST(:sink AS TEXT), 1 + i % 2,
           CAST(:state AS TEXT),
           CAST(:due AS DOUBLE PRECISION) - i * 0.001, CAST(:finished AS DOUBLE PRECISION) - i * 0.001,
           1, 1, 0, 0
    FROM n
    """
)
_ACCOUNT = {"effect": "sync_account", "lane": int(Lane.ACCOUNT), "sink": "keycloak:main"}
_MAIL = {"effect": "send_mail", "lane": int(Lane.MAIL), "sink": "smtp:default"}
_READY = {"state": "ready", "finished": None}
_DONE = {"state": "done", "due": None}


def claims_section(place: Place, *, quick: bool) -> list[str]:
    """Measure on each database; the lines of the document."""
    size = Size(done=1_000_000, parked=100_000, due=50_000, times=300)
    if quick:
        size = Size(done=10_000, parked=1000, due=2000, times=20)
    rows, aims = [], []
    for name, kind in place.databases.items():
        with opened(configured(place.without_realm(), database=kind.migrated())) as core:
            for what, seconds in _measured(core, size).items():
                half, most = (1000 * each for each in spread(seconds))
                rows.append([name, what, f"{half:.1f}", f"{most:.1f}"])
                if what == CLAIM:
                    aims.append(Aim(f"{name}: claim of {BATCH}, p95 ≤ 10 ms", most, at_most=10.0))
        kind.forget()
    return [
        "## A claim beside a million finished rows",
        "",
        *prose(
            f"""{size.done:,} rows are done, {size.parked:,} put off, {size.due:,} due, one a user. A claim
            is what a worker does: it looks whether anything is due, then takes rows and commits. A look
            alone locks nothing; a worker looks at each lane four times a second and after each change. Then
            {size.due:,} mails come to these users, which wait for the accounts: as many rows that are due
            and that nobody may take."""
        ),
        "",
        *table(["", "milliseconds for", "p50", "p95"], rows),
        "",
        *verdicts(aims),
    ]


CLAIM = f"a claim of {BATCH}"


def _measured(core: Core, size: Size) -> dict[str, list[float]]:
    """Seconds of each look and claim."""
    settings, now, engine = WorkerSettings(), core.clock.now(), core.engines.write
    store = core.service.store
    claims = Claims(store, core.clock, Breakers(settings), Leases(settings.lease, boot_time), settings)

    def look(lane: Lane) -> None:
        with store.read() as work:
            work.outbox.has_due(lane, now=core.clock.now())

    done = {**_ACCOUNT, **_DONE, "finished": now}
    _fill(engine, size.done, now, subject="done", **done)
    parked = {**_ACCOUNT, **_READY, "due": now + HOUR + size.parked}
    _fill(engine, size.parked, now, subject="parked", **parked)
    _fill(engine, size.due, now, subject="due", **{**_ACCOUNT, **_READY, "due": now})
    _analyse(engine)
    found = {
        "a look": _times(size.times, lambda: look(Lane.ACCOUNT)),
        "a look where nothing is due": _times(size.times, lambda: look(Lane.MAIL)),
        CLAIM: _times(size.times, lambda: claims.take(Lane.ACCOUNT, BATCH)),
    }
    _fill(engine, size.due, now, subject="due", **{**_MAIL, **_READY, "due": now})
    _analyse(engine)
    few = max(5, size.times // 15)
    return found | {
        f"{CLAIM} while the mails wait": _times(size.times, lambda: claims.take(Lane.ACCOUNT, BATCH)),
        "a look at the waiting mails": _times(few, lambda: look(Lane.MAIL)),
    }


def _fill(engine: Engine, count: int, now: float, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(_FILL, {"count": count, "now": now, **values})


def _analyse(engine: Engine) -> None:
    """What PostgreSQL does by itself a minute later."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE outbox")


def _times(count: int, deed: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(count):
        begun = time.perf_counter()
        deed()
        seconds.append(time.perf_counter() - begun)
    return seconds
