"""What an installation has written down: its users, what happened to them, what still waits. It owns
reading that beside the running processes, and making the clock's looks come sooner.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table, Update, select, update

from connector.application.records import Entry, OutboxRow
from connector.domain.effects import CheckHandover, ExpireInvitation, Lane
from connector.domain.model import PortalUser, State, TenantId, UserId, state_of
from connector.foundation.config import Settings
from connector.store.engine import Engines, make_engines
from connector.store.store import SqlStore
from connector.store.tables import handover, invitation, metadata, outbox, user
from tests.support.waiting import wait_until

_BEATS = {"worker", "round", "tally"}
"""Tables that change while nothing happens."""


class Record:
    """The database of one installation. Read by the same SQLite library as Usher's own processes."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._store = SqlStore(engines)

    # --- users -------------------------------------------------------------------------------------

    def users(self) -> list[PortalUser]:
        """Everybody, in the order in which they were made."""
        with self._engines.read.connect() as connection:
            rows = connection.execute(select(user.c.tenant, user.c.id).order_by(user.c.created_at)).all()
        with self._store.read() as work:
            found = [work.users.get(TenantId(tenant), UserId(one)) for tenant, one in rows]
        return [one for one in found if one is not None]

    def user(self, user_id: str) -> PortalUser:
        """One of them."""
        (found,) = [one for one in self.users() if one.id == user_id]
        return found

    def state(self, user_id: str) -> State:
        """Their state now."""
        return state_of(self.user(user_id), time.time())

    def timeline(self, one: PortalUser) -> list[Entry]:
        """What happened to a user, oldest first."""
        with self._store.read() as work:
            return work.timeline.of(one.tenant, one.id)

    def contents(self) -> list[Any]:
        """All that is written down, but when workers were last seen."""
        with self._engines.read.connect() as connection:
            tables = [table for table in metadata.sorted_tables if table.name not in _BEATS]
            return [connection.execute(select(table)).all() for table in tables]

    # --- hand-overs --------------------------------------------------------------------------------

    def linkable(self) -> set[str]:
        """The accounts that may have a link at this moment: their hand-over is open, its link not over."""
        entered = (handover.c.status == "open", handover.c.link_until > time.time())
        return self._column(select(handover.c.account).where(*entered, handover.c.account.is_not(None)))

    def overdue(self) -> set[str]:
        """The hand-overs that are open past their time."""
        late = (handover.c.status == "open", handover.c.closes_at <= time.time())
        return self._column(select(handover.c.id).where(*late))

    def let_leases_end(self) -> None:
        """Make everything that is being done free for others, as if whoever does it had died long ago."""
        with self._engines.write.begin() as transaction:
            held = outbox.c.state == "running", outbox.c.finished_at.is_(None)
            transaction.execute(update(outbox).where(*held).values(due_at=time.time()))

    def let_invitation_age(self, user_id: str, seconds: float) -> None:
        """Make the invitation of one user, and the look at its end, so much older."""
        ends = outbox.c.effect == ExpireInvitation.name, outbox.c.finished_at.is_(None)
        mine = outbox.c.subject.endswith(f"/{user_id}", autoescape=True)
        with self._engines.write.begin() as transaction:
            aged = _older(invitation, seconds, "issued_at", "sent_at", "expires_at")
            transaction.execute(aged.where(invitation.c.user_id == user_id))
            transaction.execute(_older(outbox, seconds, "due_at").where(mine, *ends))

    def _column(self, query: Any) -> set[str]:
        with self._engines.read.connect() as connection:
            return set(connection.execute(query).scalars())

    def let_time_pass(self, seconds: float) -> None:
        """Make every hand-over, and the looks after it, so much older."""
        with self._engines.write.begin() as transaction:
            transaction.execute(
                _older(handover, seconds, "opened_at", "link_until", "closes_at", "code_until")
            )
            looks = outbox.c.effect == CheckHandover.name, outbox.c.finished_at.is_(None)
            transaction.execute(_older(outbox, seconds, "due_at").where(*looks))

    # --- the outbox --------------------------------------------------------------------------------

    def waiting(self) -> list[OutboxRow]:
        """What is to be done by now, or being done: all but the looks that the clock has still time for."""
        with self._store.read() as work:
            rows = work.outbox.list(limit=10_000)
        return [row for row in rows if not _is_planned(row, time.time())]

    def wait_until_settled(self) -> None:
        """:raises AssertionError: something still waits, or somebody must look at it."""
        try:
            wait_until(lambda: not self.waiting(), what="all that was to be done")
        except AssertionError as error:
            rows = [f"{row.what} of {row.subject}: {row.state} {row.reason}" for row in self.waiting()]
            raise AssertionError(f"{error}: {rows}") from None


def _is_planned(row: OutboxRow, now: float) -> bool:
    return row.lane is Lane.CLOCK and row.state == "ready" and (row.due_at or 0.0) > now


def _older(table: Table, seconds: float, *columns: str) -> Update:
    return update(table).values({name: table.c[name] - seconds for name in columns})


@contextmanager
def record_of(settings: Settings) -> Iterator[Record]:
    """The record of an installation with these settings."""
    engines = make_engines(settings.database_url())
    try:
        yield Record(engines)
    finally:
        engines.dispose()
