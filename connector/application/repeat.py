"""Tries a unit of work again when the database asks for it. It owns how often; it must not know what the
work is.
"""

from collections.abc import Callable
from typing import TypeVar

from connector.domain.errors import Busy

_T = TypeVar("_T")

REPEATS = 3


def repeated(change: Callable[[], _T]) -> _T:
    """What ``change`` returns: a whole unit of work, begun anew up to three times more when the database
    undid it for no fault of its own (a deadlock, a connection that broke before the commit).

    :raises Busy: the database did not take it, or could not say that it did.
    """
    for _ in range(REPEATS):
        try:
            return change()
        except Busy as error:
            if not error.transient:
                raise
    return change()
