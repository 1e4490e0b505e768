"""People who are signed in at Keycloak and lose their access: how long their last token goes on working. It
owns their sign-in; what takes the access away is Usher's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from connector.application.repositories import Store
from connector.application.service import Service
from connector.domain import commands as c
from connector.domain.model import Actor, ActorKind, UserId
from tests.bench.work import ACME
from tests.support.realms import PASSWORD, Console
from tests.support.waiting import wait_until

CLIENT = "visitors"
LONGEST = 60.0
"""Seconds after which a token that still works is too much."""

_LOOK = 0.02
_SYSTEM = Actor(kind=ActorKind.SYSTEM, name="bench")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in user and its refresh tokens, one of the session and one that outlives it."""

    user: UserId
    tokens: tuple[str, str]


def open_door(console: Console) -> None:
    """A client through which people sign in by their password."""
    client = {"clientId": CLIENT, "publicClient": True, "directAccessGrantsEnabled": True}
    console.post("clients", client)


def signed_in(service: Service, console: Console, user: UserId, name: str) -> Visitor:
    """Let an invited user in: a password, an active user, a session."""
    account = _account(service.store, user)
    console.give_password(account)
    console.put(f"users/{account}", {"requiredActions": [], "emailVerified": True})
    service.handle(
        c.Activate(tenant=ACME, user_id=user, actor=_SYSTEM, source="bench", request_id="bench-request")
    )
    tokens = (_sign_in(console, name, "openid"), _sign_in(console, name, "openid offline_access"))
    return Visitor(user, tokens)


def seconds_until_refused(console: Console, visitor: Visitor, take_away: Callable[[], object]) -> float:
    """From the request that takes the access away until none of the tokens gives a new one."""
    begun = time.perf_counter()
    take_away()
    for token in visitor.tokens:
        while _is_good(console, token):
            if time.perf_counter() - begun > LONGEST:
                raise RuntimeError(f"a token still works {LONGEST:.0f} s after its user was disabled")
            time.sleep(_LOOK)
    return time.perf_counter() - begun


def _account(store: Store, user: UserId) -> str:
    found: list[str] = []

    def is_there() -> bool:
        with store.read() as work:
            stored = work.users.get(ACME, user)
        if stored is not None and stored.account_id:
            found.append(stored.account_id)
        return bool(found)

    wait_until(is_there, seconds=LONGEST, what="the account")
    return found[0]


def _sign_in(console: Console, name: str, scope: str) -> str:
    form = {"grant_type": "password", "username": name, "password": PASSWORD, "scope": scope}
    answer = _granted(console, form)
    assert answer.ok, answer.text
    return str(answer.json()["refresh_token"])


def _is_good(console: Console, token: str) -> bool:
    return _granted(console, {"grant_type": "refresh_token", "refresh_token": token}).ok


def _granted(console: Console, form: dict[str, str]) -> requests.Response:
    url = f"{console.realm_url}/protocol/openid-connect/token"
    return requests.post(url, data={"client_id": CLIENT, **form}, timeout=30)
