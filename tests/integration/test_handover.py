"""The hand-over on a real Keycloak, with the rights of the strict fence: a scripted browser walks from the
mailed link through Keycloak's own pages and back, in each of the ways that people and strangers take.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from werkzeug.serving import make_server

from connector.application.service import Service
from connector.application.worker import Worker
from connector.bootstrap import Core, SystemIds, make_app, make_core, make_worker
from connector.demo.inbox import Inbox, links
from connector.demo.process import free_port
from connector.domain import commands as c
from connector.domain.model import Actor, ActorKind, PortalUser, State, TenantId, state_of
from connector.domain.policy import DAY, EmailVerification
from connector.foundation.config import Settings
from connector.foundation.keys import create_keys, load_link_keys
from connector.foundation.links import InvitationLinks
from connector.foundation.oidc import pkce_challenge
from tests.support.builders import FixedTenants, a_document, a_profile
from tests.support.person import Person, Seen
from tests.support.realms import PASSWORD, REALM, Console, RunningKeycloak, make_realm

NAME = "invite-handover"
ACME = TenantId("acme")
OPERATOR = Actor(kind=ActorKind.OPERATOR, name="olga")
SYSTEM = Actor(kind=ActorKind.SYSTEM, name="scim:test")
PORTAL = "https://portal.example.com/acme"
UPDATE_PASSWORD = "Update password"


class MovableClock:
    """The machine's time, moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


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

    def invited(self, **profile: Any) -> PortalUser:
        """Somebody new with an open invitation, whose account the worker has made."""
        self.count += 1
        name = profile.pop("user_name", f"person{self.count}@acme.example")
        person = a_profile(name, **profile)
        user_id = self.service.new_user_id()
        made = self.service.handle(
            c.Create(
                tenant=ACME,
                user_id=user_id,
                actor=SYSTEM,
                source="scim:test",
                request_id=f"request-{self.count}",
                profile=person,
                document=a_document(person),
            )
        )
        self.worker.drain()
        return self.user(made)

    def do(self, user: PortalUser, asked: type[c.Command], actor: Actor = OPERATOR, **values: Any) -> None:
        self.service.handle(
            asked(
                tenant=ACME,
                user_id=user.id,
                actor=actor,
                source="cli",
                request_id="request-x",
                **values,
            )
        )

    def user(self, user: PortalUser) -> PortalUser:
        with self.service.store.read() as work:
            found = work.users.get(user.tenant, user.id)
        assert found is not None
        return found

    def state(self, user: PortalUser) -> State:
        return state_of(self.user(user), self.service.clock.now())

    def account(self, user: PortalUser) -> str:
        account = self.user(user).account_id
        assert account is not None
        return account

    def link(self, user: PortalUser, generation: int = 1) -> str:
        invitation = self.user(user).invitation
        assert invitation is not None
        return self.links.invitation(invitation.id, generation)

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
        yield
        self.clock.ahead = 0.0

    @contextmanager
    def verified_by_keycloak(self) -> Iterator[None]:
        """With the policy under which Keycloak proves the mailbox by a mail of its own."""
        (tenant,) = self.tenants.all()
        policy = replace(tenant.policy, email_verification=EmailVerification.KEYCLOAK)
        self.tenants.put(replace(tenant, policy=policy))
        yield
        self.tenants.put(tenant)

    def stolen_code(self, person: Person) -> str:
        """A code that this person's browser got, before Keycloak can redeem it; verifier ``v``…"""
        query = {
            "response_type": "code",
            "client_id": "keycloak",
            "redirect_uri": self.broker,
            "scope": "openid",
            "state": "made up",
            "nonce": "made up",
            "code_challenge": pkce_challenge("v" * 43),
            "code_challenge_method": "S256",
        }
        seen = person.open(f"{self.settings.public_url}/oidc/{REALM}/authorize?{urlencode(query)}")
        return dict(parse_qsl(urlsplit(seen.way[1]).query))["code"]

    def redeem(self, code: str, verifier: str, *, secret: str = "") -> requests.Response:
        """As Keycloak does it."""
        known = self.settings.realms[REALM].provider_client_secret.read()
        return requests.post(
            f"{self.settings.public_url}/oidc/{REALM}/token",
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
    return replace(made, service=service), clock, tenants


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Usher over a realm of its own, listening on loopback."""
    console = Console(keycloak, NAME)
    console.remove_realm()
    port = free_port()
    settings = make_realm(
        keycloak,
        tmp_path_factory.mktemp("handover"),
        NAME,
        public_url=f"http://localhost:{port}",
        mail_port=inbox.port,
        policy={"email_verification": "invitation"},
        brand={"support": "help@acme.example"},
    )
    portal = {
        "clientId": "portal",
        "publicClient": True,
        "redirectUris": [PORTAL],
        "standardFlowEnabled": True,
    }
    console.post("clients", portal)
    create_keys(settings.keys)
    core, clock, tenants = a_core(settings)
    server = make_server("127.0.0.1", port, make_app(core), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield House(
        settings=settings,
        clock=clock,
        tenants=tenants,
        service=core.service,
        worker=make_worker(core),
        links=InvitationLinks(settings.public_url, load_link_keys(settings.keys)[0]),
        console=console,
    )
    server.shutdown()
    thread.join()
    server.server_close()
    core.engines.dispose()
    console.remove_realm()


# --- first use -------------------------------------------------------------------------------------


def test_an_invited_person_chooses_a_password_and_is_in(house: House) -> None:
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    assert page.title == UPDATE_PASSWORD
    assert house.linked(user)
    done = person.choose_password(page, PASSWORD)
    assert done.status == 200
    assert done.title == "You are all set"
    assert f"url={PORTAL}" in done.page.text
    assert house.state(user) is State.ACTIVE
    assert not house.linked(user)
    assert house.is_signed_in(person)


def test_nothing_is_left_to_do_afterwards_and_the_link_is_used(house: House) -> None:
    user, person = house.invited(), house.person()
    person.choose_password(house.begin(person, user), PASSWORD)
    house.worker.drain()
    account = house.console.get(f"users/{house.account(user)}")
    assert account["enabled"] is True
    assert account["emailVerified"] is True
    assert account["requiredActions"] == []
    assert house.sessions(user) == 1
    again = person.open(house.link(user))
    assert (again.status, again.title) == (410, "You already have access")


def test_the_done_page_can_be_loaded_again(house: House) -> None:
    user, person = house.invited(), house.person()
    done = person.choose_password(house.begin(person, user), PASSWORD)
    again = person.open(done.way[-1])
    assert (again.status, again.title) == (200, "You are all set")
    assert house.person().open(done.way[-1]).status == 410


def test_whoever_closed_the_tab_presses_again(house: House) -> None:
    user, person = house.invited(), house.person()
    house.begin(person, user)
    page = house.begin(person, user)
    assert page.title == UPDATE_PASSWORD
    assert person.choose_password(page, PASSWORD).title == "You are all set"


def test_another_browser_may_go_on(house: House) -> None:
    user, first, second = house.invited(), house.person(), house.person()
    house.begin(first, user)
    landing = second.open(house.link(user))
    assert "Continue here" in landing.text
    assert second.choose_password(second.press(landing), PASSWORD).title == "You are all set"
    assert house.state(user) is State.ACTIVE


def test_keycloaks_pages_speak_the_chosen_language(house: House) -> None:
    house.console.put("", {"internationalizationEnabled": True, "supportedLocales": ["en", "de"]})
    user, person = house.invited(), house.person()
    landing = person.open(f"{house.link(user)}?lang=de")
    assert landing.title == "Willkommen bei Acme GmbH"
    page = person.press(landing)
    assert page.title == "Passwort aktualisieren"
    assert person.choose_password(page, PASSWORD).title == "Alles ist bereit"


# --- somebody is signed in -------------------------------------------------------------------------


def test_the_invited_person_who_is_signed_in_already_goes_straight_on(house: House) -> None:
    """They had finished at Keycloak, but were lost on the way back to us."""
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    person.stops = (f"{house.settings.public_url}/invite/done",)
    person.choose_password(page, PASSWORD)
    person.stops = (PORTAL,)
    assert house.is_signed_in(person)
    assert house.state(user) is State.PENDING
    done = house.begin(person, user)
    assert done.title == "You are all set"
    assert house.state(user) is State.ACTIVE


def test_who_finished_unseen_in_another_browser_has_access_at_the_next_press(house: House) -> None:
    user, first, second = house.invited(), house.person(), house.person()
    page = house.begin(first, user)
    first.stops = (f"{house.settings.public_url}/invite/done",)
    first.choose_password(page, PASSWORD)
    landing = second.open(house.link(user))
    assert second.press(landing).title == "You already have access"
    assert house.state(user) is State.ACTIVE


def test_somebody_else_is_named_and_signed_out_silently_when_they_agree(house: House) -> None:
    user, person = house.invited(), house.person()
    house.make_signed_in(person, "grace")
    page = house.begin(person, user)
    assert page.title == "You are signed in as Root Rose"
    assert house.is_signed_in(person)
    onward = person.press(page)
    assert onward.has_passed("/logout")
    assert onward.has_passed("/invite/go")
    assert onward.title == UPDATE_PASSWORD
    assert person.choose_password(onward, PASSWORD).title == "You are all set"
    assert house.state(user) is State.ACTIVE


def test_somebody_else_stays_signed_in_elsewhere(house: House) -> None:
    user, here, elsewhere = house.invited(), house.person(), house.person()
    house.make_signed_in(here, "heidi")
    elsewhere.sign_in(elsewhere.open(house.portal_sign_in()), "heidi", PASSWORD)
    here.press(house.begin(here, user))
    assert house.is_signed_in(elsewhere)
    assert not house.is_signed_in(here)


def test_somebody_else_with_a_pending_action_is_asked_once_by_keycloak(house: House) -> None:
    user, person = house.invited(), house.person()
    other = house.make_signed_in(person, "ivan")
    house.console.put(f"users/{other}", {"requiredActions": ["UPDATE_PROFILE"]})
    page = house.begin(person, user)
    assert page.title == "Somebody is signed in here"
    asked = person.press(page)
    assert "log out" in asked.text.lower()
    onward = person.press(asked, confirmLogout="Logout")
    assert onward.title == UPDATE_PASSWORD
    assert person.choose_password(onward, PASSWORD).title == "You are all set"


# --- links that lead nowhere -----------------------------------------------------------------------


def test_a_superseded_link_stops_and_the_newest_works(house: House) -> None:
    user, person = house.invited(), house.person()
    house.do(user, c.Resend)
    old = person.open(house.link(user, 1))
    assert (old.status, old.title) == (410, "There is a newer link")
    page = person.press(person.open(house.link(user, 2)))
    assert person.choose_password(page, PASSWORD).title == "You are all set"


def test_a_forged_link_gets_the_neutral_page(house: House) -> None:
    user, person = house.invited(), house.person()
    link = house.link(user)
    forged = person.open(link[:-2] + ("AA" if link[-2:] != "AA" else "QQ"))
    assert (forged.status, forged.title) == (404, "This link leads nowhere")


def test_an_expired_link_makes_no_link_in_keycloak(house: House) -> None:
    user, person = house.invited(), house.person()
    landing = person.open(house.link(user))
    with house.later(8 * DAY):
        page = person.press(landing)
    assert (page.status, page.title) == (410, "This link has expired")
    assert not house.linked(user)


def test_a_revoked_invitation_stops_the_person_on_the_way(house: House) -> None:
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    authorize = page.passed("/oidc/main/authorize")
    house.do(user, c.RevokeInvitation)
    refused = person.open(authorize)
    assert (refused.status, refused.title) == (410, "Let us start over")


# --- strangers -------------------------------------------------------------------------------------


def test_control_o6_any_client_with_the_hint_gets_our_page_and_no_link(house: House) -> None:
    """A stranger's browser without the cookie, while somebody's hand-over is open."""
    user = house.invited()
    house.begin(house.person(), user)
    stranger = house.person().open(house.portal_sign_in(kc_idp_hint="usher"))
    assert (stranger.status, stranger.title) == (410, "Let us start over")
    assert stranger.has_passed("/oidc/main/authorize")


def test_a_code_cannot_be_replayed_at_our_token_endpoint(house: House) -> None:
    user, person = house.invited(), house.person()
    page = house.begin(person, user)
    assert page.title == UPDATE_PASSWORD
    used = dict(parse_qsl(urlsplit(page.passed("/broker/usher/endpoint")).query))
    answer = house.redeem(used["code"], "v" * 43)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


def test_a_code_needs_the_verifier_and_the_secret(house: House) -> None:
    user, person = house.invited(), house.person()
    house.begin(person, user)
    code = house.stolen_code(person)
    assert house.redeem(code, "v" * 43, secret="wrong").status_code == 401
    assert house.redeem(code, "w" * 43).status_code == 400
    assert house.redeem(house.stolen_code(person), "v" * 43).status_code == 200


def test_control_o3_actions_taken_off_meanwhile_let_nobody_in(house: House) -> None:
    """With none pending the link signs in whoever presses; that session ends and the person stays out."""
    user, person = house.invited(), house.person()
    landing = person.open(house.link(user))
    page = person.press(landing)
    assert page.title == UPDATE_PASSWORD
    house.console.put(f"users/{house.account(user)}", {"requiredActions": []})
    back = house.begin(person, user)
    assert "not quite done" in back.text
    assert house.state(user) is State.PENDING
    house.worker.drain()
    assert house.sessions(user) == 0
    assert not house.is_signed_in(person)
    again = house.begin(person, user)
    assert person.choose_password(again, PASSWORD).title == "You are all set"


def test_a_code_cannot_be_shown_to_us_by_another_browser(house: House) -> None:
    user, person, thief = house.invited(), house.person(), house.person()
    house.begin(thief, house.invited())
    page = house.begin(person, user)
    done = person.choose_password(page, PASSWORD)
    assert thief.open(done.passed("/invite/done")).status == 410


# --- Keycloak proves the mailbox itself ------------------------------------------------------------


def test_with_two_mails_the_address_is_confirmed_first(house: House, inbox: Inbox) -> None:
    user, person = house.invited(user_name="two.mails@acme.example"), house.person()
    with house.verified_by_keycloak():
        asked = house.begin(person, user)
        assert "mail" in asked.title.lower()
        mail = inbox.wait_for("two.mails@acme.example", "Verify")
        page = person.open(links(mail)[0])
        done = person.choose_password(page, PASSWORD)
    assert done.title == "You are all set"
    assert house.state(user) is State.ACTIVE
