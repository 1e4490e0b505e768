"""One realm's Admin REST API: tokens, time-outs, JSON in and out. It owns the connection and is the
only module besides ``errors`` that sees python-keycloak; it must not know what the calls are for.

Every call goes through the library's ``raw_*``: its own methods drop the headers of an answer, and
without them neither ``Retry-After`` nor a proxy's HTML page can be told from Keycloak's word.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connector.domain.errors import Misconfigured, Unavailable
from connector.foundation.config import RealmSettings
from connector.keycloak import errors

if TYPE_CHECKING:
    from keycloak import KeycloakOpenIDConnection
    from requests import Response

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
POOL = 8
TOKEN_LIFE_USED = 0.8
"""A token is renewed when this much of its life is over."""


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
    """Calls below ``{url}/admin/realms/{realm}``; safe to share between threads.

    ``login`` is asked before the first token and again after one was refused, so a secret that was just
    written or changed is taken up. Every call raises the ``OutsideError`` tree. ``absent`` lists what a
    404 may be called that means "there is none" rather than a fault.
    """

    def __init__(self, settings: RealmSettings, login: Callable[[], Login]) -> None:
        self._settings = settings
        self._base = f"admin/realms/{path(settings.realm)}"
        self._login = login
        self._lock = Lock()
        self._connection: KeycloakOpenIDConnection | None = None

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

    def _send(self, request: "Callable[[KeycloakOpenIDConnection], Response]") -> "Response":
        with errors.translated():
            response = request(self._ready())
        if response.history:
            raise Misconfigured("Keycloak's address redirects elsewhere; set 'url' to the final one.")
        return response

    def _ready(self) -> "KeycloakOpenIDConnection":
        """The connection with a token that is good for a while; one thread fetches, others wait."""
        with self._lock:
            connection = self._connection or self._connect(self._login())
            self._connection = None
            if connection.expires_at is None or datetime.now(UTC) >= connection.expires_at:
                connection.get_token()
            self._connection = connection
            return connection

    def _connect(self, login: Login) -> "KeycloakOpenIDConnection":
        from keycloak import KeycloakOpenIDConnection
        from keycloak.connection import ConnectionManager

        settings = self._settings
        # The library joins paths as a browser does: without the slash, the last part would be lost.
        url = f"{settings.url}/"
        # requests takes (connect, read) seconds; the library only hands the value on.
        timeout: Any = (CONNECT_SECONDS, READ_SECONDS)
        connection = KeycloakOpenIDConnection(
            server_url=url,
            realm_name=settings.realm,
            user_realm_name=login.realm,
            client_id=login.client_id,
            client_secret_key=login.client_secret or None,
            username=login.user or None,
            password=login.password or None,
            timeout=timeout,
            max_retries=0,
            pool_maxsize=POOL,
        )
        connection.token_lifetime_fraction = TOKEN_LIFE_USED
        # The library's own connection for tokens sends each POST up to twice.
        connection.keycloak_openid.connection = ConnectionManager(url, timeout=timeout, max_retries=0)
        return connection
