"""Between SCIM and the domain: a request becomes a document and what was said of ``active``,
through scim2-models; a document becomes a command. It owns validation and the application of a
PATCH; it must not touch storage.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from scim_server.errors import ScimError, bad_path, bad_value, immutable, no_target, too_many
from scim_server.names import ENTERPRISE, PATCH_OP, USER
from scim_server.patches import Operation
from scim_server.paths import without_filter
from scim_server.profiles import Client
from scim_server.shapes import user_shape
from scim_server.tolerance import MAX_ITEMS

if TYPE_CHECKING:
    from pydantic import ValidationError
    from scim2_models import Context, SCIMException

MAX_USER_BYTES = 64 * 1024

MAX_EFFORT = 50_000
"""What the operations of one PATCH may cost together on lists, as :func:`_effort` counts it: about a
second of the processor. A thousand replacements of one of five e-mails are well within it.
"""
MAX_VALUES = 5000
"""In the lists that the operations of one PATCH bring: each is checked before any is applied."""
_WEIGHED = 64
"""Bytes of text that cost about as much to compare as one item."""

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

    :raises ScimError: 400; ``tooMany`` if that would keep everybody else waiting.
    """
    if all(map(_sets_active, operations)):
        return Written(document=document, active=operations[-1].value if operations else None)
    if (
        sum(len(operation.value) for operation in operations if isinstance(operation.value, list))
        > MAX_VALUES
    ):
        raise too_many(f"The operations bring more than {MAX_VALUES} values; send fewer in one request")
    from scim2_models import PatchOp, SCIMException

    from scim_server.models import UserModel, policy_of

    policy = policy_of(client)
    user = UserModel.model_validate(document)
    checked = [_checked(operation, policy) for operation in operations]
    running = _Running(user, operations, [operation for message in checked for operation in message])
    try:
        with policy:
            PatchOp[UserModel].model_construct(operations=running).patch(user)
    except SCIMException as error:
        raise _of_library(error, operations[running.at].path) from error
    written = _written(user)
    _check_growth(document, written.document)
    return written


def _effort(user: Any, operation: Operation) -> int:
    """What an operation on a list costs at most: each item that stands there is held against every
    comparison in the path, and by a removal against every item that it lists.
    """
    path = operation.path
    attribute = user_shape().part(path.partition("[")[0].partition(".")[0])
    if attribute is None or not attribute.is_list:
        return 0
    items = getattr(user, _field_names()[attribute.name]) or ()
    stands = len(items) + sum(map(_text_bytes, items)) // _WEIGHED
    value = operation.value
    brings = (len(value) if isinstance(value, list) else 1) + len(orjson.dumps(value)) // _WEIGHED
    # A text that holds such a word counts too much, which does no harm.
    comparisons = 1 + path.count(" and ") + path.count(" or ") + len(path.encode()) // _WEIGHED
    is_removal = operation.op == "remove"
    return stands * (comparisons + brings) if is_removal else stands * comparisons + brings


@cache
def _field_names() -> Mapping[str, str]:
    """The model's own name of each attribute of a user."""
    from scim_server.models import UserModel

    return {str(field.serialization_alias): name for name, field in UserModel.model_fields.items()}


def _text_bytes(item: Any) -> int:
    parts = (item,) if isinstance(item, str) else vars(item).values()
    return sum(len(part.encode()) for part in parts if isinstance(part, str))


def _check_growth(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A list that was longer before there was a limit may stay, and shrink.

    :raises ScimError: 400 ``invalidValue``.
    """
    for name, items in after.items():
        if isinstance(items, list) and len(items) > max(MAX_ITEMS, len(before.get(name) or ())):
            raise bad_value(name, f"must hold at most {MAX_ITEMS} values")


def _sets_active(operation: Operation) -> bool:
    """Whether it says on or off and nothing else: what callers send most, and in a hurry. It touches no
    document, so there is nothing for the library to check.
    """
    return operation.path == "active" and operation.op != "remove" and isinstance(operation.value, bool)


class _Running(list[Any]):
    """Operations that remember which of them is being applied to ``user``, so that an error can name the
    path, and that end when together they cost too much.
    """

    at = 0

    def __init__(self, user: Any, operations: Sequence[Operation], checked: Sequence[Any]) -> None:
        super().__init__(checked)
        self._user = user
        self._operations = operations

    def __iter__(self) -> Iterator[Any]:
        """:raises ScimError: 400 ``tooMany``."""
        effort = 0
        for self.at, item in enumerate(super().__iter__()):
            effort += _effort(self._user, self._operations[self.at])
            if effort > MAX_EFFORT:
                raise too_many("The operations compare too many values; send fewer of them in one request")
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

    _check_size({name: value for name, value in user.items() if name != "active"})
    try:
        valid = UserModel.model_validate(user, scim_ctx=context)
    except ValidationError as error:
        raise _of_validation(error) from error
    return _written(valid)


def _written(user: Any) -> Written:
    document: dict[str, Any] = user.model_dump()
    active = document.pop("active", None)
    document["schemas"] = [USER, ENTERPRISE] if ENTERPRISE in document else [USER]
    _check_size(document)
    return Written(document=document, active=active)


def _check_size(document: Mapping[str, Any]) -> None:
    """:raises ScimError: 400 ``invalidValue``."""
    if len(orjson.dumps(document)) > MAX_USER_BYTES:
        raise bad_value("User", f"must be at most {MAX_USER_BYTES} bytes")


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
