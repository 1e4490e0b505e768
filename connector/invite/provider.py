"""The OpenID Connect provider that Usher is to a realm: it tells Keycloak, for one minute and once, which
pending account the person before this browser may enter. It owns codes and ID tokens; it must not know
Flask, pages, or what Keycloak does with them.

A hand-over's cookie is the gate: any client of the realm may send a browser here, so whatever is not
exactly right is refused to the browser itself and never sent back to Keycloak as an OpenID Connect error,
which would show its login form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from connector.application.ports import Ids
from connector.application.records import HandOver
from connector.application.repeat import repeated
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.errors import UsherError
from connector.foundation.config import HandoverSettings, RealmSettings
from connector.foundation.key_ring import SigningKeyRing
from connector.foundation.keys import SIGNING_ALGORITHM
from connector.foundation.oidc import MAX_ID_TOKEN_LIFE, jwks, pkce_challenge, sign_id_token
from connector.invite.addresses import PROVIDER_CLIENT_ID, broker_endpoint, issuer
from connector.invite.standing import browser_of, is_live, user_of

CODE_BITS = 256
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_LONGEST = 2048

Query = Mapping[str, list[str]]
"""Parameters with every value each was given."""


class NoEntry(UsherError):
    """This browser gets no code; the text says why, for the log alone."""


class TokenError(UsherError):
    """The token endpoint's refusal (RFC 6749 §5.2)."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How Keycloak says who it is (``client_secret_basic`` or ``client_secret_post``)."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """An authorization request that is exactly as Keycloak makes it."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str


class Provider:
    """``/oidc/{realm}``, every realm of the configuration."""

    def __init__(
        self,
        service: Service,
        realms: Mapping[str, RealmSettings],
        keys: SigningKeyRing,
        ids: Ids,
        times: HandoverSettings,
        public_url: str,
    ) -> None:
        self._service = service
        self._store = service.store
        self._clock = service.clock
        self._realms = realms
        self._keys = keys
        self._ids = ids
        self._times = times
        self._public_url = public_url

    def discovery(self, realm_key: str) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0 §3).

        :raises KeyError: there is no such realm.
        """
        self._realms[realm_key]
        here = issuer(self._public_url, realm_key)
        return {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "jwks_uri": f"{here}/jwks",
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [SIGNING_ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["iss", "aud", "sub", "nonce", "iat", "exp", "auth_time"],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    def known(self, realm_key: str) -> str:
        """``realm_key`` if it is one of ours, else nothing that somebody could have written."""
        return realm_key if realm_key in self._realms else "unknown"

    def jwks(self, realm_key: str) -> dict[str, Any]:
        """The keys our ID tokens are signed with.

        :raises KeyError: there is no such realm.
        """
        self._realms[realm_key]
        return jwks(self._keys.at(self._clock.now()))

    # --- authorization endpoint --------------------------------------------------------------------

    def authorize(self, realm_key: str, cookie: str, query: Query) -> str:
        """Where to send the browser back to, with a code.

        :raises NoEntry: request, browser, hand-over or invitation are not exactly right.
        """
        realm = self._realms.get(realm_key)
        if realm is None:
            raise NoEntry("no such realm")
        request = _request(query, broker_endpoint(realm.url, realm.realm))
        code = self._ids.token(CODE_BITS)
        if not cookie:
            # Anybody may send browsers here: who is not on the way must not hold up who writes.
            raise NoEntry("no hand-over of this browser")
        with self._store.write() as work:
            handover = self._entitled(work, realm_key, cookie)
            work.handovers.save(self._with_code(handover, request, code))
        answer = urlencode({"code": code, "state": request.state})
        return f"{request.redirect_uri}?{answer}"

    def _entitled(self, work: UnitOfWork, realm_key: str, cookie: str) -> HandOver:
        handover = work.handovers.of_browser(browser_of(cookie))
        if handover is None:
            raise NoEntry("no hand-over of this browser")
        if reason := self._why_not(work, handover, realm_key):
            raise NoEntry(reason)
        return handover

    def _why_not(self, work: UnitOfWork, handover: HandOver, realm_key: str) -> str:
        """What keeps a hand-over from being entered now; empty for nothing."""
        now = self._clock.now()
        tenant = self._service.tenants.get(handover.tenant)
        if tenant is None or tenant.realm != realm_key:
            return "another realm's hand-over"
        if not handover.is_open(now):
            return "the hand-over is over"
        if not handover.may_link(now):
            return "the link's time is over"
        if not is_live(user_of(work, handover), handover.generation, now):
            return "the invitation is over"
        return ""

    def _with_code(self, handover: HandOver, request: _Request, code: str) -> HandOver:
        return replace(
            handover,
            code=_digest(code),
            code_until=self._clock.now() + self._times.code_life,
            code_client=request.client_id,
            code_redirect_uri=request.redirect_uri,
            code_challenge=request.challenge,
            code_nonce=request.nonce,
        )

    # --- token endpoint ----------------------------------------------------------------------------

    def token(self, realm_key: str, presented: Credentials | None, form: Query) -> dict[str, Any]:
        """The answer to a code: an ID token, and an access token that opens nothing.

        :raises TokenError: as RFC 6749 §5.2 names it. A code that was shown by the right client is used
            up whatever else is wrong.
        """
        realm = self._realms.get(realm_key)
        if realm is None or presented is None or not _authentic(realm, presented):
            raise TokenError("invalid_client", 401)
        wanted = {name: _single(form, name) for name in _TOKEN_PARAMETERS}
        if wanted["grant_type"] != "authorization_code":
            raise TokenError("unsupported_grant_type" if wanted["grant_type"] else "invalid_request")
        if not all(wanted.values()):
            raise TokenError("invalid_request")
        handover = self._redeemed(realm_key, presented.client_id, wanted)
        return {
            "access_token": self._ids.token(CODE_BITS),
            "token_type": "Bearer",
            "expires_in": MAX_ID_TOKEN_LIFE,
            "id_token": self._id_token(realm_key, handover),
        }

    def _redeemed(self, realm_key: str, client_id: str, wanted: Mapping[str, str]) -> HandOver:
        """The hand-over of a code, if the code is live and bound to all of this."""
        handover = repeated(lambda: self._used_up(realm_key, _digest(wanted["code"])))
        if not handover or not _is_bound(handover, client_id, wanted):
            raise TokenError("invalid_grant")
        return handover

    def _used_up(self, realm_key: str, code: str) -> HandOver | None:
        with self._store.write() as work:
            handover = work.handovers.redeem(code, now=self._clock.now())
            if handover and not self._why_not(work, handover, realm_key):
                return handover
        return None

    def _id_token(self, realm_key: str, handover: HandOver) -> str:
        now = int(self._clock.now())
        return sign_id_token(
            self._keys.at(now),
            {
                "iss": issuer(self._public_url, realm_key),
                "aud": handover.code_client,
                "sub": handover.sub,
                "nonce": handover.code_nonce,
                "iat": now,
                "exp": now + min(int(self._times.id_token_life), MAX_ID_TOKEN_LIFE),
                "auth_time": int(handover.opened_at),
            },
        )


_TOKEN_PARAMETERS = ("grant_type", "code", "redirect_uri", "code_verifier")
_FORBIDDEN = frozenset({"request", "request_uri", "response_mode", "registration", "claims"})


def _request(query: Query, redirect_uri: str) -> _Request:
    """The request, if each parameter that matters is there once and right.

    :raises NoEntry: one is not.
    """
    if forbidden := _FORBIDDEN & query.keys():
        raise NoEntry(f"parameter {min(forbidden)}")
    for name, is_right in _RULES.items():
        if not is_right(_single(query, name)):
            raise NoEntry(f"parameter {name}")
    if _single(query, "redirect_uri") != redirect_uri:
        raise NoEntry("parameter redirect_uri")
    return _Request(
        client_id=_single(query, "client_id"),
        redirect_uri=redirect_uri,
        state=_single(query, "state"),
        nonce=_single(query, "nonce"),
        challenge=_single(query, "code_challenge"),
    )


def _is_some_text(value: str) -> bool:
    return 0 < len(value) <= _LONGEST


_RULES: dict[str, Callable[[str], bool]] = {
    "response_type": lambda value: value == "code",
    "client_id": lambda value: value == PROVIDER_CLIENT_ID,
    "scope": lambda value: "openid" in value.split(" "),
    "code_challenge_method": lambda value: value == "S256",
    "code_challenge": lambda value: _CHALLENGE.fullmatch(value) is not None,
    "state": _is_some_text,
    "nonce": _is_some_text,
}
"""What each parameter of an authorization request must be; an absent or repeated one is empty here."""


def _single(query: Query, name: str) -> str:
    """A parameter's value; empty if it is absent or there more than once (RFC 6749 §3.1)."""
    values = query.get(name, [])
    return values[0] if len(values) == 1 else ""


def _authentic(realm: RealmSettings, presented: Credentials) -> bool:
    """Both compared whatever the first says, in constant time."""
    secret = realm.provider_client_secret.read()
    same_id = compare_digest(presented.client_id.encode(), PROVIDER_CLIENT_ID.encode())
    same_secret = compare_digest(presented.secret.encode(), secret.encode())
    return same_id and same_secret


def _is_bound(handover: HandOver, client_id: str, wanted: Mapping[str, str]) -> bool:
    """Whether a code was given for this client, redirect URI and PKCE verifier (RFC 7636 §4.6)."""
    verifier = wanted["code_verifier"]
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return (
        handover.code_client == client_id
        and handover.code_redirect_uri == wanted["redirect_uri"]
        and compare_digest(pkce_challenge(verifier), handover.code_challenge)
    )


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
