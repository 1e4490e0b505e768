"""Accounts as Keycloak writes them (``UserRepresentation`` of the Admin API) and as we do: reading one,
making one, and what to write so that one becomes as wanted. It owns these shapes; it must not call
anything.

Measured on 26.7.3, and the reason for most rules here: a PUT changes only the fields it names, but with
``attributes`` in it, it wipes every attribute, name and e-mail it does not name. A changed e-mail stays
"verified" unless told otherwise. Keycloak keeps userName and e-mail in lower case, drops empty values
and names of nothing but space.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.model import AccountId
from connector.keycloak.names import USHER_ID

PERMANENT_LOCKOUT = "permanentLockout"
_LOCKOUT_ATTRIBUTE = "disabledReason"
LOCALE = "locale"
"""Keycloak's own attribute; a person changes it with the language of a page."""


def account_of(user: Mapping[str, Any]) -> Account:
    """The account in a full user representation."""
    attributes = {name: tuple(values) for name, values in (user.get("attributes") or {}).items()}
    return Account(
        id=AccountId(user["id"]),
        user_name=user.get("username") or "",
        email=user.get("email") or "",
        given_name=user.get("firstName") or "",
        family_name=user.get("lastName") or "",
        enabled=bool(user.get("enabled")),
        email_verified=bool(user.get("emailVerified")),
        required_actions=frozenset(user.get("requiredActions") or ()),
        attributes=attributes,
        locked_out=PERMANENT_LOCKOUT in attributes.get(_LOCKOUT_ATTRIBUTE, ()),
    )


def credential_of(credential: Mapping[str, Any]) -> Credential:
    """A credential; one without a date counts as older than anything."""
    return Credential(
        id=credential["id"],
        type=credential["type"],
        created_at=(credential.get("createdDate") or 0) / 1000,
    )


def new_account(desired: DesiredAccount, groups: Sequence[str]) -> dict[str, Any]:
    """The body that makes an account in one POST, as a member of the groups at these paths."""
    return {
        **_identity(desired),
        "enabled": desired.enabled,
        "emailVerified": bool(desired.email_verified),
        "requiredActions": sorted(desired.required_actions or ()),
        "attributes": _merged(_own_locale(desired), desired),
        "groups": list(groups),
    }


def differences(account: Account, desired: DesiredAccount, our_actions: frozenset[str]) -> dict[str, Any]:
    """The PUT body that makes ``account`` as ``desired``; empty if it is so already.

    Of the required actions those in ``our_actions`` become as desired, all others stay.
    """
    body = _changed_identity(account, desired)
    if _is_to_switch(account, desired):
        body["enabled"] = desired.enabled
    verified = False if "email" in body else account.email_verified
    if desired.email_verified is not None:
        verified = desired.email_verified
    if "email" in body or verified != account.email_verified:
        body["emailVerified"] = verified
    actions = _wanted_actions(account, desired, our_actions)
    if actions != account.required_actions:
        body["requiredActions"] = sorted(actions)
    attributes = _merged(account.attributes, desired)
    if attributes != {name: list(values) for name, values in account.attributes.items()}:
        body |= _identity(desired) | {"attributes": attributes}
    return body


def _identity(desired: DesiredAccount) -> dict[str, Any]:
    return {
        "username": desired.user_name,
        "email": desired.email,
        "firstName": desired.given_name,
        "lastName": desired.family_name,
    }


def _changed_identity(account: Account, desired: DesiredAccount) -> dict[str, Any]:
    pairs = {
        "username": (account.user_name.casefold(), desired.user_name.casefold()),
        "email": (account.email.casefold(), desired.email.casefold()),
        "firstName": (account.given_name, _unless_blank(desired.given_name)),
        "lastName": (account.family_name, _unless_blank(desired.family_name)),
    }
    wanted = _identity(desired)
    return {name: wanted[name] for name, (is_now, should_be) in pairs.items() if is_now != should_be}


def _is_to_switch(account: Account, desired: DesiredAccount) -> bool:
    """Not under a lock-out: enabling would lift what brute-force detection did, and an administrator
    has to.
    """
    return account.enabled is not desired.enabled and not account.locked_out


def _wanted_actions(
    account: Account, desired: DesiredAccount, our_actions: frozenset[str]
) -> frozenset[str]:
    if desired.required_actions is None:
        return account.required_actions
    return (account.required_actions - our_actions) | desired.required_actions


def _merged(present: Mapping[str, Sequence[str]], desired: DesiredAccount) -> dict[str, list[str]]:
    """Every attribute the account should have: its own, and ours over them."""
    ours = {**desired.attributes, USHER_ID: desired.usher_id}
    kept = {name: list(values) for name, values in present.items() if name not in ours}
    return kept | {name: [value] for name, value in ours.items() if value}


def _own_locale(desired: DesiredAccount) -> dict[str, list[str]]:
    """Dropped by a realm that speaks one language only."""
    return {LOCALE: [desired.locale]} if desired.locale else {}


def _unless_blank(text: str) -> str:
    return text if text.strip() else ""
