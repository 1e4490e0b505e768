"""Where a client's message ends in the bytes of a connection. It owns the cutting of HTTP/1.1 requests
(RFC 9112 §6) and of everything else; what is done with a message is the proxy's (``fault_proxy.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the client sent. Over HTTP ``start`` is the start line and ``headers`` go by lower-case names;
    elsewhere ``start`` is all of it, and there are no headers.
    """

    data: bytes = field(repr=False)
    start: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def call(self) -> str:
        """Over HTTP: method and path, without the query."""
        method, target, _ = self.start.split(" ", 2)
        return f"{method} {urlsplit(target).path}"


class Pieces:
    """Takes what arrives in one piece for a message."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now."""
        if data:
            yield Message(data=data, start=data.decode("latin-1"))


class HttpRequests:
    """Takes each request for a message, however many come on one connection and in however many pieces."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The requests that are whole now."""
        self._buffer += data
        while (message := _first_request(self._buffer)) is not None:
            self._buffer = self._buffer[len(message.data) :]
            yield message


def _first_request(buffer: bytes) -> Message | None:
    head, found, body = buffer.partition(_HEAD_END)
    if not found:
        return None
    start, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    length = _length_of(body, headers)
    if length is None or len(body) < length:
        return None
    whole = buffer[: len(head) + len(_HEAD_END) + length]
    return Message(data=whole, start=start, headers=headers)


def _length_of(body: bytes, headers: Mapping[str, str]) -> int | None:
    """How many bytes of ``body`` are this request's; None if that cannot be told yet."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked_length(body)
    return int(headers.get("content-length", "0"))


def _chunked_length(body: bytes) -> int | None:
    """Up to and with the last chunk, which is empty; no client of ours sends trailers."""
    at = 0
    while (line_end := body.find(_LINE_END, at)) >= 0:
        size = int(body[at:line_end].partition(b";")[0], 16)
        at = line_end + len(_LINE_END) + size + len(_LINE_END)
        if size == 0:
            return at
    return None
