"""The kinds of values only a policy has: lists of actions, and words like ``all`` that stand for something.
It owns how each is written; what a switch does is the lifecycle's.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, StrictBool, StrictInt, WithJsonSchema

from connector.domain.model import ActorKind
from connector.domain.policy import OrgAdmins, Sso
from connector.domain.transitions import WHO, Action
from connector.foundation.config_addresses import Domain
from connector.foundation.config_form import Form
from connector.foundation.config_values import (
    FilledLine,
    Line,
    counting,
    lasting,
    parse_duration,
    show_duration,
)
from connector.foundation.faults import did_you_mean

SEND = "send"
"""In ``bulk``: invite drafts, resend to whoever was invited before."""

ALL = "all"
_ROLE_ACTIONS = frozenset({str(Action.GRANT_ADMIN), str(Action.REVOKE_ADMIN)})
_BY_OPERATORS = frozenset(str(a) for a in Action if ActorKind.OPERATOR in WHO[a])
_BY_BOTH = frozenset(a for a in _BY_OPERATORS if ActorKind.ORG_ADMIN in WHO[Action(a)])


# --- lists of actions ------------------------------------------------------------------------------


def _known(value: Any, known: frozenset[str]) -> frozenset[str]:
    if not isinstance(value, list):
        raise ValueError("must be a list of actions")
    for name in value:
        if name not in known:
            raise ValueError(f"{name!r} is no action to name here{did_you_mean(str(name), known)}")
    return frozenset(value)


def _org_admin_actions(value: Any) -> frozenset[str]:
    return _BY_BOTH - _ROLE_ACTIONS if value == ALL else _known(value, _BY_BOTH)


def _bulk_actions(value: Any) -> frozenset[str] | None:
    return None if value == ALL else _known(value, _BY_BOTH | {SEND})


def _confirmed_actions(value: Any) -> frozenset[str]:
    return _known(value, _BY_OPERATORS)


def _schema(known: frozenset[str], *words: str) -> WithJsonSchema:
    names = {"type": "array", "items": {"enum": sorted(known)}}
    return WithJsonSchema({"anyOf": [{"enum": list(words)}, names]} if words else names)


_AS_LIST = PlainSerializer(lambda value: ALL if value is None else sorted(value), when_used="json")

OrgAdminActions = Annotated[
    frozenset[str], BeforeValidator(_org_admin_actions), _AS_LIST, _schema(_BY_BOTH, ALL)
]
BulkActions = Annotated[
    frozenset[str] | None, BeforeValidator(_bulk_actions), _AS_LIST, _schema(_BY_BOTH | {SEND}, ALL)
]
ConfirmedActions = Annotated[
    frozenset[str], BeforeValidator(_confirmed_actions), _AS_LIST, _schema(_BY_OPERATORS)
]


# --- words that stand for something ----------------------------------------------------------------


def _reminder(value: Any) -> float | None:
    return None if value == "none" else parse_duration(value)


Reminder = Annotated[
    Annotated[float, lasting("1h", "29d")] | None,
    BeforeValidator(_reminder),
    PlainSerializer(lambda value: show_duration(value) if value else "none", when_used="json"),
    WithJsonSchema({"type": "string"}),
]


def _draft_account(value: Any) -> bool:
    if value not in {"none", "disabled"}:
        raise ValueError("must be one of 'none', 'disabled'")
    return bool(value == "disabled")


DraftAccount = Annotated[
    bool,
    BeforeValidator(_draft_account),
    PlainSerializer(lambda value: "disabled" if value else "none", when_used="json"),
    WithJsonSchema({"enum": ["none", "disabled"]}),
]


class SsoForm(Form):
    """Sign-in at the tenant's own identity provider, which Keycloak knows as ``alias``."""

    alias: FilledLine
    link_attribute: Line = ""
    welcome_mail: StrictBool = False


class SignInForm(Form):
    """Where people sign in; without ``sso`` with credentials of their own at Keycloak."""

    sso: SsoForm | None = None

    def value(self) -> Sso | None:
        """The domain's form of it."""
        return None if self.sso is None else Sso(**self.sso.model_dump())


class OrgAdminsForm(Form):
    """How many administrators one organisation has."""

    min: Annotated[StrictInt, counting(0, 100_000)] = 0
    max: Annotated[StrictInt, counting(0, 100_000)] | None = None

    def value(self) -> OrgAdmins:
        """The domain's form of it."""
        return OrgAdmins(min=self.min, max=self.max)


class EmailDomainsForm(Form):
    """Whose addresses may be used."""

    allow: frozenset[Domain] | None = None
    deny: frozenset[Domain] = frozenset()


def _empty_for(word: str) -> Callable[[Any], Any]:
    """The rule that ``word`` stands for a form left empty."""
    return lambda value: {} if value == word else value


def _shows(word: str) -> PlainSerializer:
    """The other way round."""

    def show(form: Form) -> Any:
        return form.model_dump(mode="json", exclude_defaults=True) or word

    return PlainSerializer(show, when_used="json")


_Local = Literal["local"]
SignIn = Annotated[
    SignInForm,
    BeforeValidator(_empty_for("local"), json_schema_input_type=_Local | SignInForm),
    _shows("local"),
]
_Any = Literal["any"]
EmailDomains = Annotated[
    EmailDomainsForm,
    BeforeValidator(_empty_for("any"), json_schema_input_type=_Any | EmailDomainsForm),
    _shows("any"),
]
