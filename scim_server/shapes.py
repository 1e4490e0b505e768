"""What a user may hold, as a tree of shapes: names in their canonical spelling, kinds of values,
lists or not. It owns the tree, made once of the user model; it must not know a client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Any


class Kind(Enum):
    """What JSON must hold. Times, references and certificates are text in JSON; a link is text that
    should be a URI.
    """

    TEXT = auto()
    LINK = auto()
    BOOLEAN = auto()
    OBJECT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One attribute, or the user itself. ``parts`` are an object's attributes by folded name; an
    extension is a part of the user, under its URN.
    """

    name: str
    kind: Kind
    is_list: bool = False
    parts: Mapping[str, "Shape"] = field(default_factory=dict)

    def part(self, name: str) -> "Shape | None":
        """The part of this name, in whatever case."""
        return self.parts.get(name.lower())

    @property
    def item(self) -> "Shape":
        """One of the list's items; the shape itself if it is no list."""
        return Shape(name=self.name, kind=self.kind, parts=self.parts) if self.is_list else self


@cache
def user_shape() -> Shape:
    """The user."""
    from scim_server.models import UserModel

    return _of_model("User", UserModel)


def _of_model(name: str, model: Any, *, is_list: bool = False) -> Shape:
    parts = (_of_field(model, field_name) for field_name in model.model_fields)
    return Shape(
        name=name, kind=Kind.OBJECT, is_list=is_list, parts={part.name.lower(): part for part in parts}
    )


def _of_field(model: Any, field_name: str) -> Shape:
    name = str(model.model_fields[field_name].serialization_alias)
    of_type = model.get_field_root_type(field_name)
    is_list = bool(model.get_field_multiplicity(field_name))
    if hasattr(of_type, "model_fields"):
        return _of_model(name, of_type, is_list=is_list)
    return Shape(name=name, kind=_kind_of(of_type), is_list=is_list)


def _kind_of(of_type: Any) -> Kind:
    from scim_server.models import Link

    return {bool: Kind.BOOLEAN, Link: Kind.LINK}.get(of_type, Kind.TEXT)
