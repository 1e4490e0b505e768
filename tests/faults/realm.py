"""One realm of the real Keycloak for all fault tests, and the people who sign in there while faults happen.
It owns the realm; accounts in it are made by Usher alone.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from connector.foundation.keys import create_keys
from tests.support.realms import PASSWORD, Console, RunningKeycloak, make_realm

PUBLIC_URL = "http://localhost:8000"
"""Where links in mails lead; nobody follows them here."""

VISITORS = "visitors"
"""A client through which people of the realm sign in by their password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A realm that ``usher keycloak apply`` has set up. ``folder`` has the configuration of it, the secrets
    and the keys.
    """

    keycloak: RunningKeycloak
    name: str
    folder: Path
    console: Console

    def config(self) -> Any:
        return json.loads((self.folder / "config.yaml").read_text())

    def accounts(self, prefix: str) -> list[dict[str, Any]]:
        """Every account whose userName begins so, whole."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.console.get(
                "users", username=prefix, briefRepresentation="false", first=len(found), max=200
            )
            found += page
            if len(page) < 200:
                return [one for one in found if one["username"].startswith(prefix)]

    def sessions(self, account: str) -> list[Any]:
        """What lets somebody go on without signing in: sessions, and consents with an offline token."""
        consents = self.console.get(f"users/{account}/consents")
        return [*self.console.get(f"users/{account}/sessions"), *consents]


@contextmanager
def set_up_realm(keycloak: RunningKeycloak, folder: Path, name: str) -> Iterator[Realm]:
    """A realm of this name, made anew; removed at the end."""
    console = Console(keycloak, name)
    console.remove_realm()
    make_realm(keycloak, folder, name, public_url=PUBLIC_URL, mail_port=25)
    create_keys(folder / "keys")
    client = {"clientId": VISITORS, "publicClient": True, "directAccessGrantsEnabled": True}
    console.post("clients", client)
    yield Realm(keycloak=keycloak, name=name, folder=folder, console=console)
    console.remove_realm()


def sign_in(realm: Realm, account: str, user_name: str) -> dict[str, Any] | None:
    """Give an account a password and sign in with it for good (an offline token); None if refused."""
    console = realm.console
    if not console.call("PUT", f"users/{account}", {"requiredActions": []}).ok:
        return None
    body = {"type": "password", "value": PASSWORD, "temporary": False}
    if not console.call("PUT", f"users/{account}/reset-password", body).ok:
        return None
    tokens = granted(
        realm, username=user_name, password=PASSWORD, grant_type="password", scope="offline_access"
    )
    if tokens and not _is_on(realm, account):
        _leave(realm, account)
        return None
    return tokens


def _is_on(realm: Realm, account: str) -> bool:
    answer = realm.console.call("GET", f"users/{account}")
    return bool(answer.ok and answer.json()["enabled"])


def _leave(realm: Realm, account: str) -> None:
    """Undo a sign-in that Keycloak was at when the account went off: it may end after everything else, and
    nobody outside Keycloak can tell. Those that ended before stay, for Usher to end.
    """
    realm.console.call("POST", f"users/{account}/logout")
    realm.console.call("DELETE", f"users/{account}/consents/{VISITORS}")


def granted(realm: Realm, **form: str) -> dict[str, Any] | None:
    """What the token endpoint gives a visitor; None if it refuses."""
    url = f"{realm.console.realm_url}/protocol/openid-connect/token"
    answer = requests.post(url, data={"client_id": VISITORS, **form}, timeout=60)
    return answer.json() if answer.ok else None


class Visitors:
    """People who sign in again and again, whoever of them may: a thread. ``signed_in`` counts."""

    def __init__(self, realm: Realm, prefix: str) -> None:
        self._realm, self._prefix = realm, prefix
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._visit, name="visitors")
        self.signed_in = 0
        self.error: Exception | None = None

    def __enter__(self) -> "Visitors":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self.error:
            raise self.error

    def _visit(self) -> None:
        try:
            while not self._stopping.wait(0.5):
                self._visit_once()
        except Exception as error:  # a thread's error would be lost
            self.error = error

    def _visit_once(self) -> None:
        for account in self._realm.accounts(self._prefix):
            state = account.get("attributes", {}).get("usher.state", [""])
            if self._stopping.wait(0.05):
                return
            if state == ["active"] and account["enabled"]:
                tokens = sign_in(self._realm, account["id"], account["username"])
                self.signed_in += tokens is not None
