"""A whole Usher for the journeys, over a realm of its own, and the people whom it invites. It owns their
start and their end; what they do in a browser is the journeys'.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connector.demo.inbox import Inbox, ReceivedMail
from connector.demo.keycloak import RunningKeycloak
from connector.demo.sites import ACME
from connector.demo.steps import PlainSteps
from connector.demo.system import System, running_system
from connector.demo.walk import invitation_link
from connector.domain.policy import DAY
from tests.support.realms import Console
from tests.support.record import record_of

MONTH = 30 * DAY


@contextmanager
def whole_system(
    folder: Path, keycloak: RunningKeycloak, inbox: Inbox, *, realm: str, preset: str = "", **policy: Any
) -> Iterator[System]:
    """Usher, as it runs, and the sample portal; the realm is removed at the end. ``preset`` and ``policy``
    are the one tenant's.
    """
    console = Console(keycloak, realm)
    console.remove_realm()
    own: dict[str, Any] = ({"preset": preset} if preset else {}) | ({"policy": policy} if policy else {})
    site = replace(ACME, settings={**ACME.settings, **own})
    with running_system(
        folder, keycloak, inbox, realm=realm, sites=[site], steps=PlainSteps(), env=os.environ
    ) as system:
        yield system
    console.remove_realm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody whom the identity provider has pushed, with the mail that invited them."""

    system: System
    user: str
    address: str
    mail: ReceivedMail

    @property
    def link(self) -> str:
        """The link of that mail's button."""
        return invitation_link(self.mail)

    @property
    def state(self) -> str:
        """Their state at Usher."""
        with record_of(self.system.settings) as record:
            return record.state(self.user)

    def next_mail(self) -> ReceivedMail:
        """The newest that came after the invitation."""
        return self.system.inbox.wait_for(self.address, after=self.mail.number)

    def mails(self) -> list[str]:
        """The subjects of all their mails, oldest first."""
        mine = (mail for mail in self.system.inbox.mails() if mail.recipient == self.address)
        return [mail.subject for mail in mine][::-1]

    def account(self) -> Any:
        """Their account in Keycloak, as its administrator sees it."""
        (found,) = console_of(self.system).get("users", username=self.address, exact="true")
        return found

    def let_the_invitation_expire(self) -> None:
        """As if it were a month old, and the clock had seen it: none may live for less than an hour."""
        with record_of(self.system.settings) as record:
            record.let_invitation_age(self.user, MONTH)
            record.wait_until_settled()


def invite(system: System, address: str, given_name: str = "Ada", family_name: str = "Lovelace") -> Guest:
    """Push somebody over SCIM and wait for their mail."""
    user = system.scim.create(address, given_name, family_name)
    return Guest(system=system, user=user, address=address, mail=system.inbox.wait_for(address))


def console_of(system: System) -> Console:
    """The administrator of the system's realm."""
    return Console(system.keycloak, system.where.realm)
