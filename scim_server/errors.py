"""What a SCIM caller is told when something does not go: one constructor per condition and one
table from the error tree to them. It owns status, ``scimType`` and wording; a wording names an
attribute and a rule, never a value, a table, a file or a stack trace.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from connector.domain.errors import (
    Busy,
    Invalid,
    NotFound,
    Refusal,
    Refused,
    Taken,
    UsherError,
    VersionConflict,
)
from scim_server.names import ERROR

_RETRY_AFTER = 1
"""Seconds; a lock that did not come in ten is likely to be free soon after."""


class ScimError(Exception):
    """An answer of RFC 7644 §3.12. ``scim_type`` is empty where the RFC has no word for it."""

    def __init__(
        self, status: int, detail: str, scim_type: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.headers = headers or {}

    @property
    def body(self) -> bytes:
        """The error as SCIM writes it; ``status`` is text there."""
        body = {"schemas": [ERROR], "status": str(self.status), "detail": self.detail}
        return orjson.dumps(body | ({"scimType": self.scim_type} if self.scim_type else {}))


# --- what was sent ---------------------------------------------------------------------------------


def bad_json(rule: str) -> ScimError:
    """The body cannot be read."""
    return ScimError(400, f"The body is not valid JSON: {rule}", "invalidSyntax")


def undefined(name: str) -> ScimError:
    """A strict client sent a name that no schema here has."""
    return ScimError(400, f"'{name}' is not defined", "invalidSyntax")


def bad_value(attribute: str, rule: str) -> ScimError:
    """A value is missing or wrong."""
    return ScimError(400, f"'{attribute}' {rule}", "invalidValue")


def immutable(attribute: str) -> ScimError:
    """The attribute is read-only, or the tenant's policy locks it."""
    return ScimError(400, f"'{attribute}' cannot be changed", "mutability")


def bad_path(path: str) -> ScimError:
    """A PATCH path leads to no attribute."""
    return ScimError(400, f"'{path}' is no attribute path here", "invalidPath")


def no_target(path: str) -> ScimError:
    """A PATCH path leads to an attribute, and the filter in it to none of its values."""
    return ScimError(400, f"'{path}' matches nothing", "noTarget")


def too_many(rule: str) -> ScimError:
    """More work than one request may ask for."""
    return ScimError(400, rule, "tooMany")


def bad_filter(rule: str) -> ScimError:
    """A filter that cannot be understood or answered."""
    return ScimError(400, rule, "invalidFilter")


# --- who asks, and for what ------------------------------------------------------------------------


def unauthorized(*, token_came: bool) -> ScimError:
    """No credential that opens this tenant's door (RFC 6750 §3)."""
    challenge = 'Bearer realm="usher"' + (', error="invalid_token"' if token_came else "")
    return ScimError(401, "A valid bearer token is required", headers={"WWW-Authenticate": challenge})


def out_of_scope(scope: str) -> ScimError:
    """The token is good for less than this (RFC 6750 §3.1)."""
    challenge = f'Bearer realm="usher", error="insufficient_scope", scope="{scope}"'
    return ScimError(403, f"The scope '{scope}' is required", headers={"WWW-Authenticate": challenge})


def no_filter_here() -> ScimError:
    """Discovery cannot be filtered (RFC 7644 §4)."""
    return ScimError(403, "Discovery cannot be filtered")


def sensitive(attribute: str) -> ScimError:
    """A secret has no place in a URL or a filter."""
    return ScimError(403, f"'{attribute}' cannot be filtered", "sensitive")


def not_found(kind: str = "resource") -> ScimError:
    """An unknown path or id, a deleted one, another tenant's: always the same."""
    return ScimError(404, f"No {kind} has this id")


def not_allowed(methods: list[str]) -> ScimError:
    """The path is known, the method is not for it."""
    allowed = ", ".join(methods)
    return ScimError(405, f"Allowed: {allowed}", headers={"Allow": allowed})


def stale(version: int) -> ScimError:
    """``If-Match`` names another version."""
    return ScimError(412, f"The version is {version}")


def too_large(limit: int) -> ScimError:
    """The body is longer than we read."""
    return ScimError(413, f"At most {limit} bytes are read")


def bad_media_type(rule: str) -> ScimError:
    """The body's type or encoding is not ours."""
    return ScimError(415, rule)


def taken(attribute: str) -> ScimError:
    """Another living user has it."""
    return ScimError(409, f"'{attribute}' is already in use", "uniqueness")


def unavailable() -> ScimError:
    """The database is busy or gone, or repeating did not help."""
    wait = str(_RETRY_AFTER)
    detail = f"The database does not take this now, or cannot say that it did. Retry after {wait} s"
    return ScimError(503, detail, headers={"Retry-After": wait})


def unsupported() -> ScimError:
    """The RFC has it, we do not."""
    return ScimError(501, "Not supported")


def internal(request_id: str) -> ScimError:
    """A fault of ours; the log has the rest under the request's id."""
    return ScimError(500, f"Internal error, request {request_id}")


# --- from the error tree ---------------------------------------------------------------------------

_REFUSALS: dict[Refusal, Callable[[], ScimError]] = {
    Refusal.NOT_FOUND: lambda: not_found("User"),
    Refusal.GONE: lambda: not_found("User"),
    Refusal.EMAIL_IMMUTABLE: lambda: immutable("emails"),
    Refusal.DOMAIN_REFUSED: lambda: bad_value("emails", "is of a domain that is not allowed here"),
}

_TREE: dict[type[UsherError], Callable[[Any], ScimError]] = {
    Refused: lambda error: _of_refusal(error),
    NotFound: lambda _: not_found("User"),
    Invalid: lambda error: bad_value(error.attribute, error.rule),
    Taken: lambda error: taken(error.attribute),
    VersionConflict: lambda _: unavailable(),
    Busy: lambda _: unavailable(),
}


def of(error: UsherError) -> ScimError | None:
    """The answer to an error that the asker may see; None for one of the others, a fault of ours
    here.
    """
    known = _TREE.get(type(error))
    return known(error) if known else None


def _of_refusal(error: Refused) -> ScimError:
    """A refusal without an answer of its own is a policy's lock; its hint says what to do."""
    known = _REFUSALS.get(error.reason)
    return known() if known else ScimError(400, error.hint, "mutability")
