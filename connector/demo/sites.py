"""The two organisations of the demo, each with its own brand, language and way to prove a mailbox, and the
person whom each invites. It owns these data; what is done with them is others' business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.foundation.resources import templates_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom a company's identity provider pushes."""

    given_name: str
    family_name: str
    address: str
    password: str = field(default="correct horse 7 battery", repr=False)
    """Of an account that lives a minute, in the unattended run."""

    @property
    def name(self) -> str:
        """What people call them."""
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One tenant with its portal. ``settings`` are keys of its configuration; ``summary`` says in a line
    what is special; ``mails_twice``: Keycloak sends a mail of its own, to prove the mailbox;
    ``disabled`` is what Keycloak says to somebody whose access has ended.
    """

    tenant: str
    name: str
    language: str
    summary: str
    mails_twice: bool
    disabled: str
    person: Person
    settings: Mapping[str, Any]

    def configuration(self, portal: str) -> dict[str, Any]:
        """The tenant's keys beside those of a newcomer's; ``portal`` is the sample portal's URL."""
        return {
            "name": self.name,
            "portal_url": f"{portal}/{self.tenant}",
            "locale": self.language,
            "sender": {"from_name": self.name},
            "scim": {"profile": "entra"},
            **self.settings,
        }


def _logo(name: str) -> str:
    return str(templates_dir() / "demo" / f"{name}.png")


ACME = Site(
    tenant="acme",
    name="Acme Supplies",
    language="en",
    summary="in English; Keycloak proves the mailbox by a mail of its own",
    mails_twice=True,
    disabled="Account is disabled",
    person=Person(given_name="Ada", family_name="Lovelace", address="ada.lovelace@acme.example"),
    settings={
        "brand": {
            "primary": "#14532d",
            "accent": "#facc15",
            "logo": _logo("acme"),
            "support": "help@acme.example",
        },
        "policy": {"invitation_life": "7d", "email_verification": "keycloak"},
    },
)

NORDWIND = Site(
    tenant="nordwind",
    name="Nordwind Spedition",
    language="de",
    summary="in German; the invitation itself proves the mailbox: one mail, one page",
    mails_twice=False,
    disabled="Ihr Benutzerkonto ist gesperrt",
    person=Person(given_name="Käthe", family_name="Köhler", address="k.koehler@nordwind.example"),
    settings={
        "brand": {
            "primary": "#0b3a67",
            "accent": "#ff8a3d",
            "logo": _logo("nordwind"),
            "support": "hilfe@nordwind.example",
            "footer": "Nordwind Spedition GmbH, Am Kai 7, 20457 Hamburg",
        },
        "policy": {"invitation_life": "3d", "email_verification": "invitation"},
        "time_zone": "Europe/Berlin",
    },
)

SITES = (ACME, NORDWIND)
