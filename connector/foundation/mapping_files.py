"""Reads how portal users become accounts from ``portal-user.yaml`` and ``required-actions.yaml``. It owns
what these files may say; what a mapping means is the domain's.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, Field

from connector.domain.mapping import AccountMapping, AccountRule, Presence, leave_no_sign_in
from connector.domain.model import State
from connector.foundation.config_form import Form, FormError, FormType, fill
from connector.foundation.config_values import Surroundings
from connector.foundation.faults import ConfigError, Fault, did_you_mean
from connector.foundation.resources import mappings_dir
from connector.foundation.yaml_source import read_yaml

PORTAL_USER = "portal-user.yaml"
REQUIRED_ACTIONS = "required-actions.yaml"

USHER_ID = "usher.id"
USHER_ID_PATTERN = "{tenant}:{id}"
_IN_NAMES = frozenset({"userName", "email", "tenant"})
_IN_ATTRIBUTES = _IN_NAMES | {"id", "state", "externalId"}
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,254}", re.ASCII)
_ACTION = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def load_account_mapping(folder: Path | None = None) -> AccountMapping:
    """The mapping; a file that is in ``folder`` takes the shipped one's place.

    :raises ConfigError: a file is not as it must be; every fault of both.
    """
    faults: list[Fault] = []
    names = _read(PortalUserForm, PORTAL_USER, folder, faults)
    rules = _read(RequiredActionsForm, REQUIRED_ACTIONS, folder, faults)
    if names is None or rules is None:
        raise ConfigError(tuple(faults))
    return AccountMapping(
        user_name=names.user_name, attributes=names.attributes, rules=rules.states.by_state()
    )


def _read(form: type[FormType], name: str, folder: Path | None, faults: list[Fault]) -> FormType | None:
    own = folder / name if folder else None
    path = own if own and own.exists() else mappings_dir() / name
    try:
        file = read_yaml(path)
    except ConfigError as error:
        faults.extend(error.faults)
        return None
    try:
        return fill(form, file.data, Surroundings(folder=path.parent))
    except FormError as error:
        faults.extend(file.fault(place, text) for place, text in error.faults)
        return None


# --- portal-user.yaml ------------------------------------------------------------------------------


def _names_in(pattern: str) -> Iterator[str]:
    """What a pattern names in braces.

    :raises ValueError: a brace is not closed, or more than a name is in one.
    """
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError:
        raise ValueError("has a brace too many; write {{ for a plain one") from None
    for _, name, form, conversion in parts:
        if form or conversion:
            raise ValueError("may hold plain names in braces only, like {userName}")
        if name is not None:
            yield name


def _check_names(pattern: str, known: frozenset[str]) -> str:
    for name in _names_in(pattern):
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
            raise ValueError(f"{{{name}}} cannot stand here{hint}")
    return pattern


def _user_name(pattern: str) -> str:
    if not {"userName", "email"} & set(_names_in(_check_names(pattern, _IN_NAMES))):
        raise ValueError("must name {userName} or {email}, or everybody would have the same name")
    return pattern


def _attributes(patterns: Mapping[str, str]) -> Mapping[str, str]:
    if patterns.get(USHER_ID) != USHER_ID_PATTERN:
        raise ValueError(f'must hold {USHER_ID}: "{USHER_ID_PATTERN}"; accounts are recognised by it')
    return patterns


def _attribute_name(name: str) -> str:
    if not _ATTRIBUTE.fullmatch(name):
        raise ValueError("must be a name of letters, digits, dots, - and _")
    return name


def _attribute_pattern(pattern: str) -> str:
    return _check_names(pattern, _IN_ATTRIBUTES)


class PortalUserForm(Form):
    """How an account is named, and the attributes it carries."""

    user_name: Annotated[str, AfterValidator(_user_name)]
    attributes: Annotated[
        dict[
            Annotated[str, AfterValidator(_attribute_name)],
            Annotated[str, AfterValidator(_attribute_pattern)],
        ],
        AfterValidator(_attributes),
    ]


# --- required-actions.yaml -------------------------------------------------------------------------


def _action_name(name: str) -> str:
    if not _ACTION.fullmatch(name):
        raise ValueError("must be one of Keycloak's names, like UPDATE_PASSWORD")
    return name


def _ways_in(names: list[str]) -> list[str]:
    if leave_no_sign_in(frozenset(names)):
        raise ValueError(
            "leaves people nothing to sign in with: add UPDATE_PASSWORD or webauthn-register-passwordless"
        )
    return names


class StateForm(Form):
    """What one state wants of the account."""

    account: Presence

    def value(self) -> AccountRule:
        """The domain's form of it."""
        return AccountRule(account=self.account)


class PendingForm(StateForm):
    """The same, with what the invited person has to do."""

    required_actions: Annotated[
        list[Annotated[str, AfterValidator(_action_name)]], Field(min_length=1), AfterValidator(_ways_in)
    ]

    def value(self) -> AccountRule:
        """The domain's form of it."""
        actions = frozenset(self.required_actions)
        return AccountRule(account=self.account, required_actions=actions)


class StatesForm(Form):
    """Every state a user can be in."""

    draft: StateForm
    pending: PendingForm
    expired: StateForm
    active: StateForm
    disabled: StateForm
    deleted: StateForm

    def by_state(self) -> Mapping[State, AccountRule]:
        """The rules of all of them."""
        return {State(name): form.value() for name, form in self}


class RequiredActionsForm(Form):
    """The file."""

    states: StatesForm
