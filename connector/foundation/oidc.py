"""OpenID Connect's signatures: the ID tokens that Usher signs for Keycloak and those of Keycloak that it
believes. It owns which algorithms, headers and claims pass; it must not know requests or hand-overs.
"""

import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from connector.domain.errors import UsherError
from connector.foundation.keys import SIGNING_ALGORITHM, SigningKeys

ID_TOKEN_CLAIMS = frozenset({"iss", "aud", "sub", "nonce", "iat", "exp", "auth_time"})
"""What an ID token of ours holds, no more and no less."""
MAX_ID_TOKEN_LIFE = 60
ALGORITHMS = ("RS256", "ES256")
"""What may have signed a token we believe."""
CLOCK_SKEW = 10.0
"""Seconds by which another machine's clock may differ from ours."""
_MAX_TOKEN = 16 * 1024
_FOREIGN_KEY_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c"})


class TokenRefused(UsherError):
    """A token is not to be believed; the text says which rule it broke and holds nothing of it."""


class UnknownKey(TokenRefused):
    """No published key has the token's ``kid``; the issuer may have a new one, so look once more."""


def sign_id_token(keys: SigningKeys, claims: Mapping[str, Any]) -> str:
    """An ID token (OpenID Connect Core 1.0 §2) signed with the current key.

    :raises ValueError: the claims are not exactly :data:`ID_TOKEN_CLAIMS`, or live longer than a minute.
    """
    if claims.keys() != ID_TOKEN_CLAIMS:
        raise ValueError(f"an ID token holds exactly {sorted(ID_TOKEN_CLAIMS)}")
    if not 0 < claims["exp"] - claims["iat"] <= MAX_ID_TOKEN_LIFE:
        raise ValueError(f"an ID token lives at most {MAX_ID_TOKEN_LIFE} seconds")
    header = {"alg": SIGNING_ALGORITHM, "kid": keys.current.kid}
    return jwt.encode(header, dict(claims), keys.current, algorithms=[SIGNING_ALGORITHM])


def jwks(keys: SigningKeys) -> dict[str, Any]:
    """The key set to publish (RFC 7517 §5)."""
    return {"keys": [dict(key) for key in keys.published]}


def pkce_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def verify_id_token(
    token: str,
    jwks: Mapping[str, Any],
    *,
    issuer: str,
    audience: str,
    nonce: str,
    now: float,
) -> dict[str, Any]:
    """The claims of an ID token that passes OpenID Connect Core 1.0 §3.1.3.7.

    :raises UnknownKey: its key is not in ``jwks``. :raises TokenRefused: anything else is wrong.
    """
    _check_header(token)
    claims = _verified_claims(token, _signature_keys(jwks))
    _check_parties(claims, issuer, audience)
    _check_times(claims, now)
    if not _same_text(claims.get("nonce"), nonce):
        raise TokenRefused("the nonce is another")
    if claims.get("typ", "ID") != "ID":
        raise TokenRefused("it is a token of another kind")
    return claims


def _check_header(token: str) -> None:
    """Refuse a header that names its own key or another kind of token, before any key is looked up."""
    if len(token) > _MAX_TOKEN:
        raise TokenRefused("it is too long")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (ValueError, JoseError):
        raise TokenRefused("it is not a signed token") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefused(f"only {' and '.join(ALGORITHMS)} are believed")
    if header.keys() & _FOREIGN_KEY_HEADERS:
        raise TokenRefused("it names a key of its own")
    if "crit" in header:  # RFC 7515 §4.1.11: whoever does not know an extension refuses, and we know none
        raise TokenRefused("it asks for an extension")
    if header.get("typ", "JWT") != "JWT" or not isinstance(header.get("kid"), str):
        raise TokenRefused("it is no ID token with a key id")


def _signature_keys(jwks: Mapping[str, Any]) -> KeySet:
    """The keys of a set that sign with an algorithm we believe; a realm publishes others beside them."""
    try:
        wanted = [
            JWKRegistry.import_key(key)
            for key in jwks["keys"]
            if key.get("use", "sig") == "sig" and key.get("alg", ALGORITHMS[0]) in ALGORITHMS
        ]
    except (KeyError, TypeError, AttributeError, ValueError, JoseError):
        raise TokenRefused("the issuer's keys cannot be read") from None
    return KeySet(wanted)


def _verified_claims(token: str, keys: KeySet) -> dict[str, Any]:
    try:
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except InvalidKeyIdError:
        raise UnknownKey("no published key has its key id") from None
    except (ValueError, TypeError, JoseError):
        raise TokenRefused("the signature is wrong") from None


def _check_parties(claims: Mapping[str, Any], issuer: str, audience: str) -> None:
    if claims.get("iss") != issuer:
        raise TokenRefused("the issuer is another")
    named = claims.get("aud")
    audiences = [named] if isinstance(named, str) else named
    if not isinstance(audiences, list) or audience not in audiences:
        raise TokenRefused("it is meant for somebody else")
    if claims.get("azp", audience if len(audiences) == 1 else None) != audience:
        raise TokenRefused("it was given to somebody else")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    if now >= _time(claims, "exp") + CLOCK_SKEW:
        raise TokenRefused("it has expired")
    if _time(claims, "iat") > now + CLOCK_SKEW:
        raise TokenRefused("it was issued in the future")


def _time(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 §2)."""
    value = claims.get(name)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenRefused(f"it has no time {name}")
    return value


def _same_text(value: Any, expected: str) -> bool:
    if not isinstance(value, str):
        return False
    return hmac.compare_digest(value.encode(errors="replace"), expected.encode())
