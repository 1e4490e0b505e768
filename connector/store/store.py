"""Units of work over a SQL database. It owns transactions; each repository owns its rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connector.application.ports import UnitOfWork
from connector.domain.errors import Busy
from connector.store.engine import Engines
from connector.store.handovers import SqlHandOvers
from connector.store.outbox import SqlOutbox
from connector.store.timeline import SqlMailAttempts, SqlTimeline
from connector.store.tokens import SqlTokens
from connector.store.users import SqlUsers


class SqlUnitOfWork:
    """:class:`~connector.application.ports.UnitOfWork` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.users = SqlUsers(connection)
        self.outbox = SqlOutbox(connection)
        self.timeline = SqlTimeline(connection)
        self.tokens = SqlTokens(connection)
        self.handovers = SqlHandOvers(connection)
        self.mails = SqlMailAttempts(connection)


class SqlStore:
    """:class:`~connector.application.ports.Store` over a pair of engines."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """See the port."""
        with _transaction(self._engines.write) as connection:
            yield SqlUnitOfWork(connection)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """See the port."""
        with _transaction(self._engines.read) as connection:
            yield SqlUnitOfWork(connection)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, PoolTimeoutError) as error:
        if "readonly" in str(error):
            raise
        raise Busy("The database did not take the change in time; nothing was written.") from error
