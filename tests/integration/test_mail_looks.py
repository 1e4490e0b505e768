"""The mails in a real browser, as the strictest of mail programs would show them: nothing sticks out on the
narrowest phone, and everything can be read, in brands that make both hard.
"""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from connector.domain.effects import Template
from connector.domain.model import Brand, Tenant
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
def test_a_mail_can_be_read_in_any_brand(
    page: "Page", template: Template, tenant: Tenant, width: int
) -> None:
    show(page, template, tenant, "de", width)
    found = Axe().run(page, options={"rules": A_PAGES_RULES}).response["violations"]
    assert [violation["id"] for violation in found] == []


def test_no_mail_is_wider_than_600_pixels(page: "Page") -> None:
    show(page, Template.INVITATION, TENANTS["dark"], "de", 1280)
    assert page.locator("table table").first.bounding_box()["width"] == 600  # type: ignore[index]
