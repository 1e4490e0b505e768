"""Writes a mail's parts in their MIME form (RFC 2045, 2046): text, HTML and the logo, always in the same
order. It owns their encodings and boundaries; what they say, and the mail's own headers, are others'.

``EmailMessage`` could do it too, but parses each header that it writes, which takes most of a mail's time.
"""

from base64 import encodebytes
from binascii import b2a_qp
from functools import lru_cache

from connector.mail.look import Logo
from connector.mail.templates import Content

CRLF = b"\r\n"
_LOGOS_KEPT = 64


def mime(content: Content, logo: Logo | None, digest: str) -> bytes:
    """The MIME headers of a mail and all that follows them, in lines that end in CRLF: text and HTML to
    choose from, the latter with the logo that it shows (RFC 2387). ``digest`` makes the boundaries, which
    no chance picks: quoted-printable text never holds ``=_`` (RFC 2045 §6.7), base64 has no ``_``.
    """
    text, html = _written("plain", content.text), _written("html", content.html)
    if logo:
        related = 'multipart/related; type="text/html"'
        html = _container(related, f"=_{digest}.1", html, _image(logo.png, logo.content_id))
    return _lines("MIME-Version: 1.0") + _container("multipart/alternative", f"=_{digest}.0", text, html)


def _container(kind: str, boundary: str, *parts: bytes) -> bytes:
    """Parts of one multipart entity, each between its boundaries (RFC 2046 §5.1.1)."""
    between = CRLF + _lines(f"--{boundary}")
    inside = between.join((b"", *parts))
    return (
        _lines(f"Content-Type: {kind};", f' boundary="{boundary}"') + inside + _lines("", f"--{boundary}--")
    )


def _written(subtype: str, text: str) -> bytes:
    """A text in quoted-printable (RFC 2045 §6.7)."""
    kind = f'Content-Type: text/{subtype}; charset="utf-8"'
    lines = text.encode().splitlines()
    body = b2a_qp(CRLF.join((*lines, b"")))
    return _lines(kind, "Content-Transfer-Encoding: quoted-printable", "") + body


def _image(png: bytes, content_id: str) -> bytes:
    """The logo, for the HTML to show as ``cid:…`` without fetching anything (RFC 2392)."""
    head = _lines(
        "Content-Type: image/png",
        "Content-Transfer-Encoding: base64",
        f"Content-ID: <{content_id}>",
        'Content-Disposition: inline; filename="logo.png"',
        "",
    )
    return head + _base64(png)


@lru_cache(_LOGOS_KEPT)
def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", CRLF)


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
