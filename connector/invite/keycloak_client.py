"""Keycloak as our own client ``usher-invite`` uses it: authorization code flow and log-out. It owns these
requests and what their answers mean; it must not know hand-overs, users or pages.

A realm's endpoints are ``<url>/realms/<realm>/protocol/openid-connect/{auth,token,logout,certs}``.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from connector.application.ports import Clock
from connector.domain.errors import Misconfigured, Unavailable, UsherError
from connector.foundation.config import RealmSettings
from connector.foundation.observe import current_request_id
from connector.foundation.oidc import TokenRefused, UnknownKey, pkce_challenge, verify_id_token

CLIENT_ID = "usher-invite"
TIMEOUT = (3.0, 10.0)
"""Seconds to connect, and between two bytes of the answer."""
KEYS_LIFE = 600.0
KEYS_REST = 10.0
"""Seconds between two fetches of the realm's keys, whatever key a token names."""


class CodeRefused(UsherError):
    """What came back with the browser proves nothing: Keycloak does not take the code, or its ID token
    is not for this very step.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What ties one step's answer to its question (RFC 6749 §10.12, OIDC Core §3.1.2.1, RFC 7636)."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who Keycloak says came back: ``sub`` is the account's id; the token may end the session."""

    sub: str
    name: str
    id_token: str = field(repr=False)


class KeycloakClient:
    """One realm's ``usher-invite``. Safe for many threads."""

    def __init__(self, realm: RealmSettings, clock: Clock) -> None:
        self._realm = realm
        self._clock = clock
        self.issuer = f"{realm.url}/realms/{realm.realm}"
        self._endpoints = f"{self.issuer}/protocol/openid-connect"
        self._keys: Mapping[str, Any] = {"keys": []}
        self._keys_at = float("-inf")
        self._lock = threading.Lock()

    def authorize_url(self, callback: str, proof: Proof, **extra: str) -> str:
        """Where to send the browser with a question whose answer comes to ``callback``."""
        return f"{self._endpoints}/auth?" + urlencode(
            {
                "client_id": CLIENT_ID,
                "redirect_uri": callback,
                "response_type": "code",
                "scope": "openid",
                "state": proof.state,
                "nonce": proof.nonce,
                "code_challenge": pkce_challenge(proof.verifier),
                "code_challenge_method": "S256",
                **extra,
            }
        )

    def logout_url(self, back_to: str, *, id_token: str = "", language: str = "") -> str:
        """Where to send the browser to end its session (OpenID Connect RP-Initiated Logout 1.0 §2). With
        an ID token of that session Keycloak asks nothing; without one it asks, if there is a session.
        """
        query = {"client_id": CLIENT_ID, "post_logout_redirect_uri": back_to}
        if id_token:
            query["id_token_hint"] = id_token
        if language:
            query["ui_locales"] = language
        return f"{self._endpoints}/logout?{urlencode(query)}"

    def identify(self, code: str, *, callback: str, proof: Proof) -> Identity:
        """Exchange a code and check what it gives.

        :raises CodeRefused: it proves nothing.
        :raises Unavailable: Keycloak cannot answer. :raises Misconfigured: it refuses our client.
        """
        token = self._exchange(code, callback, proof.verifier)
        claims = self._verified(token, proof.nonce)
        names = (claims.get(key) for key in ("name", "preferred_username", "email"))
        name = next((name for name in names if isinstance(name, str) and name.strip()), "")
        return Identity(sub=str(claims.get("sub", "")), name=name, id_token=token)

    def _exchange(self, code: str, callback: str, verifier: str) -> str:
        status, body = self._send(
            "POST",
            "token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": callback,
                "code_verifier": verifier,
                "client_id": CLIENT_ID,
                "client_secret": self._realm.invite_client_secret.read(),
            },
        )
        if status == 400 and body.get("error") == "invalid_grant":
            raise CodeRefused("Keycloak does not take the code.")
        token = body.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise Misconfigured(f"token endpoint: {status} {body.get('error', 'without an ID token')}")
        return token

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            return self._checked(token, nonce, self._known_keys())
        except UnknownKey:
            pass
        try:
            return self._checked(token, nonce, self._known_keys(older_than=KEYS_REST))
        except UnknownKey:
            raise Unavailable("key set: the key of the ID token is not in it yet") from None

    def _checked(self, token: str, nonce: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return verify_id_token(
                token,
                keys,
                issuer=self.issuer,
                audience=CLIENT_ID,
                nonce=nonce,
                now=self._clock.now(),
            )
        except UnknownKey:
            raise
        except TokenRefused as refused:
            raise CodeRefused(str(refused)) from None

    def _known_keys(self, *, older_than: float = KEYS_LIFE) -> Mapping[str, Any]:
        """The realm's key set, fetched anew if ours is older than that many seconds."""
        with self._lock:
            if abs(self._clock.now() - self._keys_at) >= older_than:
                self._keys = self._fetched_keys()
                self._keys_at = self._clock.now()
            return self._keys

    def _fetched_keys(self) -> dict[str, Any]:
        status, body = self._send("GET", "certs")
        if status != 200 or not isinstance(body.get("keys"), list):
            raise Misconfigured(f"key set: {status}")
        return body

    def _send(
        self, method: str, endpoint: str, form: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request; its status and JSON object. What is no answer of Keycloak's is unavailable."""
        try:
            answer = requests.request(
                method,
                f"{self._endpoints}/{endpoint}",
                data=form,
                timeout=TIMEOUT,
                allow_redirects=False,
                headers=_headers(),
            )
            body = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Unavailable(f"{endpoint} endpoint: {type(error).__name__}") from None
        if answer.status_code == 429 or answer.status_code >= 500 or not isinstance(body, dict):
            raise Unavailable(f"{endpoint} endpoint: {answer.status_code}")
        return answer.status_code, body


def _headers() -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if request_id := current_request_id():
        headers["X-Request-ID"] = request_id
    return headers
