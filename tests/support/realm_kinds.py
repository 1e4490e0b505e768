"""What administrators make of their realms: a browser flow of their own, organizations with providers. It
owns these changes and that they are taken back.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.realms import Console


@contextmanager
def no_redirector(console: Console) -> Iterator[None]:
    """A browser flow without an Identity Provider Redirector in place of the realm's."""
    console.post("authentication/flows/browser/copy", {"newName": "plain"})
    for execution in console.get("authentication/flows/plain/executions"):
        if execution.get("providerId") == "identity-provider-redirector":
            console.delete(f"authentication/executions/{execution['id']}")
    console.put("", {"browserFlow": "plain"})
    try:
        yield
    finally:
        console.put("", {"browserFlow": "browser"})


@contextmanager
def organization(console: Console, domain: str) -> Iterator[str]:
    """An organization with a domain, and Organizations switched on meanwhile; its path. It ends with all
    its providers.
    """
    console.put("", {"organizationsEnabled": True})
    name = domain.partition(".")[0]
    made = console.post("organizations", {"name": name, "alias": name, "domains": [{"name": domain}]})
    at = f"organizations/{made}"
    try:
        yield at
    finally:
        for provider in console.get(f"{at}/identity-providers"):
            console.delete(f"identity-provider/instances/{provider['alias']}")
        console.delete(at)
        console.put("", {"organizationsEnabled": False})


def add_provider_of(console: Console, at: str, domain: str) -> None:
    """A provider of the organization's own, to which people of its domain are sent."""
    alias, idp = domain.partition(".")[0], f"https://idp.{domain}"
    body = {
        "alias": alias,
        "providerId": "oidc",
        "enabled": True,
        "config": {
            "authorizationUrl": f"{idp}/authorize",
            "tokenUrl": f"{idp}/token",
            "clientId": "portal",
            "clientSecret": "made up",
            "kc.org.domain": domain,
            "kc.org.broker.redirect.mode.email-matches": "true",
        },
    }
    console.post("identity-provider/instances", body)
    console.post(f"{at}/identity-providers", alias)
