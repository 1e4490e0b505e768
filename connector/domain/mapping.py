"""From a user's state to the account it should have: walks a mapping that was loaded from ``mappings/``. It
owns the shapes of that mapping and their meaning; it must not know files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from connector.domain.account import DesiredAccount
from connector.domain.document import SCIM_SOURCE
from connector.domain.errors import Invalid
from connector.domain.model import Handover, PortalUser, Profile, State, Tenant
from connector.domain.policy import EmailVerification, Policy

MIN_USER_NAME, MAX_USER_NAME = 3, 255
"""Keycloak refuses shorter and longer userNames (measured on 26.7.3)."""


class Presence(StrEnum):
    """What a state wants of the account as a whole."""

    ABSENT = "absent"
    """There should be none."""
    ENABLED = "enabled"
    """There must be one, and people may sign in."""
    DISABLED = "disabled"
    """If there is one, nobody may sign in."""


class SignInKind(StrEnum):
    """What an invited person will sign in with, as far as the required actions tell."""

    PASSWORD = "password"  # noqa: S105 (what people choose, none of ours)
    PASSKEY = "passkey"
    OTHER = "other"
    """Both of them, or by an action that is not known here."""


_GIVEN_BY = {"UPDATE_PASSWORD": SignInKind.PASSWORD, "webauthn-register-passwordless": SignInKind.PASSKEY}

_GIVE_NONE = frozenset(
    {
        *("TERMS_AND_CONDITIONS", "UPDATE_PROFILE", "VERIFY_PROFILE", "VERIFY_EMAIL", "UPDATE_EMAIL"),
        *("update_user_locale", "delete_account", "CONFIGURE_TOTP", "webauthn-register"),
        *("CONFIGURE_RECOVERY_AUTHN_CODES", "idp_link", "delete_credential"),
    }
)
"""Keycloak's own actions after which a person still cannot sign in (26.7.3)."""


def leave_no_sign_in(required_actions: frozenset[str]) -> bool:
    """Whether a person who did all of these would have nothing to sign in with, and never be accepted. An
    action that is not Keycloak's own is taken for one that helps.
    """
    return required_actions <= _GIVE_NONE


def sign_in_kind_of(required_actions: frozenset[str]) -> SignInKind:
    """The one that these give. Terms, a proof of the mailbox and second factors do not count."""
    given = {_GIVEN_BY[action] for action in required_actions if action in _GIVEN_BY}
    return given.pop() if len(given) == 1 else SignInKind.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRule:
    """What one state wants. ``required_actions`` are Keycloak's names, of a pending user only."""

    account: Presence
    required_actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMapping:
    """How portal users become accounts. Patterns may name ``{userName}``, ``{email}``, ``{tenant}``,
    ``{id}``, ``{state}``, ``{externalId}``.
    """

    user_name: str
    attributes: Mapping[str, str]
    rules: Mapping[State, AccountRule]

    def account_name(self, profile: Profile, tenant: str) -> str:
        """The account's userName.

        :raises Invalid: it would be shorter or longer than Keycloak takes.
        """
        values = _Values(userName=profile.user_name, email=profile.email, tenant=tenant)
        name = self.user_name.format_map(values)
        if len(name) < MIN_USER_NAME:
            raise Invalid("userName", f"must have at least {MIN_USER_NAME} characters")
        if len(name) > MAX_USER_NAME:
            raise Invalid("userName", f"must have at most {MAX_USER_NAME} characters")
        return name

    def rule(self, state: State, policy: Policy) -> AccountRule:
        """The rule of ``state`` under a tenant's policy."""
        rule = self.rules[state]
        if state is State.DRAFT and policy.draft_account:
            return AccountRule(account=Presence.DISABLED)
        if state is State.PENDING and policy.email_verification is EmailVerification.INVITATION:
            actions = rule.required_actions - {"VERIFY_EMAIL"}
            return AccountRule(account=rule.account, required_actions=actions)
        return rule

    def sign_in_kind(self, policy: Policy) -> SignInKind:
        """What a person who is invited under a tenant's policy will sign in with."""
        return sign_in_kind_of(self.rule(State.PENDING, policy).required_actions)

    def desired(self, user: PortalUser, state: State, tenant: Tenant) -> DesiredAccount:
        """The account's values in ``state``; whether it should exist is ``rule``'s."""
        profile = user.profile
        values = _Values(
            userName=profile.user_name,
            email=profile.email,
            tenant=user.tenant,
            id=user.id,
            state=str(state),
            externalId=profile.external_ids.get(SCIM_SOURCE, ""),
        )
        return DesiredAccount(
            usher_id=usher_id(user),
            user_name=self.account_name(profile, user.tenant),
            email=profile.email,
            given_name=profile.given_name,
            family_name=profile.family_name,
            enabled=self.rule(state, tenant.policy).account is Presence.ENABLED,
            locale=_locale(profile, tenant),
            attributes={k: v.format_map(values) for k, v in self.attributes.items()},
        )


def usher_id(user: PortalUser) -> str:
    """What our accounts are recognised by: ``<tenant>:<user id>``."""
    return f"{user.tenant}:{user.id}"


def _locale(profile: Profile, tenant: Tenant) -> str:
    """What Keycloak has to know where the first mail is its own. Elsewhere our page brings the language
    that the person chose, and an attribute would overrule that.
    """
    return profile.locale or tenant.locale if tenant.handover is Handover.KEYCLOAK_MAIL else ""


class _Values(dict[str, str]):
    """Pattern values; a pattern that names anything else is a fault of the mapping."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
