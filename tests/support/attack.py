"""Strangers: people who once held a link, or something else that was on the way, and are not the invited
person. It owns what they try and how one sees that it came to nothing; which attack it is, is the tests'.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from connector.domain.model import PortalUser, State
from tests.support.house import House
from tests.support.person import Person, Seen
from tests.support.realms import PASSWORD, REALM

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


def almost_in(house: House, person: Person, user: PortalUser) -> Seen:
    """All the way but the last step: everything is done at Keycloak, and the browser is stopped before it
    comes back to us. Where to has a code and a state.
    """
    page = house.begin(person, user)
    with person.stopping(f"{house.settings.public_url}/invite/done"):
        stopped = person.choose_password(page, PASSWORD)
    assert {"code", "state"} <= stopped.query.keys(), stopped.text
    return stopped


def sign_in_question(house: House, person: Person) -> Seen:
    """Where a browser that is on the way is sent with the question that its answer at ``/invite/done``
    answers.
    """
    public_url = house.settings.public_url
    keycloak = house.settings.realms[REALM].url
    with person.stopping(keycloak):
        return person.open(f"{public_url}/invite/go")


def done_url(house: House, **query: str) -> str:
    """Our callback with whatever somebody brings to it."""
    return f"{house.settings.public_url}/invite/done?{urlencode(query)}"


def comes_in(house: House, user: PortalUser) -> Person:
    """The invited person, in a browser of their own, goes all the way with the newest link."""
    person = house.person()
    done = person.choose_password(house.begin(person, user), PASSWORD)
    assert done.title == ALL_SET, done.text
    return person


def is_safe(house: House, user: PortalUser, person: Person) -> bool:
    """Whether the invited person is in, by session and by password, nobody else is, and nobody's link is
    left. The password opens a session too.
    """
    return (
        house.state(user) is State.ACTIVE
        and house.sessions(user) == 1
        and house.is_signed_in(person)
        and opens(house, user, PASSWORD)
        and not house.linked(user)
    )


def opens(house: House, user: PortalUser, password: str) -> bool:
    """Whether somebody at a new browser gets into the portal with this password."""
    person = house.person()
    login = person.open(house.portal_sign_in())
    return "code" in person.sign_in(login, house.user(user).profile.user_name, password).query
