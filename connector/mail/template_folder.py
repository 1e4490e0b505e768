"""Reads the folder of a tenant's templates. It owns which files there may be and what they are called; what
is in them is ``tenant_templates``'s. They lie as the shipped ones do::

    <template>/<language>/subject.txt, body.txt, body.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connector.domain.effects import Template
from connector.foundation.config_values import parse_locale
from connector.foundation.faults import Fault, did_you_mean
from connector.mail.template_limits import LARGEST, decoded
from connector.mail.templates import PARTS

_TAG = re.compile(r"[A-Za-z0-9-]+")
_MAILS = tuple(str(template) for template in Template)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file; ``path`` as an operator writes it."""

    path: Path
    template: Template
    language: str
    part: str
    source: str

    @property
    def name(self) -> str:
        """As the tenant's sources are named: ``<template>/<language>/<part>``."""
        return f"{self.template}/{self.language}/{self.part}"


@dataclass(slots=True)
class Folder:
    """What was found, and what is wrong with it."""

    files: list[SourceFile] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, path: Path, text: str) -> None:
        """Add a fault that has no line."""
        self.faults.append(Fault(file=path, message=text))


def read_folder(path: Path) -> Folder:
    """Every file under ``path``, which is not left by any link."""
    found = Folder()
    if not path.is_dir():
        found.refuse(path, "there is no such folder of templates: make it, or leave templates out")
        return found
    for folder in _inside(path, path, found):
        if folder.name in _MAILS and folder.is_dir():
            _read_languages(path, folder, found)
        else:
            hint = did_you_mean(folder.name, _MAILS) or f"; there are {', '.join(_MAILS)}"
            found.refuse(folder, f"is no folder of a mail{hint}")
    return found


def _read_languages(root: Path, folder: Path, found: Folder) -> None:
    seen: dict[str, Path] = {}
    for language in _inside(root, folder, found):
        if not (language.is_dir() and _is_language(language.name)):
            found.refuse(language, "is no folder of a language: name it like de or de-AT, or remove it")
        elif (other := seen.setdefault(language.name.lower(), language)) != language:
            found.refuse(language, f"is the same language as {other.name}: remove one")
        else:
            _read_parts(root, language, found)


def _read_parts(root: Path, folder: Path, found: Folder) -> None:
    missing = set(PARTS)
    for path in _inside(root, folder, found):
        if path.name not in PARTS or not path.is_file():
            found.refuse(path, f"is no file of a mail: there are {', '.join(PARTS)}")
            continue
        missing.discard(path.name)
        _read_file(path, found)
    for name in sorted(missing):
        found.refuse(folder, f"lacks {name}: a language is {', '.join(PARTS)}")


def _read_file(path: Path, found: Folder) -> None:
    try:
        with path.open("rb") as file:
            source = decoded(file.read(LARGEST + 1))
    except OSError as error:
        found.refuse(path, f"cannot be read: {error.strerror}")
    except ValueError as error:
        found.refuse(path, str(error))
    else:
        language, template = path.parent.name, Template(path.parent.parent.name)
        file_of = SourceFile(path=path, template=template, language=language, part=path.name, source=source)
        found.files.append(file_of)


def _inside(root: Path, folder: Path, found: Folder) -> Iterator[Path]:
    """What is in ``folder``, by name, save what a link outside ``root`` pretends to be there."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        found.refuse(folder, f"cannot be read: {error.strerror}")
        return
    for entry in entries:
        if _is_within(root, entry):
            yield entry
        else:
            found.refuse(entry, "is a link out of the folder of templates: put a copy here")


def _is_within(root: Path, entry: Path) -> bool:
    try:
        return entry.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def _is_language(name: str) -> bool:
    """Babel would take ``de.utf8`` and ``de@euro`` as well, which no reader's language ever is."""
    try:
        return bool(_TAG.fullmatch(name) and parse_locale(name))
    except ValueError:
        return False
