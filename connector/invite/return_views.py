"""The views a browser comes back to from Keycloak: the probe, the way on, the end, and the way back where
Keycloak goes no further. It owns which page or redirect each outcome becomes; what an answer proves is
``callback.py``'s.
"""

from collections.abc import Callable
from typing import assert_never

import structlog
from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed

from connector.domain.errors import OutsideError
from connector.domain.model import Tenant
from connector.foundation import metrics
from connector.foundation.observe import current_request_id
from connector.invite.addresses import PROBE
from connector.invite.answers import Answers
from connector.invite.callback import Callbacks
from connector.invite.http import browser_cookie, is_ours, set_language
from connector.invite.outcomes import (
    Answer,
    Finished,
    LandAgain,
    Lost,
    Onward,
    Outcome,
    SignedIn,
)
from connector.invite.pages import Message

log = structlog.get_logger()


class ReturnViews:
    """``/invite/probe``, ``/invite/go``, ``/invite/done`` and ``/invite/back``."""

    def __init__(
        self,
        callbacks: Callbacks,
        answers: Answers,
        *,
        public_url: str,
        cookie_life: float,
    ) -> None:
        self._callbacks = callbacks
        self._answers = answers
        self._public_url = public_url
        self._cookie_life = cookie_life

    def probe(self) -> Response:
        """Whether somebody is signed in. Without Keycloak's answer the question is asked again, in the
        language that was chosen on the page about the last one.
        """
        language = self._answers.language()
        if request.method == "GET" and "state" not in request.args:
            return self._asked_again(language)
        return self._answered(
            lambda answer: self._callbacks.probed(browser_cookie(), answer, language=language),
            when_away=Message.UNAVAILABLE,
        )

    def _asked_again(self, language: str) -> Response:
        outcome = self._callbacks.ask_again(browser_cookie())
        response = self._respond(outcome)
        if isinstance(outcome, Onward):
            set_language(response, language, self._cookie_life)
        return response

    def go(self) -> Response:
        """After a log-out: on to the invited person's sign-in."""
        language = self._answers.language()
        return self._respond(self._callbacks.go(browser_cookie(), language=language))

    def sign_out(self) -> Response:
        """The person agreed to sign somebody else out."""
        if not is_ours(self._public_url):
            return self._answers.message(Message.FORBIDDEN, again=f"{PROBE}?")
        return self._respond(self._callbacks.sign_out(browser_cookie()))

    def done(self) -> Response:
        """The end."""
        request_id = current_request_id()
        return self._answered(
            lambda answer: self._callbacks.done(browser_cookie(), answer, request_id=request_id),
            when_away=Message.UNFINISHED,
        )

    def stopped(self) -> Response:
        """Back from an error page of Keycloak's, or from our provider without a code."""
        return self._respond(self._callbacks.stopped(browser_cookie()))

    def _answered(self, step: Callable[[Answer], Outcome], *, when_away: Message) -> Response:
        """A step that takes Keycloak's answer. Such an answer counts, so only a real GET brings it."""
        if request.method == "HEAD":
            raise MethodNotAllowed(["GET"])
        given = {name: request.args.get(name, "") for name in ("state", "code", "error", "iss")}
        try:
            return self._respond(step(Answer(**given)))
        except OutsideError as error:
            metrics.handover("unanswered")
            log.warning("callback_failed", kind=type(error).__name__, detail=str(error))
            return self._answers.message(when_away, link=request.full_path)

    def _respond(self, outcome: Outcome) -> Response:
        match outcome:
            case Onward(url):
                return self._answers.redirect(url)
            case LandAgain(url):
                language = self._answers.language()
                return self._answers.redirect(f"{url}?again=1&lang={language}")
            case SignedIn():
                return self._answers.signed_in(outcome)
            case Finished(tenant):
                return self._answers.done(tenant)
            case Lost(tenant):
                return self._lost(tenant)
            case _:
                assert_never(outcome)

    def _lost(self, tenant: Tenant | None) -> Response:
        if tenant is None:
            return self._answers.message(Message.LOST_NEUTRAL)
        return self._answers.message(Message.LOST, tenant, link=tenant.portal_url)
