"""One user of an Usher with a real database, whose account is at a real Keycloak, and the person behind it.
It owns how they are made and acted for; the line between the two and what goes wrong on it are the tests'.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import requests

from connector.application.account import Accounts
from connector.domain import commands as c
from connector.domain.model import AccountId, UserId
from connector.keycloak.adapter import KeycloakProvider
from tests.support.builders import ACME, OPERATOR, SYSTEM, a_document, a_profile
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.person import Person
from tests.support.plant import Plant
from tests.support.realms import PASSWORD, Console, RunningKeycloak

APP = "https://app.example.com"
CALLBACK = "http://127.0.0.1:9/callback"
APP_CLIENT = {
    "clientId": APP,
    "publicClient": True,
    "directAccessGrantsEnabled": True,
    "redirectUris": [CALLBACK],
}
"""A relying party that may also ask for tokens by password, offline ones too."""


@contextmanager
def line_to(keycloak: RunningKeycloak) -> Iterator[FaultProxy]:
    """A line to Keycloak on which things go wrong when told."""
    address = urlsplit(keycloak.url)
    assert address.hostname
    assert address.port
    with fault_proxy(address.hostname, address.port, http=True) as proxy:
        yield proxy


@dataclass(frozen=True, slots=True)
class _OneRealm:
    provider: KeycloakProvider

    def of(self, realm: str) -> KeycloakProvider:
        return self.provider


class OneUser:
    """A user who was just invited."""

    def __init__(self, plant: Plant, provider: KeycloakProvider) -> None:
        self.plant = plant
        self.accounts = Accounts(plant.service, _OneRealm(provider))
        self.user = UserId(str(uuid4()))
        self.name = f"ada-{self.user}@acme.example"
        plant.create(self.user, self.name)

    @property
    def usher_id(self) -> str:
        return f"acme:{self.user}"

    @property
    def account(self) -> AccountId | None:
        """The account that is remembered."""
        return self.plant.user(self.user).account_id

    def do(self, *asked: type[c.Command]) -> None:
        """These commands, one after the other, each by somebody who may."""
        for one in asked:
            actor = SYSTEM if one in {c.Activate, c.Delete} else OPERATOR
            self.plant.do(one, user=self.user, actor=actor)

    def edit(self, user_name: str, **values: str) -> None:
        """Another profile; the e-mail is the name unless it is said."""
        profile = a_profile(user_name, **{"email": user_name, **values})
        document = a_document(profile)
        self.plant.do(c.Edit, user=self.user, actor=SYSTEM, profile=profile, document=document)

    def sync(self, *, is_repeat: bool = False) -> None:
        """The effect of every change."""
        self.accounts.sync(ACME, self.user, is_repeat=is_repeat)

    def end_sessions(self) -> None:
        """The effect of taking access away, beside ``sync``."""
        self.accounts.end_sessions(ACME, self.user)

    def switch_off(self) -> None:
        """Both."""
        self.sync(is_repeat=True)
        self.end_sessions()


def accounts_of(console: Console, usher_id: str) -> list[Any]:
    """Every account with this mark, in any case."""
    return list(console.get("users", q=f'usher.id:"{usher_id}"'))


def sent(proxy: FaultProxy, method: str) -> int:
    """How often the server got a request of this method, tokens apart."""
    return Counter(call.partition(" ")[0] for call in proxy.calls() if "/admin/" in call)[method]


class Visitor:
    """Somebody signed in in a browser and at the app, which also has an offline token."""

    def __init__(self, console: Console, user_name: str) -> None:
        self._console = console
        self._person = Person(console.realm_url, CALLBACK)
        query = {"client_id": APP, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
        self._sign_in = f"{console.realm_url}/protocol/openid-connect/auth?{urlencode(query)}"
        arrived = self._person.sign_in(self._person.open(self._sign_in), user_name, PASSWORD)
        code = self._token(
            grant_type="authorization_code", code=arrived.query["code"], redirect_uri=CALLBACK
        )
        offline = self._token(
            grant_type="password", username=user_name, password=PASSWORD, scope="openid offline_access"
        )
        self._refresh_tokens = [answer.json()["refresh_token"] for answer in (code, offline)]

    def gets_in(self) -> list[bool]:
        """Whether the SSO cookie, the refresh token and the offline token are still good."""
        silent = self._person.open(f"{self._sign_in}&prompt=none")
        refreshed = [
            self._token(grant_type="refresh_token", refresh_token=token).ok
            for token in self._refresh_tokens
        ]
        return ["code" in silent.query, *refreshed]

    def _token(self, **fields: str) -> requests.Response:
        url = f"{self._console.realm_url}/protocol/openid-connect/token"
        return requests.post(url, data={"client_id": APP, **fields}, timeout=10)
