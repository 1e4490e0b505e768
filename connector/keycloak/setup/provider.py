"""Usher as an identity provider of the realm, tied to an account only while a person accepts. It owns
the entry ``usher`` whole; every deviation is put right, because each setting closes a way in.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from connector.foundation.config import Secret
from connector.keycloak.client import path
from connector.keycloak.names import DENY_FLOW, PROVIDER, PROVIDER_CLIENT
from connector.keycloak.setup.secrets import is_absent
from connector.keycloak.setup.steps import Change, Site, Step, differences, merged, step

INSTANCES = "identity-provider/instances"

_THING = f"identity provider {PROVIDER}"
_ENTRY = f"{INSTANCES}/{path(PROVIDER)}"
_FINGERPRINT = "usherSecretFingerprint"


def identity_provider(site: Site) -> Iterator[Step]:
    """The entry ``usher``."""
    if all(provider["alias"] != PROVIDER for provider in site.admin.list(INSTANCES)):
        yield step(_THING, "make it", lambda: site.admin.create(INSTANCES, _entry(site)))
        return
    real = site.admin.get(_ENTRY)
    changes = (
        *differences(_THING, _settings(site), real),
        *_secret_changes(site.realm.provider_client_secret, real["config"]),
    )
    if changes:
        yield Step(changes=changes, write=lambda: site.admin.put(_ENTRY, merged(real, _entry(site))))


def _settings(site: Site) -> dict[str, Any]:
    ours = f"{site.settings.public_url}/oidc/{site.realm.key}"
    return {
        "alias": PROVIDER,
        "displayName": "Invitation",
        "providerId": "oidc",
        "enabled": True,
        "trustEmail": False,
        "storeToken": False,
        "addReadTokenRoleOnCreate": False,
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


def _entry(site: Site) -> dict[str, Any]:
    secret = site.realm.provider_client_secret.read()
    known = {"clientSecret": secret, _FINGERPRINT: _fingerprint(secret)}
    return merged(_settings(site), {"config": known})


def _secret_changes(secret: Secret, config: dict[str, str]) -> Iterator[Change]:
    """Keycloak never shows this secret again, so a digest of its 256 random bits stands beside it."""
    if is_absent(secret) or config.get(_FINGERPRINT) != _fingerprint(secret.read()):
        yield Change(thing=_THING, what="client secret another → ours")


def _fingerprint(secret: str) -> str:
    return sha256(f"usher provider client secret {secret}".encode()).hexdigest()
