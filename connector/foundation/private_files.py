"""Files that only Usher's own account may read: keys and secrets. It owns their modes and that none is ever
overwritten; it must not know what is in them.
"""

import os
import secrets
import stat
from pathlib import Path

from connector.foundation.faults import ConfigError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = 0o077


def read_private(path: Path) -> bytes:
    """The bytes of a file that nobody else may read.

    :raises ConfigError: it is not there, cannot be read, or its mode is wider than 0600.
    """
    try:
        with path.open("rb") as file:
            complaint = too_wide(path, os.fstat(file.fileno()).st_mode)
            if complaint:
                raise ConfigError.of(complaint, file=path)
            return file.read()
    except FileNotFoundError:
        raise ConfigError.of("the file is not there", file=path) from None
    except OSError as error:
        raise ConfigError.of(f"cannot be read: {error.strerror}", file=path) from None


def too_wide(path: Path, mode: int) -> str:
    """What is wrong with ``mode`` and what to do, empty if nobody else gets at the file."""
    if not mode & _OTHERS:
        return ""
    return f"mode {stat.S_IMODE(mode):04o} lets others at this file; run: chmod 600 {path}"


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700 if it is absent; one that is there keeps its mode."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def write_private(path: Path, data: bytes) -> bool:
    """Write a new file with mode 0600, whole or not at all; False if one is there already. What root makes
    is for the account that owns the folder: an operator with ``sudo`` must not lock Usher out.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
