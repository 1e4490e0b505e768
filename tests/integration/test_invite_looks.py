"""The pages of the hand-over in a real browser: readable on every width, by keyboard and to a screen
reader, in every brand and language, by day and by night. Nothing outside answers here: the room is the one
of the unit tests.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

from connector.demo.process import free_port
from connector.domain.model import Tenant
from tests.support.gallery import BRANDS, Gallery
from tests.support.invite_room import Room, a_room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE, SMALL_PHONE, DESKTOP = (390, 844), (320, 640), (1280, 800)
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass
class Stage:
    """A tenant's room, served, and a page of a real browser."""

    room: Room
    tenant: Tenant
    page: "Page"
    origin: str
    complaints: list[str]
    shots: Path | None

    def show(self, html: str) -> None:
        """Show a page as our server would send it."""
        self.page.unroute_all()
        self.page.route("**/shown", lambda route: route.fulfill(body=html, content_type="text/html"))
        self.page.goto(f"{self.origin}/shown")

    def open(self, path: str, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.goto(self.origin + path)

    def shoot(self, name: str) -> None:
        """Keep a picture, if ``--shots`` asks for pictures."""
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def faults(self) -> list[str]:
        """What axe finds, what the browser complained about, and whether anything sticks out."""
        response = Axe().run(self.page, options={"resultTypes": ["violations"]}).response
        found = [f"axe: {violation['id']}" for violation in response["violations"]]
        if self.page.evaluate(WIDER):
            found.append("scrolls sideways")
        return found + self.complaints


@pytest.fixture(params=list(BRANDS))
def stage(
    request: pytest.FixtureRequest, browser: "Browser", tmp_path: Path, pytestconfig: pytest.Config
) -> Iterator[Stage]:
    tenant = BRANDS[request.param]
    room, port = a_room(tmp_path, tenant), free_port()
    server = make_server("127.0.0.1", port, room.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    shots = pytestconfig.getoption("shots")
    yield Stage(room, tenant, page, f"http://127.0.0.1:{port}", complaints, shots)
    page.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_button_is_reached_by_keyboard_and_is_a_finger_wide(stage: Stage) -> None:
    stage.open(stage.room.link(), PHONE)
    stage.page.keyboard.press("Tab")
    assert stage.page.evaluate("document.activeElement.tagName") == "BUTTON"
    box = stage.page.locator("button").bounding_box()
    assert box is not None
    assert box["height"] >= 44


def test_the_language_switch_stays_on_the_page(stage: Stage) -> None:
    stage.open(stage.room.link(), DESKTOP)
    before = stage.page.locator("html").get_attribute("lang")
    stage.page.locator("footer a[hreflang]").click()
    assert stage.page.locator("html").get_attribute("lang") != before
    assert stage.page.locator("main button").count() == 1


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    [
        ("en", SMALL_PHONE, "light"),
        ("de", SMALL_PHONE, "dark"),
        ("en", DESKTOP, "dark"),
        ("de", DESKTOP, "light"),
    ],
)
def test_every_page_is_faultless(
    stage: Stage, language: str, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    stage.page.set_viewport_size({"width": size[0], "height": size[1]})
    stage.page.emulate_media(color_scheme=scheme)
    faults: dict[str, list[str]] = {}
    for name, html in Gallery(stage.tenant, stage.room.user(), language).pages():
        stage.show(html)
        stage.shoot(f"{stage.tenant.brand.primary[1:]}-{language}-{size[0]}-{name}")
        if found := stage.faults():
            faults[name] = found
    assert faults == {}
