"""Reads reports of lost mails out of a Maildir (https://cr.yp.to/proto/maildir.html) that a mail server
delivers into. It owns what becomes of the files: a report of ours is removed once it is written down, all
else is moved to ``cur`` as seen, for people.

Several workers may share a folder: who finds a file gone goes on to the next.
"""

from pathlib import Path

import structlog

from connector.application.bounces import Bounces
from connector.application.ports import Ids
from connector.mail.bounces import LONGEST, read_report

log = structlog.get_logger()

_AT_ONCE = 500
"""Files that one reading looks at; the next goes on."""
_SEEN = ":2,S"
_REQUEST_BITS = 64


class BounceFolder:
    """The folder, and where its reports go."""

    def __init__(self, folder: Path, bounces: Bounces, ids: Ids) -> None:
        self._folder = folder
        self._bounces = bounces
        self._ids = ids

    def read(self) -> None:
        """Take what has come since the last time. What cannot be read is told in the log.

        :raises Busy: the database did not take it in time; what is not written down stays where it is.
        """
        try:
            (self._folder / "cur").mkdir(exist_ok=True)
            paths = self._new()
        except OSError as error:
            log.warning("bounce_folder_unreadable", folder=str(self._folder), detail=error.strerror)
            return
        for path in paths[:_AT_ONCE]:
            self._take(path)

    def _new(self) -> list[Path]:
        """The files in ``new`` by name, which begins with the time of their delivery; no pipe or folder."""
        found = (path for path in (self._folder / "new").iterdir() if not path.name.startswith("."))
        return sorted(path for path in found if path.is_file())

    def _take(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                report = read_report(file.read(LONGEST))
            if report and self._bounces.take(report, request_id=f"mail-{self._ids.token(_REQUEST_BITS)}"):
                path.unlink()
            else:
                path.rename(self._folder / "cur" / f"{path.name}{_SEEN}")
        except FileNotFoundError:
            log.info("bounce_taken_elsewhere", file=path.name)
        except OSError as error:
            log.warning("bounce_unreadable", file=path.name, detail=error.strerror)
