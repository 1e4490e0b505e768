"""Usher as an identity provider of the realm, tied to an account only while a person accepts. It owns
the entry ``usher`` whole; every deviation is put right, because each setting closes a way in.
"""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any

from connector.foundation.config import Secret
from connector.keycloak.client import path
from connector.keycloak.names import DENY_FLOW, PROVIDER, PROVIDER_CLIENT
from connector.keycloak.setup.secrets import is_absent
from connector.keycloak.setup.steps import Change, Site, Step, differences, merged, step

INSTANCES = "identity-provider/instances"

_KIND = "oidc"
_THING = f"identity provider {PROVIDER}"
_ENTRY = f"{INSTANCES}/{path(PROVIDER)}"
_FINGERPRINT = "usherSecretFingerprint"

SHUT = (
    "acceptsPromptNoneForwardFromClient",
    "allowClientIdAsAudience",
    "allowedClockSkew",
    "audience",
    "claimFilterName",
    "claimFilterValue",
    "disableNonce",
    "disableTypeClaimCheck",
    "doNotStoreUsers",
    "filteredByClaim",
    "forwardParameters",
    "isAccessTokenJWT",
    "jwtAuthorizationGrantEnabled",
    "jwtX509HeadersEnabled",
    "logoutUrl",
    "prompt",
    "publicKeySignatureVerifier",
    "publicKeySignatureVerifierKeyId",
    "supportsClientAssertionReuse",
    "supportsClientAssertions",
    "tokenIntrospectionUrl",
    "userIDClaim",
    "userInfoUrl",
)
"""Options of an OpenID Connect provider that loosen a check or open another way: empty or off, all of them
(those of 26.7.3).
"""

_OFF = frozenset({"", "0", "false", "sub"})
"""How Keycloak writes an option that changes nothing; ``sub`` is the claim that it reads by itself."""


def identity_provider(site: Site) -> Iterator[Step]:
    """The entry ``usher``, with exactly these settings and without mappers."""
    if all(provider["alias"] != PROVIDER for provider in site.admin.list(INSTANCES)):
        yield step(_THING, "make it", lambda: site.admin.create(INSTANCES, _entry(site)))
        return
    real = site.admin.get(_ENTRY)
    if real["providerId"] != _KIND:
        what = f"providerId {real['providerId']} → {_KIND}"
        yield step(_THING, what, lambda: _replace(site))
        return
    changes = (
        *differences(_THING, settings_of(site), real),
        *_opened(real["config"]),
        *_secret_changes(site.realm.provider_client_secret, real["config"]),
    )
    if changes:
        shut = merged(real, {"config": dict.fromkeys(SHUT, "")})
        yield Step(changes=changes, write=lambda: site.admin.put(_ENTRY, merged(shut, _entry(site))))
    if organization := real.get("organizationId"):
        at = path("organizations", organization, "identity-providers", PROVIDER)
        yield step(_THING, "an organization's → nobody's", lambda: site.admin.delete(at))
    yield from _mappers(site)


def _opened(config: dict[str, str]) -> Iterator[Change]:
    for name in SHUT:
        value = config.get(name) or ""
        if value not in _OFF:
            yield Change(thing=_THING, what=f"{name} {value} → nothing")


def _mappers(site: Site) -> Iterator[Step]:
    """None: one could give whoever comes through us a role, another name or address."""
    for mapper in site.admin.list(f"{_ENTRY}/mappers"):
        at = f"{_ENTRY}/mappers/{path(mapper['id'])}"
        yield step(_THING, f"mapper '{mapper['name']}' → nothing", partial(site.admin.delete, at))


def settings_of(site: Site) -> dict[str, Any]:
    """The entry as it must be, but for its secret and for what is shut."""
    ours = f"{site.settings.public_url}/oidc/{site.realm.key}"
    return {
        "alias": PROVIDER,
        "displayName": "Invitation",
        "providerId": _KIND,
        "enabled": True,
        "trustEmail": False,
        "storeToken": False,
        "addReadTokenRoleOnCreate": False,
        "authenticateByDefault": False,
        "linkOnly": False,
        "hideOnLogin": True,
        "firstBrokerLoginFlowAlias": DENY_FLOW,
        "postBrokerLoginFlowAlias": "",
        "config": {
            "issuer": ours,
            "authorizationUrl": f"{ours}/authorize",
            "tokenUrl": f"{ours}/token",
            "jwksUrl": f"{ours}/jwks",
            "useJwksUrl": "true",
            "validateSignature": "true",
            "disableUserInfo": "true",
            "clientId": PROVIDER_CLIENT,
            "clientAuthMethod": "client_secret_basic",
            "pkceEnabled": "true",
            "pkceMethod": "S256",
            "defaultScope": "openid",
            "syncMode": "IMPORT",
            "showInAccountConsole": "NEVER",
        },
    }


def _replace(site: Site) -> None:
    """Keycloak lets the kind of a provider not change."""
    site.admin.delete(_ENTRY)
    site.admin.create(INSTANCES, _entry(site))


def _entry(site: Site) -> dict[str, Any]:
    secret = site.realm.provider_client_secret.read()
    known = {"clientSecret": secret, _FINGERPRINT: _fingerprint(secret)}
    return merged(settings_of(site), {"config": known})


def _secret_changes(secret: Secret, config: dict[str, str]) -> Iterator[Change]:
    """Keycloak never shows this secret again, so a digest of its 256 random bits stands beside it."""
    if is_absent(secret) or config.get(_FINGERPRINT) != _fingerprint(secret.read()):
        yield Change(thing=_THING, what="client secret another → ours")


def _fingerprint(secret: str) -> str:
    return sha256(f"usher provider client secret {secret}".encode()).hexdigest()
