"""The user model of the write path and of the published schemas: scim2-models' own, less what would
change or refuse a caller's text. It is the only module that imports scim2-models at the top; the
others import it when first needed, for it is slow to load.
"""

from datetime import datetime
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, TypeVar

import scim2_models as scim
from pydantic import Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema
from scim2_models.resources.enterprise_user import Manager as _Manager
from scim2_models.resources.user import Address, Email, Im, PhoneNumber, Photo

from connector.domain.document import fold
from connector.domain.model import State
from scim_server.names import LIFECYCLE
from scim_server.profiles import Client, Switch

ModelT = TypeVar("ModelT", bound=scim.BaseModel)


def _loosened(base: type[ModelT], **types: Any) -> type[ModelT]:
    """``base`` with other types for some fields; names and published descriptions stay."""
    fields: Any = {name: (type_ | None, _field(base, name)) for name, type_ in types.items()}
    return create_model(base.__name__, __base__=base, __module__=__name__, __doc__=base.__doc__, **fields)


def _field(base: type[scim.BaseModel], name: str) -> Any:
    old = base.model_fields[name]
    return Field(
        None,
        description=old.description,
        examples=_labels(base, name),
        serialization_alias=old.serialization_alias,
        validation_alias=old.validation_alias,
    )


def _labels(base: type[scim.BaseModel], name: str) -> list[str] | None:
    """The canonical values of a field (RFC 7643 §7), which are published but bind nobody."""
    label = base.get_field_root_type(name)
    return [member.value for member in label] if label and issubclass(label, Enum) else None


def _list_of(model: type[scim.BaseModel]) -> Any:
    return GenericAlias(list, (model,))


class Link(scim.Reference[scim.External]):
    """A link, published as the library's, in whatever form it came (RFC 7643 §2.3.7 has relative ones
    too); the client's profile says before what it may be.
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Plain text."""
        return handler(str)


# A label such as ``Work`` comes back as it was sent. The library's e-mail type would refuse
# ``.local``, lower the domain's case, and refuse a GUID in a filter.
_Email = _loosened(Email, value=str, type=str)
# The library demands ``$ref`` of a manager, which no caller sends.
_ManagerOfUser = _loosened(
    _Manager, value=Annotated[str, scim.CaseExact.true], ref=scim.Reference.__class_getitem__("User")
)

EnterpriseUser = _loosened(scim.EnterpriseUser, manager=_ManagerOfUser)
User = _loosened(
    scim.User,
    emails=_list_of(_Email),
    phone_numbers=_list_of(_loosened(PhoneNumber, type=str)),
    ims=_list_of(_loosened(Im, type=str)),
    photos=_list_of(_loosened(Photo, value=Link, type=str)),
    addresses=_list_of(_loosened(Address, type=str)),
    profile_url=Link,
)
UserModel: Any = User.__class_getitem__(EnterpriseUser)
"""What a user is validated as: the model, with the enterprise extension."""


class Invitation(scim.ComplexAttribute):
    """The newest invitation."""

    status: Annotated[str | None, scim.Mutability.read_only] = Field(
        None, examples=["none", "open", "expired", "accepted", "revoked"]
    )
    """How the newest invitation stands."""

    expires_at: Annotated[datetime | None, scim.Mutability.read_only] = None
    """Until when it may be accepted."""

    sent_at: Annotated[datetime | None, scim.Mutability.read_only] = None
    """When its mail went out; absent while it is queued."""


class PortalAccess(scim.Extension):
    """What the portal's user lifecycle knows of a user; computed at each read."""

    __schema__ = scim.URN(LIFECYCLE)

    lifecycle_state: Annotated[str | None, scim.Mutability.read_only] = Field(
        None, examples=[state.value for state in State if state is not State.ABSENT]
    )
    """The state of the user."""

    holds: Annotated[list[str] | None, scim.Mutability.read_only] = None
    """The kinds of holds that keep the user out, sorted."""

    invitation: Annotated[Invitation | None, scim.Mutability.read_only] = None
    """The newest invitation."""

    allowed_actions: Annotated[list[str] | None, scim.Mutability.read_only] = None
    """What an operator may do to the user now, sorted."""


def policy_of(client: Client) -> scim.ScimPolicy:
    """How scim2-models treats this client's requests. Unknown names were dropped or refused before."""

    def chosen(switch: Switch, yes: Any, no: Any) -> Any:
        return yes if client.accepts(switch) else no

    policy = scim.ScimPolicy
    return policy(
        unknown=policy.Unknown.forbid,
        remove_value_as_filter=chosen(
            Switch.REMOVE_VALUE_LIST, policy.RemoveValue.apply, policy.RemoveValue.forbid
        ),
        unmatched_path_filter=chosen(
            Switch.UNMATCHED_VALUE_PATH,
            policy.UnmatchedPathFilter.create,
            policy.UnmatchedPathFilter.forbid,
        ),
        comparison_key=_key,
    )


def _key(binding: Any, text: str) -> str:
    return text if binding.case_exact else fold(text)
