"""Copies a SQLite database while others write to it. It owns that the copy is whole and nobody else's to
read; a PostgreSQL has its own means.
"""

import os
import secrets
from pathlib import Path

from connector.domain.errors import Misconfigured
from connector.foundation.faults import ConfigError
from connector.foundation.private_files import FILE_MODE
from connector.store.engine import is_sqlite, parsed_url
from connector.store.sqlite import snapshot, sqlite_module


def backup(url: str, target: Path) -> None:
    """Copy the database at ``url`` into the new file ``target`` (mode 0600), checked.

    :raises ConfigError: there is such a file already, or its folder cannot be written to.
    :raises Misconfigured: it is no SQLite database, or the copy is not sound.
    """
    parsed = parsed_url(url)
    if not is_sqlite(parsed):
        raise Misconfigured("This database is PostgreSQL's: use pg_dump, or its continuous archiving.")
    if target.exists():
        raise ConfigError.of("There is such a file already; name another.", file=target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except OSError as error:
        raise ConfigError.of(f"cannot be written: {error.strerror}", file=target) from error
    try:
        _copy(Path(parsed.database or ""), draft)
        os.link(draft, target)
    except FileExistsError:
        raise ConfigError.of("There is such a file already; name another.", file=target) from None
    finally:
        draft.unlink()


def _copy(source: Path, target: Path) -> None:
    snapshot(source, target)
    copy = sqlite_module().connect(target, isolation_level=None)
    try:
        # One file, not three, and on the disk before we say so.
        copy.execute("PRAGMA journal_mode=DELETE")
        (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    finally:
        copy.close()
    if found != "ok":
        raise Misconfigured(f"The copy is not sound ({found}); so is the database, then.")
    with target.open("rb") as file:
        os.fsync(file.fileno())
