"""Units of work over a SQL database. It owns transactions; each repository owns its rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from connector.application.repositories import UnitOfWork
from connector.store import failures, postgres, sqlite
from connector.store.engine import Engines
from connector.store.handovers import SqlHandOvers
from connector.store.mails import SqlMailAttempts
from connector.store.outbox import SqlOutbox
from connector.store.sinks import SqlSinks
from connector.store.timeline import SqlTimeline
from connector.store.tokens import SqlTokens
from connector.store.turns import SqlRounds, SqlTallies
from connector.store.users import SqlUsers
from connector.store.workers import SqlWorkers


class SqlUnitOfWork:
    """:class:`~connector.application.repositories.UnitOfWork` on one connection. ``is_writing``: on
    PostgreSQL what is read to be changed is locked; a writer of SQLite has the whole database.
    """

    def __init__(self, connection: Connection, *, is_writing: bool) -> None:
        locks = is_writing and connection.dialect.name == "postgresql"
        self.users = SqlUsers(connection, locks=locks)
        self.outbox = SqlOutbox(connection, self.users.lock)
        self.timeline = SqlTimeline(connection)
        self.tokens = SqlTokens(connection)
        self.handovers = SqlHandOvers(connection, self.users.lock)
        self.mails = SqlMailAttempts(connection)
        self.sinks = SqlSinks(connection)
        self.workers = SqlWorkers(connection)
        self.rounds = SqlRounds(connection)
        self.tallies = SqlTallies(connection)


class SqlStore:
    """:class:`~connector.application.repositories.Store` over a pair of engines. ``tell`` is called after
    each commit that left something to do in the outbox.
    """

    def __init__(self, engines: Engines, tell: Callable[[], None] = lambda: None) -> None:
        self._engines = engines
        self._tell = tell

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """See the port."""
        with _transaction(self._engines.write, is_writing=True) as connection:
            work = SqlUnitOfWork(connection, is_writing=True)
            yield work
        if work.outbox.has_news:
            self._tell()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """See the port."""
        with _transaction(self._engines.read, is_writing=False) as connection:
            yield SqlUnitOfWork(connection, is_writing=False)


_JUDGES = {"sqlite": sqlite.verdict, "postgresql": postgres.verdict}


@contextmanager
def _transaction(engine: Engine, *, is_writing: bool) -> Iterator[Connection]:
    """A transaction. Before its COMMIT nothing is written; of a COMMIT that failed one may not know."""
    judge = _JUDGES[engine.dialect.name]
    with failures.of_connecting():
        connection = engine.connect()
    with connection:
        with failures.of_work(judge):
            transaction = connection.begin()
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
        with failures.of_commit(judge) if is_writing else failures.of_work(judge):
            transaction.commit()
