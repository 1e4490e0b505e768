"""What only a real browser enforces on the way: which redirects a form may follow, who may frame us, which
cookies a page can see. And that looking, however often and by whatever method, is nothing.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests

from connector.demo.system import System
from connector.demo.walk import choose_password, is_password_page, press
from connector.invite.http import COOKIE, LANGUAGE_COOKIE, page_policy
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD
from tests.support.record import Record
from tests.support.system import invite

if TYPE_CHECKING:
    from playwright.sync_api import Route

LOOKS = 100
REFUSE_FRAMES = {"content-security-policy", "x-frame-options"}
"""Each does."""


def test_control_i5_a_hundred_looks_of_each_kind_write_nothing_and_the_person_gets_in(
    system: System, visitor: Visitor, record: Record
) -> None:
    guest = invite(system, "ada@looked-at.example")
    record.wait_until_settled()
    before = record.contents()

    def look(method: str) -> int:
        return requests.request(method, guest.link, timeout=10).status_code

    with ThreadPoolExecutor(8) as crowd:
        answers = set(crowd.map(look, ["GET", "HEAD", "OPTIONS"] * LOOKS))
    visitor.open(guest.link)
    visitor.page.reload()
    assert answers == {200}
    assert record.contents() == before

    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert guest.state == "active"


def test_control_i8_chromium_follows_the_press_to_keycloak_because_our_policy_names_it(
    system: System, visitor: Visitor
) -> None:
    """With a policy that names us alone the press happens, but its 303 is blocked."""
    guest = invite(system, "ada@policy.example")

    def name_us_alone(route: "Route") -> None:
        answer = route.fetch()
        headers = answer.headers | {"content-security-policy": page_policy()}
        route.fulfill(response=answer, headers=headers)

    visitor.page.route(guest.link, name_us_alone, times=1)
    visitor.open(guest.link)
    visitor.page.locator("main form button").click(no_wait_after=True)
    visitor.must_complain("form-action")
    assert visitor.pages_of(system.where.issuer) == []

    visitor.open(guest.link)
    press(visitor.page)
    assert is_password_page(visitor.page)


def test_control_i8_no_page_of_ours_is_shown_in_a_frame(system: System, visitor: Visitor) -> None:
    """Each of the two headers alone refuses it, and without both it would be shown."""
    guest = invite(system, "ada@framed.example")
    for header in REFUSE_FRAMES:
        assert _framed(visitor, guest.link, {header}) == "chrome-error://chromewebdata/"
    assert _framed(visitor, guest.link, set()) == guest.link


def _framed(visitor: Visitor, link: str, kept: set[str]) -> str:
    """Where a frame of another site ends up that is to show the link, with these headers kept alone."""

    def strip(route: "Route") -> None:
        answer = route.fetch()
        dropped = REFUSE_FRAMES - kept
        headers = {name: value for name, value in answer.headers.items() if name not in dropped}
        route.fulfill(response=answer, headers=headers)

    visitor.page.unroute_all()
    visitor.page.route("**/frames", lambda route: route.fulfill(body=f"<iframe src='{link}'></iframe>"))
    visitor.page.route(link, strip)
    visitor.open("http://elsewhere.localhost/frames")
    (frame,) = visitor.page.main_frame.child_frames
    frame.wait_for_load_state()
    return frame.url


def test_control_o12_the_press_is_answered_by_a_303_and_its_cookies_are_for_http_alone(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "ada@cookies.example")
    visitor.open(guest.link)
    with visitor.page.expect_response(lambda response: response.request.method == "POST") as answered:
        press(visitor.page)
    assert answered.value.status == 303
    cookies = {found["name"]: found for found in visitor.context.cookies(system.where.usher)}
    for name in (COOKIE, LANGUAGE_COOKIE):
        found = cookies[name]
        flags = (found["httpOnly"], found["secure"], found["sameSite"], found["path"], found["domain"])
        assert flags == (True, True, "Lax", "/", "127.0.0.1")
    visitor.open(guest.link)
    assert visitor.page.evaluate("document.cookie") == ""
