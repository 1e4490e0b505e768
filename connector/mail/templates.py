"""Fills the mail templates of one loader. It owns the sandbox they run in and the choice of language; it
must not know what the variables mean.

A mail ``<name>`` in language ``<tag>`` is three files, and only all three make a language::

    mail/<name>/<tag>/subject.txt    one line, which may name tenant, portal, brand and locale alone
    mail/<name>/<tag>/body.txt
    mail/<name>/<tag>/body.html      its style sheet is put into style attributes afterwards

A tenant's own stand beside them under ``tenants/<key>/``. So the tenant is in the name that Jinja keeps a
compiled template by, and no tenant is ever served another's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import css_inline
from jinja2 import BaseLoader, ChoiceLoader, DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from connector.domain.errors import Misconfigured
from connector.domain.model import TenantId
from connector.mail.languages import DEFAULT, Moment
from connector.mail.variables import SUBJECT_MAY_NAME

PARTS = ("subject.txt", "body.txt", "body.html")

LARGEST_OUTPUT = 256 * 1024
"""Bytes of one finished part."""

OwnTemplates = Mapping[TenantId, Mapping[str, str]]
"""Each tenant's own sources, looked at, by ``<name>/<tag>/<part>``."""

_PATH = re.compile(r"(?:mail|tenants/([a-z0-9-]+))/([a-z_]+)/([A-Za-z0-9-]+)/([a-z.]+)")
_BLANK_LINES = re.compile(r"\n{3,}")
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A template in one language, the tenant's own or the shipped one; ``folder`` holds its parts."""

    language: str
    folder: str
    is_own: bool


class MailTemplates:
    """The templates that ``loader`` finds under ``mail/``; it must be able to list them. ``own`` go before
    them, each for its tenant.
    """

    def __init__(self, loader: BaseLoader, own: OwnTemplates | None = None) -> None:
        loaders = ChoiceLoader([DictLoader(_sources(own or {})), loader])
        self._environment = environment(loaders)
        self._versions = _complete(loaders.list_templates())

    def choose(self, template: str, tags: Iterable[str], *, tenant: TenantId) -> Version:
        """The first of ``tags`` (lower case) that ``template`` exists in, else English; of each language
        the tenant's own version if there is one.

        :raises Misconfigured: it does not exist in English either.
        """
        versions = self._versions.get(("", template), {}) | self._versions.get((tenant, template), {})
        for tag in (*tags, DEFAULT):
            if tag in versions:
                return versions[tag]
        raise Misconfigured(f"the mail '{template}' has no complete template in English")

    def fill(self, version: Version, variables: Mapping[str, Any]) -> Content:
        """A template with ``variables`` filled in.

        :raises Misconfigured: it uses what it may not, becomes too large, or its HTML has a style sheet
            that is none.
        """
        folder = version.folder
        for_subject = {k: v for k, v in variables.items() if k in SUBJECT_MAY_NAME}
        return Content(
            subject=" ".join(self._render(f"{folder}/subject.txt", for_subject).split()),
            text=_tidy(self._render(f"{folder}/body.txt", variables)),
            html=_inlined(self._render(f"{folder}/body.html", variables), folder),
        )

    def _render(self, name: str, variables: Mapping[str, Any]) -> str:
        try:
            return "".join(_capped(self._environment.get_template(name).generate(variables), name))
        except TemplateSyntaxError as error:
            where = f"{error.name}, line {error.lineno}"
            raise Misconfigured(f"the template {where}: {error.message}") from error
        except TemplateError as error:
            raise Misconfigured(f"the template {name}: {error.message}") from error


def environment(loader: BaseLoader | None = None) -> SandboxedEnvironment:
    """The sandbox of every template; without globals, and an undefined variable is a fault."""
    made = SandboxedEnvironment(
        loader=loader,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        lstrip_blocks=True,
    )
    made.globals.clear()
    made.filters["date"] = _date
    return made


def _date(moment: Moment) -> str:
    return moment.date


def _sources(own: OwnTemplates) -> dict[str, str]:
    """Every tenant's sources by their names in the loader."""
    return {
        f"tenants/{tenant}/{name}": source
        for tenant, files in own.items()
        for name, source in files.items()
    }


def _complete(names: Iterable[str]) -> dict[tuple[str, str], dict[str, Version]]:
    """By tenant (empty for the shipped ones) and template the languages that have all three parts, by their
    lower-case tags.
    """
    found: dict[tuple[str, str, str], set[str]] = {}
    for name in names:
        if match := _PATH.fullmatch(name):
            found.setdefault((match[1] or "", match[2], match[3]), set()).add(match[4])
    versions: dict[tuple[str, str], dict[str, Version]] = {}
    for (tenant, template, language), parts in sorted(found.items()):
        if parts >= set(PARTS):
            root = f"tenants/{tenant}" if tenant else "mail"
            version = Version(
                language=language, folder=f"{root}/{template}/{language}", is_own=bool(tenant)
            )
            versions.setdefault((tenant, template), {})[language.lower()] = version
    return versions


def _capped(pieces: Iterable[str], name: str) -> Iterator[str]:
    """``pieces``, as long as they do not come to too much."""
    size = 0
    for piece in pieces:
        size += len(piece.encode())
        if size > LARGEST_OUTPUT:
            raise Misconfigured(f"the template {name} becomes larger than {LARGEST_OUTPUT // 1024} KB")
        yield piece


def _tidy(text: str) -> str:
    """``text`` without space at line ends and without more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip("\n") + "\n"


def _inlined(html: str, folder: str) -> str:
    """``html`` with its rules in style attributes, where all mail programs read them; ``@media`` stays. The
    rules make it larger, so its size is looked at again; how far they can is ``template_growth``'s.
    """
    try:
        return "".join(_capped([_INLINER.inline(html)], f"{folder}/body.html"))
    except css_inline.InlineError as error:
        raise Misconfigured(f"the style sheet of {folder}/body.html: {error}") from error
