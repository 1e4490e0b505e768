"""The paths and names that the hand-over is made of. It owns their spelling; Keycloak's set-up names the
same ones in the realm, so a change here is a change of every realm.
"""

INVITE = "/invite"
PROBE = "/invite/probe"
GO = "/invite/go"
DONE = "/invite/done"
BACK = "/invite/back"
"""Where Keycloak's own error pages lead: the client's ``baseUrl`` in the realm."""
BRAND = "/brand"
OIDC = "/oidc"

PROVIDER_ALIAS = "usher"
"""The identity provider that we are to the realm."""
PROVIDER_CLIENT_ID = "keycloak"
"""Keycloak's name at our token endpoint."""


def issuer(public_url: str, realm_key: str) -> str:
    """Our issuer for one realm (OpenID Connect Discovery 1.0 §3); never from the request's Host."""
    return f"{public_url}{OIDC}/{realm_key}"


def broker_endpoint(url: str, realm: str) -> str:
    """Where Keycloak takes our codes: its one redirect URI."""
    return f"{url}/realms/{realm}/broker/{PROVIDER_ALIAS}/endpoint"
