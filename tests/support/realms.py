"""Realms of the real Keycloak for tests: made by Usher's own set-up, and somebody to act in them as an
administrator or a person would, by plain HTTP and not through the code under test.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests

from connector.foundation.config import Settings, load
from connector.keycloak.setup.run import SetupAccess, apply

REALM = "main"
"""The key of the one realm in a configuration made here."""

NEIGHBOUR = "neighbour"
"""The key of a second realm, where one is asked for, and the name of its tenant."""

TOKEN_SECONDS = 30.0

PASSWORD = "correct horse 7 battery"


class RunningKeycloak(Protocol):
    """What the fixture ``keycloak`` gives."""

    @property
    def url(self) -> str: ...

    @property
    def admin_user(self) -> str: ...

    @property
    def admin_password(self) -> str: ...


def make_realm(
    keycloak: RunningKeycloak,
    folder: Path,
    name: str,
    *,
    public_url: str,
    mail_port: int | None = None,
    neighbour: str = "",
    **tenant_overrides: Any,
) -> Settings:
    """Write a configuration for one realm and one tenant into ``folder``, set the realm up, load it.
    ``neighbour`` is the name of a second realm, with a tenant of its own.
    """
    settings = write_settings(
        keycloak,
        folder,
        name,
        public_url=public_url,
        mail_port=mail_port,
        neighbour=neighbour,
        **tenant_overrides,
    )
    for key in settings.realms:
        apply(settings, key, access_of(keycloak), create_realm=True)
    return settings


def write_settings(
    keycloak: RunningKeycloak,
    folder: Path,
    name: str,
    *,
    public_url: str,
    mail_port: int | None = None,
    fence: str = "strict",
    handover: str = "broker",
    neighbour: str = "",
    **tenant_overrides: Any,
) -> Settings:
    """The configuration alone; no secret file is there yet."""
    mail: dict[str, Any] = {"from": "portal@example.com", "allow_default_sender": True}
    if mail_port is None:
        mail["files"] = "mails/"
    else:
        mail["smtp"] = {"host": "127.0.0.1", "port": mail_port, "tls": "none"}
    realm = {
        "url": keycloak.url,
        "realm": name,
        "fence": fence,
        "handover": handover,
        "runtime": {"client_id": "usher-runtime", "client_secret": "file:secrets/runtime"},
        "setup": {"client_id": "usher-setup", "client_secret": "file:secrets/setup"},
    }
    if handover == "broker":
        realm["invite_client_secret"] = "file:secrets/invite"
        realm["provider_client_secret"] = "file:secrets/provider"
    tenant = {
        "name": "Acme GmbH",
        "realm": REALM,
        "portal_url": "https://portal.example.com/acme",
        **tenant_overrides,
    }
    realms, tenants = {REALM: realm}, {"acme": tenant}
    if neighbour:
        realms[NEIGHBOUR] = {**realm, "realm": neighbour}
        tenants[NEIGHBOUR] = {**tenant, "name": "Next Ltd", "realm": NEIGHBOUR}
    config = {
        "public_url": public_url,
        "database": "sqlite:///usher.db",
        "keys": "keys/",
        "keycloak": {"realms": realms},
        "mail": mail,
        "tenants": tenants,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config, indent=2))
    return load(path)


def access_of(keycloak: RunningKeycloak) -> SetupAccess:
    """The administrator that the server began with."""
    return SetupAccess(user=keycloak.admin_user, password=keycloak.admin_password)


class Console:
    """The administrator of a realm, who calls the Admin API directly. Paths are below the realm."""

    def __init__(self, keycloak: RunningKeycloak, realm: str) -> None:
        self.realm_url = f"{keycloak.url}/realms/{realm}"
        self._keycloak = keycloak
        self._admin_url = f"{keycloak.url}/admin/realms/{realm}"
        self._bearer, self._renew_at = "", 0.0

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        """Any call; the caller looks at the answer."""
        return requests.request(
            method,
            f"{self._admin_url}/{path}".rstrip("/"),
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self._token()}"},
            timeout=60,
        )

    def get(self, path: str = "", **query: Any) -> Any:
        """GET; the JSON value."""
        return _good(self.call("GET", path, **query)).json()

    def post(self, path: str, body: Any) -> str:
        """POST; the new id, empty if the answer names none."""
        answer = _good(self.call("POST", path, body))
        return answer.headers.get("Location", "").rpartition("/")[2]

    def put(self, path: str, body: Any) -> None:
        """PUT."""
        _good(self.call("PUT", path, body))

    def delete(self, path: str, body: Any = None) -> None:
        """DELETE."""
        _good(self.call("DELETE", path, body))

    def remove_realm(self) -> None:
        """The realm and all in it; fine if there is none."""
        answer = self.call("DELETE", "")
        if answer.status_code != 404:
            _good(answer)

    @contextmanager
    def realm_with(self, **settings: Any) -> Iterator[None]:
        """The realm with other settings, until the block ends."""
        before = self.get()
        self.put("", settings)
        try:
            yield
        finally:
            self.put("", {name: before[name] for name in settings})

    def client(self, client_id: str) -> Any:
        """A client's representation."""
        (found,) = self.get("clients", clientId=client_id)
        return found

    def give_password(self, account: str) -> None:
        """Give an account ``PASSWORD``, for good."""
        body = {"type": "password", "value": PASSWORD, "temporary": False}
        self.put(f"users/{account}/reset-password", body)

    def make_user(self, user_name: str, **fields: Any) -> str:
        """Somebody whom Usher does not know; their id."""
        body = {
            "username": user_name,
            "email": f"{user_name}@example.com",
            "firstName": "Root",
            "lastName": "Rose",
            "enabled": True,
            **fields,
        }
        return self.post("users", body)

    def make_administrator(self, account: str) -> None:
        """Give a user every right over the realm."""
        self.post(*self._realm_admin(f"users/{account}"))

    def make_admin_group(self, name: str) -> str:
        """A group whose members have every right over the realm; its id."""
        group = self.post("groups", {"name": name})
        self.post(*self._realm_admin(f"groups/{group}"))
        return group

    def _realm_admin(self, holder: str) -> tuple[str, list[Any]]:
        management = self.client("realm-management")["id"]
        role = self.get(f"clients/{management}/roles/realm-admin")
        return f"{holder}/role-mappings/clients/{management}", [role]

    def _token(self) -> str:
        """The administrator's; Keycloak lets one live for a minute."""
        if time.monotonic() > self._renew_at:
            self._bearer, self._renew_at = self._new_token(), time.monotonic() + TOKEN_SECONDS
        return self._bearer

    def _new_token(self) -> str:
        answer = requests.post(
            f"{self._keycloak.url}/realms/master/protocol/openid-connect/token",
            data={
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": self._keycloak.admin_user,
                "password": self._keycloak.admin_password,
            },
            timeout=60,
        )
        return str(_good(answer).json()["access_token"])


@contextmanager
def console_of(keycloak: RunningKeycloak, realm: str) -> Iterator[Console]:
    """The administrator of a realm that is not there when the block begins, nor when it has ended."""
    console = Console(keycloak, realm)
    console.remove_realm()
    try:
        yield console
    finally:
        console.remove_realm()


def _good(answer: requests.Response) -> requests.Response:
    assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer
