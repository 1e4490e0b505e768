"""Fills the mail templates of one loader. It owns the sandbox they run in and the choice of language; it
must not know what the variables mean.

A mail ``<name>`` in language ``<tag>`` is three files, and only all three make a language::

    mail/<name>/<tag>/subject.txt    one line, which may name tenant, portal, brand and locale alone
    mail/<name>/<tag>/body.txt
    mail/<name>/<tag>/body.html      its style sheet is put into style attributes afterwards
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import css_inline
from jinja2 import BaseLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from connector.domain.errors import Misconfigured
from connector.mail.languages import DEFAULT

_PARTS = frozenset({"subject.txt", "body.txt", "body.html"})
_PATH = re.compile(r"mail/([a-z_]+)/([A-Za-z0-9-]+)/([a-z.]+)")
_SUBJECT_MAY_NAME = frozenset({"tenant", "portal", "brand", "locale"})
_BLANK_LINES = re.compile(r"\n{3,}")
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a mail says."""

    subject: str
    text: str
    html: str


class MailTemplates:
    """The templates that ``loader`` finds under ``mail/``; it must be able to list them."""

    def __init__(self, loader: BaseLoader) -> None:
        self._environment = SandboxedEnvironment(
            loader=loader,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            lstrip_blocks=True,
        )
        self._environment.globals.clear()
        self._languages = _complete(loader.list_templates())

    def choose(self, template: str, tags: Iterable[str]) -> str:
        """The first of ``tags`` (lower case) that ``template`` exists in, else English.

        :raises Misconfigured: it does not exist in English either.
        """
        languages = self._languages.get(template, {})
        for tag in (*tags, DEFAULT):
            if tag in languages:
                return languages[tag]
        raise Misconfigured(f"the mail '{template}' has no complete template in English")

    def fill(self, template: str, language: str, variables: Mapping[str, Any]) -> Content:
        """``template`` in ``language`` with ``variables`` filled in.

        :raises Misconfigured: it uses what it may not, or its HTML has a style sheet that is none.
        """
        folder = f"mail/{template}/{language}"
        for_subject = {k: v for k, v in variables.items() if k in _SUBJECT_MAY_NAME}
        return Content(
            subject=" ".join(self._render(f"{folder}/subject.txt", for_subject).split()),
            text=_tidy(self._render(f"{folder}/body.txt", variables)),
            html=_inlined(self._render(f"{folder}/body.html", variables), folder),
        )

    def _render(self, name: str, variables: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(variables)
        except TemplateSyntaxError as error:
            where = f"{error.name}, line {error.lineno}"
            raise Misconfigured(f"the template {where}: {error.message}") from error
        except TemplateError as error:
            raise Misconfigured(f"the template {name}: {error.message}") from error


def _complete(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of each template the languages that have all three parts: by lower-case tag the folder's name."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in names:
        if match := _PATH.fullmatch(name):
            found.setdefault((match[1], match[2]), set()).add(match[3])
    languages: dict[str, dict[str, str]] = {}
    for (template, folder), parts in sorted(found.items()):
        if parts >= _PARTS:
            languages.setdefault(template, {})[folder.lower()] = folder
    return languages


def _tidy(text: str) -> str:
    """``text`` without space at line ends and without more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip("\n") + "\n"


def _inlined(html: str, folder: str) -> str:
    """``html`` with its rules in style attributes, where all mail programs read them; ``@media`` stays."""
    try:
        return _INLINER.inline(html)
    except css_inline.InlineError as error:
        raise Misconfigured(f"the style sheet of {folder}/body.html: {error}") from error
