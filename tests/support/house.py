"""Usher as it runs in one process, over a realm of the real Keycloak, and the invited people at scripted
browsers. It owns their start and end; what the people do, and strangers, is the tests'.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from werkzeug.serving import make_server

from connector.application.service import Service
from connector.application.worker import Worker
from connector.bootstrap import Core, SystemIds, make_app, make_core, make_worker
from connector.demo.inbox import Inbox
from connector.demo.process import free_port
from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.model import Actor, ActorKind, PortalUser, State, TenantId, state_of
from connector.foundation.config import Settings
from connector.foundation.keys import create_keys, load_link_keys
from connector.foundation.links import InvitationLinks
from connector.foundation.oidc import pkce_challenge
from tests.support.builders import FixedTenants, a_document, a_profile
from tests.support.person import Person, Seen
from tests.support.realms import PASSWORD, REALM, Console, RunningKeycloak, console_of, make_realm
from tests.support.waiting import wait_until

ACME = TenantId("acme")
OPERATOR = Actor(kind=ActorKind.OPERATOR, name="olga")
SYSTEM = Actor(kind=ActorKind.SYSTEM, name="scim:test")
PORTAL = "https://portal.example.com/acme"
PORTAL_CLIENT = {
    "clientId": "portal",
    "publicClient": True,
    "redirectUris": [PORTAL],
    "standardFlowEnabled": True,
}


class MovableClock:
    """The machine's time, moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def jumped(self) -> bool:
        """Moving it is no fault of the machine's."""
        return False


@dataclass
class House:
    """Usher as it runs, beside the realm and its administrator."""

    settings: Settings
    clock: MovableClock
    tenants: FixedTenants
    service: Service
    worker: Worker
    links: InvitationLinks
    console: Console
    count: int = field(default=0)

    def invited(self, *, tenant: TenantId = ACME, **profile: Any) -> PortalUser:
        """Somebody new with an open invitation, whose account the worker has made."""
        self.count += 1
        name = profile.pop("user_name", f"person{self.count}@acme.example")
        person = a_profile(name, **profile)
        user_id = self.service.new_user_id()
        made = self.service.handle(
            c.Create(
                tenant=tenant,
                user_id=user_id,
                actor=SYSTEM,
                source="scim:test",
                request_id=f"request-{self.count}",
                profile=person,
                document=a_document(person),
            )
        )
        self.work()
        return self.user(made)

    def do(self, user: PortalUser, asked: type[c.Command], actor: Actor = OPERATOR, **values: Any) -> None:
        self.service.handle(
            asked(
                tenant=user.tenant,
                user_id=user.id,
                actor=actor,
                source="cli",
                request_id="request-x",
                **values,
            )
        )

    def work(self) -> None:
        """Have done all that is due. A worker that has just looked in vain rests for a moment first."""
        wait_until(self._has_worked, what="all that is due")

    def _has_worked(self) -> bool:
        self.worker.drain()
        now = self.clock.now()
        with self.service.store.read() as work:
            return not any(work.outbox.has_due(lane, now=now) for lane in Lane)

    def user(self, user: PortalUser) -> PortalUser:
        with self.service.store.read() as work:
            found = work.users.get(user.tenant, user.id)
        assert found is not None
        return found

    def state(self, user: PortalUser) -> State:
        return state_of(self.user(user), self.service.clock.now())

    def told(self, user: PortalUser) -> list[str]:
        """What the timeline tells of a user: the actions, oldest first."""
        with self.service.store.read() as work:
            return [str(entry.action) for entry in work.timeline.of(user.tenant, user.id)]

    def account(self, user: PortalUser) -> str:
        account = self.user(user).account_id
        assert account is not None
        return account

    def link(self, user: PortalUser, generation: int | None = None) -> str:
        """The newest link, or that of a generation."""
        invitation = self.user(user).invitation
        assert invitation is not None
        return self.links.invitation(invitation.id, generation or invitation.generation)

    def person(self) -> Person:
        return Person(self.settings.public_url, PORTAL)

    def begin(self, person: Person, user: PortalUser) -> Seen:
        """Open the link and press its button."""
        landing = person.open(self.link(user))
        assert landing.status == 200, landing.text
        return person.press(landing)

    @contextmanager
    def later(self, seconds: float) -> Iterator[None]:
        """As it will be by then."""
        self.clock.ahead = seconds
        try:
            yield
        finally:
            self.clock.ahead = 0.0

    @contextmanager
    def policy(self, **changed: Any) -> Iterator[None]:
        """With another policy of the tenant."""
        tenant = self.service.tenant(ACME)
        with self.with_tenant(policy=replace(tenant.policy, **changed)):
            yield

    @contextmanager
    def with_tenant(self, **values: Any) -> Iterator[None]:
        """With the tenant otherwise."""
        tenant = self.service.tenant(ACME)
        self.tenants.put(replace(tenant, **values))
        try:
            yield
        finally:
            self.tenants.put(tenant)

    def stolen_code(self, person: Person) -> str:
        """A code that this person's browser got, before Keycloak can redeem it; verifier ``v``…"""
        return dict(parse_qsl(urlsplit(self.authorize(person).way[1]).query))["code"]

    def authorize(self, person: Person, realm: str = REALM, **changed: str | None) -> Seen:
        """What a browser sees that is sent to our provider, as Keycloak would save for what is changed;
        None leaves a parameter out.
        """
        query = {
            "response_type": "code",
            "client_id": "keycloak",
            "redirect_uri": self.broker,
            "scope": "openid",
            "state": "made up",
            "nonce": "made up",
            "code_challenge": pkce_challenge("v" * 43),
            "code_challenge_method": "S256",
            **changed,
        }
        given = {name: value for name, value in query.items() if value is not None}
        return person.open(f"{self.settings.public_url}/oidc/{realm}/authorize?{urlencode(given)}")

    def redeem(
        self, code: str, verifier: str, *, secret: str = "", realm: str = REALM
    ) -> requests.Response:
        """As Keycloak does it."""
        known = self.settings.realms[realm].provider_client_secret.read()
        return requests.post(
            f"{self.settings.public_url}/oidc/{realm}/token",
            auth=("keycloak", secret or known),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.broker,
                "code_verifier": verifier,
            },
            timeout=10,
        )

    @property
    def broker(self) -> str:
        return f"{self.console.realm_url}/broker/usher/endpoint"

    def linked(self, user: PortalUser) -> bool:
        return bool(self.console.get(f"users/{self.account(user)}/federated-identity"))

    def sessions(self, user: PortalUser) -> int:
        return len(self.console.get(f"users/{self.account(user)}/sessions"))

    def portal_sign_in(self, **extra: str) -> str:
        """Where the sample portal sends people to sign in."""
        query = {
            "client_id": "portal",
            "redirect_uri": PORTAL,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": pkce_challenge("p" * 43),
            "code_challenge_method": "S256",
            **extra,
        }
        return f"{self.console.realm_url}/protocol/openid-connect/auth?{urlencode(query)}"

    def is_signed_in(self, person: Person) -> bool:
        """Whether the portal would sign this browser in without a word."""
        return "code" in person.open(self.portal_sign_in(prompt="none")).query

    def make_signed_in(self, person: Person, name: str) -> str:
        """Somebody whom Usher does not know, signed in at the portal in this browser; their account."""
        account = self.console.make_user(name)
        self.console.give_password(account)
        assert "code" in person.sign_in(person.open(self.portal_sign_in()), name, PASSWORD).query
        return account


def a_core(settings: Settings) -> tuple[Core, MovableClock, FixedTenants]:
    """The core as it is put together in earnest, but with a clock and tenants that tests may change."""
    made = make_core(settings)
    clock, tenants = MovableClock(), FixedTenants(*settings.tenants.values())
    service = Service(made.service.store, tenants, settings.mapping, clock, SystemIds())
    return replace(made, service=service, clock=clock), clock, tenants


@contextmanager
def open_house(
    keycloak: RunningKeycloak, inbox: Inbox, folder: Path, name: str, *, neighbour: str = "", **tenant: Any
) -> Iterator[House]:
    """Usher over the realm ``name``, which is made anew, listening on loopback, and over a second realm if
    that has a name. ``tenant`` is laid over the tenants' settings.
    """
    port = free_port()
    with console_of(keycloak, name) as console, ExitStack() as beside:
        if neighbour:
            beside.enter_context(console_of(keycloak, neighbour))
        settings = make_realm(
            keycloak,
            folder,
            name,
            public_url=f"http://localhost:{port}",
            mail_port=inbox.port,
            neighbour=neighbour,
            **tenant,
        )
        console.post("clients", PORTAL_CLIENT)
        create_keys(settings.keys)
        core, clock, tenants = a_core(settings)
        with _served(core, port):
            yield House(
                settings=settings,
                clock=clock,
                tenants=tenants,
                service=core.service,
                worker=make_worker(core),
                links=InvitationLinks(settings.public_url, load_link_keys(settings.keys)[0]),
                console=console,
            )
        core.engines.dispose()


@contextmanager
def _served(core: Core, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, make_app(core), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
