"""The feeder: a process that changes portal users through the service, at random, until it is killed, and
journals what it was answered. A fifth of its changes it fails on purpose when all is written and nothing is
committed yet; now and then it kills itself between a commit and the answer. It owns the choice of changes.

The process forks each life, so that the next begins at once; each life opens the database itself.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from connector.application.repositories import Store, UnitOfWork
from connector.application.service import Service
from connector.bootstrap import Core, SystemIds, make_core
from connector.domain.commands import Command
from connector.domain.effects import Lane
from connector.domain.errors import Busy, Refused, Taken
from connector.domain.model import PortalUser, State, state_of
from connector.foundation.config import load
from tests.faults.changes import ACME, a_document, command, journaled, living, name_of
from tests.faults.journal import Fate, Journal, Line
from tests.faults.seeds import chance

ROLLBACKS = 0.2
SUICIDES = 0.01
"""How often a feeder of several lives dies when a change is committed and not yet answered."""
_WHILE_BUSY = 0.05

_CHOICES: dict[State, tuple[str, ...]] = {
    State.ABSENT: ("create",),
    State.DRAFT: ("invite", "edit", "hold", "delete"),
    State.PENDING: (
        "resend",
        "edit",
        "move",
        "hold",
        "activate",
        "activate",
        "activate",
        "revoke",
        "delete",
    ),
    State.EXPIRED: ("resend",),
    State.ACTIVE: ("edit", "move", "disable", "hold", "disable", "delete"),
    State.DISABLED: ("enable", "enable", "release", "edit", "delete"),
}
"""What may be done next to a user of each state; what stands twice is done twice as often."""


class RolledBack(Exception):
    """Raised in a unit of work to make it fail."""


class FailingStore:
    """A store whose units of work fail as they end while ``fails`` is set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails = False

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with self._store.write() as work:
            yield work
            if self.fails:
                raise RolledBack

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self._store.read()


class LethalJournal(Journal):
    """A journal whose keeper may die when it is about to write an answer down."""

    def __init__(self, path: Path, pick: random.Random, suicides: float) -> None:
        super().__init__(path)
        self._pick, self._suicides = pick, suicides

    def write(self, line: Line) -> None:
        if line.fate is Fate.ANSWERED and self._pick.random() < self._suicides:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """How a feeder goes about it. ``prefix`` begins each userName; ``pause`` is the longest, in seconds."""

    prefix: str
    users: int
    pause: float
    suicides: float
    seed: int


class Feeder:
    """One life: one change after the other."""

    def __init__(self, core: Core, journal: Path, feeding: Feeding, life: int) -> None:
        self._pick = chance(feeding.seed, feeding.prefix, life)
        self._journal = LethalJournal(journal, self._pick, feeding.suicides)
        told = core.service
        self._store = FailingStore(told.store)
        self._service = Service(self._store, told.tenants, told.mapping, told.clock, SystemIds())
        self._feeding = feeding
        self._life = life
        self._count = 0

    def change_one(self) -> None:
        """One change of one user."""
        name = name_of(self._feeding.prefix, self._pick.randrange(self._feeding.users))
        with self._store.read() as work:
            before = living(work, name)
            is_ready = before is not None and _has_its_account(work, before)
        action = self._pick.choice(_CHOICES[state_of(before, time.time())])
        if action == "activate" and not is_ready:
            action = "edit"
        asked = self._command(action, name, before)
        if self._pick.random() < ROLLBACKS:
            self._roll_back(asked)
            return
        try:
            journaled(self._service, self._journal, asked, before)
        except (Refused, Taken):
            self._note(Fate.REFUSED, asked)

    def pause(self) -> None:
        time.sleep(self._pick.uniform(0.0, self._feeding.pause))

    def _command(self, action: str, name: str, before: PortalUser | None) -> Command:
        self._count += 1
        request = f"{self._feeding.prefix}{self._life}-{self._count}"
        email = before.profile.email if before else name
        if action == "move":
            email = f"{request}@faults.example"
        user = before.id if before else self._service.new_user_id()
        return command(action, user, request, a_document(name, email, request))

    def _roll_back(self, asked: Command) -> None:
        self._note(Fate.ROLLED_BACK, asked)
        self._store.fails = True
        try:
            self._service.handle(asked)
        except (RolledBack, Refused, Taken):
            return
        finally:
            self._store.fails = False

    def _note(self, fate: Fate, asked: Command) -> None:
        line = Line(fate=fate, request=asked.request_id, user=asked.user_id, action=asked.action)
        self._journal.write(line)


def _has_its_account(work: UnitOfWork, user: PortalUser) -> bool:
    """Whether the account is there as it should be; nobody gets in before."""
    rows = work.outbox.open_rows(ACME, user.id)
    return user.account_id is not None and not [row for row in rows if row.lane is Lane.ACCOUNT]


# --- lives ----------------------------------------------------------------------------------------


def _live(asked: argparse.Namespace, feeding: Feeding, life: int, made: int) -> NoReturn:
    """Changes without end; a byte goes to ``made`` for each."""
    feeder = Feeder(make_core(load(asked.config)), asked.journal, feeding, life)
    while True:
        try:
            feeder.change_one()
        except Busy:
            time.sleep(_WHILE_BUSY)
        os.write(made, b".")
        feeder.pause()


def main() -> int:
    """Live, die and live again as often as asked; 1 if a life ended in any other way than by a kill."""
    asked = _arguments()
    feeding = Feeding(
        prefix=asked.prefix,
        users=asked.users,
        pause=asked.pause,
        suicides=SUICIDES if asked.lives > 1 else 0.0,
        seed=asked.seed,
    )
    for life in range(asked.lives):
        seconds = chance(asked.seed, asked.prefix, "life", life).uniform(asked.shortest, asked.longest)
        if not _one_life(asked, feeding, life, seconds):
            return 1
    return 0


def _one_life(asked: argparse.Namespace, feeding: Feeding, life: int, seconds: float) -> bool:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _live(asked, feeding, life, writer)
    os.close(writer)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0 if _kill(child) else 1))
    with os.fdopen(reader, "rb") as pipe:
        pipe.read(1)
        until = time.monotonic() + seconds
        pipe.read(asked.changes - 1)
        _drain_until(pipe, until)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return _kill(child)


def _drain_until(pipe: BinaryIO, until: float) -> None:
    """Read on, so that no life waits for a reader."""
    os.set_blocking(pipe.fileno(), False)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        pipe.read(65536)


def _kill(child: int) -> bool:
    """Whether it was there to be killed."""
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="feeder", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--pause", type=float, default=0.04, help="longest, between two changes")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--lives", type=int, default=1)
    parser.add_argument("--changes", type=int, default=1, help="fewest of a life")
    parser.add_argument("--shortest", type=float, default=0.4, help="life, in seconds")
    parser.add_argument("--longest", type=float, default=1.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
