"""The adapter on a real Keycloak: the contract, and what only the real one can show."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import requests

from connector.demo.inbox import Inbox, links
from connector.domain.account import Account
from connector.domain.errors import Misconfigured, Rejected
from connector.domain.model import AccountId
from connector.foundation.config import Settings
from connector.keycloak.adapter import KeycloakProvider
from tests.contract.identity_provider import OUR_ACTIONS, IdentityProviderContract, somebody
from tests.support.realms import PASSWORD, REALM, Console, RunningKeycloak, console_of, make_realm

NAME = "keycloak-adapter"


@pytest.fixture(scope="module")
def console(keycloak: RunningKeycloak) -> Iterator[Console]:
    with console_of(keycloak, NAME) as console:
        yield console


@pytest.fixture(scope="module")
def settings(
    keycloak: RunningKeycloak,
    console: Console,
    inbox: Inbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    folder = tmp_path_factory.mktemp("adapter")
    settings = make_realm(keycloak, folder, NAME, public_url="http://localhost:9", mail_port=inbox.port)
    # Foreign attributes must be declared as ours are; every realm knows "locale" once it speaks two.
    console.put("", {"internationalizationEnabled": True, "supportedLocales": ["en", "de"]})
    return settings


@pytest.fixture(scope="module")
def provider(settings: Settings) -> KeycloakProvider:
    return KeycloakProvider(settings.realms[REALM], OUR_ACTIONS)


class TestKeycloakProvider(IdentityProviderContract):
    """The real provider with the rights of ``fence: strict``, held to the contract."""

    @pytest.fixture
    def provider(self, settings: Settings, console: Console) -> KeycloakProvider:
        self.console = console
        return KeycloakProvider(settings.realms[REALM], OUR_ACTIONS)

    def edit(self, account: AccountId, **fields: object) -> None:
        self.console.put(f"users/{account}", fields)

    def give_password(self, account: AccountId) -> None:
        self.console.give_password(account)


def test_every_account_is_a_member_of_the_fence_group(provider: KeycloakProvider, console: Console) -> None:
    account = provider.create(somebody())
    assert [group["path"] for group in console.get(f"users/{account}/groups")] == ["/usher-users"]


def test_a_user_name_that_is_too_short_is_rejected_with_the_field_and_the_rule(
    provider: KeycloakProvider,
) -> None:
    with pytest.raises(Rejected) as caught:
        provider.create(somebody(user_name="ab"))
    assert (caught.value.field, caught.value.rule) == ("username", "error-invalid-length")


def test_an_address_that_is_none_is_rejected(provider: KeycloakProvider) -> None:
    with pytest.raises(Rejected) as caught:
        provider.create(somebody(email="nonsense"))
    assert caught.value.field == "email"


def test_keycloak_a5_an_attribute_that_the_realm_does_not_declare_is_misconfigured(
    provider: KeycloakProvider,
) -> None:
    wanted = somebody()
    account = provider.get(provider.create(wanted))
    more = replace(wanted, attributes={**wanted.attributes, "usher.undeclared": "x"})
    with pytest.raises(Misconfigured, match="attributes"):
        provider.update(account, more)


def test_keycloak_a5_a_required_action_that_the_realm_does_not_know_is_misconfigured(
    provider: KeycloakProvider,
) -> None:
    wanted = somebody()
    account = provider.get(provider.create(wanted))
    with pytest.raises(Misconfigured, match="requiredActions"):
        provider.update(account, replace(wanted, required_actions=frozenset({"NO_SUCH_ACTION"})))


def test_keycloak_a5_an_edit_between_reading_and_writing_is_put_right(
    provider: KeycloakProvider, console: Console
) -> None:
    wanted = somebody()
    account = provider.get(provider.create(wanted))
    # What an administrator's "Save" sends: the whole user as the form had it, with one field changed.
    form = console.get(f"users/{account.id}")
    form["attributes"]["usher.tenant"] = ["globex"]
    console.put(f"users/{account.id}", form)
    assert provider.update(account, replace(wanted, enabled=False)) is True
    after = provider.get(account.id)
    assert (after.enabled, after.attributes["usher.tenant"]) == (False, ("acme",))


def test_a_lock_out_is_not_lifted_and_survives_our_writing(
    provider: KeycloakProvider, console: Console, direct_client: str
) -> None:
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    console.give_password(account)
    console.put("", {"bruteForceProtected": True, "permanentLockout": True, "failureFactor": 1})
    try:
        locked = _fail_until_locked(provider, console, wanted.user_name, account)
    finally:
        console.put("", {"bruteForceProtected": False, "permanentLockout": False})
    assert (locked.locked_out, locked.enabled) == (True, False)
    changed = replace(wanted, attributes={**wanted.attributes, "usher.state": "active"})
    provider.update(locked, changed)
    after = provider.get(account)
    assert (after.locked_out, after.enabled) == (True, False)
    assert after.attributes["usher.state"] == ("active",)


def _fail_until_locked(
    provider: KeycloakProvider, console: Console, user: str, account: AccountId
) -> Account:
    """Keycloak counts failures in a thread of its own: one wrong password may not show at once, and for a
    moment the reason may show before the account is disabled (both measured).
    """
    for _ in range(50):
        _tokens(console, user, password="wrong")
        found = provider.get(account)
        if found.locked_out and not found.enabled:
            return found
        time.sleep(0.1)
    return found


# --- the reset mail ---


def test_a_reset_is_mailed_by_keycloak_and_leads_nowhere_but_to_keycloak(
    provider: KeycloakProvider, console: Console, inbox: Inbox
) -> None:
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    provider.mail_password_reset(account)
    mail = inbox.wait_for(wanted.email)
    (link,) = [link for link in links(mail) if console.realm_url in link]
    page = requests.get(link, timeout=10)
    assert page.ok
    assert page.url.startswith(console.realm_url)
    assert "portal.example.com" not in page.text


def test_a_reset_for_a_disabled_account_is_rejected(provider: KeycloakProvider) -> None:
    account = provider.create(somebody(enabled=False))
    with pytest.raises(Rejected):
        provider.mail_password_reset(account)


# --- off means off ---


@pytest.fixture(scope="module")
def direct_client(settings: Settings, console: Console) -> str:
    """A relying party that may also ask for tokens by password, offline ones too."""
    body = {
        "clientId": "https://app.example.com/a b",
        "publicClient": True,
        "directAccessGrantsEnabled": True,
    }
    return console.post("clients", body)


def test_keycloak_a6_off_ends_refresh_and_offline_tokens_and_enabling_revives_none(
    provider: KeycloakProvider, console: Console, direct_client: str
) -> None:
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    console.give_password(account)
    online = _tokens(console, wanted.user_name)["refresh_token"]
    offline = _tokens(console, wanted.user_name, scope="openid offline_access")["refresh_token"]
    assert _refreshes(console, online)
    assert _refreshes(console, offline)
    provider.link(account, uuid4().hex, "Ann")

    provider.update(provider.get(account), replace(wanted, enabled=False))
    provider.unlink(account)
    provider.end_sessions(account)

    assert not _refreshes(console, online)
    assert not _refreshes(console, offline)
    assert console.get(f"users/{account}/sessions") == []
    assert console.get(f"users/{account}/offline-sessions/{direct_client}") == []

    provider.update(provider.get(account), wanted)
    assert not _refreshes(console, online)
    assert not _refreshes(console, offline)
    assert _refreshes(console, _tokens(console, wanted.user_name)["refresh_token"])


def test_keycloak_a6_disabling_alone_would_not_be_off(
    provider: KeycloakProvider, console: Console, direct_client: str
) -> None:
    """Why ending sessions is not optional: what a newer Keycloak changes here, we want to hear of."""
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    console.give_password(account)
    token = _tokens(console, wanted.user_name)["refresh_token"]
    provider.update(provider.get(account), replace(wanted, enabled=False))
    assert not _refreshes(console, token)
    provider.update(provider.get(account), wanted)
    assert _refreshes(console, token)


def test_keycloak_a6_sessions_end_for_an_enabled_account_too(
    provider: KeycloakProvider, console: Console, direct_client: str
) -> None:
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    console.give_password(account)
    token = _tokens(console, wanted.user_name)["refresh_token"]
    provider.end_sessions(account)
    assert not _refreshes(console, token)


def test_deleting_ends_tokens(provider: KeycloakProvider, console: Console, direct_client: str) -> None:
    wanted = somebody(required_actions=None)
    account = provider.create(wanted)
    console.give_password(account)
    token = _tokens(console, wanted.user_name, scope="openid offline_access")["refresh_token"]
    provider.delete(account)
    assert not _refreshes(console, token)


def _tokens(console: Console, user: str, *, password: str = PASSWORD, scope: str = "openid") -> Any:
    return _ask(console, grant_type="password", username=user, password=password, scope=scope).json()


def _refreshes(console: Console, token: str) -> bool:
    return _ask(console, grant_type="refresh_token", refresh_token=token).ok


def _ask(console: Console, **fields: str) -> requests.Response:
    return requests.post(
        f"{console.realm_url}/protocol/openid-connect/token",
        data={"client_id": "https://app.example.com/a b", **fields},
        timeout=10,
    )
