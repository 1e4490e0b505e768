"""What text becomes before the database compares it. It owns what a key may be; it must not know what any
says.

A row of a PostgreSQL index holds 2,700 bytes, while a name may fold to more; and no text of PostgreSQL's
holds NUL, while somebody may ask for one. Both databases keep the same keys, so that what is equal on one
is equal on the other; the document keeps the whole text.
"""

from hashlib import sha256

LONGEST = 1024
"""Bytes (UTF-8) of a key; a longer text keeps a beginning and its digest, equal for equal texts alone."""

_BEGINNING = 240
"""Characters, at most four bytes each."""


def key(text: str) -> str:
    """The text itself, or what stands for it if it is long, or no text that a database holds."""
    if len(text) <= LONGEST and text.isascii() and "\0" not in text:
        return text
    raw = text.encode("utf-8", "surrogatepass")
    is_plain = b"\0" not in raw and raw == text.encode("utf-8", "replace")
    if len(raw) <= LONGEST and is_plain:
        return text
    return f"{text[:_BEGINNING] if is_plain else ''}#{sha256(raw).hexdigest()}"


def kept(text: str) -> str:
    """What another side said, without what no database holds."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
