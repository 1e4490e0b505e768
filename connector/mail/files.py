"""Leaves mails as files in a folder instead of sending them: for a first try, for tests and for the demo's
inbox. It owns the files' names and their safety; it must not know templates or users.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from connector.application.ports import Clock
from connector.application.records import Mail
from connector.domain.errors import Misconfigured, Unavailable
from connector.foundation.contact import heard
from connector.mail.envelope import Envelope

SUFFIX = ".eml"

_OURS_ALONE = 0o600
_FOLDER_MODE = 0o700
_OPERATORS_FAULT = (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError)


class FileMailer:
    """Writes each mail to ``<folder>/<UTC time>-<digest of its Message-ID>.eml``; implements
    ``ports.Mailer``. Names sort by time. A file is whole when it appears, and its owner alone can read it.
    """

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def send(self, mail: Mail, *, before_content: Callable[[], None] = lambda: None) -> str:
        """What the file is called.

        :raises Rejected: the recipient's address is none.
        :raises Misconfigured: the folder cannot be made or written to.
        :raises Unavailable: the disk is full or broken.
        """
        Envelope.of(mail)
        before_content()
        name = self._name(mail.message_id)
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            _write(self._folder / name, mail.message)
        except _OPERATORS_FAULT as error:
            raise Misconfigured(f"the folder for mails {self._folder}: {error.strerror}") from error
        except OSError as error:
            raise Unavailable(f"the folder for mails {self._folder}: {error.strerror}") from error
        heard()
        return f"saved as {name}"

    def _name(self, message_id: str) -> str:
        time = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return f"{time}-{sha256(message_id.encode()).hexdigest()[:12]}{SUFFIX}"


def _write(path: Path, content: bytes) -> None:
    """Write beside ``path`` under a hidden name, then rename, so that no reader meets half a mail."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OURS_ALONE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
