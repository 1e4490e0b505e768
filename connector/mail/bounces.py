"""Reads what mail systems say of mails that they could not deliver (RFC 3464 within RFC 6522). It owns what
of a message from outside counts: which mail it names, which address, and the reason; it must not know
users.

Whoever knows our address may write to it. So a message is cut apart at its own level alone, in one pass,
and nothing of it is decoded; what names no mail of ours and its address comes to nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from connector.application.records import DeliveryReport
from connector.foundation.mail_address import wire_form
from connector.mail.answers import fit_to_keep

LONGEST = 1024 * 1024
"""Bytes of a message that are looked at; a report stands before the mail that it returns."""

_LONGEST_HEAD = 64 * 1024
_LONGEST_VALUE = 2000
_MOST_PARTS = 20
_MOST_BLOCKS = 50
_MOST_NAMES = 100

_REPORT = frozenset({"delivery-status", "global-delivery-status"})
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
_ADDRESS_TYPES = frozenset({"rfc822", "utf-8"})
_WRITTEN_TO = ("to", "delivered-to", "x-original-to", "envelope-to")

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_MARK = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{32})(?![0-9A-Za-z])")
_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)

Headers = Mapping[str, str]
"""By lower-case name; of several the first."""


def read_report(data: bytes) -> DeliveryReport | None:
    """What ``data``, a message as it was received, says of a mail that will not arrive; None if it is no
    such report: an answer that nobody typed, a notice of a delay, of an arrival, of a reading, or anything
    else.
    """
    head, body = _cut(data[:LONGEST])
    message = _headers(head)
    if _content_type(message) != "multipart/report" or _parameter(message, "report-type") not in _REPORT:
        return None
    parts = list(_parts(body, _parameter(message, "boundary", fold=False)))
    blocks = [block for content in _of_type(parts, _STATUS) for block in _blocks(content)]
    failed = [block for block in blocks if block.get("action", "").strip().lower() == "failed"]
    returned = [_headers(_cut(content)[0]) for content in _of_type(parts, _RETURNED)]
    marks = frozenset(islice(_marks(message, blocks, returned), _MOST_NAMES))
    recipients = frozenset(islice(_recipients(failed, returned), _MOST_NAMES)) - {""}
    if not failed or not marks or not recipients:
        return None
    return DeliveryReport(marks=marks, recipients=recipients, answer=_answer(failed[0], recipients))


# --- what it names ---------------------------------------------------------------------------------


def _marks(message: Headers, blocks: Iterable[Headers], returned: Iterable[Headers]) -> Iterator[str]:
    """What may stand before the @ of our Message-ID: as the mail itself has it, as we told the server (RFC
    3461 §4.4), and in the address that the report was sent to.
    """
    yield from (mark for one in returned for mark in _MARK.findall(one.get("message-id", "")))
    yield from (mark for one in blocks for mark in _MARK.findall(one.get("original-envelope-id", "")))
    yield from (mark for name in _WRITTEN_TO for mark in _MARK.findall(message.get(name, "")))


def _recipients(failed: Iterable[Headers], returned: Iterable[Headers]) -> Iterator[str]:
    """Whom the mail did not reach: as we named it, as the last server did (it may have been forwarded), and
    as the mail has it.
    """
    for block in failed:
        yield from (_named(block.get(name, "")) for name in ("original-recipient", "final-recipient"))
    for one in returned:
        yield from (wire_form(address) for address in _ADDRESS.findall(one.get("to", "")))


def _named(value: str) -> str:
    """The address of ``rfc822; ada@acme.example`` (RFC 3464 §2.1.2), as records compare it."""
    kind, _, address = value.partition(";")
    return wire_form(address.strip().strip("<>")) if kind.strip().lower() in _ADDRESS_TYPES else ""


def _answer(block: Headers, recipients: Iterable[str]) -> str:
    """The reason: its code (RFC 3463) and what the last server said."""
    status = _ENHANCED.match(block.get("status", "").strip())
    said = block.get("diagnostic-code", "").partition(";")[2]
    return fit_to_keep(f"{status[0] if status else ''} {said}", recipients) or "no reason given"


# --- cutting ---------------------------------------------------------------------------------------


def _cut(entity: bytes) -> tuple[bytes, bytes]:
    """Head and body."""
    if end := _BLANK_LINE.search(entity):
        return entity[: end.start()], entity[end.end() :]
    return entity, b""


def _headers(head: bytes) -> Headers:
    lines = _FOLD.sub(" ", head[:_LONGEST_HEAD].decode("utf-8", "replace")).split("\n")
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and len(value) <= _LONGEST_VALUE:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _content_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _parameter(headers: Headers, name: str, *, fold: bool = True) -> str:
    """A parameter of the Content-Type; ``fold``: in lower case."""
    wanted = re.compile(rf";\s*{name}\s*=\s*(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)
    found = wanted.search(headers.get("content-type", ""))
    value = (found[1] or found[2] or "") if found else ""
    return value.lower() if fold else value


def _parts(body: bytes, boundary: str) -> Iterator[tuple[Headers, bytes]]:
    """The parts of a multipart (RFC 2046 §5.1.1), each with its headers."""
    if not boundary:
        return
    line = re.compile(rb"(?m)^--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*\r?$")
    for part in line.split(body, maxsplit=_MOST_PARTS)[1:]:
        head, content = _cut(part.lstrip(b"\r\n"))
        yield _headers(head), content


def _of_type(parts: Sequence[tuple[Headers, bytes]], types: frozenset[str]) -> Iterator[bytes]:
    return (content for headers, content in parts if _content_type(headers) in types)


def _blocks(content: bytes) -> Iterator[Headers]:
    """The groups of fields of a delivery status: the first is of the mail, each other of a recipient."""
    for block in _BLANK_LINE.split(content, maxsplit=_MOST_BLOCKS)[:_MOST_BLOCKS]:
        yield _headers(block.strip(b"\r\n"))
