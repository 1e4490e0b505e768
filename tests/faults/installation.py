"""One installation of Usher under faults: its configuration and database, over the real Keycloak and a real
SMTP server, each behind a proxy that can spoil the way. It owns what stands around Usher's processes.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connector.application.records import OutboxRow
from connector.application.service import Service
from connector.bootstrap import ConfiguredTenants, SystemIds
from connector.domain.effects import Lane
from connector.domain.model import UserId
from connector.foundation.config import Settings, load
from connector.store.clock import SystemClock
from connector.store.engine import Engines, make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.faults.changes import Clerk
from tests.faults.journal import Journal
from tests.faults.post_office import PostOffice, post_office
from tests.faults.processes import ROOT, Process, wait_until
from tests.faults.realm import Realm
from tests.faults.seeds import scaled
from tests.support.fault_proxy import FaultProxy, fault_proxy

WORKER: Mapping[str, Any] = {
    "poll": "100ms",
    "longest_backoff": "1s",
    "breaker_pause": "500ms",
    "longest_breaker_pause": "2s",
}
"""Quicker than in real life, so that a test sees the end of it."""

SETTLED = scaled(120.0, 600.0)
"""Seconds within which all must be delivered once nothing fails any more. A machine that works for other
things too, hour after hour, may starve Keycloak for minutes; what was promised is no less.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a fault test acts on. ``prefix`` begins each of its users' names."""

    prefix: str
    folder: Path
    config: Path
    settings: Settings
    realm: Realm
    office: PostOffice
    keycloak_proxy: FaultProxy
    smtp_proxy: FaultProxy
    database: str
    """The database's URL, not through a proxy."""
    engines: Engines = field(repr=False)
    store: SqlStore = field(repr=False)
    journal: Journal
    clerk: Clerk
    """Somebody in this process who makes changes."""
    processes: list[Process] = field(default_factory=list)
    """All that were started; what still runs at the end is killed."""

    @property
    def most_workers(self) -> int:
        """How many workers the database takes, four at most."""
        return 1 if self.database.startswith("sqlite") else 4

    def usher(self, *verb: str) -> subprocess.CompletedProcess[str]:
        """A verb, to its end."""
        command = [sys.executable, "-m", "connector", "--config", str(self.config), *verb]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    def start(self, *verb: str, name: str = "usher") -> Process:
        """A verb as a process."""
        log = self.folder / f"{name}.log"
        return self._started(Process("connector", "--config", str(self.config), *verb, log=log))

    def start_feeder(self, seed: int, *, name: str = "f", **options: float) -> Process:
        """A feeder of users of its own; ``options`` are its own."""
        words = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
        journal = str(self.folder / "journal")
        fixed = ["--config", str(self.config), "--journal", journal, f"--seed={seed}"]
        prefix = f"--prefix={self.prefix}{name}-"
        log = self.folder / "feeder.log"
        return self._started(Process("tests.faults.feeder", *fixed, prefix, *words, log=log))

    def _started(self, process: Process) -> Process:
        self.processes.append(process)
        return process

    def rows(self) -> list[OutboxRow]:
        """Every row that is not finished."""
        with self.store.read() as work:
            return work.outbox.list(limit=100_000)

    def waiting(self) -> list[OutboxRow]:
        """Rows of accounts and mails that are still to be done, less what is behind an account in
        quarantine.
        """
        rows = [row for row in self.rows() if row.lane is not Lane.CLOCK]
        stuck = {row.subject for row in rows if row.state == "quarantined" and row.lane is Lane.ACCOUNT}
        return [row for row in rows if row.state != "quarantined" and row.subject not in stuck]

    def wait_until_settled(self, seconds: float = SETTLED, *, of: Collection[UserId] = ()) -> None:
        """Until nothing waits, of these users or of all.

        :raises AssertionError: something still does.
        """

        def left() -> list[OutboxRow]:
            return [row for row in self.waiting() if not of or row.user_id in of]

        try:
            wait_until(lambda: not left(), seconds, "delivered")
        except AssertionError as error:
            with self.store.read() as work:
                away = work.sinks.all()
            rows = "\n".join(_line(row) for row in left()[:20])
            raise AssertionError(f"{error}; away: {away}; these rows still wait:\n{rows}") from None


def _line(row: OutboxRow) -> str:
    due = "" if row.due_at is None else f", due in {row.due_at - time.time():.1f} s"
    what = f"{row.id} {row.effect} {row.target} of {row.user_id} (prio {row.prio}): {row.state}{due}"
    return f"{what}, attempt {row.attempt}, failures {row.failures} {row.reason} {row.detail}"


@contextmanager
def installed(
    folder: Path,
    realm: Realm,
    *,
    prefix: str,
    database: str,
    proxied_database: str | None = None,
    worker: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    smtp: Mapping[str, Any] | None = None,
    office: Mapping[str, Any] | None = None,
    migrated: bool = True,
) -> Iterator[Installation]:
    """An installation over a fresh database, migrated unless told otherwise. ``worker`` are keys of the
    worker's settings, ``policy`` the tenant's, ``smtp`` of the mail server's settings, ``office`` options
    of the mail server itself; ``proxied_database`` is where Usher finds the database, if elsewhere.
    """
    target = urlsplit(realm.keycloak.url)
    for name in ("keys", "secrets"):
        shutil.copytree(realm.folder / name, folder / name)
    with (
        post_office(**(office or {})) as server,
        fault_proxy(target.hostname or "", target.port or 80, http=True) as to_keycloak,
        fault_proxy("127.0.0.1", server.port) as to_smtp,
    ):
        config = _configuration(realm, to_keycloak, to_smtp, smtp or {}, policy or {})
        config |= {"database": proxied_database or database, "worker": {**WORKER, **(worker or {})}}
        path = folder / "config.yaml"
        path.write_text(json.dumps(config, indent=1))
        loaded, engines = load(path), make_engines(database)
        if migrated:
            migrate(engines.write)
        journal, store = Journal(folder / "journal"), SqlStore(engines)
        installation = Installation(
            prefix=prefix,
            folder=folder,
            config=path,
            settings=loaded,
            realm=realm,
            office=server,
            keycloak_proxy=to_keycloak,
            smtp_proxy=to_smtp,
            database=database,
            engines=engines,
            store=store,
            journal=journal,
            clerk=Clerk(_service(loaded, store), store, journal, prefix),
        )
        try:
            yield installation
        finally:
            for process in installation.processes:
                process.kill()
            journal.close()
            engines.dispose()


def _service(settings: Settings, store: SqlStore) -> Service:
    tenants = ConfiguredTenants(settings.tenants)
    return Service(store, tenants, settings.mapping, SystemClock(), SystemIds())


def _configuration(
    realm: Realm,
    to_keycloak: FaultProxy,
    to_smtp: FaultProxy,
    smtp: Mapping[str, Any],
    policy: Mapping[str, Any],
) -> dict[str, Any]:
    config: dict[str, Any] = realm.config()
    config["keycloak"]["realms"]["main"]["url"] = to_keycloak.url
    server = {"host": "127.0.0.1", "port": to_smtp.port, "tls": "none", **smtp}
    config["mail"]["smtp"] = server
    config["management"] = {"port": 0}
    config["tenants"]["acme"]["policy"] = {"resend_interval": "0s", **policy}
    return config
