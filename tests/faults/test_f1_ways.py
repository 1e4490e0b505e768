"""F1: the ways to Keycloak, to the mail server and to PostgreSQL fail in every manner, call by call."""

import time
from itertools import count

from tests.faults.conftest import SHORT_LEASE, Install
from tests.faults.door import door_of, opened
from tests.faults.installation import Installation
from tests.faults.invariants import check
from tests.faults.postgres import OwnPostgres
from tests.faults.processes import wait_until
from tests.faults.seeds import scaled
from tests.faults.watcher import Watcher
from tests.faults.workers import working
from tests.support.fault_proxy import Mode, fault_proxy

CALLS = {
    "token": "^POST /realms/[^ ]+/token ",
    "create": "^POST /admin/realms/[^/ ]+/users ",
    "read": "^GET /admin/realms/[^/ ]+/users/[^/ ]+ ",
    "write": "^PUT /admin/realms/[^/ ]+/users/[^/ ]+ ",
    "log out": "^POST /admin/realms/[^/ ]+/users/[^/ ]+/logout ",
    "consents": "^GET /admin/realms/[^/ ]+/users/[^/ ]+/consents ",
    "unlink": "^DELETE /admin/realms/[^/ ]+/users/[^/ ]+/federated-identity/",
    "delete": "^DELETE /admin/realms/[^/ ]+/users/[^/ ]+ ",
}
"""Every kind of call that the life of an account takes."""

FAILING = (Mode.REFUSE, Mode.RESET_REPLY, Mode.HALF_REQUEST, Mode.HTML_404, Mode.HTML_502)
LATE = (Mode.LATENCY, Mode.SLOW)
"""What goes well in the end. A black hole takes the ten seconds after which a call is given up."""

PAUSES = {Mode.LATENCY: 0.5, Mode.SLOW: 0.002}


def test_fault_f1_each_call_to_keycloak_fails_in_each_way(install: Install) -> None:
    """P2 and A8: nothing is lost, done twice, parked for good or taken for gone."""
    with install() as installation:
        proxy = installation.keycloak_proxy
        for pattern in CALLS.values():
            for mode in (*FAILING, *LATE):
                proxy.sometimes(mode, matching=pattern, seconds=PAUSES.get(mode, 0.0))
        for name in ("create", "write", "delete")[: scaled(1, 3)]:
            proxy.sometimes(Mode.BLACKHOLE, matching=CALLS[name])
        with Watcher(installation.database) as watcher:
            _first_half(installation, 16)
            _second_half(installation, 8)
        assert proxy.unused == 0
        check(installation, now=time.time(), watched=watcher.seen)


def _first_half(installation: Installation, count: int) -> None:
    """Users are created, get in and change."""
    clerk = installation.clerk
    with working(installation):
        for number in range(count):
            clerk.create(number)
        installation.wait_until_settled()
        waves: list[tuple[str, ...]] = scaled([("activate", "edit")], [("activate",), ("edit",)])
        for actions in waves:
            _all(installation, *actions)


def _second_half(installation: Installation, deleted: int) -> None:
    """They are disabled and enabled, and some are deleted."""
    with working(installation):
        for action in scaled(["disable"], ["disable", "enable", "disable"]):
            _all(installation, action)
        for user in list(installation.clerk.all())[:deleted]:
            installation.clerk.do("delete", user)
        installation.wait_until_settled()


def _all(installation: Installation, *actions: str) -> None:
    for action in actions:
        for user in installation.clerk.all():
            installation.clerk.do(action, user)
    installation.wait_until_settled()


def test_fault_f1_each_mail_fails_in_each_way(install: Install) -> None:
    """P3: each mail comes at least once, and its copies are alike."""
    with install() as installation:
        proxy = installation.smtp_proxy
        for mode in (Mode.REFUSE, Mode.LATENCY, Mode.SLOW, Mode.RESET_REPLY):
            proxy.sometimes(mode, seconds=PAUSES.get(mode, 0.0))
        for step in ("^ehlo|^EHLO", "^mail|^MAIL", "^rcpt|^RCPT", "^data|^DATA", "Message-ID"):
            for mode in (Mode.LATENCY, Mode.RESET_REPLY, Mode.HALF_REQUEST, Mode.REFUSE):
                proxy.sometimes(mode, matching=step, seconds=PAUSES.get(mode, 0.0))
        clerk = installation.clerk
        with Watcher(installation.database) as watcher, working(installation):
            for number in range(24):
                clerk.create(number)
            installation.wait_until_settled()
        assert proxy.unused == 0
        check(installation, now=time.time(), watched=watcher.seen, stuck={"delivery_unknown"})


def test_fault_f1_each_statement_to_postgresql_fails_in_each_way(
    install: Install, server: OwnPostgres
) -> None:
    """P1: a commit whose answer was lost may be there; what was answered is."""
    with (
        fault_proxy("127.0.0.1", server.port) as proxy,
        install(
            database=server.url(), proxied_database=server.url(proxy.port), worker=SHORT_LEASE
        ) as installation,
        Watcher(installation.database) as watcher,
        working(installation, 2),
    ):
        door, numbers = door_of(installation), count()
        with opened(door, "serve"):
            for mode in (Mode.REFUSE, Mode.RESET_REPLY, Mode.HALF_REQUEST, *LATE):
                for statement in ("COMMIT", "INSERT", "SELECT"):
                    proxy.sometimes(mode, matching=statement, times=2, seconds=PAUSES.get(mode, 0.0))
                # Connections that are made anew find nobody at first.
                proxy.sometimes(Mode.BLACKHOLE)
                wait_until(lambda: door.create(next(numbers)) and proxy.unused <= 1, 60.0, str(mode))
            proxy.always(Mode.OK)
            wait_until(lambda: door.create(next(numbers)) is not None, 30.0, "the database is found again")
            installation.wait_until_settled()
        check(installation, now=time.time(), watched=watcher.seen)
