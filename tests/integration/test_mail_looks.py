"""The mails in a real browser, as the strictest of mail programs would show them: nothing sticks out on the
narrowest phone, and everything can be read, in brands that make both hard.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from connector.domain.effects import Template
from connector.domain.model import Brand, Tenant
from connector.foundation.logo import clean_png
from connector.mail.preview import preview
from connector.mail.render import MailRenderer
from tests.support.builders import NOW, FakeClock, a_tenant

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
A_PAGES_RULES = {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}}
"""A mail is shown inside somebody else's page, which has the landmarks."""

LONG = replace(
    a_tenant(),
    name="Nordlicht Energieversorgungsgesellschaft Schleswig-Holstein",
    portal_url="https://kundenportal.nordlicht-energieversorgung.example/anmeldung",
    time_zone="America/New_York",
)
TENANTS = {
    "pale": replace(a_tenant(), brand=Brand(primary="#ffee88", accent="#222222")),
    "middling": replace(LONG, brand=Brand(primary="#777777", accent="#f97316", support="help@a.example")),
    "dark": replace(LONG, brand=Brand(primary="#003366", accent="#ffcc00", footer="Acme GmbH\nBerlin")),
}


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    page = browser.new_page()
    yield page
    page.close()


def show(page: "Page", template: Template, tenant: Tenant, language: str, width: int) -> None:
    renderer = MailRenderer(clock=FakeClock(), default_sender="portal@example.com")
    mail = preview(renderer, template, tenant, language, now=NOW)
    html = message_from_bytes(mail.message, policy=policy.default).get_body(("html",))
    assert html is not None
    page.set_viewport_size({"width": width, "height": 700})
    page.set_content(html.get_content())


@pytest.mark.parametrize("tenant", TENANTS.values(), ids=TENANTS)
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", Template)
def test_a_mail_fits_the_narrowest_phone(
    page: "Page", template: Template, language: str, tenant: Tenant
) -> None:
    show(page, template, tenant, language, 320)
    assert not page.evaluate(WIDER)


@pytest.mark.parametrize("tenant", TENANTS.values(), ids=TENANTS)
@pytest.mark.parametrize("template", [Template.INVITATION, Template.EMAIL_CHANGED_NOTICE])
@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_can_be_read_in_any_brand_by_day_and_by_night(
    page: "Page", template: Template, tenant: Tenant, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    show(page, template, tenant, "de", width)
    found = Axe().run(page, options={"rules": A_PAGES_RULES}).response["violations"]
    assert [violation["id"] for violation in found] == []


def test_no_mail_is_wider_than_600_pixels(page: "Page") -> None:
    show(page, Template.INVITATION, TENANTS["dark"], "de", 1280)
    assert page.locator("table table").first.bounding_box()["width"] == 600  # type: ignore[index]


def test_in_the_dark_the_paper_is_dark_and_the_logo_stands_on_white(page: "Page") -> None:
    page.emulate_media(color_scheme="dark")
    logo = clean_png(a_png(), "logo")
    show(page, Template.INVITATION, replace(LONG, brand=Brand(primary="#003366", logo=logo)), "de", 600)
    assert colour(page, ".card") == "rgb(26, 33, 43)"
    assert colour(page, ".tile") == "rgb(255, 255, 255)"
    assert colour(page, ".panel") == "rgb(0, 51, 102)"


def a_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "#003366").save(out, "PNG")
    return out.getvalue()


def colour(page: "Page", selector: str) -> str:
    return str(page.locator(selector).evaluate("each => getComputedStyle(each).backgroundColor"))
