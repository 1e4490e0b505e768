"""The mailed link, good and bad: what its page says, and that a bad one brings nobody into Keycloak."""

from connector.demo.system import System
from connector.demo.walk import choose_password, invitation_link, is_password_page, press
from tests.journey.visitor import Visitor
from tests.support.realms import PASSWORD
from tests.support.system import Guest, invite


def test_an_expired_link_says_so_and_mails_a_new_one_that_works(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@expired.example")
    guest.let_the_invitation_expire()
    assert visitor.open(guest.link) == 410
    assert visitor.heading == "This link has expired"
    assert guest.state == "expired"
    visitor.page.get_by_role("button", name="Send me a new link").click()
    visitor.must_see("Look into your inbox")
    _accept(visitor, invitation_link(guest.next_mail()))
    assert guest.state == "active"


def test_a_link_that_expires_while_its_page_is_open_leads_nowhere(system: System, visitor: Visitor) -> None:
    guest = invite(system, "grace@expired.example")
    visitor.open(guest.link)
    guest.let_the_invitation_expire()
    press(visitor.page)
    assert visitor.heading == "This link has expired"
    assert visitor.pages_of(system.where.issuer) == []


def test_a_used_link_says_so_and_leads_to_the_portal(system: System, visitor: Visitor) -> None:
    guest = invite(system, "ada@used.example")
    _accept(visitor, guest.link)
    assert visitor.open(guest.link) == 410
    assert visitor.heading == "You already have access"
    assert visitor.page.locator("main form").count() == 0
    visitor.page.get_by_role("link", name="Go to the portal").click()
    visitor.must_see("Welcome, Ada")


def test_a_forged_link_gets_the_neutral_page_and_not_a_word_about_anybody(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "ada@forged.example")
    assert visitor.open(_forged(guest)) == 404
    assert visitor.heading == "This link leads nowhere"
    body = visitor.page.content()
    assert system.tenant_name not in body
    assert "forged.example" not in body
    assert visitor.open(f"{system.where.usher}/invite/anything") == 404
    assert visitor.page.locator("main").inner_html() in body


def test_after_a_resend_the_old_link_says_so_and_the_new_one_works(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "ada@resent.example")
    system.usher.run("user", "resend", system.tenant, guest.user)
    newest = invitation_link(guest.next_mail())
    assert visitor.open(guest.link) == 410
    assert visitor.heading == "There is a newer link"
    assert visitor.page.locator("main form").count() == 0
    _accept(visitor, newest)
    assert guest.state == "active"


def test_with_the_mailbox_proved_by_the_invitation_there_is_one_page_and_one_mail(
    system: System, visitor: Visitor
) -> None:
    guest = invite(system, "ada@one-page.example")
    visitor.open(guest.link)
    press(visitor.page)
    assert is_password_page(visitor.page)
    assert len(visitor.pages_of(system.where.issuer)) == 1
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")
    assert len(visitor.pages_of(system.where.issuer)) == 1
    assert len(guest.mails()) == 1
    assert guest.account()["emailVerified"] is True


def _accept(visitor: Visitor, link: str) -> None:
    """Go all the way."""
    assert visitor.open(link) == 200
    press(visitor.page)
    choose_password(visitor.page, PASSWORD)
    visitor.must_see("Welcome, Ada")


def _forged(guest: Guest) -> str:
    """The link with another ending."""
    end = guest.link[-2:]
    return guest.link[:-2] + ("AA" if end != "AA" else "QQ")
