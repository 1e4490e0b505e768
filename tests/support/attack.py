"""Strangers: people who once held a link, or something else that was on the way, and are not the invited
person. It owns what they try and how one sees that it came to nothing; which attack it is, is the tests'.
"""

from dataclasses import dataclass

from connector.domain.model import PortalUser, State
from tests.support.house import House
from tests.support.person import Person, Seen
from tests.support.realms import PASSWORD

UPDATE_PASSWORD = "Update password"
ALL_SET = "You are all set"
STOLEN = "stranger horse 9 battery"
"""The password that strangers choose."""


@dataclass
class Stranger:
    """Somebody with Keycloak's password page of an invited person open in their browser."""

    house: House
    user: PortalUser
    browser: Person
    page: Seen

    def reload(self) -> None:
        """Load the page again, which keeps it alive past its time."""
        self.page = self.browser.open(self.page.way[-1])
        assert self.page.title == UPDATE_PASSWORD

    def submit(self) -> Seen:
        """Send it off."""
        return self.browser.choose_password(self.page, STOLEN)

    def is_out(self) -> bool:
        """Whether neither their browser nor their password opens the portal."""
        return not (self.house.is_signed_in(self.browser) or opens(self.house, self.user, STOLEN))


def a_stranger(house: House, user: PortalUser) -> Stranger:
    """Presses the button of the newest link and leaves the password page open."""
    browser = house.person()
    page = house.begin(browser, user)
    assert page.title == UPDATE_PASSWORD
    return Stranger(house, user, browser, page)


def comes_in(house: House, user: PortalUser) -> Person:
    """The invited person, in a browser of their own, goes all the way with the newest link."""
    person = house.person()
    done = person.choose_password(house.begin(person, user), PASSWORD)
    assert done.title == ALL_SET, done.text
    return person


def is_safe(house: House, user: PortalUser, person: Person) -> bool:
    """Whether the invited person is in, by session and by password, and nobody's link is left."""
    return (
        house.state(user) is State.ACTIVE
        and house.is_signed_in(person)
        and opens(house, user, PASSWORD)
        and not house.linked(user)
    )


def opens(house: House, user: PortalUser, password: str) -> bool:
    """Whether somebody at a new browser gets into the portal with this password."""
    person = house.person()
    login = person.open(house.portal_sign_in())
    return "code" in person.sign_in(login, house.user(user).profile.user_name, password).query
