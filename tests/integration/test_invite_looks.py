"""The pages of the hand-over in a real browser: readable on every width, by keyboard and to a screen
reader, in every brand. Nothing outside answers here: the room is the one of the unit tests.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

from connector.demo.process import free_port
from connector.domain.model import Brand, Tenant
from connector.foundation.resources import templates_dir
from connector.invite.pages import Message, Pages, View
from tests.support.builders import a_tenant
from tests.support.invite_room import Room, a_room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAVY = Brand(primary="#003366", accent="#ffcc00", support="help@acme.example")
GREEN = Brand(primary="#0b6e4f", accent="#0b6e4f", footer="Stadtwerke Lüneburg-Nordheide GmbH · Am Markt 1")
TENANTS = {
    "acme": replace(a_tenant(), brand=NAVY),
    "stadtwerke": replace(
        a_tenant(),
        name="Stadtwerke Lüneburg-Nordheide Kundenportal",
        locale="de",
        time_zone="Europe/Berlin",
        portal_url="https://kundenportal.stadtwerke-lueneburg-nordheide.example/start",
        brand=GREEN,
    ),
}
WIDTHS = (320, 390, 1280)


@dataclass
class Stage:
    """A tenant's room, served, and a page of a real browser."""

    room: Room
    tenant: Tenant
    page: "Page"
    origin: str
    complaints: list[str]

    def show(self, html: str, width: int) -> None:
        """Show a page as our server would send it."""
        self.page.route(
            "**/shown",
            lambda route, _: route.fulfill(body=html, content_type="text/html; charset=utf-8"),
        )
        self.open("/shown", width)

    def open(self, path: str, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.goto(self.origin + path)

    def faults(self) -> list[str]:
        """What axe finds, what the browser complained about, and whether anything sticks out."""
        found = [f"axe: {violation['id']}" for violation in Axe().run(self.page).response["violations"]]
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        if self.page.evaluate(wide):
            found.append("scrolls sideways")
        return found + self.complaints


@pytest.fixture(params=list(TENANTS))
def stage(request: pytest.FixtureRequest, browser: "Browser", tmp_path: Path) -> Iterator[Stage]:
    tenant = TENANTS[request.param]
    room, port = a_room(tmp_path, tenant), free_port()
    server = make_server("127.0.0.1", port, room.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield Stage(room, tenant, page, f"http://127.0.0.1:{port}", complaints)
    page.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_landing_page_is_faultless(stage: Stage, width: int) -> None:
    stage.open(stage.room.link(), width)
    assert stage.faults() == []


def test_the_button_is_reached_by_keyboard_and_is_a_finger_wide(stage: Stage) -> None:
    stage.open(stage.room.link(), 390)
    stage.page.keyboard.press("Tab")
    assert stage.page.evaluate("document.activeElement.tagName") == "BUTTON"
    box = stage.page.locator("button").bounding_box()
    assert box is not None
    assert box["height"] >= 44


def test_the_language_switch_stays_on_the_page(stage: Stage) -> None:
    stage.open(stage.room.link(), 1280)
    before = stage.page.locator("html").get_attribute("lang")
    stage.page.locator("footer a[hreflang]").click()
    assert stage.page.locator("html").get_attribute("lang") != before
    assert stage.page.locator("main button").count() == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_every_message_is_faultless(stage: Stage, width: int) -> None:
    pages = Pages(templates_dir() / "pages")
    user = stage.room.user()
    made: list[Callable[[View], str]] = [
        lambda view: pages.signed_in(view, user, name="Wolfeschlegelsteinhausenbergerdorff", form="/x"),
        lambda view: pages.signed_in(view, user, name="", form="/x"),
        lambda view: pages.done(view, stage.tenant).replace('http-equiv="refresh"', ""),
        *(_one(pages, message) for message in Message),
    ]
    for tenant in (stage.tenant, None):
        for make in made:
            view = View(language=stage.tenant.locale, tenant=tenant, switch=True)
            stage.show(make(view), width)
            assert stage.faults() == [], stage.page.title()


def _one(pages: Pages, message: Message) -> Callable[[View], str]:
    return lambda view: pages.message(view, message, link="/on")
