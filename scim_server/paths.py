"""Reads the path of a PATCH operation (RFC 7644 §3.5.2): where it leads in a user, in canonical
form. It owns what each switch means in a path; it must not know operations or values.
"""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scim_server.errors import bad_path, bad_value, immutable, undefined
from scim_server.names import ENTERPRISE, ENTERPRISE_NAMES, LIFECYCLE, READ_ONLY, USER
from scim_server.profiles import Client, Switch
from scim_server.shapes import Kind, Shape, user_shape
from scim_server.tolerance import Tidier, is_whole, shown

if TYPE_CHECKING:
    from scim2_models.path import AttrPath, Comparison, FilterNode

_LONGEST_PATH = 1024
_DOTTED = re.compile(rf"^({re.escape(USER)}|{re.escape(ENTERPRISE)})\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a path leads: its canonical text, and the shape of what stands there; a filter in it
    selects items of a list. ``in_each`` is the list's name where the path leads into every item.
    """

    path: str
    shape: Shape
    is_filtered: bool = False
    in_each: str = ""

    @property
    def takes_items(self) -> bool:
        """Whether a list of objects stands there."""
        return self.shape.is_list and self.shape.kind is Kind.OBJECT and not self.is_filtered

    @property
    def selects_items(self) -> bool:
        """Whether whole items of a list stand there."""
        return self.shape.is_list and self.is_filtered


def without_filter(path: str) -> str:
    """A path as an error may show it: the filter in it may hold a person's data."""
    start, end = path.find("["), path.rfind("]")
    if start < 0:
        return shown(path)
    return shown(f"{path[:start]}[…]{path[end + 1 :]}" if end > start else f"{path[:start]}[…")


class PathReader:
    """Reads one client's paths."""

    def __init__(self, client: Client, *, exposes_state: bool) -> None:
        self._client = client
        self._exposes_state = exposes_state

    def target(self, path: str, *, is_key: bool) -> Target | None:
        """None if the path leads nowhere and the client may send such. A key of a value need not
        even read as a path.

        :raises ScimError: 400 ``invalidPath``; ``mutability`` for what is read-only.
        """
        if path.lower() == ENTERPRISE.lower():
            return Target(path=ENTERPRISE, shape=user_shape().parts[ENTERPRISE.lower()])
        if self._exposes_state and path.lower().startswith(LIFECYCLE.lower()):
            raise immutable(LIFECYCLE)
        if _DOTTED.match(path) and self._client.takes(Switch.DOTTED_URN):
            path = _DOTTED.sub(r"\1:", path)
        tree = self._parsed(path)
        target = self._resolved(tree)
        if target is None and not self._may_be_nothing(tree, is_key):
            raise bad_path(without_filter(path))
        return target

    def _may_be_nothing(self, tree: Any, is_key: bool) -> bool:
        """Whether what leads nowhere is passed over."""
        return (tree is not None or is_key) and self._client.takes(Switch.UNKNOWN_PATH)

    def _resolved(self, tree: Any) -> Target | None:
        from scim2_models.path import AttrPath, Comparison, Present, ValuePath

        match tree:
            case AttrPath():
                return self._attribute(tree)
            case ValuePath():
                return self._filtered(tree)
            case Comparison(attr_path=name) | Present(attr_path=name) if name.sub_attr:
                # ``emails.type eq "work"`` selects as ``emails[type eq "work"]`` does (erratum 7122).
                inner = replace(tree, attr_path=AttrPath(attr=name.sub_attr))
                return self._filtered(ValuePath(attr_path=replace(name, sub_attr=None), val_filter=inner))
            case _:
                return None

    def _parsed(self, path: str) -> Any:
        """The path's syntax tree; None if it is no path."""
        from scim2_models import InvalidPathException, Path

        try:
            return Path[Any](path).ast if len(path) <= _LONGEST_PATH else None
        except InvalidPathException:
            return None

    def _attribute(self, tree: "AttrPath") -> Target | None:
        name = self._qualified(tree)
        head = self._head(name)
        if head is None:
            return None
        if not name.sub_attr:
            return Target(path=str(name), shape=head)
        shape = head.part(name.sub_attr)
        in_each = head.name if head.is_list else ""
        return Target(path=str(name), shape=shape, in_each=in_each) if shape else None

    def _filtered(self, tree: Any) -> Target | None:
        name = self._qualified(tree.attr_path)
        head = self._head(name)
        if head is None or not head.is_list:
            return None
        shape = head.item.part(tree.sub_attr) if tree.sub_attr else head
        if shape is None:
            return None
        val_filter = self._typed(tree.val_filter, head)
        whole = replace(tree, attr_path=name, val_filter=val_filter)
        return Target(path=str(whole), shape=shape, is_filtered=True)

    def _qualified(self, name: "AttrPath") -> "AttrPath":
        is_bare = name.uri is None and name.attr.lower() in ENTERPRISE_NAMES
        if is_bare and self._client.takes(Switch.BARE_ENTERPRISE):
            return replace(name, uri=ENTERPRISE)
        return replace(name, uri=None) if name.uri and name.uri.lower() == USER.lower() else name

    def _head(self, name: "AttrPath") -> Shape | None:
        """The attribute a path begins with.

        :raises ScimError: 400: it is read-only, or a password and the client strict.
        """
        if name.uri is None and name.attr.lower() in READ_ONLY:
            raise immutable(name.attr.lower())
        if name.uri is None and name.attr.lower() == "password":
            if not self._client.takes(Switch.PASSWORD):
                raise undefined("password")
            return None
        if name.uri is None:
            return user_shape().part(name.attr)
        extension = user_shape().part(name.uri)
        return extension.part(name.attr) if extension else None

    def _typed(self, tree: "FilterNode", shape: Shape) -> "FilterNode":
        """The filter in a path, with operands of the kind their attributes have."""
        from scim2_models.path import Comparison, LogicalExpr, Not

        match tree:
            case LogicalExpr():
                return replace(tree, terms=tuple(self._typed(term, shape) for term in tree.terms))
            case Not():
                return replace(tree, expr=self._typed(tree.expr, shape))
            case Comparison():
                return self._typed_comparison(tree, shape)
            case _:
                return tree

    def _typed_comparison(self, tree: "Comparison", shape: Shape) -> "Comparison":
        part = shape.part(tree.attr_path.attr)
        if part is None or tree.value is None:
            return tree
        if isinstance(tree.value, str) and not is_whole(tree.value):
            raise bad_value(f"{shape.name}.{part.name}", "must be text of whole characters")
        tidier = Tidier(self._client)
        read = tidier.boolean if part.kind is Kind.BOOLEAN else tidier.text
        return replace(tree, value=read(tree.value, f"{shape.name}.{part.name}"))
