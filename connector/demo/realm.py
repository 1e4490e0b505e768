"""What the demo puts into the realm besides Usher's own: the sample portal, an ordinary client. It owns
that client; Usher's needs are ``usher keycloak apply``'s.
"""

import secrets
from typing import Any

import requests

from connector.demo.errors import DemoError
from connector.demo.keycloak import RunningKeycloak

CLIENT = "sample-portal"
SECONDS = 30.0


def add_sample_portal(keycloak: RunningKeycloak, realm: str, portal: str) -> str:
    """Make the client for the portal at the URL ``portal``; its new secret.

    :raises DemoError: Keycloak refused.
    """
    secret = secrets.token_urlsafe(32)
    body = {
        "clientId": CLIENT,
        "name": "Sample portal",
        "secret": secret,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "redirectUris": [f"{portal}/callback"],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{portal}/*",
        },
    }
    _post(keycloak, f"realms/{realm}/clients", body)
    return secret


def _post(keycloak: RunningKeycloak, path: str, body: dict[str, Any]) -> None:
    try:
        answer = requests.post(
            f"{keycloak.url}/admin/{path}",
            json=body,
            headers={"Authorization": f"Bearer {_token(keycloak)}"},
            timeout=SECONDS,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise DemoError(
            f"Keycloak did not take the sample portal: {error}", "Look at Keycloak's log."
        ) from error


def _token(keycloak: RunningKeycloak) -> str:
    answer = requests.post(
        f"{keycloak.url}/realms/master/protocol/openid-connect/token",
        data={
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": keycloak.admin_user,
            "password": keycloak.admin_password,
        },
        timeout=SECONDS,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])
