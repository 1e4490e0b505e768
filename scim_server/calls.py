"""One request and one answer, free of Flask: what every endpoint is given and gives back. It owns
these shapes and the comparison of entity tags.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.domain.model import Tenant
from scim_server.auth import Principal
from scim_server.errors import unauthorized
from scim_server.profiles import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. ``base`` is the absolute URL of the tenant's service; ``parameters`` are the
    query's, names folded; ``principal`` is None only where a tenant shows its discovery to
    everybody; ``read_body`` reads and parses the body when first needed.
    """

    tenant: Tenant
    client: Client
    principal: Principal | None
    base: str
    request_id: str
    resource_id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    if_match: str = ""
    if_none_match: str = ""
    read_body: Callable[[], dict[str, Any]]

    @property
    def connection(self) -> Principal:
        """Who speaks.

        :raises ScimError: 401: nobody named themselves.
        """
        if self.principal is None:
            raise unauthorized(token_came=False)
        return self.principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response; an empty body for 204 and 304."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def names_version(header: str, version: int) -> bool:
    """Whether an ``If-Match`` or ``If-None-Match`` header names ``version`` (RFC 9110 §8.8.3.2,
    weakly).
    """
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or f'"{version}"' in tags
