"""What it means when the database does not do as it was told: which failures are the database's own, and
whether the same may be tried again. It owns the words for the asker; the codes are in the module of each
database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connector.domain.errors import Busy


class Verdict(Enum):
    """What a database's error says. None in its place: it is our fault, and no answer but the error."""

    UNDONE = auto()
    """The transaction was undone so that another could go on."""
    LOST = auto()
    """The connection is gone."""
    LATE = auto()
    """It was not done in time, or the database has no room for more work now."""
    STUCK = auto()
    """The disk is full or does not answer."""


Judge = Callable[[DBAPIError], Verdict | None]

_NOT_TAKEN = "The database did not take the change in time; nothing was written."
_BUSY: dict[Verdict, tuple[str, bool]] = {
    Verdict.UNDONE: ("The database undid the change in favour of another; nothing was written.", True),
    Verdict.LOST: ("The connection to the database broke; nothing was written.", True),
    Verdict.LATE: (_NOT_TAKEN, False),
    Verdict.STUCK: ("The database's disk is full or does not answer; nothing was written.", False),
}
_UNKNOWN = "The database did not answer the commit: it is not known whether anything was written."
_TOLD = frozenset({Verdict.UNDONE, Verdict.LATE})
"""What is an answer, even to a COMMIT."""


@contextmanager
def of_work(judge: Judge) -> Iterator[None]:
    """Failures before COMMIT, and all of reading.

    :raises Busy: the database's own; nothing was written.
    """
    with _renamed(lambda error: _busy(judge(error))):
        yield


@contextmanager
def of_commit(judge: Judge) -> Iterator[None]:
    """Failures of a COMMIT.

    :raises Busy: nothing was written, or nobody knows; the text says which.
    """

    def meaning(error: DBAPIError) -> Busy | None:
        verdict = judge(error)
        return _busy(verdict) if verdict is None or verdict in _TOLD else Busy(_UNKNOWN)

    with _renamed(meaning):
        yield


@contextmanager
def of_connecting() -> Iterator[None]:
    """Failures of getting a connection.

    :raises Busy: there is none.
    """
    with _renamed(lambda _: Busy("The database cannot be reached; nothing was written.")):
        yield


def _busy(verdict: Verdict | None) -> Busy | None:
    if verdict is None:
        return None
    text, transient = _BUSY[verdict]
    return Busy(text, transient=transient)


@contextmanager
def _renamed(meaning: Callable[[DBAPIError], Busy | None]) -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise Busy("Every connection to the database is in use; nothing was written.") from error
    except DBAPIError as error:
        busy = meaning(error)
        if busy is None:
            raise
        raise busy from error
