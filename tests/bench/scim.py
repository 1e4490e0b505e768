"""What SCIM requests cost, Usher beside its peers in the same run. It owns the operations and the goals."""

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from connector.application.tokens import create_token
from connector.bootstrap import make_core
from connector.domain.model import TenantId
from connector.foundation.config import load
from connector.foundation.config_initial import write_initial
from tests.bench.peers import TOKEN
from tests.bench.servers import RunningServer, serving

USERS = 1000
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
    """How Usher's CPU time must stand to a peer's."""

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


def scim_figures(rounds: int, seconds: float) -> dict[str, dict[str, Figure]]:
    """Each server's figure for each operation: the median of the rounds, which take turns."""
    found: dict[str, dict[str, list[Figure]]] = {}
    for number in range(rounds):
        for name, server in SERVERS.items():
            print(f"round {number + 1} of {rounds}: {name}", flush=True)
            for operation, figure in server(seconds).items():
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


def _usher(seconds: float) -> dict[str, Figure]:
    with tempfile.TemporaryDirectory() as folder:
        config = write_initial(Path(folder) / "usher", "acme")
        core = make_core(load(config))
        token = create_token(core.service, TenantId("acme"), name="bench", scope="scim", life=None)
        core.engines.dispose()
        factory, env = "connector.wsgi:create_app", {"USHER_CONFIG": str(config)}
        with serving(factory, env=env, ready="/scim/acme/v2/Users") as server:
            return _measured(server, Caller(server, "/scim/acme/v2", token), seconds)


def _scim2_server(seconds: float) -> dict[str, Figure]:
    with serving("tests.bench.peers:scim2_server", env={}, ready="/v2/Users") as server:
        return _measured(server, Caller(server, "/v2", TOKEN), seconds)


def _bare_flask(seconds: float) -> dict[str, Figure]:
    with serving("tests.bench.peers:bare_flask", env={}, ready="/scim/acme/v2/Users/1") as server:
        caller = Caller(server, "/scim/acme/v2", TOKEN)
        return {"GET": _phase(server, lambda _: caller.ask("GET", "/Users/1"), seconds)}


SERVERS: dict[str, Callable[[float], dict[str, Figure]]] = {
    "Usher": _usher,
    "scim2-server": _scim2_server,
    "bare Flask": _bare_flask,
}


def _measured(server: RunningServer, caller: Caller, seconds: float) -> dict[str, Figure]:
    ids: list[str] = []
    create = _phase(
        server,
        lambda number: ids.append(caller.ask("POST", "/Users", a_user(number))["id"]),
        seconds=600.0,
        most=USERS,
    )

    def filtered(expression: str) -> Callable[[int], Any]:
        return lambda n: caller.ask("GET", f"/Users?filter={quote(expression.format(n=n % USERS))}")

    return {
        "create": create,
        "GET": _phase(server, lambda n: caller.ask("GET", f"/Users/{ids[n % USERS]}"), seconds),
        "filter userName": _phase(server, filtered('userName eq "user{n}@acme.example"'), seconds),
        "filter externalId": _phase(server, filtered('externalId eq "ext-{n}"'), seconds),
        "filter, no hit": _phase(server, filtered('userName eq "nobody{n}"'), seconds),
        "page of 100": _phase(server, lambda _: caller.ask("GET", "/Users?count=100"), seconds),
        "PATCH active": _phase(
            server, lambda n: caller.ask("PATCH", f"/Users/{ids[n]}", PATCH_ACTIVE), seconds, most=USERS
        ),
    }


def _phase(server: RunningServer, ask: Callable[[int], Any], seconds: float, most: int = 3000) -> Figure:
    """Ask until the time or the number of requests is over."""
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    done = 0
    while done < most and time.perf_counter() - begun < seconds:
        ask(done)
        done += 1
    elapsed = time.perf_counter() - begun
    return Figure(cpu_ms=(server.cpu_seconds() - cpu) * 1000 / done, per_second=done / elapsed)
