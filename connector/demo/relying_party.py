"""The sample portal's talk with Keycloak: the authorization code flow with PKCE, state and nonce, then
refreshing and signing out (OpenID Connect Core 1.0, RP-Initiated Logout 1.0). It owns the protocol; it must
not know pages or cookies.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from connector.foundation.oidc import TokenRefused, pkce_challenge, verify_id_token

SECONDS = 10.0


class Refused(Exception):
    """Keycloak says no: the code or the session is not good (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in on its way; nothing of it leaves this process but what the protocol sends."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in. ``claims`` are the ID token's; ``checked_at`` is when Keycloak last
    answered for it, in epoch seconds.
    """

    claims: dict[str, Any]
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    checked_at: float


class RelyingParty:
    """A confidential client of one realm. Calls to Keycloak raise ``requests.RequestException`` when it
    cannot be reached.

    :param issuer: the realm's URL, as in its tokens.
    :param portal: the portal's URL; its callback is ``/callback`` there.
    """

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, portal: str) -> None:
        self._issuer = issuer
        self._oidc = f"{issuer}/protocol/openid-connect"
        self._client_id, self._client_secret = client_id, client_secret
        self._portal = portal

    def authorize_url(self, attempt: Attempt, *, silent: bool, language: str = "") -> str:
        """Where to send the browser. ``silent``: answer at once, with an error if nobody is signed in.
        ``language``: the one of Keycloak's pages, if it is not the browser's.
        """
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": f"{self._portal}/callback",
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": pkce_challenge(attempt.verifier),
            "code_challenge_method": "S256",
            **({"prompt": "none"} if silent else {}),
            **({"ui_locales": language} if language else {}),
        }
        return f"{self._oidc}/auth?{urlencode(query)}"

    def redeem(self, code: str, attempt: Attempt) -> Session:
        """The session of a code from the callback.

        :raises Refused: the code or its ID token is not good.
        """
        tokens = self._tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=f"{self._portal}/callback",
            code_verifier=attempt.verifier,
        )
        try:
            claims = verify_id_token(
                tokens["id_token"],
                self._keys(),
                issuer=self._issuer,
                audience=self._client_id,
                nonce=attempt.nonce,
                now=time.time(),
            )
        except TokenRefused as error:
            raise Refused(str(error)) from error
        return _session(claims, tokens)

    def refreshed(self, session: Session) -> Session:
        """The session after asking Keycloak whether it is still alive.

        :raises Refused: it is not.
        """
        tokens = self._tokens(grant_type="refresh_token", refresh_token=session.refresh_token)
        return _session(session.claims, tokens)

    def sign_out_url(self, session: Session, back_to: str) -> str:
        """Where to send the browser to end the session at Keycloak too."""
        query = {"id_token_hint": session.id_token, "post_logout_redirect_uri": back_to}
        return f"{self._oidc}/logout?{urlencode(query)}"

    def _tokens(self, **form: str) -> dict[str, Any]:
        answer = requests.post(
            f"{self._oidc}/token", data=form, auth=(self._client_id, self._client_secret), timeout=SECONDS
        )
        if answer.status_code == requests.codes.bad_request:
            raise Refused(answer.json().get("error_description", "no reason given"))
        answer.raise_for_status()
        return dict(answer.json())

    def _keys(self) -> dict[str, Any]:
        answer = requests.get(f"{self._oidc}/certs", timeout=SECONDS)
        answer.raise_for_status()
        return dict(answer.json())


def _session(claims: dict[str, Any], tokens: dict[str, Any]) -> Session:
    return Session(
        claims=claims,
        id_token=tokens["id_token"],
        refresh_token=tokens["refresh_token"],
        checked_at=time.time(),
    )
