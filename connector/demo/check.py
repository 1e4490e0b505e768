"""``usher demo --check``: the whole journey in a headless browser, one line a step. It owns the steps and
what each must show; the clicks are in ``walk``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from connector.demo.errors import DemoError
from connector.demo.steps import Steps, timed
from connector.demo.system import System
from connector.demo.walk import (
    PATIENCE,
    choose_password,
    invitation_link,
    is_password_page,
    press,
    prove_mailbox,
    sign_in,
    stay_before,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

GIVEN_NAME, FAMILY_NAME, ADDRESS = "Ada", "Lovelace", "ada.lovelace@acme.example"
PASSWORD = "correct horse 7 battery"  # noqa: S105 - of an account that lives a minute
DESKTOP: "ViewportSize" = {"width": 1280, "height": 800}
PHONE: "ViewportSize" = {"width": 390, "height": 844}
MAIL_SECONDS = 30.0
SEEN = 200
GLANCE = 2_000.0
"""Milliseconds."""


class Unexpected(Exception):
    """A step showed something else than it must; the text is what was seen."""


@dataclass(slots=True)
class Journey:
    """One person's way, as far as it has come."""

    system: System
    inbox_url: str
    browser: "Browser"
    page: "Page"
    shots: Path | None
    user: str = ""
    mail: int = 0
    link: str = field(default="", repr=False)

    def shoot(self, name: str) -> None:
        """Save what the browser shows, if somebody asked for it."""
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def shoot_on_phone(self, name: str, url: str) -> None:
        """Save how a page looks on a phone; in a browser of its own."""
        if self.shots is not None:
            with self.browser.new_context(viewport=PHONE, is_mobile=True) as context:
                page = context.new_page()
                page.goto(url)
                page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def must_show(self, text: str) -> None:
        """:raises Unexpected: the page does not show ``text`` in time."""
        from playwright.sync_api import Error

        try:
            self.page.get_by_text(text).first.wait_for(timeout=PATIENCE)
        except Error:
            raise Unexpected(f"no '{text}' on {describe(self.page)}") from None


def describe(page: "Page") -> str:
    """A page in a line, without its address: that may hold a link that signs in."""
    from playwright.sync_api import Error

    try:
        text = " ".join(page.locator("body").inner_text(timeout=GLANCE).split())
    except Error:
        return "a page that does not load"
    return f"the page '{page.title()}': {text[:SEEN]}"


# --- the steps -------------------------------------------------------------------------------------


def _push(journey: Journey) -> None:
    journey.user = journey.system.scim.create(ADDRESS, GIVEN_NAME, FAMILY_NAME)


def _mail_arrives(journey: Journey) -> None:
    mail = journey.system.inbox.wait_for(ADDRESS, timeout=MAIL_SECONDS)
    journey.mail, journey.link = mail.number, invitation_link(mail)
    journey.page.goto(f"{journey.inbox_url}/mail/{mail.number}")
    journey.must_show(mail.subject)
    journey.shoot("1-inbox")
    journey.shoot_on_phone("1-inbox-phone", f"{journey.inbox_url}/mail/{mail.number}")
    journey.shoot_on_phone("1-mail-phone", f"{journey.inbox_url}/mail/{mail.number}/body")


def _landing(journey: Journey) -> None:
    journey.page.goto(journey.link)
    journey.must_show(journey.system.tenant_name)
    journey.shoot("2-landing")
    journey.shoot_on_phone("2-landing-phone", journey.link)


def _press(journey: Journey) -> None:
    press(journey.page)
    if not journey.page.url.startswith(f"{journey.system.where.issuer}/"):
        raise Unexpected(describe(journey.page))
    journey.shoot("3-keycloak")


def _mailbox(journey: Journey) -> None:
    if is_password_page(journey.page):
        return
    journey.mail = prove_mailbox(journey.page, journey.system.inbox, ADDRESS, after=journey.mail).number
    if not is_password_page(journey.page):
        raise Unexpected(describe(journey.page))


def _password(journey: Journey) -> None:
    journey.shoot("4-password")
    stay_before(journey.page, journey.system.portal_url)
    choose_password(journey.page, PASSWORD)
    journey.must_show("You are all set")
    journey.shoot("5-done")
    journey.page.unroute_all()


def _portal(journey: Journey) -> None:
    journey.page.get_by_role("link", name="Go to the portal").click()
    journey.must_show(f"Welcome, {GIVEN_NAME}")
    journey.shoot("6-portal")


def _active(journey: Journey) -> None:
    state = journey.system.state_of(journey.user)
    if state != "active":
        raise Unexpected(f"usher user show says {state}")


def _deactivate(journey: Journey) -> None:
    journey.system.scim.deactivate(journey.user)


def _session_gone(journey: Journey) -> None:
    journey.must_show("Your access has ended")
    journey.shoot("7-ended")


def _locked_out(journey: Journey) -> None:
    journey.page.get_by_role("button", name="Try to sign in").click()
    sign_in(journey.page, ADDRESS, PASSWORD)
    journey.must_show("Account is disabled")
    journey.shoot("8-locked-out")


STEPS: tuple[tuple[str, Callable[[Journey], None]], ...] = (
    ("the identity provider pushes Ada over SCIM", _push),
    ("her invitation arrives", _mail_arrives),
    ("its link opens the landing page", _landing),
    ("its button leads into Keycloak, no password asked", _press),
    ("Keycloak's own mail proves the mailbox", _mailbox),
    ("she chooses a password and is done", _password),
    ("the portal has her signed in", _portal),
    ("Usher says that she is active", _active),
    ("the identity provider deactivates her over SCIM", _deactivate),
    ("the portal's session is gone", _session_gone),
    ("she cannot sign in again", _locked_out),
)


def walk_through(
    system: System, inbox_url: str, browser: "Browser", steps: Steps, shots: Path | None
) -> str | None:
    """Go all the way; None if every step showed what it must, else ``STEP: what was seen``.

    :param shots: folder for screenshots; made if it is not there.
    """
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport=DESKTOP)
    page.set_default_timeout(PATIENCE)
    journey = Journey(system, inbox_url, browser, page, shots)
    for name, step in STEPS:
        steps.working(name, brief=True)
        seen = _attempt(step, journey, steps, name)
        if seen is not None:
            journey.shoot("failed")
            return f"{name}: {seen}"
    return None


def _attempt(step: Callable[[Journey], None], journey: Journey, steps: Steps, name: str) -> str | None:
    from playwright.sync_api import Error

    try:
        with timed(steps, name):
            step(journey)
    except (Unexpected, DemoError) as error:
        return str(error)
    except Error as error:
        return f"{_without_links(error.message.splitlines()[0])} on {describe(journey.page)}"
    return None


def _without_links(text: str) -> str:
    return re.sub(r"https?://\S+", "…", text)
