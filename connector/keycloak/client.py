"""One realm's Admin REST API: calls with a token, JSON in and out. It owns what a call is made of; it must
not know what the calls are for.

Every call goes through the library's ``raw_*``: its own methods drop the headers of an answer, and
without them neither ``Retry-After`` nor a proxy's HTML page can be told from Keycloak's word.
"""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connector.domain.errors import Unavailable
from connector.foundation.config import RealmSettings
from connector.foundation.contact import heard
from connector.foundation.deadline import seconds_left
from connector.keycloak import errors
from connector.keycloak.tokens import Token, Tokens

if TYPE_CHECKING:
    from requests import Response

    from connector.keycloak.connection import Connection

SLOTS = 8
"""How many threads keep a connection, unless it is said."""

READ_SECONDS = 10.0
"""How long an answer may take, unless it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who calls: a client's own service account, or a person when ``user`` is set. ``realm`` is where
    that account lives.
    """

    realm: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)


def path(*parts: str) -> str:
    """A path of ``parts``, each of which may hold anything."""
    return "/".join(quote(part, safe="") for part in parts)


class AdminClient:
    """Calls below ``{url}/admin/realms/{realm}``; safe to share between threads, ``slots`` of them without
    connecting anew; an answer may take ``patience`` seconds.

    ``login`` is asked before each token, so a secret that was just written or changed is taken up;
    ``elapsed`` gives seconds that never jump. Every call raises the ``OutsideError`` tree. ``absent`` lists
    what a 404 may be called that means "there is none" rather than a fault.
    """

    def __init__(
        self,
        settings: RealmSettings,
        login: Callable[[], Login],
        *,
        slots: int = SLOTS,
        patience: float = READ_SECONDS,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = settings.url
        self._base = f"admin/realms/{path(settings.realm)}"
        self._login = login
        self._slots = slots
        self._patience = patience
        self._tokens = Tokens(self._fetch_token, elapsed)
        self._lock = Lock()
        self._connection: Connection | None = None

    def get(self, at: str = "", **query: Any) -> dict[str, Any]:
        """GET: the JSON object."""
        return errors.object_of(self._send(lambda to: to.raw_get(self._at(at), **query)))

    def find(self, at: str = "", *, absent: Collection[str]) -> dict[str, Any] | None:
        """GET: the JSON object; None if it is absent."""
        response = self._send(lambda to: to.raw_get(self._at(at)))
        return None if self._is_absent(response, absent) else errors.object_of(response)

    def list(self, at: str, **query: Any) -> list[dict[str, Any]]:
        """GET: the JSON objects of an array."""
        return errors.objects_of(self._send(lambda to: to.raw_get(self._at(at), **query)))

    def post(self, at: str, body: Any = None) -> Any:
        """POST: the JSON value of the answer, None without one."""
        data = json.dumps({} if body is None else body)
        return errors.value_of(self._send(lambda to: to.raw_post(self._at(at), data)))

    def create(self, at: str, body: Any) -> str:
        """POST: the id that Keycloak gave what was made."""
        response = self._send(lambda to: to.raw_post(self._at(at), json.dumps(body)))
        if response.status_code == 201 and "Location" in response.headers:
            return response.headers["Location"].rstrip("/").rpartition("/")[2]
        errors.value_of(response)
        raise Unavailable("Keycloak does not say what it made")

    def put(self, at: str, body: Any, **query: Any) -> None:
        """PUT."""
        data = json.dumps(body)
        errors.value_of(self._send(lambda to: to.raw_put(self._at(at), data, **query)))

    def make_realm(self, representation: dict[str, Any]) -> None:
        """POST ``/admin/realms``, above this realm; only an administrator of the whole server may."""
        data = json.dumps(representation)
        errors.value_of(self._send(lambda to: to.raw_post("admin/realms", data)))

    def delete(self, at: str, body: Any = None, *, absent: Collection[str] = ()) -> None:
        """DELETE; fine if it is absent."""
        data: Any = None if body is None else json.dumps(body)
        response = self._send(lambda to: to.raw_delete(self._at(at), data))
        if not self._is_absent(response, absent):
            errors.value_of(response)

    def _at(self, relative: str) -> str:
        return f"{self._base}/{relative}" if relative else self._base

    def _is_absent(self, response: "Response", absent: Collection[str]) -> bool:
        return response.status_code == 404 and errors.error_name(response) in absent

    def _send(self, request: "Callable[[Connection], Response]") -> "Response":
        response = self._sent(request)
        if errors.is_keycloaks(response):
            heard()
        return response

    def _sent(self, request: "Callable[[Connection], Response]") -> "Response":
        """Send a request, and once more with another token if Keycloak takes ours for none."""
        from connector.keycloak.connection import token_of

        if not seconds_left():
            raise Unavailable("Keycloak takes too long", sink_wide=False)
        self._tokens.current()
        with errors.translated():
            response = request(self._connected())
        if response.status_code != 401:
            return response
        self._tokens.instead_of(token_of(response))
        with errors.translated():
            return request(self._connected())

    def _connected(self) -> "Connection":
        from connector.keycloak.connection import Connection

        with self._lock:
            if self._connection is None:
                self._connection = Connection(
                    self._url,
                    slots=self._slots,
                    patience=self._patience,
                    token=lambda: self._tokens.newest,
                )
            return self._connection

    def _fetch_token(self) -> Token:
        """``POST /realms/{realm}/protocol/openid-connect/token`` (RFC 6749 §4.3, §4.4)."""
        from connector.keycloak.connection import Connection

        login = self._login()
        at = f"realms/{path(login.realm)}/protocol/openid-connect/token"
        with errors.translated():
            answer = Connection(self._url, patience=self._patience).raw_post(at, _grant(login))
        return errors.token_in(answer)


def _grant(login: Login) -> dict[str, str]:
    client = {"client_id": login.client_id}
    if login.client_secret:
        client["client_secret"] = login.client_secret
    if not login.user:
        return {**client, "grant_type": "client_credentials"}
    return {**client, "grant_type": "password", "username": login.user, "password": login.password}
