"""A person at a browser, scripted: keeps cookies as browsers do, follows redirects, fills in Keycloak's
pages. What only a real browser shows (policies, looks) is the journeys' work.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

_FORM = re.compile(r"<form[^>]*\baction=\"([^\"]+)\"")
_FIELD = re.compile(r"<input[^>]*\btype=\"hidden\"[^>]*>")
_ATTRIBUTE = re.compile(r"\b(name|value)=\"([^\"]*)\"")
_TITLE = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_MARKUP = re.compile(r"<[^>]+>")


class _LocalCookies(requests.cookies.RequestsCookieJar):
    """Browsers send ``Secure`` cookies to http://localhost too."""

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> Any:
        cookie.secure = False
        return super().set_cookie(cookie, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a walk ended: the page, and every address on the way, the last one included."""

    page: requests.Response
    way: tuple[str, ...]

    @property
    def status(self) -> int:
        return self.page.status_code

    @property
    def text(self) -> str:
        """The words on the page."""
        return " ".join(html.unescape(_MARKUP.sub(" ", self.page.text)).split())

    @property
    def title(self) -> str:
        """The page's heading."""
        found = _TITLE.search(self.page.text)
        return " ".join(html.unescape(_MARKUP.sub(" ", found[1])).split()) if found else ""

    @property
    def query(self) -> dict[str, str]:
        """The query of the last address."""
        return dict(parse_qsl(urlsplit(self.way[-1]).query))

    def passed(self, path: str) -> str:
        """The first address on the way whose path ends so."""
        return next(url for url in self.way if urlsplit(url).path.endswith(path))

    def has_passed(self, path: str) -> bool:
        return any(urlsplit(url).path.endswith(path) for url in self.way)


def form_of(seen: Seen) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and its hidden fields."""
    target = _FORM.search(seen.page.text)
    assert target, f"no form on: {seen.title or seen.text[:200]}"
    hidden = {
        attributes["name"]: html.unescape(attributes.get("value", ""))
        for tag in _FIELD.findall(seen.page.text)
        if "name" in (attributes := dict(_ATTRIBUTE.findall(tag)))
    }
    return urljoin(seen.way[-1], html.unescape(target[1])), hidden


class Person:
    """One browser. A walk ends before addresses that begin with one of ``stops``."""

    def __init__(self, origin: str, *stops: str) -> None:
        self._origin = origin
        self.stops = stops
        self._http = requests.Session()
        self._http.cookies = _LocalCookies()

    @contextmanager
    def stopping(self, *before: str) -> Iterator[None]:
        """Walks end earlier until the block ends: before these addresses alone."""
        usual, self.stops = self.stops, before
        try:
            yield
        finally:
            self.stops = usual

    def cookie(self, name: str) -> str:
        """The value of a cookie; empty if there is none."""
        return self._http.cookies.get(name) or ""

    def take_cookie(self, name: str, other: "Person") -> None:
        """Come by a cookie of somebody else's browser."""
        for cookie in other._http.cookies:
            if cookie.name == name:
                self._http.cookies.set_cookie(copy(cookie))

    def open(self, url: str) -> Seen:
        """Go to an address."""
        return self._walk("GET", url, None)

    def press(self, seen: Seen, **fields: str) -> Seen:
        """Send the page's form with these fields beside its hidden ones."""
        target, hidden = form_of(seen)
        return self._walk("POST", target, hidden | fields)

    def follow(self, seen: Seen, part: str) -> Seen:
        """Click the first link with this in its address."""
        found = re.search(rf'<a[^>]*\bhref="([^"]*{re.escape(part)}[^"]*)"', seen.page.text)
        assert found, f"no link to {part} on: {seen.title or seen.text[:200]}"
        return self.open(urljoin(seen.way[-1], html.unescape(found[1])))

    def post(self, url: str) -> Seen:
        """Send an empty form to an address, as if a page there had one."""
        return self._walk("POST", url, {})

    def choose_password(self, seen: Seen, password: str) -> Seen:
        """Fill in Keycloak's password page."""
        assert 'name="password-new"' in seen.page.text, f"no password page: {seen.title}"
        return self.press(seen, **{"password-new": password, "password-confirm": password})

    def sign_in(self, seen: Seen, user_name: str, password: str) -> Seen:
        """Fill in Keycloak's login page."""
        return self.press(seen, username=user_name, password=password)

    def _walk(self, method: str, url: str, form: dict[str, str] | None) -> Seen:
        way: list[str] = []
        headers = {"Origin": self._origin} if method == "POST" and url.startswith(self._origin) else {}
        for _ in range(20):
            way.append(url)
            answer = self._http.request(
                method, url, data=form, headers=headers, allow_redirects=False, timeout=20
            )
            if not answer.is_redirect:
                return Seen(answer, tuple(way))
            method, form, headers = "GET", None, {}
            url = urljoin(url, answer.headers["Location"])
            if url.startswith(self.stops):
                return Seen(answer, (*way, url))
        raise AssertionError(f"going round in circles: {way[-4:]}")
