"""Reads a SCIM filter (RFC 7644 §3.4.2.2) into the domain's query. It owns the grammar; anything it
does not understand is ``invalidFilter``, so that no caller ever takes "not understood" for
"nobody". Which attributes can be compared is in ``comparisons.py``.
 One plain comparison, the form almost every request has, is read here; the rest is parsed by
scim2-models.
"""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from connector.domain.document import fold
from connector.domain.query import And, EmailItem, Filter
from scim_server.comparisons import Bare, cannot, comparison, text_of
from scim_server.errors import ScimError, bad_filter, sensitive
from scim_server.names import unqualified
from scim_server.profiles import Client, Switch

if TYPE_CHECKING:
    from scim2_models.path import AttrPath, Comparison, FilterNode, ValuePath

MAX_LENGTH = 8192
MAX_COMPARISONS = 100

_STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_BARE = r'[^\s"()\[\]]+'
_NAME = r"[A-Za-z][A-Za-z0-9_$:.-]*"
_ONE = re.compile(rf"\s*({_NAME})\s+([A-Za-z]{{2}})\s+({_STRING}|{_BARE})\s*", re.ASCII)
_EMAIL = re.compile(
    rf"\s*emails\[\s*type\s+eq\s+({_STRING})\s*\]\.value\s+eq\s+({_STRING}|{_BARE})\s*",
    re.ASCII | re.IGNORECASE,
)
_OPERAND = re.compile(rf"{_STRING}|\b(eq|ne|co|sw|ew|gt|ge|lt|le)(\s+)({_BARE})", re.ASCII | re.IGNORECASE)
_LITERAL = re.compile(
    r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII | re.IGNORECASE
)


def read(text: str, client: Client) -> Filter:
    """The query of a filter.

    :raises ScimError: 400 ``invalidFilter``, naming the column or the attribute; 403 ``sensitive``
        for a password.
    """
    if len(text) > MAX_LENGTH:
        raise bad_filter(f"A filter has at most {MAX_LENGTH} characters")
    if match := _ONE.fullmatch(text):
        return comparison(match[1], match[2].lower(), _operand(match[3]), client)
    if match := _EMAIL.fullmatch(text):
        wanted = (_operand(match[1]), _operand(match[2]))
        type_, value = (text_of(operand, "emails", client) for operand in wanted)
        return EmailItem(type_key=fold(type_), value_key=fold(value))
    return _query(_parsed(text, client), client)


def _operand(text: str) -> Any:
    """A quoted operand's text, or a bare one."""
    if not text.startswith('"'):
        return Bare(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise bad_filter("An operand is no JSON text") from error


# --- by scim2-models -------------------------------------------------------------------------------


def _parsed(text: str, client: Client) -> "FilterNode":
    from scim2_models import InvalidFilterException, ScimFilter

    quoted = _OPERAND.sub(_quoted, text)
    if quoted != text and client.takes(Switch.UNQUOTED_FILTER):
        text = quoted
    try:
        tree = ScimFilter[Any](text).ast
    except InvalidFilterException as error:
        column = re.search(r"column (\d+)", error.detail)
        rule = "the filter cannot be read" if column else "the filter is nested too deep"
        raise bad_filter(f"Column {column[1] if column else 1}: {rule}") from error
    if sum(1 for _ in _leaves(tree)) > MAX_COMPARISONS:
        raise bad_filter(f"A filter has at most {MAX_COMPARISONS} comparisons")
    return tree


def _quoted(match: re.Match[str]) -> str:
    operator, space, word = match.groups()
    if operator is None or _LITERAL.fullmatch(word):
        return match[0]
    return f"{operator}{space}{json.dumps(word)}"


def _leaves(tree: "FilterNode") -> Iterator["FilterNode"]:
    """The comparisons in a tree, within value paths too."""
    from scim2_models.path import LogicalExpr, Not, ValuePath

    match tree:
        case LogicalExpr():
            for term in tree.terms:
                yield from _leaves(term)
        case Not():
            yield from _leaves(tree.expr)
        case ValuePath():
            yield from _leaves(tree.val_filter)
        case _:
            yield tree


def _query(tree: "FilterNode", client: Client) -> Filter:
    from scim2_models.path import Comparison, LogicalExpr, LogicalOperator, ValuePath

    match tree:
        case LogicalExpr(op=LogicalOperator.and_):
            return And(tuple(_query(term, client) for term in tree.terms))
        case Comparison():
            return comparison(str(tree.attr_path), tree.op.value, tree.value, client)
        case ValuePath():
            return _email_item(tree, client)
        case _:
            raise _unanswerable(tree)


def _email_item(tree: "ValuePath", client: Client) -> Filter:
    """``emails[type eq "work" and value eq "x"]``: both on one e-mail."""
    name = unqualified(str(tree.attr_path))
    if name.lower() != "emails":
        raise cannot(name)
    wanted: dict[str, str] = {}
    for leaf in _conjuncts(tree.val_filter):
        part = str(leaf.attr_path).lower()
        if part not in ("type", "value") or part in wanted or leaf.op.value != "eq":
            raise cannot(f"emails.{leaf.attr_path}")
        wanted[part] = fold(text_of(leaf.value, f"emails.{part}", client))
    return EmailItem(type_key=wanted.get("type"), value_key=wanted.get("value"))


def _conjuncts(tree: "FilterNode") -> Iterator["Comparison"]:
    from scim2_models.path import Comparison, LogicalExpr, LogicalOperator

    match tree:
        case LogicalExpr(op=LogicalOperator.and_):
            for term in tree.terms:
                yield from _conjuncts(term)
        case Comparison():
            yield tree
        case _:
            raise _unanswerable(tree)


def _unanswerable(tree: "FilterNode") -> ScimError:
    """What is wrong with a filter that is well formed: a password in it is told first."""
    for leaf in _leaves(tree):
        path: AttrPath | None = getattr(leaf, "attr_path", None)
        if path and path.attr.lower() == "password":
            return sensitive("password")
    return bad_filter("Filters join comparisons with 'and' alone")
