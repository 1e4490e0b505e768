"""What an answer of Keycloak means to us: the one place where its four error shapes are read and become
the ``OutsideError`` tree. It must not decide what happens next, and repeats no value that we sent.

Measured on 26.7.3, errors come as ``{errorMessage}``, ``{field, errorMessage, params}`` alone or in
``{errors: […]}``, ``{error}`` and ``{error, error_description}``. Anything that is not JSON is not
Keycloak speaking: a proxy's page must never look like a missing account.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from connector.domain.errors import (
    Conflict,
    Exists,
    Forbidden,
    Gone,
    Linked,
    Misconfigured,
    OutsideError,
    Rejected,
    Unavailable,
)
from connector.keycloak.tokens import Token

USER_NOT_FOUND = "User not found"
MAIL_FAILED = "Failed to send execute actions email"


class Response(Protocol):
    """What is read of an answer; ``requests.Response`` has it."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields, by a name in any case."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...


def value_of(response: Response) -> Any:
    """The JSON value of a good answer, None if it has no body.

    :raises OutsideError: the answer is not a good one, by the table below.
    """
    if not 200 <= response.status_code < 300:
        raise failure_of(response)
    if not response.content:
        return None
    value = _json_of(response)
    if value is None:
        raise _not_keycloak(response)
    return value


def object_of(response: Response) -> dict[str, Any]:
    """The JSON object of a good answer.

    :raises OutsideError: as ``value_of``; ``Unavailable`` if it is anything else.
    """
    value = value_of(response)
    if not isinstance(value, dict):
        raise _not_keycloak(response)
    return value


def objects_of(response: Response) -> list[dict[str, Any]]:
    """The JSON objects of a good answer's array; raises as ``object_of``."""
    value = value_of(response)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _not_keycloak(response)
    return value


def error_name(response: Response) -> str:
    """What Keycloak calls the error of a 404, empty if it is not Keycloak that answered."""
    match _json_of(response):
        case {"error": str() as name}:
            return name
    return ""


def token_in(response: Response) -> Token:
    """The token of a good answer of the token endpoint (RFC 6749 §5.1).

    :raises Misconfigured: our account is refused. :raises Unavailable: there is none for now.
    """
    if not 200 <= response.status_code < 300:
        raise _token_failure(response)
    match _json_of(response):
        case {"access_token": str() as value, "expires_in": int() as seconds}:
            return Token(value=value, seconds=seconds)
    raise _not_keycloak(response)


def is_keycloaks(response: Response) -> bool:
    """Whether Keycloak itself answered, and is well: nothing or JSON, neither "later" nor "who are you"."""
    if response.status_code >= 500 or response.status_code in (401, 429):
        return False
    return not response.content or _json_of(response) is not None


def failure_of(response: Response) -> OutsideError:
    """The error that a bad answer means."""
    status = response.status_code
    if 300 <= status < 400:
        return Misconfigured("Keycloak's address redirects elsewhere; set 'url' to the final one.")
    if status == 500 and _fault_in(_json_of(response))[1].startswith(MAIL_FAILED):
        return Unavailable(
            "Keycloak could not send its mail; look at the mail server in the realm's settings.",
            sink_wide=False,
        )
    if status >= 500:
        return Unavailable(f"Keycloak answered {status}", retry_after=_retry_after(response))
    return _BY_STATUS.get(status, _unexpected)(response)


def _bad_request(response: Response) -> OutsideError:
    value = _json_of(response)
    return _not_keycloak(response) if value is None else Rejected(*_fault_in(value))


def _unauthorized(response: Response) -> OutsideError:
    if _json_of(response) is None:
        return _not_keycloak(response)
    return Misconfigured("Keycloak does not take our token; check the client's realm and secret.")


def _forbidden(response: Response) -> OutsideError:
    if _json_of(response) is None:
        return _not_keycloak(response)
    return Forbidden("Keycloak does not let our account do this to that account.")


def _not_found(response: Response) -> OutsideError:
    if _json_of(response) is None:
        return _not_keycloak(response)
    name = error_name(response)
    if name == USER_NOT_FOUND:
        return Gone(name)
    return Misconfigured(
        "Keycloak does not know this realm or path; check 'url' and 'realm', then run "
        f"'usher keycloak plan' ({name})."
    )


def _conflict(response: Response) -> OutsideError:
    value = _json_of(response)
    if value is None:
        return _not_keycloak(response)
    _, text = _fault_in(value)
    if text.startswith("User exists with"):
        return Exists(text)
    if "already linked" in text:
        return Linked(text)
    return Conflict(text)


def _too_large(response: Response) -> OutsideError:
    return Rejected(
        "request", f"Keycloak, or what stands before it, finds it too large ({response.status_code})"
    )


def _unexpected(response: Response) -> OutsideError:
    """What no call of ours expects may be the word of a proxy, on this one request."""
    if _json_of(response) is None:
        return _not_keycloak(response)
    return Misconfigured(f"Keycloak answered {response.status_code}, which no call of ours expects.")


def _too_many(response: Response) -> OutsideError:
    return Unavailable("Keycloak asks us to slow down", retry_after=_retry_after(response))


_BY_STATUS: Mapping[int, Callable[[Response], OutsideError]] = {
    400: _bad_request,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    413: _too_large,
    414: _too_large,
    429: _too_many,
    431: _too_large,
}


def _token_failure(response: Response) -> OutsideError:
    """Whatever Keycloak itself says against us there, our settings are wrong."""
    error = failure_of(response)
    value = _json_of(response)
    if isinstance(error, Unavailable) or value is None:
        return error
    said = f"({response.status_code} {_fault_in(value)[1]})"
    # RFC 6749 §5.2: of our two grants, only a person's password.
    if error_name(response) == "invalid_grant":
        return Misconfigured(
            "Keycloak does not sign this administrator in; check the name given by --admin, the password "
            f"in USHER_ADMIN_PASSWORD, and that nothing else is asked of them at sign-in {said}."
        )
    return Misconfigured(
        "Keycloak gives our client no token; check 'realm', the client id and its secret, or run "
        f"'usher keycloak apply' as an administrator {said}."
    )


@contextmanager
def translated() -> Iterator[None]:
    """Around a call of the library: what it raises becomes our own tree. It says in one way that there is
    no answer, and by a ``TypeError`` that the answer is of a kind it did not expect.
    """
    from keycloak.exceptions import KeycloakConnectionError

    try:
        yield
    except KeycloakConnectionError as error:
        cause = type(error.__cause__).__name__
        raise Unavailable(f"Keycloak cannot be reached ({cause})") from error
    except TypeError as error:
        raise Unavailable("Keycloak's answer is not what it should be") from error


def _fault_in(value: Any) -> tuple[str, str]:
    """(field, rule) of the first error in a body of any of the four shapes."""
    if not isinstance(value, dict):
        return "", ""
    match value.get("errors"):
        case [dict() as first, *_]:
            return _fault_in(first)
    text = value.get("errorMessage") or value.get("error_description") or value.get("error")
    return str(value.get("field") or ""), str(text or "")


def _json_of(response: Response) -> Any:
    """The JSON value of a body that says it is JSON, None if it is not."""
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        return None
    return _parsed(response.content)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _not_keycloak(response: Response) -> OutsideError:
    return Unavailable(
        f"Something that is not Keycloak answered {response.status_code}; check 'url' if this lasts",
        retry_after=_retry_after(response),
    )


def _retry_after(response: Response) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 §10.2.3); a date counts from the answer's own Date."""
    wanted = response.headers.get("Retry-After", "")
    if wanted.isdecimal():
        return float(wanted)
    try:
        sent = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(wanted) - sent).total_seconds())
    except (TypeError, ValueError):
        return None
