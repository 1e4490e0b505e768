"""How callers deviate from the RFCs, named: a table of switches, a preset of them per client, and a
tenant's own choice over that. It owns the names and their values; what a switch does is done in
``tolerance.py``, ``translate.py``, ``filters.py`` and ``writes.py``, which ask for it by name.

A new need of a caller is a new row here, never a condition on a client's name elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from connector.domain.model import Tenant
from connector.foundation import metrics


class Switch(StrEnum):
    """What a caller may do its own way."""

    PATCH_USER_ANSWER = "patch_user_answer"
    """What a PATCH of a user is answered with; the body in any case if ``attributes`` is asked for."""
    EMPTY_OPERATIONS = "empty_operations"
    """A PATCH without a single operation."""
    POST_INACTIVE = "post_inactive"
    """A POST with the externalId of exactly one user whom this connection switched off."""
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    """A name that no schema here has, in a body."""
    UNKNOWN_URN = "unknown_urn"
    """A schema URN that is unknown, mistyped or of SCIM 1.1; ``schemas`` left out."""
    UNKNOWN_PATH = "unknown_path"
    """A PATCH path that leads to no attribute."""
    PATHLESS_PATCH = "pathless_patch"
    """A PATCH operation without ``path``, its value an object of attributes."""
    EXTRA_PATCH_KEYS = "extra_patch_keys"
    """More than op, path and value in a PATCH operation."""
    NULL_VALUE = "null_value"
    """A PATCH that adds null or nothing."""
    EMPTY_TEXT = "empty_text"
    """A PATCH that replaces with an empty text, and means nothing."""
    TEXT_BOOLEAN = "text_boolean"
    """``"True"`` and ``"False"`` for Booleans."""
    NUMBER_FOR_TEXT = "number_for_text"
    """A number where text belongs, such as an employee number."""
    TEXT_FOR_LINK = "text_for_link"
    """Text that is no URI for a link, such as a profileUrl without its scheme."""
    SINGLE_FOR_LIST = "single_for_list"
    """One object, or plain texts, for a list of objects."""
    MANAGER_FORM = "manager_form"
    """A manager as plain text or as a list of one."""
    BARE_ENTERPRISE = "bare_enterprise"
    """Names of the enterprise extension without its URN."""
    DOTTED_URN = "dotted_urn"
    """A PATCH path with a dot between a schema's URN and the attribute."""
    UNMATCHED_VALUE_PATH = "unmatched_value_path"
    """A PATCH path whose filter matches no value yet: the value it describes is made."""
    REMOVE_VALUE_LIST = "remove_value_list"
    """A PATCH removal that lists in ``value`` what to remove."""
    UNQUOTED_FILTER = "unquoted_filter"
    """A filter's text without its quotation marks."""
    FILTER_IN_ATTRIBUTES = "filter_in_attributes"
    """``attributes=emails[type eq "work"]``."""
    PASSWORD = "password"  # noqa: S105 (a switch's name)
    """A password in a body: never kept."""


ACCEPT, REFUSE = "accept", "refuse"
BODY, NO_BODY = "body", "no_body"
REVIVE = "revive"

CLIENTS = ("generic", "entra", "okta", "strict")

# What to answer: each column is a client's preset.
_ANSWERS: dict[Switch, tuple[str, str, str, str]] = {
    #                          generic  entra    okta    strict
    Switch.PATCH_USER_ANSWER: (BODY, NO_BODY, BODY, BODY),
    Switch.EMPTY_OPERATIONS: (REFUSE, ACCEPT, REFUSE, REFUSE),
    Switch.POST_INACTIVE: (REVIVE, REFUSE, REFUSE, REFUSE),
}

# What arrives: taken by every client's preset but the strict one.
_ARRIVALS = {switch: (ACCEPT, ACCEPT, ACCEPT, REFUSE) for switch in Switch if switch not in _ANSWERS}

PRESETS: dict[str, Mapping[Switch, str]] = {
    client: {switch: row[column] for switch, row in (_ANSWERS | _ARRIVALS).items()}
    for column, client in enumerate(CLIENTS)
}
"""Every switch of every client."""

VALUES: dict[Switch, frozenset[str]] = {
    switch: frozenset(preset[switch] for preset in PRESETS.values()) for switch in Switch
}
"""What each switch may be set to."""


@dataclass(frozen=True, slots=True)
class Client:
    """One tenant's caller: every switch, set."""

    switches: Mapping[Switch, str]

    def accepts(self, switch: Switch) -> bool:
        """Whether this deviation is taken as the caller means it."""
        return self.switches[switch] != REFUSE

    def takes(self, switch: Switch) -> bool:
        """As :meth:`accepts`, of a deviation that was met; it is counted if it is taken."""
        if accepted := self.accepts(switch):
            metrics.tolerance(switch)
        return accepted

    def says(self, switch: Switch) -> str:
        """The value of a switch that knows more than yes and no."""
        return self.switches[switch]


def client_of(tenant: Tenant) -> Client:
    """The tenant's caller.

    :raises ValueError: the configuration names a client, a switch or a value that there is not; the
        text says which there are.
    """
    return _client(tenant.scim_profile, tuple(sorted(tenant.scim_switches.items())))


@lru_cache(maxsize=256)
def _client(name: str, overrides: tuple[tuple[str, str], ...]) -> Client:
    if name not in PRESETS:
        raise ValueError(f"scim.profile: '{name}' is none of {', '.join(CLIENTS)}.")
    return Client({**PRESETS[name], **dict(_override(*pair) for pair in overrides)})


def _override(name: str, value: str) -> tuple[Switch, str]:
    if name not in list(Switch):
        raise ValueError(f"scim.switches: '{name}' is none of {', '.join(Switch)}.")
    switch = Switch(name)
    if value not in VALUES[switch]:
        raise ValueError(f"scim.switches.{name}: '{value}' is none of {', '.join(sorted(VALUES[switch]))}.")
    return switch, value
