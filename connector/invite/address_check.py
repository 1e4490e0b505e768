"""The address that the press of a link which works once must bring. It owns what counts as that address and
how often it may be missed; it must not know pages.

Misses are counted on the user's timeline, so every process knows of them and an operator sees them. A form
that is sent untouched, as scanners do, is no miss: it keeps nobody waiting.
"""

from hmac import compare_digest

from connector.application.service import Service
from connector.domain.document import fold
from connector.domain.errors import UsherError
from connector.invite.handover import press_entry
from connector.invite.standing import Invited

TRIES = 5
"""So many wrong addresses may be given …"""
WINDOW = 900.0
"""… within so many seconds."""
_LONGEST = 320
_MISSED = "refused: wrong_address"


class WrongAddress(UsherError):
    """Not the address that was invited."""


class TooManyTries(UsherError):
    """Nothing is compared any more for ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("Too many wrong addresses.")
        self.wait = wait


class AddressCheck:
    """Compares what was typed with the invited address."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def check(self, invited: Invited, typed: str, *, request_id: str) -> None:
        """Case, and white space around it, do not matter.

        :raises WrongAddress: it is not the invited one. :raises TooManyTries: that came too often.
        """
        given = fold(typed[:_LONGEST].strip())
        if not given:
            raise WrongAddress("No address was given.")
        if not self._is_right(invited, given, request_id):
            raise WrongAddress("Another address was given.")

    def _is_right(self, invited: Invited, given: str, request_id: str) -> bool:
        now, user = self._service.clock.now(), invited.user
        with self._service.store.write() as work:
            work.users.lock(user.tenant, user.id)
            since = now - WINDOW
            missed = [e.at for e in work.timeline.of(user.tenant, user.id) if e.reason == _MISSED]
            recent = [at for at in missed if at > since]
            if len(recent) >= TRIES:
                raise TooManyTries(recent[-TRIES] - since)
            is_right = compare_digest(given.encode(), fold(invited.invitation.address).encode())
            if not is_right:
                work.timeline.add(press_entry(user, now, request_id, _MISSED))
        return is_right
