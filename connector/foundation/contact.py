"""Whether the other side was heard of. It owns that mark, for the work at hand: an adapter that got an
answer sets it, whoever wants to know whether anything was asked at all reads it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Contact:
    """``was_made`` once the other side answered within the block."""

    was_made = False


_CONTACT: ContextVar[Contact | None] = ContextVar("contact", default=None)


@contextmanager
def listening() -> Iterator[Contact]:
    """Listen for answers until the block ends."""
    contact = Contact()
    token = _CONTACT.set(contact)
    try:
        yield contact
    finally:
        _CONTACT.reset(token)


def heard() -> None:
    """The other side has answered, and is well."""
    contact = _CONTACT.get()
    if contact is not None:
        contact.was_made = True
