"""Between SCIM and the domain: a request becomes a document and what was said of ``active``,
through scim2-models; a document becomes a command. It owns validation and the application of a
PATCH; it must not touch storage.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from scim_server.errors import ScimError, bad_path, bad_value, immutable, no_target
from scim_server.names import ENTERPRISE, PATCH_OP, USER
from scim_server.patches import Operation
from scim_server.paths import without_filter
from scim_server.profiles import Client

if TYPE_CHECKING:
    from pydantic import ValidationError
    from scim2_models import Context, SCIMException

MAX_USER_BYTES = 64 * 1024

_RULES = {
    "required_error": "is required",
    "missing": "is required",
    "primary_uniqueness_error": "may have one primary value only",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
}
"""What to say of pydantic's error types; scim2-models' own texts may quote values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a request wants a user to be. ``active`` is None where it said nothing of it."""

    document: Mapping[str, Any]
    active: bool | None


def created(user: Mapping[str, Any]) -> Written:
    """What a POST says (RFC 7644 §3.3), from its tidied body.

    :raises ScimError: 400.
    """
    from scim2_models import Context

    return _validated(user, Context.RESOURCE_CREATION_REQUEST)


def replaced(user: Mapping[str, Any]) -> Written:
    """What a PUT says (RFC 7644 §3.5.1): what is left out is cleared, but ``active``.

    :raises ScimError: 400.
    """
    from scim2_models import Context

    return _validated(user, Context.RESOURCE_REPLACEMENT_REQUEST)


def patched(document: Mapping[str, Any], operations: Sequence[Operation], client: Client) -> Written:
    """What a PATCH makes of a stored document (RFC 7644 §3.5.2); in order, all or nothing.
    ``active`` is no part of the document, so what stands in it afterwards is what the PATCH said.

    :raises ScimError: 400.
    """
    if all(map(_sets_active, operations)):
        return Written(document=document, active=operations[-1].value if operations else None)
    from scim2_models import PatchOp, SCIMException

    from scim_server.models import UserModel, policy_of

    policy = policy_of(client)
    user = UserModel.model_validate(document)
    checked = [_checked(operation, policy) for operation in operations]
    running = _Running(operation for message in checked for operation in message)
    try:
        with policy:
            PatchOp[UserModel].model_construct(operations=running).patch(user)
    except SCIMException as error:
        raise _of_library(error, operations[running.at].path) from error
    return _written(user)


def _sets_active(operation: Operation) -> bool:
    """Whether it says on or off and nothing else: what callers send most, and in a hurry. It touches no
    document, so there is nothing for the library to check.
    """
    return operation.path == "active" and operation.op != "remove" and isinstance(operation.value, bool)


class _Running(list[Any]):
    """A list that remembers at which item its reader is, so that an error can name the path."""

    at = 0

    def __iter__(self) -> Iterator[Any]:
        for self.at, item in enumerate(super().__iter__()):
            yield item


def _checked(operation: Operation, policy: Any) -> Sequence[Any]:
    """One operation as scim2-models has it, checked against the model."""
    from pydantic import ValidationError
    from scim2_models import Context, PatchOp

    from scim_server.models import UserModel

    message = {"schemas": [PATCH_OP], "Operations": [operation.as_json()]}
    try:
        checked = PatchOp[UserModel].model_validate(
            message, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=policy
        )
    except ValidationError as error:
        raise _of_validation(error, operation.path) from error
    return checked.operations or ()


def _validated(user: Mapping[str, Any], context: "Context") -> Written:
    """What a whole user says; the client's profile has had its say before, so the RFC's rules are
    left.
    """
    from pydantic import ValidationError

    from scim_server.models import UserModel

    try:
        valid = UserModel.model_validate(user, scim_ctx=context)
    except ValidationError as error:
        raise _of_validation(error) from error
    return _written(valid)


def _written(user: Any) -> Written:
    document: dict[str, Any] = user.model_dump()
    active = document.pop("active", None)
    document["schemas"] = [USER, ENTERPRISE] if ENTERPRISE in document else [USER]
    if len(orjson.dumps(document)) > MAX_USER_BYTES:
        raise bad_value("User", f"must be at most {MAX_USER_BYTES} bytes")
    return Written(document=document, active=active)


# --- the library's errors --------------------------------------------------------------------------

_LIBRARY: dict[str, Callable[[str], ScimError]] = {
    "invalidValue": lambda path: bad_value(path, "has a value that does not fit"),
    "mutability": immutable,
    "noTarget": no_target,
    "invalidPath": bad_path,
    "invalidFilter": bad_path,
}


def _of_library(error: "SCIMException", path: str) -> ScimError:
    return _LIBRARY[error.scim_type](without_filter(path))


def _of_validation(error: "ValidationError", path: str = "") -> ScimError:
    """The first fault; ``path`` is the operation's, in a PATCH."""
    first = error.errors(include_url=False, include_input=False)[0]
    context = first.get("ctx", {})
    if scim_type := context.get("scim_type"):
        return _LIBRARY[scim_type](without_filter(path))
    names = (*first["loc"], context.get("field_name", ""))
    return bad_value(path or _attribute(names), _RULES.get(first["type"], "has a value that does not fit"))


def _attribute(names: Sequence[str | int]) -> str:
    """An attribute's path as SCIM writes it (RFC 7644 §3.10); places in a list are left out."""
    parts = [name for name in names if isinstance(name, str) and name]
    head, *rest = parts or ["User"]
    joint = ":" if head == ENTERPRISE else "."
    return joint.join([head, ".".join(rest)]) if rest else head
