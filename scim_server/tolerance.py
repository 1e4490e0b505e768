"""Brings a user's JSON into the RFC's form as far as the client's profile allows: a pure function
over parsed JSON. It owns what each switch means in a body; it must not know models or storage.
PATCH has its own in ``patches.py``, on the same values.
"""

import re
from collections.abc import Mapping
from typing import Any

from scim_server.errors import ScimError, bad_value, undefined
from scim_server.names import ENTERPRISE, ENTERPRISE_NAMES, LIFECYCLE, READ_ONLY, USER, unqualified
from scim_server.profiles import Client, Switch
from scim_server.shapes import Kind, Shape, user_shape

MAX_ITEMS = 100
"""In a list of a user, e-mails for instance: each is validated, and compared with others, at a price."""

_LONGEST_SHOWN = 80
_URI = re.compile(r"(?:[a-z][a-z0-9+.-]*:|/)\S*", re.ASCII | re.IGNORECASE)
"""An absolute URI, or a relative one that begins at the root."""


def tidy_user(body: Mapping[str, Any], client: Client, *, exposes_state: bool) -> dict[str, Any]:
    """The user in a POST or PUT body, with canonical names and without what nobody may write (RFC
    7644 §3.3, §3.5.1).

    :raises ScimError: 400 ``invalidSyntax`` for a name that a strict client must not send,
        ``invalidValue`` for a value of the wrong kind.
    """
    tidier = Tidier(client)
    tidier.check_schemas(_schemas(body), USER, ENTERPRISE)
    user: dict[str, Any] = {}
    for sent, value in body.items():
        name = unqualified(sent)
        if name.lower() in READ_ONLY or name.lower() == "schemas":
            continue
        if exposes_state and name.lower() == LIFECYCLE.lower():
            continue
        if place := tidier.place(name):
            _put(user, place, tidier.value(place[-1], value, place[-1].name))
    user["schemas"] = [USER, ENTERPRISE] if ENTERPRISE in user else [USER]
    return user


def _schemas(body: Mapping[str, Any]) -> Any:
    return next((value for name, value in body.items() if name.lower() == "schemas"), None)


def _put(user: dict[str, Any], place: tuple[Shape, ...], value: Any) -> None:
    """Write a value where it belongs; nothing for nothing."""
    if value is None:
        return
    if len(place) == 1:
        user[place[0].name] = value
        return
    user.setdefault(place[0].name, {})[place[1].name] = value


class Tidier:
    """The rules of one client. ``keep_null`` keeps null in objects, where it means to unassign."""

    def __init__(self, client: Client, *, keep_null: bool = False, empty_is_null: bool = False) -> None:
        self.client = client
        self._keep_null = keep_null
        self._empty_is_null = empty_is_null

    def check_schemas(self, schemas: Any, base: str, *others: str) -> None:
        """A strict client names its base schema and no unknown one; of the rest nothing is read.

        :raises ScimError: 400 ``invalidSyntax``.
        """
        sent = [str(urn).lower() for urn in schemas] if isinstance(schemas, list) else []
        known = {urn.lower() for urn in (base, *others)}
        unknown = [urn for urn in sent if urn not in known]
        is_as_it_should = base.lower() in sent and not unknown
        if is_as_it_should or self.client.takes(Switch.UNKNOWN_URN):
            return
        if base.lower() not in sent:
            raise ScimError(400, f"'schemas' must name {base}", "invalidSyntax")
        raise undefined(shown(unknown[0]))

    def place(self, name: str) -> tuple[Shape, ...] | None:
        """Where a top-level name of a body belongs: an attribute of the user, or the extension and
        one of its attributes; None if it is to be dropped.

        :raises ScimError: 400 ``invalidSyntax``.
        """
        user = user_shape()
        if name.lower() == "password":
            return self._drop(Switch.PASSWORD, name)
        if attribute := user.part(name):
            return (attribute,)
        extension = user.parts[ENTERPRISE.lower()]
        urn, _, last = name.rpartition(":")
        if urn.lower() == ENTERPRISE.lower() and (attribute := extension.part(last)):
            return (extension, attribute)
        if name.lower() in ENTERPRISE_NAMES and self.client.takes(Switch.BARE_ENTERPRISE):
            return (extension, extension.parts[name.lower()])
        return self._drop(Switch.UNKNOWN_URN if ":" in name else Switch.UNKNOWN_ATTRIBUTE, name)

    def value(self, shape: Shape, value: Any, where: str) -> Any:
        """``value`` in the form ``shape`` wants; None for no value (RFC 7643 §2.5).

        :raises ScimError: 400 ``invalidValue``, naming ``where``.
        """
        if value is None or value == [] or (value == "" and self._means_nothing(shape)):
            return None
        if shape.is_list:
            return self._list(shape, value, where)
        match shape.kind:
            case Kind.OBJECT:
                return self._object(shape, value, where)
            case Kind.BOOLEAN:
                return self.boolean(value, where)
            case Kind.LINK:
                return self.link(value, where)
            case Kind.TEXT:
                return self.text(value, where)

    def boolean(self, value: Any, where: str) -> bool:
        """:raises ScimError: 400 ``invalidValue``."""
        if isinstance(value, bool):
            return value
        words = {"true": True, "false": False}
        if isinstance(value, str) and value.lower() in words and self.client.takes(Switch.TEXT_BOOLEAN):
            return words[value.lower()]
        raise bad_value(where, "must be true or false")

    def text(self, value: Any, where: str) -> str:
        """:raises ScimError: 400 ``invalidValue``."""
        if isinstance(value, str):
            return value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.client.takes(Switch.NUMBER_FOR_TEXT):
            return str(value)
        raise bad_value(where, "must be text")

    def link(self, value: Any, where: str) -> str:
        """:raises ScimError: 400 ``invalidValue``."""
        text = self.text(value, where)
        if _URI.fullmatch(text) or self.client.takes(Switch.TEXT_FOR_LINK):
            return text
        raise bad_value(where, "must be a URI")

    def _list(self, shape: Shape, value: Any, where: str) -> list[Any] | None:
        if not isinstance(value, list):
            self._expect(Switch.SINGLE_FOR_LIST, where, "must be a list")
            value = [value]
        if len(value) > MAX_ITEMS:
            raise bad_value(where, f"must hold at most {MAX_ITEMS} values")
        items = (self._item(shape.item, item, where) for item in value)
        return [item for item in items if item not in (None, {})] or None

    def _item(self, shape: Shape, item: Any, where: str) -> Any:
        if shape.kind is Kind.OBJECT and isinstance(item, str | int) and "value" in shape.parts:
            self._expect(Switch.SINGLE_FOR_LIST, where, "must be a list of objects")
            item = {"value": item}
        return self.value(shape, item, where)

    def _object(self, shape: Shape, value: Any, where: str) -> dict[str, Any] | None:
        value = self._manager(shape, value, where)
        if not isinstance(value, Mapping):
            raise bad_value(where, "must be an object")
        tidied: dict[str, Any] = {}
        for name, item in value.items():
            part = shape.part(name)
            if part is None:
                self._drop(Switch.UNKNOWN_ATTRIBUTE, name)
                continue
            joint = ":" if where == ENTERPRISE else "."
            tidied[part.name] = self.value(part, item, f"{where}{joint}{part.name}")
        return tidied if self._keep_null else {n: item for n, item in tidied.items() if item is not None}

    def _manager(self, shape: Shape, value: Any, where: str) -> Any:
        if shape.name != "manager" or isinstance(value, Mapping):
            return value
        self._expect(Switch.MANAGER_FORM, where, "must be an object")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return {"value": value} if isinstance(value, str | int) else value

    def _means_nothing(self, shape: Shape) -> bool:
        is_manager = shape.name == "manager" and self.client.takes(Switch.MANAGER_FORM)
        return is_manager or (self._empty_is_null and self.client.takes(Switch.EMPTY_TEXT))

    def _expect(self, switch: Switch, where: str, rule: str) -> None:
        if not self.client.takes(switch):
            raise bad_value(where, rule)

    def _drop(self, switch: Switch, name: str) -> tuple[Shape, ...] | None:
        """Nothing, if the client may send a name that is not kept."""
        if not self.client.takes(switch):
            raise undefined(shown(name))
        return None


def shown(name: str) -> str:
    """A caller's name, short enough to be shown to it again."""
    return name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"


def is_whole(text: str) -> bool:
    """Whether every database and JSON writer takes the text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
