"""The names of what Usher owns inside a realm of Keycloak. It owns these words and nothing else; the
set-up makes what they name, the adapter uses it.
"""

PROVIDER = "usher"
"""Alias of the identity provider that a temporary link ties an account to."""

PROVIDER_CLIENT = "keycloak"
"""Keycloak's own client id at our token endpoint."""

DENY_FLOW = "usher-deny"
"""The flow for a subject that no account is tied to: it lets nobody in."""

INVITE_CLIENT = "usher-invite"
"""Our client of the realm, through which the invited person comes back."""

INVITE_FLOW = "usher-redirect"
"""The browser flow of that client in realms whose own one cannot be sent to a provider."""

GROUP = "usher-users"
"""The fence: under ``strict`` the only group whose members our account may touch."""

ATTRIBUTE_GROUP = "portal"
"""The section of the user profile in which our attributes are shown to administrators."""

USHER_ID = "usher.id"
"""The attribute that an account of ours is recognised by: ``<tenant>:<user id>``."""
