"""F3: kills at the moments that matter: when Keycloak has done a call and not said so, in a migration."""

import re
import time

import pytest

from connector.domain.model import PortalUser
from connector.store.migrate import HEAD, current
from tests.faults.conftest import Install
from tests.faults.installation import Installation
from tests.faults.invariants import check, integrity
from tests.faults.processes import wait_until
from tests.faults.seeds import chance, scaled
from tests.faults.workers import deliver, working
from tests.support.fault_proxy import Mode

DONE_AND_NOT_SAID = 0.05
"""Seconds between two bytes of an answer: the call is done when the first of them is on its way."""

MOMENTS = {
    "create": "POST /admin/realms/[^/]+/users$",
    "edit": "PUT /admin/realms/[^/]+/users/[^/]+$",
    "hold": "PUT /admin/realms/[^/]+/users/[^/]+$",
    "disable": "POST /admin/realms/[^/]+/users/[^/]+/logout$",
    "delete": "DELETE /admin/realms/[^/]+/users/[^/]+$",
}
"""An action, and the call of its effect after which the worker dies."""


@pytest.mark.parametrize("action", MOMENTS)
def test_promise_p2_killed_when_keycloak_had_done_a_call_it_counts_once(
    install: Install, action: str
) -> None:
    with install() as installation:
        if action != "create":
            _made_active(installation)
        proxy, pattern = installation.keycloak_proxy, re.compile(MOMENTS[action])
        proxy.forget()
        proxy.sometimes(Mode.SLOW, matching=f"^{MOMENTS[action][:-1]} ", seconds=DONE_AND_NOT_SAID)
        worker = installation.start("worker", name="killed")
        _do(installation, action)
        wait_until(lambda: any(map(pattern.fullmatch, proxy.calls())), 30.0, f"the call of {action}")
        time.sleep(DONE_AND_NOT_SAID)
        worker.kill()
        deliver(installation)
        check(installation, now=time.time())


def _made_active(installation: Installation) -> None:
    with working(installation):
        user = installation.clerk.create(1)
        installation.wait_until_settled()
        installation.clerk.do("activate", user)
        installation.wait_until_settled()


def _do(installation: Installation, action: str) -> PortalUser:
    clerk = installation.clerk
    if action == "create":
        return clerk.create(1)
    (user,) = clerk.all()
    return clerk.do(action, user)


def test_fault_f3_a_migration_killed_half_way_is_finished_by_the_next(
    install_any: Install, seed: int
) -> None:
    pick = chance(seed, "migration")
    with install_any(migrated=False) as installation:
        began = time.monotonic()
        installation.usher("config", "check")
        start = time.monotonic() - began
        for number in range(scaled(3, 40)):
            migration = installation.start("migrate", name="migrate")
            time.sleep(start * pick.uniform(0.5, 2.0))
            migration.kill()
            assert migration.exit_code in (0, -9), f"{number}: {migration.tail()}"
        installation.usher("migrate")
        assert current(installation.engines.read) == HEAD
        assert list(integrity(installation)) == []
        installation.clerk.create(1)
        deliver(installation)
        check(installation, now=time.time())
