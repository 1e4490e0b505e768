"""``usher demo --check``: the whole journey at each site in a headless browser, one line a step. It owns
the steps and what each must show; the clicks are in ``walk``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.demo.errors import DemoError
from connector.demo.portal import portal_words
from connector.demo.sites import SITES, Person, Site
from connector.demo.steps import Steps, timed
from connector.demo.system import System
from connector.demo.walk import (
    PATIENCE,
    choose_password,
    invitation_link,
    is_password_page,
    let_go,
    press,
    prove_mailbox,
    sign_in,
    stay_before,
)
from connector.foundation.resources import templates_dir
from connector.invite.texts import Texts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: "ViewportSize" = {"width": 1280, "height": 800}
DEVICES: "dict[str, ViewportSize]" = {"phone": {"width": 390, "height": 844}, "desk": DESKTOP}
MAIL_SECONDS = 30.0
SEEN = 200
GLANCE = 2_000.0
"""Milliseconds."""


class Unexpected(Exception):
    """A step showed something else than it must; the text is what was seen."""


@dataclass(slots=True)
class Journey:
    """One person's way at one site, as far as it has come. ``system`` is as the site's tenant sees it."""

    site: Site
    system: System
    inbox_url: str
    page: "Page"
    shots: Path | None
    user: str = ""
    mail: int = 0
    link: str = field(default="", repr=False)

    @property
    def person(self) -> Person:
        """Whose way it is."""
        return self.site.person

    @property
    def portal(self) -> Mapping[str, Any]:
        """The words of the site's portal."""
        return portal_words()[self.site.language]

    @property
    def done(self) -> Mapping[str, Any]:
        """The words of Usher's last page."""
        return Texts.load(templates_dir() / "pages").page(self.site.language, "done")

    def shoot(self, name: str) -> None:
        """Save what the browser shows, on a desk and on a phone, if somebody asked for it."""
        if self.shots is not None:
            for device, size in DEVICES.items():
                self.page.set_viewport_size(size)
                path = self.shots / self.site.tenant / f"{name}-{device}.png"
                self.page.screenshot(path=path, full_page=True)
            self.page.set_viewport_size(DESKTOP)

    def must_speak(self) -> None:
        """:raises Unexpected: the page is not in the site's language."""
        language = self.page.locator("html").get_attribute("lang") or "no language"
        if language.partition("-")[0] != self.site.language:
            raise Unexpected(f"a page in {language}: {describe(self.page)}")

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
    person = journey.person
    journey.user = journey.system.scim.create(person.address, person.given_name, person.family_name)


def _mail_arrives(journey: Journey) -> None:
    mail = journey.system.inbox.wait_for(journey.person.address, timeout=MAIL_SECONDS)
    journey.mail, journey.link = mail.number, invitation_link(mail)
    journey.page.goto(journey.inbox_url)
    journey.shoot("1-inbox")
    journey.page.goto(f"{journey.inbox_url}/mail/{mail.number}")
    journey.must_show(mail.subject)
    journey.shoot("1-mail")


def _landing(journey: Journey) -> None:
    journey.page.goto(journey.link)
    journey.must_show(journey.site.name)
    journey.must_speak()
    journey.shoot("2-landing")


def _press(journey: Journey) -> None:
    press(journey.page)
    if not journey.page.url.startswith(f"{journey.system.where.issuer}/"):
        raise Unexpected(describe(journey.page))
    if is_password_page(journey.page) == journey.site.mails_twice:
        raise Unexpected(describe(journey.page))
    journey.must_speak()


def _mailbox(journey: Journey) -> None:
    journey.shoot("3-mailbox")
    mail = prove_mailbox(journey.page, journey.system.inbox, journey.person.address, after=journey.mail)
    journey.mail = mail.number
    if not is_password_page(journey.page):
        raise Unexpected(describe(journey.page))


def _password(journey: Journey) -> None:
    journey.shoot("4-password")
    attempts = stay_before(journey.page, journey.system.portal_url)
    choose_password(journey.page, journey.person.password)
    journey.must_show(journey.done["title"])
    journey.shoot("5-done")
    let_go(journey.page, attempts)


def _portal(journey: Journey) -> None:
    journey.page.get_by_role("link", name=journey.done["button"]).click()
    journey.must_show(journey.portal["signed_in"]["heading"].format(who=journey.person.given_name))
    journey.shoot("6-portal")


def _active(journey: Journey) -> None:
    state = journey.system.state_of(journey.user)
    if state != "active":
        raise Unexpected(f"usher user show says {state}")


def _deactivate(journey: Journey) -> None:
    journey.system.scim.deactivate(journey.user)


def _session_gone(journey: Journey) -> None:
    journey.must_show(journey.portal["ended"]["state"])
    journey.shoot("7-ended")


def _locked_out(journey: Journey) -> None:
    journey.page.get_by_role("button", name=journey.portal["ended"]["button"]).click()
    sign_in(journey.page, journey.person.address, journey.person.password)
    journey.must_show(journey.site.disabled)
    journey.shoot("8-locked-out")


Step = tuple[str, Callable[[Journey], None]]

BEFORE: tuple[Step, ...] = (
    ("the identity provider pushes {who} over SCIM", _push),
    ("her invitation arrives", _mail_arrives),
    ("its link opens the landing page", _landing),
    ("its button leads into Keycloak, no password asked", _press),
)
MAILBOX: Step = ("Keycloak's own mail proves the mailbox", _mailbox)
AFTER: tuple[Step, ...] = (
    ("she chooses a password and is done", _password),
    ("the portal has her signed in", _portal),
    ("Usher says that she is active", _active),
    ("the identity provider deactivates her over SCIM", _deactivate),
    ("the portal's session is gone", _session_gone),
    ("she cannot sign in again", _locked_out),
)


def steps_of(site: Site) -> tuple[Step, ...]:
    """What happens at a site, in order."""
    return (*BEFORE, *((MAILBOX,) if site.mails_twice else ()), *AFTER)


def walk_through(
    system: System, inbox_url: str, browser: "Browser", steps: Steps, shots: Path | None
) -> str | None:
    """Go all the way at each site; None if every step showed what it must, else ``STEP: what was seen``.

    :param shots: folder for screenshots, one folder a site in it.
    """
    for site in SITES:
        steps.say(f"\n{site.name}: {site.summary}")
        with browser.new_context(viewport=DESKTOP) as context:
            context.set_default_timeout(PATIENCE)
            journey = Journey(site, system.seen_by(site.tenant), inbox_url, context.new_page(), shots)
            seen = _walk(journey, steps)
        if seen is not None:
            return seen
    return None


def _walk(journey: Journey, steps: Steps) -> str | None:
    for pattern, step in steps_of(journey.site):
        name = pattern.format(who=journey.person.given_name)
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
