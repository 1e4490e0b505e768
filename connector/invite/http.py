"""What all routes of the hand-over share: cookies, headers, the Origin check. It owns their exact form; it
must not know what a page or a step means.
"""

import re
from urllib.parse import urlsplit

from flask import Response, request

COOKIE = "__Host-usher"
"""Which browser this is. Browsers keep ``Secure`` cookies on http://localhost as well."""
LANGUAGE_COOKIE = "__Host-usher-lang"
_COOKIE_VALUE = re.compile(r"[0-9a-f]{64}", re.ASCII)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer that does not say otherwise itself. ``no-referrer`` would make our own forms say
``Origin: null``.
"""


def page_policy(keycloak_origin: str = "") -> str:
    """The Content-Security-Policy of a page. Its form may be answered by a redirect to Keycloak, which
    Chromium follows only to origins named here.
    """
    targets = f"'self' {keycloak_origin}".rstrip()
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
        f"base-uri 'none'; form-action {targets}"
    )


def with_headers(response: Response) -> Response:
    """``response`` with every header it lacks of :data:`HEADERS`."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_ours(public_url: str) -> bool:
    """Whether the form that was sent stood on a page of ours. Browsers always say (RFC 6454 §7)."""
    return request.headers.get("Origin") == public_url


def browser_cookie() -> str:
    """This browser's cookie; empty if there is none that we could have made."""
    value = request.cookies.get(COOKIE, "")
    return value if _COOKIE_VALUE.fullmatch(value) else ""


def set_cookies(response: Response, *, cookie: str, language: str, life: float) -> None:
    """Make this browser known for ``life`` seconds, and the language that its person reads."""
    _set_cookie(response, COOKIE, cookie, life)
    set_language(response, language, life)


def set_language(response: Response, language: str, life: float) -> None:
    """Keep a language over the way through Keycloak."""
    _set_cookie(response, LANGUAGE_COOKIE, language, life)


def _set_cookie(response: Response, name: str, value: str, life: float) -> None:
    response.set_cookie(
        name, value, max_age=int(life), path="/", secure=True, httponly=True, samesite="Lax"
    )
