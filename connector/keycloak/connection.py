"""How requests travel to Keycloak: pool, time-outs, headers, redirects. It owns what python-keycloak is
told about these and is, with ``errors``, the only module that sees the library; it must not know what a
request is for.
"""

from collections.abc import Callable
from typing import Any

from keycloak.connection import ConnectionManager
from requests import PreparedRequest, Response

from connector.foundation.deadline import seconds_left
from connector.foundation.observe import current_request_id

CONNECT_SECONDS = 3.0


class Connection(ConnectionManager):
    """Requests below ``url``, each sent once and never on to where an answer redirects; safe to share
    between threads, ``slots`` of which keep a connection each. With ``token`` a body is JSON and a request
    carries what that gives; without, a body is a form. ``patience`` is seconds from a request, or a piece
    of its answer, to the next piece; less where the work at hand must end sooner.
    """

    def __init__(
        self, url: str, *, patience: float, slots: int = 1, token: Callable[[], str] | None = None
    ) -> None:
        self._patience = patience
        super().__init__(
            # The library joins paths as a browser does: without the slash, the last part would be lost.
            base_url=f"{url}/",
            headers={"Content-Type": "application/json"} if token else {},
            max_retries=0,
            pool_maxsize=slots,
        )
        self._token = token
        self._keep_environment(url)
        self._s.auth = self._sign
        self._s.hooks["response"].append(_stay)

    @property
    def timeout(self) -> Any:
        """(connect, read) in seconds, as requests wants it; the library asks for it at each request."""
        left = seconds_left()
        return min(CONNECT_SECONDS, left), min(self._patience, left)

    @timeout.setter
    def timeout(self, value: Any) -> None:
        """The library sets its own default, which is not ours."""

    def _keep_environment(self, url: str) -> None:
        """Look for proxies and certificate authorities in the environment once, not at each request."""
        found = self._s.merge_environment_settings(url, {}, None, True, None)
        self._s.proxies, self.verify = found["proxies"], found["verify"] or True
        self._s.trust_env = False

    def _sign(self, request: PreparedRequest) -> PreparedRequest:
        """What is told of a request as it is sent: whose it is and what it belongs to."""
        if request_id := current_request_id():
            request.headers["X-Request-ID"] = request_id
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token()}"
        return request


def token_of(response: Response) -> str:
    """The token that the request of this answer carried."""
    return response.request.headers["Authorization"].removeprefix("Bearer ")


def _stay(response: Response, **_: Any) -> None:
    """A redirect is an answer like any other. Followed, it would take a secret or a change elsewhere."""
    if response.is_redirect:
        del response.headers["Location"]
