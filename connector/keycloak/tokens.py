"""The access token of one of our accounts at Keycloak: kept while it is good, fetched once for all who
wait. It owns when a token is renewed; it must not know how one is fetched.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock

LIFE_USED = 0.8
"""A token is renewed when this much of its life is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token and the seconds it lives from when it was asked for."""

    value: str = field(repr=False)
    seconds: float


class Tokens:
    """The newest token, for all threads. ``fetch`` asks for one; ``elapsed`` gives seconds that never
    jump.

    While one thread fetches, the others wait for what it gets, be it an error: each trying in its turn
    would hold the last one up for as many time-outs as there are threads.
    """

    def __init__(self, fetch: Callable[[], Token], elapsed: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._elapsed = elapsed
        self._lock = Lock()
        self._renew_at = 0.0
        self._fetching: Future[str] | None = None
        self.newest = ""
        """The last one fetched, whatever its age; empty before the first."""

    def current(self) -> str:
        """One that is good for a while; raises what ``fetch`` raises."""
        return self._other_than("")

    def instead_of(self, refused: str) -> str:
        """One for a token that Keycloak refused before its time; raises what ``fetch`` raises."""
        return self._other_than(refused)

    def _other_than(self, unwanted: str) -> str:
        with self._lock:
            if self.newest != unwanted and self._elapsed() < self._renew_at:
                return self.newest
            fetching = self._fetching
            if fetching is None:
                fetching = self._fetching = Future()
                is_ours = True
            else:
                is_ours = False
        if is_ours:
            self._fetch_for(fetching)
        return fetching.result()

    def _fetch_for(self, waiting: Future[str]) -> None:
        began = self._elapsed()
        try:
            token = self._fetch()
        except BaseException as error:
            with self._lock:
                self._fetching = None
            waiting.set_exception(error)
        else:
            with self._lock:
                self.newest, self._renew_at = token.value, began + LIFE_USED * token.seconds
                self._fetching = None
            waiting.set_result(token.value)
