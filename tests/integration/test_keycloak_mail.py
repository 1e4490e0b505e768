"""A realm that may not have another identity provider: Keycloak mails the invitation itself, the invited
person never meets a page of ours, and only looks at the account tell that all is done.
"""

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.demo.inbox import Inbox, ReceivedMail, links
from connector.domain import commands as c
from connector.domain.errors import Misconfigured, Rejected, Unavailable
from connector.domain.model import HoldKind, PortalUser, State
from connector.domain.policy import DAY
from connector.keycloak.adapter import KeycloakProvider
from connector.keycloak.setup.run import apply, plan
from tests.contract.identity_provider import OUR_ACTIONS, somebody
from tests.support.builders import a_document, a_profile
from tests.support.house import PORTAL, SYSTEM, House, open_house
from tests.support.person import Person, Seen
from tests.support.realms import PASSWORD, REALM, RunningKeycloak, access_of, write_settings

NAME = "keycloak-mail"
FIRST_LOOK = 121.0
RESEND_INTERVAL = 901.0
"""No system that lifts a hold has people mailed faster."""
PROCEED = re.compile(r'href="([^"]+action-token[^"]+)"')


@pytest.fixture(scope="module")
def house(
    keycloak: RunningKeycloak, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """First a realm like any other, then one without our provider, as an operator may change it."""
    folder = tmp_path_factory.mktemp("keycloak-mail")
    with open_house(keycloak, inbox, folder, NAME, handover="keycloak_mail", locale="de") as house:
        yield house


class Guest:
    """Somebody who was just invited, with the mail that Keycloak sent them."""

    def __init__(self, house: House, inbox: Inbox, name: str) -> None:
        self.house, self.inbox, self.address = house, inbox, f"{name}@mailed.example"
        self.user: PortalUser = house.invited(user_name=self.address)
        self.mail = self.next_mail()
        self.person = Person(house.settings.public_url, PORTAL)

    def next_mail(self, *, after: int = 0) -> ReceivedMail:
        return self.inbox.wait_for(self.address, after=after)

    def mails(self) -> list[ReceivedMail]:
        return [mail for mail in self.inbox.mails() if mail.recipient == self.address]

    def password_page(self, person: Person | None = None) -> Seen:
        """Open the mail's link, and on to the page that asks for a password."""
        person = person or self.person
        seen = person.open(link_of(self.mail))
        found = PROCEED.search(seen.page.text)
        assert found, f"{seen.status}: {seen.title}"
        return person.open(html.unescape(found[1]))

    def is_now(self, state: State) -> bool:
        return self.house.state(self.user) is state

    def do(self, asked: type[c.Command], **values: Any) -> None:
        self.house.do(self.user, asked, **values)
        self.house.work()


@pytest.fixture
def guest(house: House, inbox: Inbox, request: pytest.FixtureRequest) -> Guest:
    name = request.node.name.removeprefix("test_")[:40].strip("_").replace("_", "-")
    return Guest(house, inbox, name)


def link_of(mail: ReceivedMail) -> str:
    (link,) = [link for link in links(mail) if "action-token" in link]
    return link


# --- the realm -------------------------------------------------------------------------------------


def test_there_is_no_provider_no_flow_and_no_client_of_ours_but_the_accounts(
    house: House, keycloak: RunningKeycloak
) -> None:
    assert plan(house.settings, REALM, access_of(keycloak)) == []
    assert house.console.get("identity-provider/instances") == []
    flows = {flow["alias"] for flow in house.console.get("authentication/flows")}
    assert not {alias for alias in flows if alias.startswith("usher")}
    clients = {client["clientId"] for client in house.console.get("clients")}
    assert {client for client in clients if client.startswith("usher")} == {"usher-runtime", "usher-setup"}
    assert [group["name"] for group in house.console.get("groups")] == ["usher-users"]
    assert sorted(path.name for path in (house.settings.keys.parent / "secrets").iterdir()) == [
        "runtime",
        "setup",
    ]


def test_a_realm_that_loses_our_provider_loses_its_flow_and_client_too(
    house: House, keycloak: RunningKeycloak, tmp_path_factory: pytest.TempPathFactory
) -> None:
    access, before = access_of(keycloak), house.console.get("authentication/flows")
    brokered = write_settings(
        keycloak, tmp_path_factory.mktemp("brokered"), NAME, public_url="https://usher.example.com"
    )
    apply(brokered, REALM, access)
    gone = [str(change) for change in apply(house.settings, REALM, access)]
    assert {
        "identity provider usher: remove it",
        "client usher-invite: remove it",
        "flow usher-deny: remove it",
    } <= set(gone)
    assert house.console.get("authentication/flows") == before
    assert plan(house.settings, REALM, access) == []


def test_a_portals_client_that_is_not_there_is_named(
    keycloak: RunningKeycloak, house: House, tmp_path: Path
) -> None:
    settings = write_settings(
        keycloak,
        tmp_path,
        NAME,
        public_url="https://usher.example.com",
        handover="keycloak_mail",
        portal_client="nobodys",
    )
    with pytest.raises(Misconfigured, match=r"no client 'nobodys'.*tenant 'acme'"):
        plan(settings, REALM, access_of(keycloak))


# --- from the mail to the portal -------------------------------------------------------------------


def test_from_keycloaks_mail_to_active_by_a_look(guest: Guest, house: House) -> None:
    assert guest.mail.subject == "Aktualisieren Sie Ihr Konto"
    assert len(guest.mails()) == 1
    page = guest.password_page()
    assert page.title == "Passwort aktualisieren"
    done = guest.person.choose_password(page, PASSWORD)
    assert done.title == "Konto aktualisiert"
    assert guest.is_now(State.PENDING)
    with house.later(FIRST_LOOK):
        house.work()
        assert guest.is_now(State.ACTIVE)
    account = house.console.get(f"users/{house.account(guest.user)}")
    assert (account["emailVerified"], account["requiredActions"]) == (True, [])
    seen = guest.person.sign_in(
        guest.person.open(house.portal_sign_in(prompt="login")), guest.address, PASSWORD
    )
    assert "code" in seen.query


def test_the_link_is_good_for_as_long_as_the_invitation_and_for_once(guest: Guest, house: House) -> None:
    assert "7 Tage" in " ".join(guest.mail.text.split())
    guest.person.choose_password(guest.password_page(), PASSWORD)
    again = house.person().open(link_of(guest.mail))
    assert again.status == 400
    assert not PROCEED.search(again.page.text)


def test_whoever_only_opens_the_mail_uses_nothing_up(guest: Guest, house: House) -> None:
    for _ in range(3):
        assert house.person().open(link_of(guest.mail)).status == 200
    house.work()
    assert guest.is_now(State.PENDING)
    guest.person.choose_password(guest.password_page(), PASSWORD)


def test_with_the_portals_client_keycloaks_last_page_leads_to_the_portal(
    house: House, inbox: Inbox
) -> None:
    (tenant,) = house.tenants.all()
    with house.with_tenant(portal_client="portal"):
        guest = Guest(house, inbox, "portal-client")
    done = guest.person.choose_password(guest.password_page(), PASSWORD)
    assert f'href="{tenant.portal_url}"' in done.page.text


# --- a way in that must end ------------------------------------------------------------------------


def test_control_o14_a_hold_ends_the_link_and_a_page_that_is_open(guest: Guest, house: House) -> None:
    page = guest.password_page()
    guest.do(c.PutHold, kind=HoldKind.SECURITY)
    assert guest.person.choose_password(page, PASSWORD).status == 500
    assert house.person().open(link_of(guest.mail)).status == 400

    guest.do(c.Release, kind=HoldKind.SECURITY)
    with house.later(RESEND_INTERVAL):
        house.work()
    old, guest.mail = guest.mail, guest.next_mail(after=guest.mail.number)
    assert house.person().open(link_of(old)).status == 400
    assert guest.person.choose_password(page, PASSWORD).status >= 400
    fresh = house.person()
    assert "aktualisiert" in fresh.choose_password(guest.password_page(fresh), PASSWORD).title


def test_control_o14_a_change_of_address_ends_the_old_mails_link(guest: Guest, house: House) -> None:
    page, old = guest.password_page(), guest.mail
    profile = a_profile(guest.address, email=f"new-{guest.address}")
    house.do(guest.user, c.Edit, SYSTEM, profile=profile, document=a_document(profile))
    house.work()
    assert guest.person.choose_password(page, PASSWORD).status == 500
    assert house.person().open(link_of(old)).status == 400
    assert house.console.get(f"users/{house.account(guest.user)}/credentials") == []
    assert link_of(guest.inbox.wait_for(f"new-{guest.address}"))


def test_control_o14_once_expired_an_open_page_lets_nobody_in_beside_the_next_mail(
    guest: Guest, house: House
) -> None:
    page = guest.password_page()
    with house.later(8 * DAY):
        house.work()
        assert guest.is_now(State.EXPIRED)
        guest.do(c.Resend)
        guest.mail = guest.next_mail(after=guest.mail.number)
        assert guest.person.choose_password(page, PASSWORD).status == 500
        fresh = house.person()
        fresh.choose_password(guest.password_page(fresh), PASSWORD)
    with house.later(8 * DAY + FIRST_LOOK):
        house.work()
        assert guest.is_now(State.ACTIVE)


# --- what is ours no longer ------------------------------------------------------------------------


def test_our_own_pages_and_provider_know_nobody_here(guest: Guest, house: House) -> None:
    link = house.link(guest.user)
    assert requests.get(link, timeout=10).status_code == 404
    unknown = requests.get(f"{house.settings.public_url}/invite/anything", timeout=10)
    assert requests.get(link, timeout=10).text == unknown.text
    press = requests.post(link, headers={"Origin": house.settings.public_url}, timeout=10)
    assert press.status_code == 404
    for name in ("jwks", ".well-known/openid-configuration", "authorize"):
        answer = requests.get(f"{house.settings.public_url}/oidc/{REALM}/{name}", timeout=10)
        assert answer.status_code >= 400, name


# --- the adapter -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def provider(house: House) -> KeycloakProvider:
    return KeycloakProvider(house.settings.realms[REALM], OUR_ACTIONS)


def test_a_link_that_is_not_used_in_time_is_dead(
    house: House, provider: KeycloakProvider, inbox: Inbox
) -> None:
    wanted = somebody()
    account = provider.create(wanted)
    provider.mail_invitation(account, OUR_ACTIONS, life=1, client="", back_to="")
    link = link_of(inbox.wait_for(wanted.email))
    time.sleep(2.1)
    assert house.person().open(link).status == 400


def test_a_way_on_that_the_client_does_not_allow_is_rejected(provider: KeycloakProvider) -> None:
    account = provider.create(somebody())
    evil = "https://evil.example/"
    with pytest.raises(Rejected, match="redirect"):
        provider.mail_invitation(account, OUR_ACTIONS, life=60, client="portal", back_to=evil)
    with pytest.raises(Rejected, match="Client"):
        provider.mail_invitation(account, OUR_ACTIONS, life=60, client="nobody", back_to=PORTAL)


def test_a_mail_server_of_keycloaks_that_is_away_is_not_keycloak_being_away(
    house: House, provider: KeycloakProvider
) -> None:
    account = provider.create(somebody())
    server = house.console.get()["smtpServer"]
    house.console.put("", {"smtpServer": {**server, "port": "1"}})
    try:
        with pytest.raises(Unavailable, match="could not send") as caught:
            provider.mail_invitation(account, OUR_ACTIONS, life=60, client="", back_to="")
        assert (caught.value.sink_wide, caught.value.unsure) == (False, False)
    finally:
        house.console.put("", {"smtpServer": server})


def test_a_password_reset_needs_no_client_of_ours(provider: KeycloakProvider, inbox: Inbox) -> None:
    wanted = somebody(required_actions=None)
    provider.mail_password_reset(provider.create(wanted))
    assert link_of(inbox.wait_for(wanted.email))


def test_a_sweep_for_links_finds_none_where_there_is_no_provider(provider: KeycloakProvider) -> None:
    account = provider.create(somebody())
    provider.unlink(account)
    assert list(provider.linked_accounts()) == []
