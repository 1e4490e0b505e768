"""ID tokens: ours hold what Keycloak needs for a minute; of its own we believe only the plain ones."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from connector.foundation.keys import SigningKeys
from connector.foundation.oidc import (
    ID_TOKEN_CLAIMS,
    TokenRefused,
    UnknownKey,
    jwks,
    pkce_challenge,
    sign_id_token,
    verify_id_token,
)

NOW = 1_800_000_000
ISSUER = "https://sso.example.com/realms/portal"
CLIENT = "usher-invite"

RSA = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)
STRANGER = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)
EC = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
ENC = RSAKey.generate_key(2048, parameters={"use": "enc", "alg": "RSA-OAEP"}, private=True, auto_kid=True)
PUBLISHED = {"keys": [key.as_dict(private=False) for key in (ENC, RSA, EC)]}

OURS = SigningKeys(current=RSA, published=(dict(RSA.as_dict(private=False)),))

# What Keycloak 26 sends, less what nobody looks at.
CLAIMS: dict[str, Any] = {
    "exp": NOW + 300,
    "iat": NOW,
    "auth_time": NOW - 5,
    "jti": "37e7e6b5",
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "f2f6a9c3-7f0e-4f0f-9d4b-3a1b2c3d4e5f",
    "typ": "ID",
    "azp": CLIENT,
    "nonce": "n-0S6_WzA2Mj",
    "sid": "b1c2",
    "acr": "1",
}


def signed(
    claims: Mapping[str, Any] = CLAIMS, key: RSAKey | ECKey = RSA, header: Mapping[str, Any] | None = None
) -> str:
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    full = {"alg": algorithm, "kid": key.kid, **(header or {})}
    return jwt.encode(
        {k: v for k, v in full.items() if v is not None}, dict(claims), key, algorithms=[algorithm]
    )


def verify(token: str, keys: Mapping[str, Any] = PUBLISHED, **changes: Any) -> dict[str, Any]:
    wanted = {"issuer": ISSUER, "audience": CLIENT, "nonce": CLAIMS["nonce"], "now": NOW + 1.0} | changes
    return verify_id_token(token, keys, **wanted)


def raw(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode()]
    first = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (first + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def signed_by_hand(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """With whatever header and claims, which the library would not sign."""
    unsigned = raw(header, claims).rpartition(".")[0]
    key = RSA.raw_value
    assert isinstance(key, RSAPrivateKey)
    signature = key.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


# --- ours ------------------------------------------------------------------------------------------

OUR_CLAIMS: dict[str, Any] = {
    "iss": "https://usher.example.com/oidc/main",
    "aud": "keycloak-main",
    "sub": "0" * 32,
    "nonce": "abc",
    "iat": NOW,
    "exp": NOW + 60,
    "auth_time": NOW,
}


def test_control_o9_an_id_token_of_ours_holds_seven_claims_signed_with_rs256() -> None:
    token = sign_id_token(OURS, OUR_CLAIMS)
    decoded = jwt.decode(token, RSA, algorithms=["RS256"])
    assert decoded.claims == OUR_CLAIMS
    assert decoded.header == {"alg": "RS256", "typ": "JWT", "kid": RSA.kid}


@pytest.mark.parametrize("claim", sorted(ID_TOKEN_CLAIMS))
def test_control_o9_none_of_them_may_be_left_out(claim: str) -> None:
    with pytest.raises(ValueError, match="exactly"):
        sign_id_token(OURS, {k: v for k, v in OUR_CLAIMS.items() if k != claim})


@pytest.mark.parametrize("claim", ["email", "name", "groups", "acr"])
def test_control_o9_nothing_else_may_be_in_it(claim: str) -> None:
    with pytest.raises(ValueError, match="exactly"):
        sign_id_token(OURS, OUR_CLAIMS | {claim: "x"})


@pytest.mark.parametrize("life", [61, 0, -1, 3600])
def test_control_o9_it_lives_a_minute_at_most(life: int) -> None:
    with pytest.raises(ValueError, match="at most 60 seconds"):
        sign_id_token(OURS, OUR_CLAIMS | {"exp": NOW + life})


def test_control_o10_the_published_set_holds_public_keys_with_their_ids() -> None:
    (key,) = jwks(OURS)["keys"]
    assert key["kid"] == OURS.current["kid"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


def test_what_we_sign_verifies_against_what_we_publish() -> None:
    token = sign_id_token(OURS, OUR_CLAIMS)
    claims = verify_id_token(
        token, jwks(OURS), issuer=OUR_CLAIMS["iss"], audience=OUR_CLAIMS["aud"], nonce="abc", now=NOW
    )
    assert claims == OUR_CLAIMS


# --- Keycloak's ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
def test_a_plain_id_token_is_believed(key: RSAKey | ECKey) -> None:
    assert verify(signed(key=key)) == CLAIMS


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://sso.example.com/realms/other"},
        {"iss": ISSUER + "/"},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"aud": {"x": CLIENT}},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"azp": None},
        {"nonce": "other"},
        {"nonce": None},
        {"nonce": 7},
        {"typ": "Bearer"},
        {"typ": "Logout"},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"iat": NOW + 60},
        {"iat": None},
    ],
    ids=repr,
)
def test_control_o11_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        verify(signed(CLAIMS | changes))


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "nonce"])
def test_control_o11_a_token_without_a_needed_claim_is_refused(claim: str) -> None:
    with pytest.raises(TokenRefused):
        verify(signed({k: v for k, v in CLAIMS.items() if k != claim}))


def test_several_audiences_are_fine_if_it_was_given_to_us() -> None:
    assert verify(signed(CLAIMS | {"aud": ["account", CLIENT]}))["sub"] == CLAIMS["sub"]


def test_several_audiences_without_a_party_it_was_given_to_are_not() -> None:
    claims = {k: v for k, v in CLAIMS.items() if k != "azp"} | {"aud": ["account", CLIENT]}
    with pytest.raises(TokenRefused, match="given to somebody else"):
        verify(signed(claims))


def test_clocks_may_differ_by_ten_seconds() -> None:
    assert verify(signed(), now=NOW - 10)
    assert verify(signed(), now=NOW + 309.9)
    for now in (NOW - 11, NOW + 310):
        with pytest.raises(TokenRefused):
            verify(signed(), now=now)


def test_control_o11_alg_none_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        with pytest.raises(TokenRefused, match="only RS256 and ES256"):
            verify(raw({"alg": algorithm, "kid": RSA.kid}, CLAIMS))


def test_control_o11_a_public_key_is_no_hmac_secret() -> None:
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False)):
        unsigned = raw({"alg": "HS256", "kid": RSA.kid}, CLAIMS).rpartition(".")[0]
        seal = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        with pytest.raises(TokenRefused):
            verify(raw({"alg": "HS256", "kid": RSA.kid}, CLAIMS, seal))


def test_control_o11_a_symmetric_key_among_the_published_ones_signs_nothing() -> None:
    secret = OctKey.generate_key(256, parameters={"kid": "s"})
    token = jwt.encode({"alg": "HS256", "kid": "s"}, CLAIMS, secret, algorithms=["HS256"])
    with pytest.raises(TokenRefused):
        verify(token, {"keys": [secret.as_dict()]})


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": STRANGER.as_dict(private=False)},
        {"x5c": ["MIIB"]},
        {"typ": "logout+jwt"},
        {"typ": "at+jwt"},
        {"kid": None},
        {"crit": ["exp"]},
        {"crit": []},
    ],
    ids=str,
)
def test_control_o11_a_token_with_a_strange_header_is_refused(header: dict[str, Any]) -> None:
    joined = {"alg": "RS256", "kid": RSA.kid} | header
    with pytest.raises(TokenRefused):
        verify(signed_by_hand({k: v for k, v in joined.items() if v is not None}, CLAIMS))


def test_a_nonce_that_is_no_text_of_unicode_is_another() -> None:
    with pytest.raises(TokenRefused, match="nonce"):
        verify(signed_by_hand({"alg": "RS256", "kid": RSA.kid}, CLAIMS | {"nonce": "\ud800"}))


def test_the_hand_that_signs_here_signs_well() -> None:
    assert verify(signed_by_hand({"alg": "RS256", "kid": RSA.kid}, CLAIMS)) == CLAIMS


def test_a_token_of_a_key_that_is_not_published_says_so_apart() -> None:
    with pytest.raises(UnknownKey):
        verify(signed(key=STRANGER))


def test_control_o11_a_strangers_signature_under_a_published_id_is_refused() -> None:
    with pytest.raises(TokenRefused, match="the signature is wrong"):
        verify(signed(key=STRANGER, header={"kid": RSA.kid}))


def test_a_key_for_encryption_verifies_nothing() -> None:
    with pytest.raises(UnknownKey):
        verify(signed(header={"kid": ENC.kid}))


@pytest.mark.parametrize(
    "keys", [{}, {"keys": None}, {"keys": [7]}, {"keys": [{}]}, {"keys": [{"kty": "X"}]}]
)
def test_keys_that_cannot_be_read_refuse_the_token(keys: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        verify(signed(), keys)


@given(st.text(st.characters(codec=None), max_size=80))
def test_no_text_at_all_raises_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_three_parts_raise_anything_but_a_refusal(header: bytes, claims: bytes) -> None:
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, claims, b"x")]
    with pytest.raises(TokenRefused):
        verify(".".join(parts))


@pytest.mark.parametrize("header", [[], {}, {"alg": 7}, {"alg": ["RS256"]}, {"alg": "RS256", "kid": 7}])
def test_an_odd_header_is_refused(header: Any) -> None:
    with pytest.raises(TokenRefused):
        verify(raw(header, CLAIMS, b"x"))


def test_a_token_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(TokenRefused, match="too long"):
        verify("a" * 20_000)


def test_a_refusal_shows_nothing_of_the_token() -> None:
    with pytest.raises(TokenRefused) as caught:
        verify(signed(CLAIMS | {"nonce": "canary"}))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_control_o8_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
