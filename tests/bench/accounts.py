"""How many accounts a second a worker makes at a real Keycloak, beside the bare Admin API: the same bodies,
by the same service account, from as many threads, in the same run. It owns this race.
"""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import local
from typing import Any

import requests

from connector.bootstrap import Core, make_worker
from connector.domain.effects import Lane
from connector.domain.model import State, UserId
from connector.foundation.config import RealmSettings, Settings
from connector.keycloak.names import GROUP
from connector.keycloak.representation import new_account
from tests.bench.place import Place, configured, opened
from tests.bench.table import Aim, prose, table, verdicts
from tests.bench.work import ACME, create, drain, leave_alone
from tests.support.builders import a_profile, a_user
from tests.support.realms import REALM

SLOTS = (1, 4, 8)
BARE = "bare Admin API"


class Bare:
    """Accounts made without Usher: a session for each thread, one token for all."""

    def __init__(self, settings: Settings, numbers: Iterator[int]) -> None:
        self._settings, self._realm = settings, settings.realms[REALM]
        self._url = f"{self._realm.url}/admin/realms/{self._realm.realm}/users"
        self._numbers = numbers
        self._of_thread = local()

    def per_second(self, threads: int, accounts: int) -> float:
        """Make so many accounts."""
        bodies = [self._body(next(self._numbers)) for _ in range(accounts)]
        token = _token(self._realm)
        with ThreadPoolExecutor(threads, initializer=self._connect, initargs=(token,)) as pool:
            begun = time.perf_counter()
            list(pool.map(self._post, bodies))
            return accounts / (time.perf_counter() - begun)

    def _connect(self, token: str) -> None:
        self._of_thread.session = requests.Session()
        self._of_thread.session.headers["Authorization"] = f"Bearer {token}"

    def _post(self, body: dict[str, Any]) -> None:
        answer = self._of_thread.session.post(self._url, json=body, timeout=30)
        assert answer.status_code == 201, answer.text

    def _body(self, number: int) -> dict[str, Any]:
        """What Usher sends for an invited user."""
        mapping, tenant = self._settings.mapping, self._settings.tenants[ACME]
        user = a_user(profile=a_profile(f"bare{number}@acme.example"), id=UserId(f"{number:032}"))
        desired = mapping.desired(user, State.PENDING, tenant)
        actions = mapping.rule(State.PENDING, tenant.policy).required_actions
        return new_account(replace(desired, required_actions=actions), (f"/{GROUP}",))


def _token(realm: RealmSettings) -> str:
    client = realm.runtime
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.client_secret.read(),
    }
    url = f"{realm.url}/realms/{realm.realm}/protocol/openid-connect/token"
    answer = requests.post(url, data=form, timeout=30)
    return str(answer.json()["access_token"])


def accounts_section(place: Place, *, quick: bool) -> list[str]:
    """Measure on each database; the lines of the document."""
    rounds, accounts = (1, 40) if quick else (3, 300)
    with place.realm("accounts") as (folder, _):
        found = _measured(place, folder, rounds, accounts)
    rows = [[name, *(f"{figures[slots]:.0f}" for slots in SLOTS)] for name, figures in found.items()]
    aims = [
        Aim(
            f"{name}, {slots} slots: ≥ 80 % of {BARE}",
            found[name][slots] / found[BARE][slots],
            at_least=0.8,
        )
        for name in place.databases
        for slots in SLOTS
    ]
    return [
        "## Accounts pushed to Keycloak",
        "",
        *prose(
            f"""Accounts a second by the real worker with so many slots, and by as many threads that only
            send the same requests. Keycloak, the database and the worker share the machine. Each figure is
            the median of {rounds} rounds of {accounts} accounts that take turns; mails are left out."""
        ),
        "",
        *table(["", *(f"{slots} slots" for slots in SLOTS)], rows),
        "",
        *verdicts(aims),
    ]


def _measured(place: Place, folder: Path, rounds: int, accounts: int) -> dict[str, dict[int, float]]:
    numbers = count()
    turns: list[tuple[str, int, float]] = []
    bare = Bare(configured(folder), numbers)
    bare.per_second(max(SLOTS), accounts)  # Keycloak compiles what it runs often
    with _cores(place, folder) as cores:
        for _ in range(rounds):
            for slots in SLOTS:
                turns.append((BARE, slots, bare.per_second(slots, accounts)))
                for (name, with_slots), core in cores.items():
                    if with_slots == slots:
                        turns.append((name, slots, _pushed_per_second(core, numbers, accounts)))
    return {
        name: {
            slots: statistics.median(f for n, s, f in turns if (n, s) == (name, slots)) for slots in SLOTS
        }
        for name in (BARE, *place.databases)
    }


@contextmanager
def _cores(place: Place, folder: Path) -> Iterator[dict[tuple[str, int], Core]]:
    """An installation for each database and number of slots, all over the one realm."""
    with ExitStack() as stack:
        yield {
            (name, slots): stack.enter_context(
                opened(configured(folder, database=kind.migrated(), worker={"account_slots": slots}))
            )
            for name, kind in place.databases.items()
            for slots in SLOTS
        }


def _pushed_per_second(core: Core, numbers: Iterator[int], accounts: int) -> float:
    create(core.service, (next(numbers) for _ in range(accounts)))
    leave_alone(core, Lane.ACCOUNT)
    return drain(core, make_worker(core)).per_second
