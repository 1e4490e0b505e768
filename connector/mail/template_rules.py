"""What a tenant's template may say: the walk over what Jinja's parser made of it, which knows what is
allowed and refuses all else. It owns this language; what HTML may say is ``template_html``'s.

The walk lays a template out as pieces in the order of the file, every branch of a condition among them, so
that whoever looks at the pieces has seen all that a mail may ever hold.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes

from connector.domain.effects import ABOUT_INVITATION, INVITING, Template
from connector.foundation.faults import did_you_mean
from connector.mail.shipped_frame import FRAME
from connector.mail.template_limits import Findings
from connector.mail.variables import SUBJECT_MAY_NAME, VARIABLES

FILTERS = ("upper", "lower", "title", "default", "date")

LINK = "invitation.link"
COMPARED = ("invitation.credential", "locale")
"""Variables with few values, all of which the samples have."""
_EXPIRY = "invitation.expires_at"
_IN_QUOTES = re.compile(r"/|[wW]{3}\.")
NO_ADDRESS = (
    "no address is written out: name {{ invitation.link }}, {{ portal.url }} or {{ brand.support }}"
)


@dataclass(frozen=True, slots=True)
class Data:
    """Text that stands as it is."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """What a tag shows. ``name`` is the variable if it is shown as it is, ``of`` the one behind whatever
    filters it went through. ``text`` is what is in quotes: without a variable all that is shown, but for
    its case; else what stands in where the variable is empty.
    """

    line: int
    name: str
    conditional: bool
    of: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """Here a branch of a condition begins or ends; ``step`` is 1 at the first of a condition's edges, -1 at
    its last, else 0.
    """

    line: int
    step: int = 0


Piece = Data | Value | Edge

VALUE_MARK, EDGE_MARK = "\ue000", "\ue001"
"""Stand for a value and for an edge where pieces are read as one text; no template may hold them."""


class Spelt:
    """Pieces as one ``text``, with marks for what is none; ``starts`` are where each begins, then the
    end.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        texts = [_spelt(piece) for piece in self.pieces]
        self.starts = list(accumulate(map(len, texts), initial=0))
        self.text = "".join(texts)

    def placed(self) -> Iterator[tuple[int, Piece]]:
        """Each piece with where it begins."""
        return zip(self.starts, self.pieces, strict=False)

    def piece(self, at: int) -> Piece:
        """The one that stands at an offset of the text."""
        return self.pieces[self._number(at)]

    def line(self, at: int) -> int:
        """In the file, of an offset of the text; 1 where there are no pieces."""
        if not self.pieces:
            return 1
        number = self._number(at)
        return self.pieces[number].line + self.text.count("\n", self.starts[number], at)

    def _number(self, at: int) -> int:
        return min(bisect_right(self.starts, at), len(self.pieces)) - 1


def _spelt(piece: Piece) -> str:
    match piece:
        case Data():
            return piece.text
        case Value():
            return VALUE_MARK
        case Edge():
            return EDGE_MARK


@dataclass(slots=True)
class Reading:
    """One parsed file. ``blocks`` is what it puts into the frame, by name; of a file without the frame all
    of it is the block with the empty name.
    """

    blocks: dict[str, list[Piece]] = field(default_factory=dict)
    is_framed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which file of which mail is read."""

    template: Template
    name: str

    @property
    def is_html(self) -> bool:
        """Whether it is the one in HTML."""
        return self.name.endswith(".html")

    def why_not(self, variable: str) -> str:
        """Why this file may not name ``variable``; empty if it may."""
        if variable not in VARIABLES:
            return f"there is no variable {variable}{did_you_mean(variable, VARIABLES)}"
        if self.name == "subject.txt" and variable.partition(".")[0] not in SUBJECT_MAY_NAME:
            return f"a subject may not name {variable}: it is read before the mail is trusted"
        if variable == LINK and self.template not in INVITING:
            return f"the mail '{self.template}' has no link: name {{{{ portal.url }}}}"
        if variable == _EXPIRY and self.template not in ABOUT_INVITATION:
            return f"the mail '{self.template}' is not about an invitation, which alone has an end"
        return ""


def read(environment: Environment, source: str, part: Part, findings: Findings) -> Reading:
    """``source``, which has the right form, as pieces; ``findings`` get what it may not say.

    :raises Enough: as :class:`Findings` says.
    """
    walk = _Walk(part, findings)
    try:
        walk.template(environment.parse(source))
    except TemplateSyntaxError as error:
        findings.add(error.lineno, f"is no template: {error.message}")
    return walk.reading


class _Shown(NamedTuple):
    """As of :class:`Value`."""

    name: str = ""
    of: str = ""
    text: str = ""


class _Walk:
    """One walk over one file."""

    def __init__(self, part: Part, findings: Findings) -> None:
        self.reading = Reading()
        self._findings = findings
        self._part = part
        self._pieces: list[Piece] = []
        self._depth = 0

    def template(self, parsed: nodes.Template) -> None:
        """All of a file."""
        frames = [node for node in parsed.body if isinstance(node, nodes.Extends)]
        if not frames:
            self.reading.blocks[""] = self._pieces
            self._body(parsed.body)
            return
        self.reading.is_framed = True
        for node in parsed.body:
            self._within_frame(node, is_first=node is frames[0])

    def _within_frame(self, node: nodes.Node, *, is_first: bool) -> None:
        match node:
            case nodes.Extends():
                self._extends(node, is_first=is_first)
            case nodes.Block() if node.name in self.reading.blocks:
                self._refuse(node, f"the block {node.name} stands twice: take one out")
            case nodes.Block():
                self._pieces = self.reading.blocks[node.name] = []
                self._body(node.body)
            case nodes.Output() if all(_is_blank(each) for each in node.nodes):
                pass
            case _:
                self._refuse(node, "only what stands in a {% block … %} is shown: put it into one")

    def _extends(self, node: nodes.Extends, *, is_first: bool) -> None:
        if not self._part.is_html:
            self._refuse(node, "only body.html has a frame: take {% extends %} out")
        elif not isinstance(node.template, nodes.Const) or node.template.value != FRAME or not is_first:
            self._refuse(node, f'write {{% extends "{FRAME}" %}}, once: there is no other frame')

    def _body(self, body: list[nodes.Node]) -> None:
        for node in body:
            match node:
                case nodes.Output():
                    self._output(node)
                case nodes.If():
                    self._if(node)
                case nodes.Block():
                    self._refuse(
                        node, f'a block stands at the outermost level of a file that extends "{FRAME}"'
                    )
                case _:
                    self._refuse(node, _unknown(node))

    def _output(self, node: nodes.Output) -> None:
        for each in node.nodes:
            if isinstance(each, nodes.TemplateData):
                self._pieces.append(Data(each.lineno, each.data))
            else:
                shown = self._operand(each)
                self._pieces.append(Value(each.lineno, conditional=self._depth > 0, **shown._asdict()))

    def _if(self, node: nodes.If) -> None:
        self._depth += 1
        for each in (node, *node.elif_):
            self._condition(each.test)
            self._pieces.append(Edge(each.lineno, step=int(each is node)))
            self._body(each.body)
        self._pieces.append(Edge(node.lineno))
        self._body(node.else_)
        self._pieces.append(Edge(node.lineno, step=-1))
        self._depth -= 1

    def _condition(self, node: nodes.Node) -> None:
        match node:
            case nodes.And() | nodes.Or():
                self._condition(node.left)
                self._condition(node.right)
            case nodes.Not():
                self._condition(node.node)
            case nodes.Compare():
                self._compared(node.expr)
                for operand in node.ops:
                    if operand.op not in {"eq", "ne"}:
                        self._refuse(node, "only == and != compare")
                    self._compared(operand.expr)
            case _:
                self._operand(node)

    def _compared(self, node: nodes.Node) -> None:
        """One side of a comparison. With a person's address there, a mail could say to one reader, or to
        all but those it was tried with, what nobody looked at.
        """
        name = self._operand(node).name
        if name not in COMPARED and not isinstance(node, nodes.Const):
            self._refuse(
                node, f"only {' and '.join(COMPARED)} are compared; of others ask whether they are there"
            )

    def _operand(self, node: nodes.Node) -> _Shown:
        """Look at what may be shown."""
        match node:
            case nodes.Name(ctx="load"):
                return self._variable(node, node.name)
            case nodes.Getattr(node=nodes.Name() as owner, ctx="load"):
                return self._variable(node, f"{owner.name}.{node.attr}")
            case nodes.Const():
                return self._constant(node)
            case nodes.Filter():
                return self._filter(node)
            case _:
                self._refuse(node, _unknown(node))
        return _Shown()

    def _variable(self, node: nodes.Expr, name: str) -> _Shown:
        if why_not := self._part.why_not(name):
            self._refuse(node, why_not)
        return _Shown(name=name, of=name)

    def _constant(self, node: nodes.Const) -> _Shown:
        if isinstance(node.value, float):
            self._refuse(
                node, "a number with a fraction, or too large a one, is not for mails: take it out"
            )
        if isinstance(node.value, str) and _IN_QUOTES.search(node.value):
            self._refuse(node, NO_ADDRESS)
        return _Shown(text=str(node.value))

    def _filter(self, node: nodes.Filter) -> _Shown:
        if node.name not in FILTERS or node.node is None:
            hint = did_you_mean(node.name, FILTERS) or f": there are {', '.join(FILTERS)}"
            self._refuse(node, f"there is no filter {node.name}{hint}")
            return _Shown()
        shown = self._operand(node.node)
        if node.name == "date" and shown.name != _EXPIRY:
            self._refuse(node, f"the filter date is for {_EXPIRY} alone")
        given = (*node.args, *(pair.value for pair in node.kwargs))
        if not _takes(node, given):
            self._refuse(node, f"the filter {node.name} takes {_ARGUMENTS.get(node.name, 'nothing')}")
        elif node.name == "default" and (shown.text or not shown.of):
            self._refuse(node, "the filter default is for a variable, once")
        else:
            texts = [self._operand(each).text for each in given]
            return _Shown(of=shown.of, text=texts[0] if texts else shown.text)
        return _Shown()

    def _refuse(self, node: nodes.Node, text: str) -> None:
        self._findings.add(node.lineno, text)


def _takes(node: nodes.Filter, given: tuple[nodes.Expr, ...]) -> bool:
    """Whether a filter can be called with what it is ``given``. Jinja would ask Python, in the night."""
    may_have = 2 if node.name == "default" else 0
    named = [pair.key for pair in node.kwargs]
    plain = all(isinstance(each, nodes.Const) for each in given)
    starred = node.dyn_args or node.dyn_kwargs
    return plain and not starred and named in ([], ["boolean"]) and len(given) <= may_have


_ARGUMENTS = {"default": "a text in quotes, and true where an empty value counts as none"}

_IN_WORDS: Mapping[type[nodes.Node], str] = {
    nodes.Call: "nothing can be called",
    nodes.Getattr: "a variable has one dot at most",
    nodes.Getitem: "write user.email, not user['email']",
    nodes.Concat: "write two tags side by side instead of ~",
    nodes.CondExpr: "write {% if … %} around it",
    nodes.Test: "there are no tests with 'is'; compare with == or !=",
}
_LOGIC = (nodes.And, nodes.Or, nodes.Not, nodes.Compare)


def _unknown(node: nodes.Node) -> str:
    kind = type(node)
    if isinstance(node, _LOGIC):
        return "and, or, not, == and != are for {% if … %} alone"
    known = _IN_WORDS.get(kind, "mails have text, variables, filters and {% if … %}")
    return f"{kind.__name__} is not for mails: {known}"


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
