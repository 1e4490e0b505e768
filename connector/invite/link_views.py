"""The views of the mailed link: look at it, press, ask for a new one. It owns which page each ends in; what
a link is worth and what a press does is decided beside it.
"""

from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import assert_never
from urllib.parse import quote

import structlog
from flask import Response, request

from connector.application.service import Service
from connector.domain.commands import Resend
from connector.domain.errors import Invalid, OutsideError, Refused, UsherError
from connector.foundation import metrics
from connector.foundation.links import InvitationLinks
from connector.foundation.observe import bind_subject, current_request_id
from connector.invite.address_check import AddressCheck, TooManyTries, WrongAddress
from connector.invite.addresses import INVITE
from connector.invite.answers import Answers
from connector.invite.callback import INVITED, Callbacks
from connector.invite.handover import HandOverDesk, NotLive
from connector.invite.http import browser_cookie, is_ours, set_cookies
from connector.invite.limits import Limits
from connector.invite.pages import Message
from connector.invite.standing import Invited, Standing, browser_of, look

log = structlog.get_logger()

_NOBODY = ("", 0)
"""An invitation that there cannot be."""


class LinkViews:
    """``/invite/{token}`` and ``/invite/{token}/renew``."""

    def __init__(
        self,
        service: Service,
        links: InvitationLinks,
        desk: HandOverDesk,
        callbacks: Callbacks,
        answers: Answers,
        limits: Limits,
        *,
        client: Callable[[], str],
        public_url: str,
        cookie_life: float,
    ) -> None:
        self._service = service
        self._links = links
        self._desk = desk
        self._address = AddressCheck(service)
        self._callbacks = callbacks
        self._answers = answers
        self._limits = limits
        self._client = client
        self._public_url = public_url
        self._cookie_life = cookie_life

    def show(self, token: str) -> Response:
        """How the link stands; writes nothing."""
        return self._standing(token, self._look(token))

    def press(self, token: str) -> Response:
        """Begin, and go to Keycloak."""
        if not is_ours(self._public_url):
            return self._answers.message(Message.FORBIDDEN)
        invited = self._look(token)
        if invited is None or not invited.may_begin:
            return self._standing(token, invited)
        if refusal := self._address_refused(token, invited):
            return refusal
        cookie = browser_cookie()
        if wait := self._limits.press(invited, browser=browser_of(cookie), address=self._client()):
            return self._too_many(invited, wait)
        try:
            pressed = self._desk.press(invited, cookie=cookie, request_id=current_request_id())
        except (NotLive, OutsideError, Invalid) as error:
            return self._not_begun(token, error)
        metrics.handover("begun")
        response = self._answers.redirect(self._callbacks.ask(pressed.handover).url)
        language = self._answers.language_of(invited)
        set_cookies(response, cookie=pressed.cookie, language=language, life=self._cookie_life)
        return response

    def _address_refused(self, token: str, invited: Invited) -> Response | None:
        """The page for a press that must bring the invited address and does not; the same for each."""
        if not invited.asks_address:
            return None
        try:
            self._address.check(invited, request.form.get("address", ""), request_id=current_request_id())
        except WrongAddress:
            return self._answers.landing(token, invited, is_missed=True)
        except TooManyTries as error:
            return self._too_many(invited, error.wait)
        return None

    def renew(self, token: str) -> Response:
        """Mail a new link to the invited address if the policy allows; the answer never tells."""
        if not is_ours(self._public_url):
            return self._answers.message(Message.FORBIDDEN, again=f"{INVITE}/{quote(token)}?")
        invited = self._look(token)
        if invited is None:
            return self._nowhere()
        if wait := self._limits.renewal(invited, address=self._client()):
            return self._too_many(invited, wait)
        with suppress(Refused):
            self._service.handle(
                Resend(
                    tenant=invited.user.tenant,
                    user_id=invited.user.id,
                    actor=INVITED,
                    source="link",
                    request_id=current_request_id(),
                )
            )
        language = self._answers.language_of(invited)
        return self._answers.redirect(f"{INVITE}/{token}/renew?lang={language}")

    def renewed(self, token: str) -> Response:
        """What is said after asking for a new link, whatever came of it."""
        invited = self._look(token)
        return self._answers.about(Message.RENEWED, invited) if invited else self._nowhere()

    def _look(self, token: str) -> Invited | None:
        """How the link stands. A forged one is looked up too, to take as long as an unknown one."""
        opened = self._links.open(token) or _NOBODY
        browser, now = browser_of(browser_cookie()), self._service.clock.now()
        with self._service.store.read() as work:
            invited = look(work, self._service.tenants, opened, browser=browser, now=now)
        if invited is not None:
            bind_subject(tenant=invited.tenant.id, user_id=invited.user.id)
        return invited

    def _standing(self, token: str, invited: Invited | None) -> Response:
        if invited is None:
            return self._nowhere()
        if invited.may_begin:
            return self._answers.landing(token, invited)
        message = _message_of(invited)
        link = invited.tenant.portal_url if invited.standing is Standing.USED else ""
        form = f"{INVITE}/{token}/renew" if message is Message.EXPIRED else ""
        return self._answers.about(message, invited, link=link, form=form)

    def _nowhere(self) -> Response:
        """No such link, whatever is wrong with it: the same answer, until somebody tries too many."""
        if wait := self._limits.nowhere(self._client()):
            return self._too_many(None, wait)
        return self._answers.about(Message.UNKNOWN, None)

    def _too_many(self, invited: Invited | None, wait: float) -> Response:
        if invited is not None:
            metrics.handover("limited")
            log.warning("limited", seconds=ceil(wait))
        response = self._answers.about(Message.TOO_MANY, invited)
        response.headers["Retry-After"] = str(ceil(wait))
        return response

    def _not_begun(self, token: str, error: UsherError) -> Response:
        """Why not: the link's own page if that has an answer, else that it may be tried again."""
        metrics.handover("overtaken" if isinstance(error, NotLive) else "failed")
        log.warning("press_failed", kind=type(error).__name__, detail=str(error))
        invited = self._look(token)
        if invited is None or not invited.may_begin or isinstance(error, NotLive):
            return self._standing(token, invited)
        return self._answers.about(Message.UNAVAILABLE, invited, link=f"{INVITE}/{token}")


def _message_of(invited: Invited) -> Message:
    """The page of a link that has no button to begin."""
    policy = invited.tenant.policy
    match invited.standing:
        case Standing.EXPIRED:
            return Message.EXPIRED if policy.self_renew else Message.EXPIRED_ASK
        case Standing.USED:
            return Message.USED_RECOVERY if policy.password_recovery else Message.USED
        case Standing.SUPERSEDED:
            return Message.SUPERSEDED
        case Standing.TAKEN:
            return Message.TAKEN
        case Standing.WITHDRAWN:
            return Message.WITHDRAWN
        case Standing.VALID | Standing.ELSEWHERE:
            raise AssertionError("this link has a page with a button")
        case _:
            assert_never(invited.standing)
