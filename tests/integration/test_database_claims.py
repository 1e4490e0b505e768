"""Several workers on one PostgreSQL: a row is claimed by one, and no two account rows of a user at once."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from connector.application.records import OutboxRow
from connector.domain.effects import (
    Effect,
    EndSessions,
    Lane,
    MailPasswordReset,
    SendMail,
    SyncAccount,
    Template,
)
from connector.domain.errors import Busy
from connector.domain.model import UserId
from connector.store.engine import Engines, make_engines
from connector.store.store import SqlStore
from tests.support.builders import ACME, a_user, index
from tests.support.databases import PostgresServer

WORKERS = 4
USERS = [UserId(f"u{number}") for number in range(3)]
SECONDS = 6.0
LEASE = 90.0

# Few users and many rows of each, so that they meet.
EFFECTS: tuple[Effect, ...] = (
    SyncAccount(),
    SyncAccount(urgent=True),
    EndSessions(urgent=True),
    EndSessions(),
    MailPasswordReset(),
    SendMail(template=Template.INVITATION, generation=1),
)


class Field:
    """What the workers say of themselves: who holds which row, whose account is being written."""

    def __init__(self, engines: Engines) -> None:
        self.store = SqlStore(engines)
        self.ending = time.monotonic() + SECONDS
        self._lock = threading.Lock()
        self._accounts: set[str] = set()
        self._rows: set[int] = set()
        self.faults: list[str] = []
        self.done = 0

    def is_over(self) -> bool:
        return time.monotonic() > self.ending

    def begin(self, row_id: int, subject: str, lane: Lane) -> None:
        with self._lock:
            if row_id in self._rows:
                self.faults.append(f"row {row_id} was claimed twice")
            self._rows.add(row_id)
            if lane is Lane.ACCOUNT:
                if subject in self._accounts:
                    self.faults.append(f"two account rows of {subject} run at once")
                self._accounts.add(subject)

    def end(self, row_id: int, subject: str, lane: Lane) -> None:
        with self._lock:
            self._rows.discard(row_id)
            if lane is Lane.ACCOUNT:
                self._accounts.discard(subject)
            self.done += 1


def work(field: Field, seed: int) -> None:
    """Claim, hold for a moment, finish: as a worker does, with all that it may come to."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    while not field.is_over():
        lane = chance.choice((Lane.ACCOUNT, Lane.ACCOUNT, Lane.MAIL))
        with suppress(Busy), field.store.write() as unit:
            now = time.time()
            rows = unit.outbox.claim(lane, chance.choice((0, 1, None)), 3, lease=LEASE, now=now)
        for row in rows:
            field.begin(row.id, row.subject, row.lane)
        time.sleep(chance.uniform(0, 0.004))
        for row in rows:
            field.end(row.id, row.subject, row.lane)
            finish(field, chance.choice(("done", "done", "done", "later", "quarantine")), row)


def finish(field: Field, how: str, row: OutboxRow) -> None:
    now = time.time()
    with field.store.write() as unit:
        outbox = unit.outbox
        match how:
            case "done":
                assert outbox.acknowledge([(row.id, row.attempt)], now=now)
            case "later":
                assert outbox.retry(row, at=now + 0.01, reason="x", detail="", now=now)
            case _:
                assert outbox.quarantine(row, reason="x", detail="", now=now)


def change(field: Field, seed: int) -> None:
    """Enqueue as the service does; sometimes the change is rolled back."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    while not field.is_over():
        with suppress(KeyError, Busy), field.store.write() as unit:
            user = chance.choice(USERS)
            unit.users.lock(ACME, user)
            for effect in chance.sample(EFFECTS, 2):
                unit.outbox.enqueue(ACME, user, effect, sink="s", request_id="r", now=time.time())
            if chance.random() < 0.2:
                raise KeyError
        time.sleep(0.001)


@pytest.mark.parametrize("seed", [1])
def test_queue_q3_four_workers_never_run_two_account_rows_of_a_user_at_once(
    postgres: PostgresServer, seed: int
) -> None:
    engines = make_engines(postgres.migrated())
    field = Field(engines)
    with field.store.write() as unit:
        for user in USERS:
            one = a_user(f"{user}@acme.example", id=user)
            unit.users.add(one, index(one))
    with ThreadPoolExecutor(WORKERS + 2) as pool:
        jobs = [pool.submit(work, field, seed * 100 + n) for n in range(WORKERS)]
        jobs += [pool.submit(change, field, seed * 100 + 50 + n) for n in range(2)]
        for job in jobs:
            job.result(timeout=60)
    assert field.faults == []
    assert field.done > 200
    engines.dispose()
    postgres.forget()
