"""A tenant's own templates: read once, looked at whole, and either all of them are good or none is used. It
owns the order of these looks; each rule is its own module's.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from connector.domain.effects import INVITING, Template
from connector.domain.errors import Misconfigured
from connector.domain.mapping import SignInKind
from connector.domain.model import PortalUser, Tenant
from connector.domain.policy import Policy
from connector.foundation.faults import ConfigError, Fault
from connector.mail.content import MailContents
from connector.mail.look import logo_of
from connector.mail.preview import DUMMY_LINK, somebody, speaks
from connector.mail.template_addresses import check_shown, check_written
from connector.mail.template_folder import SourceFile, read_folder
from connector.mail.template_html import check_framed, check_whole
from connector.mail.template_limits import Enough, Finding, Findings, check_form
from connector.mail.template_rules import EDGE_MARK, LINK, Part, Piece, Reading, Spelt, Value, read
from connector.mail.templates import environment

_NO_LINK = "the invitation's link must be there in any case: outside of every condition write"
_NO_LINK_IN_TEXT = f"{_NO_LINK} {{{{ invitation.link }}}}"
_NO_LINK_IN_HTML = f'{_NO_LINK} <a href="{{{{ invitation.link }}}}">…</a>'
_ASKS = "credential"
"""Within a template that says different things to who signs in differently."""
_EPOCH = 0.0
_PARSER = environment()


@dataclass(frozen=True, slots=True)
class Looked:
    """``sources`` by ``<template>/<language>/<part>``; to be used only without ``faults``."""

    sources: dict[str, str]
    faults: tuple[Fault, ...]


def look_at(tenant: Tenant, folder: Path) -> Looked:
    """What is in a tenant's folder, and all that is wrong with it."""
    found = read_folder(folder)
    faults = [*found.faults, *(fault for file in found.files for fault in faults_of_file(file))]
    sources = {file.name: file.source for file in found.files}
    if not faults:
        faults = list(_faults_of_samples(tenant, found.files, sources))
    return Looked(sources, tuple(faults))


def own_templates(tenant: Tenant, folder: Path) -> dict[str, str]:
    """The sources of a folder without fault.

    :raises ConfigError: every fault there is; nothing stands in for a template that has one.
    """
    looked = look_at(tenant, folder)
    if looked.faults:
        raise ConfigError(looked.faults)
    return looked.sources


def faults_of_file(file: SourceFile) -> Iterator[Fault]:
    """What is wrong with one file, whatever it is filled with."""
    part = Part(template=file.template, name=file.part)
    for finding in sorted(set(findings_of(file.source, part))):
        yield Fault(file=file.path, line=finding.line, message=finding.text)


def findings_of(source: str, part: Part) -> list[Finding]:
    """What is wrong with one source, the first twenty."""
    findings = Findings()
    with suppress(Enough):
        _check(source, part, findings)
    return findings.found


def _check(source: str, part: Part, findings: Findings) -> None:
    """One look behind the other, until one finds something: each counts on those before it."""
    check_form(source, findings)
    if findings.found:
        return
    reading = read(_PARSER, source, part, findings)
    for look in (_check_written, _CHECK_OF_PART[part.name], _check_shown):
        if not findings.found:
            look(reading, part, findings)


def _check_written(reading: Reading, _part: Part, findings: Findings) -> None:
    for pieces in reading.blocks.values():
        check_written(pieces, findings)


def _check_shown(reading: Reading, part: Part, findings: Findings) -> None:
    for pieces in reading.blocks.values():
        check_shown(pieces, findings, is_html=part.is_html)


# --- what each part must be ------------------------------------------------------------------------


def _check_subject(reading: Reading, _part: Part, findings: Findings) -> None:
    """One line: what comes in by a value is made one when the mail is."""
    whole = Spelt(reading.blocks[""]).text.replace(EDGE_MARK, "").strip()
    if not whole:
        findings.add(1, "a subject must say something")
    elif "\n" in whole:
        findings.add(1, "a subject is one line: take the line breaks out")


def _check_text(reading: Reading, part: Part, findings: Findings) -> None:
    if part.template in INVITING and not _always_shows_link(reading.blocks[""]):
        findings.add(1, _NO_LINK_IN_TEXT)


def _check_html(reading: Reading, part: Part, findings: Findings) -> None:
    if reading.is_framed:
        has_link = check_framed(reading.blocks, findings)
    else:
        has_link = check_whole(reading.blocks[""], findings)
    if part.template in INVITING and not has_link:
        findings.add(1, _NO_LINK_IN_HTML)


_CHECK_OF_PART = {"subject.txt": _check_subject, "body.txt": _check_text, "body.html": _check_html}


def _always_shows_link(pieces: Iterable[Piece]) -> bool:
    return any(
        isinstance(piece, Value) and piece.name == LINK and not piece.conditional for piece in pieces
    )


# --- what they look like filled in -----------------------------------------------------------------


def _faults_of_samples(tenant: Tenant, files: list[SourceFile], sources: dict[str, str]) -> Iterator[Fault]:
    """Make each mail for somebody of whom all is known, and for somebody without a name, whatever they will
    sign in with.
    """
    kind = _Kind()
    contents = MailContents(own={tenant.id: sources}, sign_in_kind=kind)
    logo = logo_of(tenant.brand, "logo@usher.example")
    for template, language, folder in _versions(files):
        speaking = speaks(tenant, language)
        link = DUMMY_LINK if template in INVITING else None
        asks = any(_ASKS in file.source for file in files if file.path.parent == folder)
        kinds = tuple(SignInKind) if asks else (SignInKind.PASSWORD,)
        for kind.now, user in product(kinds, _readers(speaking, language)):
            try:
                contents.content(template, speaking, user, link=link, logo=logo)
            except Misconfigured as error:
                yield Fault(file=folder, message=str(error))
                break
            except Exception as error:
                # What Jinja makes of a template is Python: whatever that raises is the template's fault.
                yield Fault(file=folder, message=f"cannot be made: {type(error).__name__}: {error}")
                break


@dataclass(slots=True)
class _Kind:
    """What everybody signs in with ``now``."""

    now: SignInKind = SignInKind.PASSWORD

    def __call__(self, _policy: Policy) -> SignInKind:
        return self.now


def _versions(files: Iterable[SourceFile]) -> list[tuple[Template, str, Path]]:
    return sorted({(file.template, file.language, file.path.parent) for file in files})


def _readers(tenant: Tenant, language: str) -> Iterator[PortalUser]:
    known = somebody(tenant, language, _EPOCH)
    yield known
    nameless = replace(known.profile, given_name="", family_name="", display_name="")
    invitation = replace(known.invitation, inviter="") if known.invitation else None
    yield replace(known, profile=nameless, invitation=invitation)
