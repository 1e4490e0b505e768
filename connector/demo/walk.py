"""What an invited person does in a browser, step by step. It owns where to click on Usher's, Keycloak's and
the portal's pages; what must come of it is the asker's to judge.

Every function may raise playwright's ``Error`` when the page is not the expected one.
"""

from typing import TYPE_CHECKING

from connector.demo.inbox import Inbox, ReceivedMail, links

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

PATIENCE = 15_000.0
"""Milliseconds for one page; Keycloak's first ones are slow."""

CHOSEN_FIELD = 'input[name="password-new"]'


def invitation_link(mail: ReceivedMail) -> str:
    """The link of an invitation's button."""
    return next(link for link in links(mail) if "/invite/" in link)


def verification_link(mail: ReceivedMail) -> str:
    """The link of Keycloak's own mail."""
    return next(link for link in links(mail) if "/login-actions/action-token" in link)


def press(page: "Page") -> None:
    """Press the landing page's button; returns on the next page that stands still."""
    page.locator("main form button").click()
    page.wait_for_load_state()


def is_password_page(page: "Page") -> bool:
    """Whether Keycloak asks for a new password now."""
    return page.locator(CHOSEN_FIELD).count() > 0


def prove_mailbox(page: "Page", inbox: Inbox, address: str, *, after: int) -> ReceivedMail:
    """Open the link of the mail that Keycloak sends to ``address``, in this browser; that mail.

    :param after: the number of the newest mail before.
    """
    mail = inbox.wait_for(address, timeout=30.0, after=after)
    page.goto(verification_link(mail))
    return mail


def choose_password(page: "Page", password: str) -> None:
    """Fill Keycloak's form in, and submit it."""
    page.locator(CHOSEN_FIELD).fill(password)
    page.locator('input[name="password-confirm"]').fill(password)
    page.locator('#kc-form-buttons [type="submit"], form [type="submit"]').first.click()


def sign_in(page: "Page", user_name: str, password: str) -> None:
    """Fill Keycloak's sign-in form in, and submit it."""
    page.locator('input[name="username"]').fill(user_name)
    page.locator('input[name="password"]').fill(password)
    page.locator('#kc-login, form [type="submit"]').first.click()


def stay_before(page: "Page", url: str) -> "list[Route]":
    """Keep the browser from going on to ``url``, so that the page before can be looked at; the list fills
    with its attempts. Take it back with ``page.unroute_all()``.
    """
    attempts: list[Route] = []

    def refuse(route: "Route") -> None:
        attempts.append(route)
        # An aborted navigation leaves the page where it is; any other error shows Chromium's own page.
        route.abort("aborted")

    page.route(f"{url}**", refuse)
    return attempts


def let_go(page: "Page", attempts: "list[Route]") -> None:
    """Take :func:`stay_before` back, once the page has tried to go on: later it would, in the midst of what
    is done on it next.
    """
    for _ in range(int(PATIENCE / 50)):
        if attempts:
            break
        page.wait_for_timeout(50)
    page.unroute_all()
