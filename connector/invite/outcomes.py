"""The values of the way through Keycloak: which questions are asked, what comes back, and where that leads.
It owns their shape; what an answer proves is ``callback.py``'s.
"""

from dataclasses import dataclass
from enum import StrEnum

from connector.domain.model import PortalUser, Tenant


class Step(StrEnum):
    """The questions a hand-over asks Keycloak; each has a state, nonce and verifier of its own."""

    PROBE = "probe"
    """Is somebody signed in here?"""
    SIGN_OUT = "sign-out"
    """The same, after the person agreed that whoever it is be signed out."""
    SIGN_IN = "sign-in"
    """The invited person, please."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The query of a callback (RFC 6749 §4.1.2, RFC 9207 §2); what is missing is empty."""

    state: str = ""
    code: str = ""
    error: str = ""
    iss: str = ""


@dataclass(frozen=True, slots=True)
class Onward:
    """Send the browser to ``url``."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody else is signed in at Keycloak; ``name`` is empty where Keycloak does not say who."""

    tenant: Tenant
    user: PortalUser
    name: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The person is in."""

    tenant: Tenant


@dataclass(frozen=True, slots=True)
class LandAgain:
    """Back to the landing page at ``url``, which says how things stand."""

    url: str


@dataclass(frozen=True, slots=True)
class Lost:
    """No open hand-over belongs to this; ``tenant`` if at least that is known."""

    tenant: Tenant | None


Outcome = Onward | SignedIn | Finished | LandAgain | Lost
