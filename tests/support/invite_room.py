"""The hand-over's room with everything outside replaced: a real service and store, an identity provider and
a Keycloak client in memory, and browsers that keep cookies as real ones do. No socket is opened.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connector.application.account import Accounts
from connector.application.followup import FollowUp, FollowUpTimes
from connector.application.performers import Performers
from connector.application.post import Post
from connector.application.records import HandOver, OutboxRow
from connector.application.service import Service
from connector.application.worker import Worker
from connector.domain.commands import Create
from connector.domain.effects import Lane
from connector.domain.model import AccountId, PortalUser, State, Tenant, state_of
from connector.foundation.config import (
    ClientSettings,
    HandoverSettings,
    MailSettings,
    RealmSettings,
    Secret,
    Settings,
)
from connector.foundation.key_ring import SigningKeyRing
from connector.foundation.keys import LinkKey, create_keys
from connector.foundation.links import InvitationLinks
from connector.foundation.oidc import pkce_challenge
from connector.invite.blueprint import InviteParts, invite_blueprint
from connector.invite.keycloak_client import CodeRefused, Identity, KeycloakClient, Proof
from connector.invite.standing import Invited, look
from connector.store.engine import Engines, make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.support.builders import (
    ADA,
    MAPPING,
    SYSTEM,
    CountingIds,
    FakeClock,
    FixedTenants,
    a_document,
    a_profile,
    a_tenant,
    command,
)
from tests.support.fake_idp import FakeIdentityProvider, FakeIdentityProviders
from tests.support.plant import Poll, RecordingPost, a_worker
from tests.support.web import an_app

PUBLIC = "https://usher.example.com"
KEYCLOAK = "https://sso.example.com"
BROKER = f"{KEYCLOAK}/realms/portal/broker/usher/endpoint"
PROVIDER_SECRET = "s" * 43
VERIFIER = "v" * 43
COOKIE = "__Host-usher"


class FakeKeycloakClient(KeycloakClient):
    """The real one's addresses, with the answers a test puts in ``codes``."""

    def __init__(self, realm: RealmSettings, clock: Any) -> None:
        super().__init__(realm, clock)
        self.codes: dict[str, Identity] = {}
        self.asked: list[tuple[str, str, Proof]] = []
        self.away: Exception | None = None

    def identify(self, code: str, *, callback: str, proof: Proof) -> Identity:
        if self.away:
            raise self.away
        self.asked.append((code, callback, proof))
        if code not in self.codes:
            raise CodeRefused("not this code")
        return self.codes.pop(code)


class InterruptedProvider(FakeIdentityProvider):
    """The fake provider, during whose calls something else may happen."""

    def __init__(self) -> None:
        super().__init__()
        self._deeds: dict[str, Callable[[], object]] = {}

    def interrupt(self, method: str, deed: Callable[[], object]) -> None:
        self._deeds[method] = deed

    @contextmanager
    def _called(self, method: str, subject: str) -> Iterator[None]:
        if deed := self._deeds.pop(method, None):
            deed()
        with super()._called(method, subject):
            yield


@dataclass
class Room:
    """Everything a test may look at or turn."""

    app: Flask
    settings: Settings
    store: SqlStore
    service: Service
    clock: FakeClock
    idp: "InterruptedProvider"
    client: FakeKeycloakClient
    links: InvitationLinks
    keys: SigningKeyRing
    tenants: FixedTenants
    engines: Engines
    worker: Worker
    followup: FollowUp
    mails: RecordingPost

    def browser(self) -> "Browser":
        return Browser(self)

    def user(self) -> PortalUser:
        with self.store.read() as work:
            user = work.users.get(a_tenant().id, ADA)
        assert user is not None
        return user

    def invited(self) -> Invited:
        """How the newest link stands for a browser that was not here before."""
        opened = self.links.open(self.link().rpartition("/")[2])
        assert opened is not None
        with self.store.read() as work:
            found = look(work, self.tenants, opened, browser="", now=self.clock.now())
        assert found is not None
        return found

    def account(self) -> AccountId:
        account = self.user().account_id
        assert account is not None
        return account

    def generation(self) -> int:
        """The newest generation of Ada's invitation."""
        invitation = self.user().invitation
        assert invitation is not None
        return invitation.generation

    def expires_at(self) -> float:
        """When it ends."""
        invitation = self.user().invitation
        assert invitation is not None
        return invitation.expires_at

    def link(self, generation: int = 1) -> str:
        """The path of Ada's link."""
        invitation = self.user().invitation
        assert invitation is not None
        return self.links.invitation(invitation.id, generation).removeprefix(PUBLIC)

    def handover(self) -> HandOver:
        """The newest hand-over there is, whatever its status."""
        ((newest,),) = self._rows("SELECT id FROM handover ORDER BY rowid DESC LIMIT 1")
        with self.store.read() as work:
            found = work.handovers.get(newest)
        assert found is not None
        return found

    def states(self) -> dict[str, str]:
        """Effect → state of Ada's open outbox rows."""
        with self.store.read() as work:
            return {row.effect: row.state for row in work.outbox.open_rows(a_tenant().id, ADA)}

    def invite_another(self, address: str) -> str:
        """The path of another pending user's link."""
        profile = a_profile(address)
        user_id = self.service.new_user_id()
        made = self.service.handle(
            command(Create, actor=SYSTEM, user=user_id, profile=profile, document=a_document(profile))
        )
        assert made.invitation is not None
        return self.links.invitation(made.invitation.id, 1).removeprefix(PUBLIC)

    def open_another_handover(self) -> HandOver:
        """As if another browser had pressed Ada's button."""
        now = self.clock.now()
        opened = HandOver(
            id="another",
            tenant=a_tenant().id,
            user_id=ADA,
            generation=self.generation(),
            browser="b" * 64,
            opened_at=now,
            link_until=now + 900,
            closes_at=now + 1800,
            sub="5" * 32,
        )
        with self.store.write() as work:
            work.handovers.add(opened)
        return opened

    def claim(self, lane: Lane) -> list[OutboxRow]:
        """As a worker takes what is due."""
        with self.store.write() as work:
            return work.outbox.claim(lane, 1, 20, lease=90, now=self.clock.now())

    def on_call(self, method: str, deed: Callable[[], object]) -> None:
        """Do something while the identity provider is called, once."""
        self.idp.interrupt(method, deed)

    def work(self) -> None:
        """Let the worker do what is due."""
        self.worker.drain()

    def dump(self) -> str:
        """Every row of the database."""
        tables = self._rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        contents = {table: self._rows(f'SELECT * FROM "{table}"') for (table,) in tables}  # noqa: S608
        return repr(contents)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read by the same SQLite library as the store: two of them in one process break its locks."""
        with self.engines.read.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def do(self, asked: type[Any], **values: Any) -> PortalUser:
        return self.service.handle(command(asked, **values))


class Browser:
    """One browser, on the pages of our public origin."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.http: FlaskClient = room.app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.http.get(path.removeprefix(PUBLIC), base_url=PUBLIC, headers=headers)

    def post(self, path: str, *, origin: str | None = PUBLIC, **values: Any) -> TestResponse:
        headers = {"Origin": origin} if origin is not None else {}
        return self.http.post(path.removeprefix(PUBLIC), base_url=PUBLIC, headers=headers, **values)

    def press(self, generation: int = 1) -> TestResponse:
        """Press the button of Ada's link."""
        return self.post(self.room.link(generation))

    def cookie(self) -> str:
        found = self.http.get_cookie(COOKIE, domain="usher.example.com")
        assert found is not None
        return found.value

    def asked(self, response: TestResponse) -> dict[str, str]:
        """The query of the redirect to Keycloak."""
        assert response.status_code == 303, response.status
        return query_of(response.headers["Location"])

    def to_sign_in(self) -> dict[str, str]:
        """Press, nobody signed in: the query that brings the invited person to Keycloak's pages."""
        question = self.asked(self.press())
        return self.asked(self.get(f"/invite/probe?error=login_required&state={question['state']}"))

    def authorize(self, realm: str = "main", **changed: str | None) -> TestResponse:
        """As Keycloak sends the browser to our provider."""
        query = {
            "response_type": "code",
            "client_id": "keycloak",
            "redirect_uri": BROKER,
            "scope": "openid",
            "state": "keycloak-state",
            "nonce": "keycloak-nonce",
            "code_challenge": pkce_challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        given = {key: value for key, value in query.items() if value is not None}
        return self.http.get(f"/oidc/{realm}/authorize", query_string=given, base_url=PUBLIC)

    def token(self, code: str, realm: str = "main", **changed: Any) -> TestResponse:
        """As Keycloak itself redeems a code; ``auth`` is (client id, secret)."""
        auth = changed.pop("auth", ("keycloak", PROVIDER_SECRET))
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BROKER,
            "code_verifier": VERIFIER,
            **changed,
        }
        given = {key: value for key, value in form.items() if value is not None}
        return self.http.post(f"/oidc/{realm}/token", data=given, auth=auth, base_url=PUBLIC)


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def a_room(folder: Path, tenant: Tenant | None = None, **changed: Any) -> Room:
    """A room with one tenant and one pending user, Ada, whose account was not made yet. ``changed``: other
    settings than the usual.
    """
    tenant = tenant or a_tenant()
    settings = replace(_settings(folder, tenant), **changed)
    engines = make_engines(f"sqlite:///{folder / 'usher.db'}")
    migrate(engines.write)
    store, clock, ids = SqlStore(engines), FakeClock(), CountingIds()
    tenants = FixedTenants(tenant)
    service = Service(store, tenants, MAPPING, clock, ids)
    idp = InterruptedProvider()
    idps = FakeIdentityProviders(dict.fromkeys(settings.realms, idp))
    accounts = Accounts(service, idps)
    client = FakeKeycloakClient(settings.realms["main"], clock)
    links = InvitationLinks(PUBLIC, LinkKey(b"k" * 32))
    keys = SigningKeyRing(settings.keys)
    followup = FollowUp(service, accounts, FollowUpTimes())
    mails = RecordingPost()
    performers = Performers(service, accounts, Post(service, links, mails, mails), followup)
    parts = InviteParts(
        settings=settings,
        service=service,
        accounts=accounts,
        followup=followup,
        identity_providers=idps,
        links=links,
        keys=keys,
        clock=clock,
        ids=ids,
        client=lambda _realm, _clock: client,
    )
    app = an_app(invite_blueprint(parts))
    profile = a_profile()
    service.handle(command(Create, actor=SYSTEM, profile=profile, document=a_document(profile)))
    return Room(
        app=app,
        settings=settings,
        store=store,
        service=service,
        clock=clock,
        idp=idp,
        client=client,
        links=links,
        keys=keys,
        tenants=tenants,
        engines=engines,
        worker=Worker(store, performers, clock, Poll(), a_worker(), elapsed=clock.now),
        followup=followup,
        mails=mails,
    )


def _settings(folder: Path, tenant: Tenant) -> Settings:
    create_keys(folder / "keys")
    path = folder / "provider"
    path.write_text(PROVIDER_SECRET)
    path.chmod(0o600)
    secret = Secret(source="file:provider", path=path)
    ours = ClientSettings(client_id="usher-runtime", client_secret=secret)
    main = RealmSettings(
        key="main",
        url=KEYCLOAK,
        realm="portal",
        runtime=ours,
        setup=ours,
        invite_client_secret=secret,
        provider_client_secret=secret,
    )
    return Settings(
        public_url=PUBLIC,
        database="",
        keys=folder / "keys",
        realms={"main": main, "second": main.model_copy(update={"key": "second"})},
        mail=MailSettings.model_construct(),
        tenants={tenant.id: tenant},
        mapping=MAPPING,
        handover=HandoverSettings(),
    )


def with_brand(tenant: Tenant, **brand: Any) -> Tenant:
    return replace(tenant, brand=replace(tenant.brand, **brand))


def back(browser: Browser, step: str, **query: str) -> TestResponse:
    return browser.get(f"/invite/{step}?{urlencode(query)}")


def state(room: Room) -> State:
    return state_of(room.user(), room.clock.now())


def is_code_of(room: Room, sub: str, name: str = "") -> str:
    """A code that Keycloak would exchange for this account's ID token."""
    code = f"code-{len(room.client.codes)}-{len(room.client.asked)}"
    room.client.codes[code] = Identity(sub=sub, name=name, id_token="a.fresh.token")
    return code


def complete(room: Room) -> None:
    """The person walked through Keycloak's pages."""
    room.idp.finish_actions(room.account(), created_at=room.clock.now())
