"""The pages on the way, as the running server sends them: for narrow screens, keyboards and screen readers,
in both languages, without scripts and without anybody else's files.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from connector.demo.system import System
from connector.demo.walk import choose_password, press, sign_in, stay_before
from tests.journey.visitor import Visitor, scripts_of
from tests.support.realms import PASSWORD
from tests.support.system import Guest, console_of, invite

HEADINGS = {
    "en": {
        "landing": "Welcome to Acme Supplies",
        "sign-out": "You are signed in as Root Rose",
        "done": "You are all set",
        "used": "You already have access",
        "expired": "This link has expired",
        "neutral": "This link leads nowhere",
    },
    "de": {
        "landing": "Willkommen bei Acme Supplies",
        "sign-out": "Sie sind angemeldet als Root Rose",
        "done": "Alles ist bereit",
        "used": "Sie haben bereits Zugang",
        "expired": "Dieser Link ist abgelaufen",
        "neutral": "Dieser Link führt nirgendwohin",
    },
}


@dataclass
class Tour:
    """One person past every page, in one language. ``at`` is told the page's name at each."""

    system: System
    visitor: Visitor
    language: str
    at: Callable[[str], None]

    def go(self) -> None:
        """Landing, somebody else signed in, done, used, then an expired and a forged link."""
        guest = invite(self.system, f"ada@tour-{self.language}.example")
        self._sign_in_somebody_else()
        self._open(guest.link, "landing")
        press(self.visitor.page)
        self._stop("sign-out")
        stay_before(self.visitor.page, self.system.portal_url)
        self.visitor.page.locator("main form button").click()
        choose_password(self.visitor.page, PASSWORD)
        self.visitor.must_see(HEADINGS[self.language]["done"])
        self._stop("done")
        self._open(guest.link, "used")
        self._open(self._expired().link, "expired")
        self._open(f"{self.system.where.usher}/invite/cut-off", "neutral")

    def _open(self, link: str, name: str) -> None:
        self.visitor.open(f"{link}?lang={self.language}")
        self._stop(name)

    def _stop(self, name: str) -> None:
        assert self.visitor.heading == HEADINGS[self.language][name]
        assert self.visitor.language == self.language
        self.at(name)

    def _expired(self) -> Guest:
        guest = invite(self.system, f"late@tour-{self.language}.example")
        guest.let_the_invitation_expire()
        return guest

    def _sign_in_somebody_else(self) -> None:
        name, console = f"tourist-{self.language}", console_of(self.system)
        console.give_password(console.make_user(name))
        self.visitor.open(self.system.portal_url)
        self.visitor.page.get_by_role("button", name="Sign in").click()
        sign_in(self.visitor.page, name, PASSWORD)
        self.visitor.must_see("Welcome, Root")


@pytest.mark.parametrize("language", HEADINGS)
def test_no_page_on_the_way_scrolls_sideways_fails_axe_runs_a_script_or_loads_from_elsewhere(
    system: System, visitor: Visitor, language: str
) -> None:
    faults: dict[str, list[str]] = {}

    def look(name: str) -> None:
        visitor.shoot(f"{name}-{language}")
        faults[name] = [*scripts_of(visitor.page), *visitor.trespasses, *visitor.faults()]
        visitor.trespasses.clear()

    visitor.hold_a_small_phone()
    Tour(system, visitor, language, look).go()
    assert faults == {name: [] for name in HEADINGS[language]}


def test_a_keyboard_alone_leads_into_keycloak(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@keyboard.example")
    visitor.hold_a_small_phone()
    visitor.open(guest.link)
    visitor.page.keyboard.press("Tab")
    focused = visitor.page.locator("main form button:focus-visible")
    assert focused.count() == 1
    assert focused.evaluate("button => getComputedStyle(button).outlineStyle") != "none"
    visitor.page.keyboard.press("Enter")
    visitor.page.locator('input[name="password-new"]').wait_for()
    assert visitor.page.url.startswith(system.where.issuer)


def test_what_the_watch_is_for_would_be_noticed(system: System, visitor: Visitor) -> None:
    """A page of ours with all that none may have."""
    planted = (
        "<!doctype html><title>x</title><img src='http://localhost:9/x.png'>"
        "<script src='/x.js'></script><p onclick='1' style='width:900px'>wide"
    )
    policy = {"Content-Security-Policy": "style-src 'unsafe-inline'; img-src 'self'"}
    visitor.page.route(
        "**/planted", lambda route: route.fulfill(body=planted, content_type="text/html", headers=policy)
    )
    visitor.page.route(
        "**/planted-freely", lambda route: route.fulfill(body=planted, content_type="text/html")
    )
    visitor.hold_a_small_phone()
    visitor.open(f"{system.where.usher}/planted")
    visitor.open(f"{system.where.usher}/planted-freely")
    noted = "\n".join(visitor.trespasses)
    assert "loads from elsewhere: http://localhost:9/x.png" in noted
    assert "loads a script" in noted
    assert "Content Security Policy" in noted
    assert scripts_of(visitor.page) == ["script", "P onclick"]
    assert "it scrolls sideways" in visitor.faults()
