"""What every web request gets, whichever room answers it: an id, a line in the log, its place in the
figures. It owns these and the address that says that the web process is there; it must not know what a
request is about, which rooms say by :func:`name_route` and ``observe.bind_subject``.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import structlog
from flask import Flask, Response, request

from connector.foundation import metrics
from connector.foundation.observe import (
    accepted_request_id,
    bind_request_id,
    current_request_id,
    forget_subject,
)
from connector.foundation.paths import ALIVE

REQUEST_ID = "X-Request-ID"
_ROUTE = "usher.route"
_RUNNING = "usher.running"

log = structlog.get_logger()


def observe_requests(app: Flask, *, fresh_id: Callable[[], str], seconds: Callable[[], float]) -> None:
    """Watch all requests of ``app``. Call it before the rooms' blueprints are added.

    :param fresh_id: makes the id of a request whose caller gave none that will do.
    :param seconds: a clock that only runs forward.
    """
    observer = _Observer(fresh_id, seconds)
    app.before_request(observer.begin)
    app.after_request(observer.end)
    app.teardown_request(observer.forget)
    app.add_url_rule(ALIVE, "alive", lambda: Response(status=204), methods=["GET"])


def name_route(route: str) -> None:
    """Which rule the running request met, where Flask's own says too little: a text of the code's."""
    request.environ[_ROUTE] = route


@dataclass(frozen=True, slots=True)
class _Running:
    began: float
    bound: ExitStack


class _Observer:
    """The hooks of one application."""

    def __init__(self, fresh_id: Callable[[], str], seconds: Callable[[], float]) -> None:
        self._fresh_id = fresh_id
        self._seconds = seconds

    def begin(self) -> None:
        """Bind the caller's id, or a new one, until the request is over."""
        bound = ExitStack()
        offered = request.headers.get(REQUEST_ID)
        bound.enter_context(bind_request_id(accepted_request_id(offered, self._fresh_id)))
        bound.callback(forget_subject)
        request.environ[_RUNNING] = _Running(self._seconds(), bound)

    def end(self, response: Response) -> Response:
        """Tell the id, and say what became of the request."""
        response.headers[REQUEST_ID] = current_request_id()
        if request.path != ALIVE:
            running: _Running = request.environ[_RUNNING]
            self._tell(response.status_code, self._seconds() - running.began)
        return response

    def forget(self, _error: BaseException | None) -> None:
        """Leave nothing of this request to the next one of the thread."""
        running: _Running | None = request.environ.get(_RUNNING)
        if running is not None:
            running.bound.close()

    def _tell(self, status: int, seconds: float) -> None:
        route = request.environ.get(_ROUTE) or (request.url_rule.rule if request.url_rule else "")
        metrics.request(route, request.method, status, seconds)
        log.info(
            "request",
            route=route or metrics.NO_ROUTE,
            method=metrics.shown_method(request.method),
            status=status,
            ms=round(seconds * 1000, 1),
        )
