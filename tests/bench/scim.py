"""What SCIM requests cost, Usher beside its peers in the same run. It owns the operations and the aims."""

import http.client
import json
import statistics
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from connector.application.tokens import create_token
from connector.bootstrap import make_core
from connector.domain.model import TenantId
from tests.bench.peers import TOKEN
from tests.bench.place import POSTGRESQL, SQLITE, Place, configured
from tests.bench.servers import RunningServer, serving
from tests.bench.table import Aim, prose, table, verdicts

USERS = 1000
MOST = 3000
"""Requests of one phase."""
PATCH_ACTIVE = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One operation at one server: CPU milliseconds per request, and requests per second."""

    cpu_ms: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Goal:
    """How Usher's CPU time, on SQLite, must stand to a peer's."""

    operation: str
    peer: str
    peer_operation: str
    at_most: float


GOALS = (
    Goal("GET", "bare Flask", "GET", 2.0),
    Goal("filter userName", "bare Flask", "GET", 3.0),
    Goal("filter externalId", "bare Flask", "GET", 3.0),
    Goal("filter, no hit", "bare Flask", "GET", 3.0),
    Goal("page of 100", "bare Flask", "GET", 4.0),
    Goal("create", "scim2-server", "create", 1 / 1.5),
    Goal("PATCH active", "scim2-server", "PATCH active", 1 / 1.5),
)
OPERATIONS = tuple(goal.operation for goal in GOALS)
WRITING = ("create", "PATCH active")
USHER, USHER_POSTGRESQL = "Usher", "Usher on PostgreSQL"

Figures = dict[str, dict[str, Figure]]
"""For each server each operation's."""


class Caller:
    """A SCIM client on one kept-alive connection."""

    def __init__(self, server: RunningServer, prefix: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.base).netloc, timeout=60)
        self._prefix = prefix
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body) if body is not None else None
        self._connection.request(method, self._prefix + path, data, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text) if text else None


def a_user(number: int) -> dict[str, Any]:
    """A full user, as an enterprise identity provider pushes it."""
    name = f"user{number}@acme.example"
    return {
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "userName": name,
        "externalId": f"ext-{number}",
        "name": {
            "givenName": "Ada",
            "familyName": f"Lovelace {number}",
            "formatted": f"Ada Lovelace {number}",
        },
        "displayName": f"Ada Lovelace {number}",
        "emails": [{"value": name, "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+49 30 1234567", "type": "work"}],
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "active": True,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Finance"},
    }


def scim_section(place: Place, *, quick: bool) -> list[str]:
    """Measure each server; the lines of the document."""
    figures = _figures(place, rounds=1 if quick else 3, seconds=0.5 if quick else 3.0)
    return [
        "## SCIM requests",
        "",
        *prose(
            """CPU milliseconds per request (user and system, the whole process tree), with requests per
            second on one connection in brackets. Each server alone under granian, one worker and one thread
            on one core; 1,000 full users; the median of rounds that take turns. Usher keeps every change
            durably in its database with its timeline and outbox (what PostgreSQL's own processes cost is
            not in the milliseconds); scim2-server keeps users in memory; bare Flask answers a constant."""
        ),
        "",
        *table(["operation", *figures], (_row(figures, operation) for operation in OPERATIONS)),
        "",
        *verdicts(_aims(figures)),
    ]


def _row(figures: Figures, operation: str) -> list[str]:
    return [operation, *(_cell(found.get(operation)) for found in figures.values())]


def _cell(figure: Figure | None) -> str:
    return f"{figure.cpu_ms:.2f} ({figure.per_second:.0f})" if figure else ""


def _aims(figures: Figures) -> Iterator[Aim]:
    for goal in GOALS:
        ratio = figures[USHER][goal.operation].cpu_ms / figures[goal.peer][goal.peer_operation].cpu_ms
        what = f"{goal.operation} ≤ {goal.at_most:.2f} of {goal.peer}, {goal.peer_operation}"
        yield Aim(what, ratio, at_most=goal.at_most)


def _figures(place: Place, rounds: int, seconds: float) -> Figures:
    """The median of the rounds, which take turns."""
    found: dict[str, dict[str, list[Figure]]] = {}
    for _ in range(rounds):
        for name, server in SERVERS.items():
            for operation, figure in server(place, seconds).items():
                found.setdefault(name, {}).setdefault(operation, []).append(figure)
    return {
        name: {operation: _median(figures) for operation, figures in operations.items()}
        for name, operations in found.items()
    }


def _median(figures: list[Figure]) -> Figure:
    return Figure(
        cpu_ms=statistics.median(figure.cpu_ms for figure in figures),
        per_second=statistics.median(figure.per_second for figure in figures),
    )


def _usher(place: Place, seconds: float) -> dict[str, Figure]:
    with _served(place, SQLITE) as (server, caller):
        return _measured(server, caller, seconds)


def _usher_postgresql(place: Place, seconds: float) -> dict[str, Figure]:
    with _served(place, POSTGRESQL) as (server, caller):
        return _measured(server, caller, seconds, only=WRITING)


@contextmanager
def _served(place: Place, kind: str) -> Iterator[tuple[RunningServer, Caller]]:
    folder = place.without_realm()
    core = make_core(configured(folder, database=place.databases[kind].migrated()))
    token = create_token(core.service, TenantId("acme"), name="bench", scope="scim", life=None)
    core.close()
    env = {"USHER_CONFIG": str(folder / "config.yaml")}
    with serving("connector.wsgi:create_app", env=env, ready="/scim/acme/v2/Users") as server:
        yield server, Caller(server, "/scim/acme/v2", token)


def _scim2_server(_: Place, seconds: float) -> dict[str, Figure]:
    with serving("tests.bench.peers:scim2_server", env={}, ready="/v2/Users") as server:
        return _measured(server, Caller(server, "/v2", TOKEN), seconds)


def _bare_flask(_: Place, seconds: float) -> dict[str, Figure]:
    with serving("tests.bench.peers:bare_flask", env={}, ready="/scim/acme/v2/Users/1") as server:
        caller = Caller(server, "/scim/acme/v2", TOKEN)
        return {"GET": _phase(server, lambda _: caller.ask("GET", "/Users/1"), seconds, MOST)}


SERVERS: dict[str, Callable[[Place, float], dict[str, Figure]]] = {
    USHER: _usher,
    USHER_POSTGRESQL: _usher_postgresql,
    "scim2-server": _scim2_server,
    "bare Flask": _bare_flask,
}


def _measured(
    server: RunningServer, caller: Caller, seconds: float, only: Collection[str] = OPERATIONS
) -> dict[str, Figure]:
    """Users must be made before they can be asked for."""
    ids: list[str] = []

    def create(number: int) -> None:
        ids.append(caller.ask("POST", "/Users", a_user(number))["id"])

    def filtered(expression: str) -> Callable[[int], Any]:
        return lambda n: caller.ask("GET", f"/Users?filter={quote(expression.format(n=n % USERS))}")

    made = _phase(server, create, seconds=600.0, most=USERS)
    asked: dict[str, Callable[[int], Any]] = {
        "GET": lambda n: caller.ask("GET", f"/Users/{ids[n % USERS]}"),
        "filter userName": filtered('userName eq "user{n}@acme.example"'),
        "filter externalId": filtered('externalId eq "ext-{n}"'),
        "filter, no hit": filtered('userName eq "nobody{n}"'),
        "page of 100": lambda _: caller.ask("GET", "/Users?count=100"),
        "PATCH active": lambda n: caller.ask("PATCH", f"/Users/{ids[n]}", PATCH_ACTIVE),
    }
    most = {"PATCH active": USERS}
    return {"create": made} | {
        operation: _phase(server, ask, seconds, most.get(operation, MOST))
        for operation, ask in asked.items()
        if operation in only
    }


def _phase(server: RunningServer, ask: Callable[[int], Any], seconds: float, most: int) -> Figure:
    """Ask until the time or the number of requests is over."""
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    done = 0
    while done < most and time.perf_counter() - begun < seconds:
        ask(done)
        done += 1
    elapsed = time.perf_counter() - begun
    return Figure(cpu_ms=(server.cpu_seconds() - cpu) * 1000 / done, per_second=done / elapsed)
