"""A real ``usher run`` with thousands of users to push while mail is down: how long somebody who is
disabled keeps access, and how much memory all of it takes. It owns the load and these two aims.
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connector.bootstrap import Core
from connector.demo.process import free_port
from connector.demo.usher import UsherCommand
from connector.domain.effects import Lane
from connector.domain.model import UserId
from tests.bench.place import SQLITE, Place, configured, opened
from tests.bench.scim import PATCH_ACTIVE, Caller, a_user
from tests.bench.servers import RunningServer, usher_running
from tests.bench.table import Aim, prose, spread, table, verdicts
from tests.bench.visitors import Visitor, open_door, seconds_until_refused, signed_in
from tests.bench.work import waiting
from tests.support.realms import Console
from tests.support.waiting import wait_until

IDLE_SECONDS = 10.0
CALLERS = 4
MEGABYTE = 1024 * 1024
_LONGEST_PUSH = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``seconds`` until the last token was refused, for each visitor; open (account, mail) rows at the
    first and after the last; megabytes.
    """

    seconds: list[float]
    waiting_first: tuple[int, int]
    waiting_last: tuple[int, int]
    idle: float
    after: float | None


@dataclass(frozen=True, slots=True)
class Scim:
    """Callers of one connection each."""

    server: RunningServer
    token: str

    def caller(self) -> Caller:
        return Caller(self.server, "/scim/acme/v2", self.token)

    def create(self, numbers: range) -> list[UserId]:
        """A user each, by several callers at once."""
        own = threading.local()

        def one(number: int) -> UserId:
            if not hasattr(own, "caller"):
                own.caller = self.caller()
            return UserId(own.caller.ask("POST", "/Users", a_user(number))["id"])

        with ThreadPoolExecutor(CALLERS) as pool:
            return list(pool.map(one, numbers))


def load_section(place: Place, *, quick: bool) -> list[str]:
    """Measure on each database; the lines of the document."""
    users, visitors = (200, 4) if quick else (10_000, 25)
    found = {
        name: _measured(place, kind.migrated(), users, visitors, pushes=name == SQLITE)
        for name, kind in place.databases.items()
    }
    return [
        "## Under load: access taken away, memory",
        "",
        *prose(
            f"""`usher run` beside a real Keycloak. {visitors} users are signed in; {users:,} more are
            created over SCIM, and mail is down. Then the first are disabled, one after another: seconds
            from the SCIM PATCH until Keycloak refuses both their refresh tokens, one of a session and one
            for offline use."""
        ),
        "",
        *_access_table(found),
        "",
        *prose(
            """Memory is that of the whole process tree (PSS), when it has just started and when all those
            users have their accounts."""
        ),
        "",
        *_memory_table(found, users),
        "",
        *verdicts(aim for name, figures in found.items() for aim in _aims(name, figures)),
    ]


def _access_table(found: dict[str, Found]) -> list[str]:
    head = ["", "p50", "p95", "account and mail rows that wait at first", "at last"]
    return table(
        head,
        (
            [
                name,
                *(f"{each:.2f}" for each in spread(figures.seconds)),
                *(
                    f"{accounts:,} + {mails:,}"
                    for accounts, mails in (figures.waiting_first, figures.waiting_last)
                ),
            ]
            for name, figures in found.items()
        ),
    )


def _memory_table(found: dict[str, Found], users: int) -> list[str]:
    return table(
        ["MiB", "idle", f"after {users:,} users"],
        (
            [name, f"{figures.idle:.0f}", f"{figures.after:.0f}" if figures.after else ""]
            for name, figures in found.items()
        ),
    )


def _aims(name: str, found: Found) -> Iterator[Aim]:
    _, most = spread(found.seconds)
    yield Aim(f"{name}: last token refused, p95 < 5 s", most, at_most=5.0)
    yield Aim(f"{name}: idle ≤ 150 MiB", found.idle, at_most=150.0)


def _measured(place: Place, url: str, users: int, visitors: int, *, pushes: bool) -> Found:
    port = free_port()
    with place.realm("load", public_url=f"http://127.0.0.1:{port}") as (folder, console):
        open_door(console)
        with opened(configured(folder, database=url)) as core, _started(folder, port) as scim:
            time.sleep(IDLE_SECONDS)
            idle = scim.server.pss()
            signed = _visitors(core, console, scim, range(users, users + visitors))
            scim.create(range(users))
            first = _waiting(core)
            seconds = [_disabled(console, scim.caller(), visitor) for visitor in signed]
            last = _waiting(core)
            if pushes:
                wait_until(lambda: not _waiting(core)[0], seconds=_LONGEST_PUSH, what="every account")
            after = scim.server.pss() / MEGABYTE if pushes else None
    return Found(seconds=seconds, waiting_first=first, waiting_last=last, idle=idle / MEGABYTE, after=after)


@contextmanager
def _started(folder: Path, port: int) -> Iterator[Scim]:
    config = folder / "config.yaml"
    token = UsherCommand(config=config, env=os.environ).run("token", "create", "acme", "--name", "bench")
    with usher_running(config, port) as server:
        yield Scim(server, token.strip())


def _visitors(core: Core, console: Console, scim: Scim, numbers: range) -> list[Visitor]:
    made = zip(numbers, scim.create(numbers), strict=True)
    signed = [signed_in(core.service, console, user, a_user(number)["userName"]) for number, user in made]
    wait_until(lambda: not _waiting(core)[0], what="the visitors' accounts")
    return signed


def _disabled(console: Console, caller: Caller, visitor: Visitor) -> float:
    return seconds_until_refused(
        console, visitor, lambda: caller.ask("PATCH", f"/Users/{visitor.user}", PATCH_ACTIVE)
    )


def _waiting(core: Core) -> tuple[int, int]:
    return waiting(core.engines.read, Lane.ACCOUNT), waiting(core.engines.read, Lane.MAIL)
