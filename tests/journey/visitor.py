"""Somebody at a real browser. It owns the browser's memory and what is noted while our pages are shown:
what they load, and what the browser complains about.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe

from connector.demo.walk import PATIENCE
from connector.invite.http import origin_of
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

MISSED = "Failed to load resource: the server responded with a status of 4"
"""What Chromium writes when the page itself is a 404 or 410."""
UNREACHED = re.compile("This (site can.t be reached|page isn.t working)|502 Bad Gateway")
"""What people read when a page does not come, from the browser or from a proxy in between."""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass
class Visitor:
    """One browser without a past. ``usher`` is our origin."""

    context: "BrowserContext"
    usher: str
    shots: Path | None = None
    page: "Page" = field(init=False)
    shown: list[tuple[int, str]] = field(default_factory=list)
    """Status and address of each page that was shown, ours or not."""
    trespasses: list[str] = field(default_factory=list)
    """What a page of ours did that none may: load from elsewhere, run a script, break its own policy."""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE)
        self.context.on("response", self._note_page)
        self.context.on("request", self._note_load)
        self.context.on("console", self._note_complaint)
        self.page = self.context.new_page()

    # --- doing -------------------------------------------------------------------------------------

    def open(self, url: str) -> int:
        """Go to an address; the status of where that ends."""
        response = self.page.goto(url)
        assert response is not None
        return response.status

    def in_a_new_tab(self, url: str) -> "Page":
        """Open an address beside the page."""
        tab = self.context.new_page()
        tab.goto(url)
        return tab

    def follow_back(self) -> None:
        """Take the link that Keycloak's pages have where a way ends on them."""
        self.page.get_by_role("link", name="Back to Application").click()
        self.page.wait_for_load_state()

    def take_a_new_tab(self) -> None:
        """Close the tab and go on in another."""
        before, self.page = self.page, self.context.new_page()
        before.close()

    def hold_a_small_phone(self) -> None:
        """The narrowest screen that WCAG 2.2 asks for (1.4.10)."""
        self.page.set_viewport_size({"width": 320, "height": 640})

    def shoot(self, name: str) -> None:
        """Keep a picture, if ``--shots`` asks for pictures."""
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    # --- seeing ------------------------------------------------------------------------------------

    @property
    def heading(self) -> str:
        """What stands on top of the page."""
        return self.page.locator("h1").first.inner_text()

    @property
    def language(self) -> str:
        """What the page says it is written in."""
        return self.page.locator("html").get_attribute("lang") or ""

    def must_see(self, text: str | re.Pattern[str]) -> None:
        """Wait for a text on the page; playwright's ``Error`` if it does not come."""
        self.page.get_by_text(text).first.wait_for()

    def pages_of(self, site: str) -> list[str]:
        """The paths of the pages that somebody read on a site, in their order."""
        return [urlsplit(url).path for status, url in self.shown if status == 200 and url.startswith(site)]

    def must_complain(self, text: str) -> None:
        """Wait for a complaint of the browser's about a page of ours."""
        wait_until(lambda: any(text in noted for noted in self._heard()), what=f"a complaint of {text}")

    def _heard(self) -> list[str]:
        self.page.wait_for_timeout(50)
        return self.trespasses

    def faults(self) -> list[str]:
        """What is wrong with the page, as wide as it is now, for eyes and for a screen reader."""
        found = ["it scrolls sideways"] if self.page.evaluate(WIDER) else []
        return found + [f"axe: {found['id']}" for found in Axe().run(self.page).response["violations"]]

    # --- noting ------------------------------------------------------------------------------------

    def _note_page(self, response: "Response") -> None:
        if response.request.is_navigation_request() and response.status not in range(300, 400):
            self.shown.append((response.status, response.url))

    def _note_load(self, request: "Request") -> None:
        if request.is_navigation_request() or not self._is_ours(request.frame.url):
            return
        if request.resource_type == "script":
            self.trespasses.append(f"loads a script: {request.url}")
        if not self._is_ours(request.url):
            self.trespasses.append(f"loads from elsewhere: {request.url}")

    def _note_complaint(self, message: "ConsoleMessage") -> None:
        where = message.location["url"] or (message.page.url if message.page else "")
        if self._is_ours(where) and not message.text.startswith(MISSED):
            self.trespasses.append(f"the browser says: {message.text}")

    def _is_ours(self, url: str) -> bool:
        return origin_of(url) == self.usher


@contextmanager
def visiting(browser: "Browser", usher: str, shots: Path | None = None) -> Iterator[Visitor]:
    """Somebody at a browser that nobody has used yet."""
    with browser.new_context(locale="en-GB") as context:
        yield Visitor(context, usher, shots)


def scripts_of(page: "Page") -> list[Any]:
    """Everything on a page that would run, if it were let."""
    found: list[Any] = page.evaluate(
        """() => [...document.querySelectorAll('*')].flatMap(element => [
            ...(element.tagName === 'SCRIPT' ? ['script'] : []),
            ...[...element.attributes]
                .filter(({name, value}) => name.startsWith('on') || /^\\s*javascript:/i.test(value))
                .map(({name}) => `${element.tagName} ${name}`),
        ])"""
    )
    return found
