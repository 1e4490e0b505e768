"""Brings a PATCH request into the RFC's form as far as the client's profile allows: one operation
per path, each path canonical, each value of the kind its path wants. It owns what each switch means
in a PATCH; it must not apply anything.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scim_server.errors import ScimError, bad_path, bad_value, immutable, undefined
from scim_server.names import PATCH_OP, READ_ONLY, USER, unqualified
from scim_server.paths import PathReader, Target, without_filter
from scim_server.profiles import Client, Switch
from scim_server.tolerance import Tidier, shown

MAX_OPERATIONS = 1000
"""In one request; an operation without a path counts once for each attribute in its value."""

_OPS = frozenset({"add", "remove", "replace"})
_KEYS = frozenset({"op", "path", "value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation as RFC 7644 §3.5.2 has it. ``has_value`` tells null from nothing."""

    op: str
    path: str
    value: Any = None
    has_value: bool = False

    def as_json(self) -> dict[str, Any]:
        """The operation as a request would carry it."""
        return {"op": self.op, "path": self.path} | ({"value": self.value} if self.has_value else {})


def tidy_patch(
    body: Mapping[str, Any], client: Client, user_id: str, *, exposes_state: bool
) -> list[Operation]:
    """The operations of a PATCH body on user ``user_id``; empty if there is nothing to do.

    :raises ScimError: 400, as the client's profile has it.
    """
    message = {name.lower(): value for name, value in body.items()}
    tidier = Tidier(client)
    tidier.check_schemas(message.get("schemas"), PATCH_OP)
    unknown = [name for name in body if name.lower() not in {"schemas", "operations"}]
    if unknown and not client.takes(Switch.UNKNOWN_ATTRIBUTE):
        raise undefined(shown(unknown[0]))
    reader = _Reader(client, user_id, exposes_state=exposes_state)
    return [tidied for sent in _operations(message, client) for tidied in reader.read(sent)]


def _operations(message: Mapping[str, Any], client: Client) -> list[Any]:
    operations = message.get("operations")
    if isinstance(operations, Mapping) and client.takes(Switch.SINGLE_FOR_LIST):
        return [operations]
    if not isinstance(operations, list):
        raise bad_value("Operations", "must be a list")
    if not operations and not client.takes(Switch.EMPTY_OPERATIONS):
        raise bad_value("Operations", "must hold an operation")
    if len(operations) > MAX_OPERATIONS:
        raise bad_value("Operations", f"must be at most {MAX_OPERATIONS}")
    return operations


def _at_least_one(target: Target, value: Any) -> Operation:
    """What ``emails.value`` says of a user without e-mails (RFC 7644 §3.5.2.3: an attribute that does
    not exist is added); nothing anew where there are some, for by now each has the value.
    """
    part = target.shape.name
    path = f"{target.in_each}[{part} eq {json.dumps(value)}].{part}"
    return Operation(op="add", path=path, value=value, has_value=True)


def _unassigns(operation: Operation, value: Any) -> bool:
    """Whether a replacement is by no value (RFC 7643 §2.5)."""
    return operation.op == "replace" and operation.has_value and value is None


class _Reader:
    """Reads one client's operations on one user."""

    def __init__(self, client: Client, user_id: str, *, exposes_state: bool) -> None:
        self._client = client
        self._user_id = user_id
        self._paths = PathReader(client, exposes_state=exposes_state)
        self._count = 0

    def read(self, sent: Any) -> Iterator[Operation]:
        """What one operation of the body comes to: none, one, or several if it has no path."""
        if not isinstance(sent, Mapping):
            raise bad_value("Operations", "must hold objects")
        given = {name.lower(): value for name, value in sent.items()}
        self._check_keys(given)
        op = given.get("op")
        if not isinstance(op, str) or op.lower() not in _OPS:
            raise bad_value("op", "must be add, remove or replace")
        path = given.get("path")
        if path is not None and not isinstance(path, str):
            raise bad_path("path")
        has_value = "value" in given
        operation = Operation(op=op.lower(), path=path or "", value=given.get("value"), has_value=has_value)
        if operation.path.lower() in ("", USER.lower()):
            yield from self._pathless(operation)
        else:
            yield from self._with_path(operation)

    def _check_keys(self, given: Mapping[str, Any]) -> None:
        extra = [name for name in given if name not in _KEYS]
        if extra and not self._client.takes(Switch.EXTRA_PATCH_KEYS):
            raise undefined(shown(extra[0]))

    # --- without a path ----------------------------------------------------------------------------

    def _pathless(self, operation: Operation) -> Iterator[Operation]:
        """Each attribute in the value becomes an operation of its own (RFC 7644 §3.5.2.1, §3.5.2.3)."""
        if operation.op == "remove":
            raise ScimError(400, "A removal needs a path", "noTarget")
        if not self._client.takes(Switch.PATHLESS_PATCH):
            raise bad_path("")
        if not isinstance(operation.value, Mapping):
            raise bad_value("value", "must be an object")
        for name, value in operation.value.items():
            if not self._is_ignored(unqualified(name).lower(), value):
                attribute = replace(operation, path=name, value=value)
                yield from self._with_path(attribute, is_key=True)

    def _is_ignored(self, name: str, value: Any) -> bool:
        """Callers send a whole user back, its read-only attributes too."""
        if name == "id" and value != self._user_id:
            raise immutable("id")
        return name in READ_ONLY or name == "schemas"

    # --- with a path -------------------------------------------------------------------------------

    def _with_path(self, operation: Operation, *, is_key: bool = False) -> Iterator[Operation]:
        self._count += 1
        if self._count > MAX_OPERATIONS:
            raise bad_value("Operations", f"must be at most {MAX_OPERATIONS}")
        target = self._paths.target(operation.path, is_key=is_key)
        if target is None:
            return
        if operation.op == "remove":
            yield self._removal(operation, target)
            return
        tidier = Tidier(self._client, keep_null=True, empty_is_null=operation.op == "replace")
        shape = target.shape.item if target.is_filtered else target.shape
        value = tidier.value(shape, operation.value, without_filter(target.path))
        adds_nothing = operation.op == "add" and operation.has_value and value is None
        if adds_nothing and self._client.takes(Switch.NULL_VALUE):
            return
        if _unassigns(operation, value) and target.selects_items:
            yield Operation(op="remove", path=target.path)
            return
        yield replace(operation, path=target.path, value=value)
        if target.in_each and value is not None:
            yield _at_least_one(target, value)

    def _removal(self, operation: Operation, target: Target) -> Operation:
        """What a removal may list in its value is items of a list; any other value says nothing."""
        removal = Operation(op="remove", path=target.path)
        if operation.value is None or not self._client.takes(Switch.REMOVE_VALUE_LIST):
            return replace(removal, value=operation.value, has_value=operation.value is not None)
        if not target.takes_items:
            return removal
        items = Tidier(self._client).value(target.shape, operation.value, without_filter(target.path))
        return replace(removal, value=items or [], has_value=True)
