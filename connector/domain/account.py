"""What an account at the identity provider should be, and what it is, as values. It owns the shape of
both; who compares them is ``application/account.py``, how Keycloak writes them ``connector/keycloak``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.domain.model import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredAccount:
    """An account as the user's state wants it. ``None`` leaves what is there alone.

    ``usher_id`` is ``<tenant>:<user id>`` and the only thing an existing account is recognised by.
    ``required_actions`` are ours to set; foreign ones on the account stay in any case.
    """

    usher_id: str
    user_name: str
    email: str
    given_name: str
    family_name: str
    enabled: bool
    email_verified: bool | None = None
    required_actions: frozenset[str] | None = None
    locale: str = ""
    """The language of Keycloak's own mails and pages, given to a new account; later it is the person's."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Single-valued display copies (``usher.id``, ``usher.tenant``, ``usher.state`` …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as it was read. ``locked_out``: disabled by brute-force detection, not by anybody."""

    id: AccountId
    user_name: str
    email: str
    given_name: str
    family_name: str
    enabled: bool
    email_verified: bool
    required_actions: frozenset[str]
    attributes: Mapping[str, tuple[str, ...]]
    locked_out: bool = False

    @property
    def usher_id(self) -> str:
        """Whose account this is, empty for none of ours."""
        return next(iter(self.attributes.get("usher.id", ())), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential of an account; ``type`` as Keycloak names it (``password``, ``otp``,
    ``webauthn``, ``webauthn-passwordless``). ``created_at`` is epoch seconds.
    """

    id: str
    type: str
    created_at: float

    @property
    def signs_in(self) -> bool:
        """Whether a person can sign in with this alone."""
        return self.type in {"password", "webauthn-passwordless"}
