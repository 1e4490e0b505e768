"""A real service over a SQLite file, behind Flask's test client, with a tenant for each client
profile.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from connector.application.records import Token
from connector.application.service import Service
from connector.domain.model import Tenant, TenantId
from connector.store.engine import Engines, make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from connector.store.tables import metadata
from scim_server.auth import Door
from scim_server.blueprint import scim_blueprint
from scim_server.profiles import CLIENTS
from tests.support.builders import NOW, FakeClock, FixedTenants, a_service, a_tenant
from tests.support.databases import KINDS, PostgresServer
from tests.support.web import an_app

PUBLIC_URL = "https://usher.example.com"
ON_BOTH = {"test_hostile", "test_races", "test_reads", "test_entra", "test_okta"}
"""Modules whose tests run on each kind of database: those that ask most of it."""
DATA = Path(__file__).parent / "data"

JSON = dict[str, Any]


def payload(name: str) -> JSON:
    """A recorded body, by its file under ``data/``."""
    loaded: JSON = json.loads((DATA / name).read_text("utf-8"))
    return loaded


def patch_of(*operations: JSON) -> JSON:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


def a_user(user_name: str = "ada@acme.example", /, **values: Any) -> JSON:
    email = {"value": user_name, "type": "work", "primary": True}
    plain = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [email],
    }
    return plain | values


@dataclass(frozen=True)
class Reply:
    """A response, its JSON read; every one must look as SCIM's do."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> JSON:
        loaded: JSON = json.loads(self.raw)
        return loaded

    @property
    def error(self) -> tuple[int, str]:
        """(status, scimType) of an error."""
        assert self.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert self.json["status"] == str(self.status)
        assert self.json["detail"]
        return self.status, self.json.get("scimType", "")


class Caller:
    """A connection of one tenant that speaks SCIM."""

    def __init__(self, client: FlaskClient, tenant: str, token: str) -> None:
        self._client = client
        self.tenant = tenant
        self.token = token
        self.base = f"{PUBLIC_URL}/scim/{tenant}/v2"

    def call(
        self, method: str, path: str, body: Any = None, /, *, query: JSON | None = None, **headers: Any
    ) -> Reply:
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        sent = {name.replace("_", "-"): value for name, value in (given | headers).items() if value}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        response = self._client.open(
            f"/scim/{self.tenant}/v2{path}", method=method, data=data, headers=sent, query_string=query
        )
        reply = Reply(response.status_code, dict(response.headers), response.data)
        assert reply.headers["X-Request-ID"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        if reply.raw:
            assert reply.headers["Content-Type"] == "application/scim+json"
        return reply

    def get(self, path: str, **query: Any) -> Reply:
        return self.call("GET", path, query=query)

    def found(self, text: str, **query: Any) -> list[JSON]:
        """The users that a filter finds."""
        reply = self.get("/Users", filter=text, **query)
        assert reply.status == 200, reply.raw
        users: list[JSON] = reply.json["Resources"]
        assert reply.json["totalResults"] == len(users)
        return users

    def post(self, path: str, body: Any, **headers: Any) -> Reply:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: Any) -> Reply:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, *operations: JSON, **headers: Any) -> Reply:
        return self.call("PATCH", path, patch_of(*operations), **headers)

    def send_patch(self, path: str, name: str) -> Reply:
        """PATCH with a recorded body."""
        return self.call("PATCH", path, payload(name))

    def delete(self, path: str, **headers: Any) -> Reply:
        return self.call("DELETE", path, **headers)

    def created(self, body: JSON) -> JSON:
        reply = self.post("/Users", body)
        assert reply.status == 201, reply.raw
        return reply.json

    def user(self, user_id: str) -> JSON:
        reply = self.get(f"/Users/{user_id}")
        assert reply.status == 200, reply.raw
        return reply.json


@dataclass
class House:
    """Everything behind the test client."""

    service: Service
    tenants: FixedTenants
    clock: FakeClock
    store: SqlStore
    app: Flask

    def caller(self, tenant: str, name: str = "idp", *, scope: str = "scim", **values: Any) -> Caller:
        """A connection with a token of its own."""
        secret = f"usher_{tenant}-{name}-{scope}".replace(":", "-")
        token = Token(
            id=sha256(secret.encode()).hexdigest()[:16],
            tenant=TenantId(tenant),
            name=name,
            digest=sha256(secret.encode()).hexdigest(),
            scope=scope,
            created_at=NOW,
            expires_at=None,
        )
        with self.store.write() as work:
            work.tokens.add(replace(token, **values))
        return Caller(self.app.test_client(), tenant, secret)

    def change(self, tenant: str, **values: Any) -> None:
        """Another configuration for a tenant."""
        old = self.tenants.get(TenantId(tenant))
        assert old is not None
        self.tenants.put(replace(old, **values))

    def change_policy(self, tenant: str, **values: Any) -> None:
        old = self.tenants.get(TenantId(tenant))
        assert old is not None
        self.tenants.put(replace(old, policy=replace(old.policy, **values)))


def _tenant(client: str) -> Tenant:
    return replace(a_tenant(TenantId(client), realm=client), scim_profile=client)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy; migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("scim") / "empty.db"
    engines = make_engines(f"sqlite:///{path}")
    migrate(engines.write)
    engines.dispose()
    return path


@pytest.fixture(scope="session")
def shared_postgres(postgres: PostgresServer) -> Iterator[Engines]:
    """One database for all tests here, each of which begins by emptying it: sooner done than a new one."""
    engines = make_engines(postgres.migrated())
    yield engines
    engines.dispose()


@pytest.fixture
def kind() -> str:
    """The database that a test runs on; :func:`pytest_generate_tests` gives some modules both."""
    return "sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in ON_BOTH and "house" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)


@pytest.fixture
def engines(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engines]:
    """An empty database."""
    if kind == "postgresql":
        shared: Engines = request.getfixturevalue("shared_postgres")
        with shared.write.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        yield shared
        return
    path = tmp_path / "usher.db"
    shutil.copyfile(request.getfixturevalue("empty_database"), path)
    made = make_engines(f"sqlite:///{path}")
    yield made
    made.dispose()


@pytest.fixture
def house(engines: Engines) -> House:
    store, clock = SqlStore(engines), FakeClock()
    service = a_service(store, *(_tenant(client) for client in CLIENTS), clock=clock)
    assert isinstance(service.tenants, FixedTenants)
    door = Door(store, service.tenants, clock, cache_life=0.0)
    app = an_app(scim_blueprint(service, public_url=PUBLIC_URL, door=door))
    return House(service=service, tenants=service.tenants, clock=clock, store=store, app=app)


@pytest.fixture
def callers(house: House) -> Callable[[str], Caller]:
    """A caller for each client profile, made when first asked for."""
    made: dict[str, Caller] = {}

    def caller(profile: str) -> Caller:
        if profile not in made:
            made[profile] = house.caller(profile)
        return made[profile]

    return caller


@pytest.fixture
def generic(callers: Callable[[str], Caller]) -> Caller:
    return callers("generic")


@pytest.fixture
def strict(callers: Callable[[str], Caller]) -> Caller:
    return callers("strict")
