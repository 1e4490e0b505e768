"""Discovery: what this service can do, its resource types and schemas (RFC 7644 §4), as fixed bytes
per tenant. It owns what is announced, which is only what a test proves.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson

from scim_server.names import ENTERPRISE, LIFECYCLE, LIST_RESPONSE, USER
from scim_server.resources import DEFAULT_COUNT, MAX_COUNT

_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
_RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"

_UNSERVED = frozenset({"password", "groups"})
"""What the RFC's user has and ours does not."""


class Discovery:
    """One tenant's discovery; ``base`` is the absolute URL of its service."""

    def __init__(self, base: str, *, exposes_state: bool) -> None:
        self._base = base
        self._exposes_state = exposes_state

    @cached_property
    def config(self) -> bytes:
        """ServiceProviderConfig (RFC 7643 §5; RFC 9865 §4 for ``pagination``)."""
        return orjson.dumps(
            {
                "schemas": [_CONFIG],
                "patch": {"supported": True},
                "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
                "filter": {"supported": True, "maxResults": MAX_COUNT},
                "changePassword": {"supported": False},
                "sort": {"supported": False},
                "etag": {"supported": True},
                "pagination": {
                    "cursor": False,
                    "index": True,
                    "defaultPaginationMethod": "index",
                    "defaultPageSize": DEFAULT_COUNT,
                    "maxPageSize": MAX_COUNT,
                },
                "authenticationSchemes": [
                    {
                        "type": "oauthbearertoken",
                        "name": "OAuth Bearer Token",
                        "description": "A token made by the operator, sent as RFC 6750 has it.",
                        "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                        "primary": True,
                    }
                ],
                "meta": self._meta("ServiceProviderConfig", "ServiceProviderConfig"),
            }
        )

    @cached_property
    def resource_types(self) -> Mapping[str, bytes]:
        """Each ResourceType (RFC 7643 §6) by its id, which is its name."""
        extensions = [ENTERPRISE, LIFECYCLE] if self._exposes_state else [ENTERPRISE]
        user = {
            "schemas": [_RESOURCE_TYPE],
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "description": "A portal user",
            "schema": USER,
            "schemaExtensions": [{"schema": urn, "required": False} for urn in extensions],
            "meta": self._meta("ResourceType", "ResourceTypes/User"),
        }
        return {"User": orjson.dumps(user)}

    @cached_property
    def schemas(self) -> Mapping[str, bytes]:
        """Each Schema (RFC 7643 §7) by its URN."""
        from scim_server.models import EnterpriseUser, PortalAccess, User

        models: list[Any] = [User, EnterpriseUser, *([PortalAccess] if self._exposes_state else [])]
        return {str(model.__schema__): self._schema(model) for model in models}

    def listed(self, items: Sequence[bytes]) -> bytes:
        """A ListResponse of all of a kind."""
        count = len(items)
        head = (
            f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{count},"startIndex":1,'
            f'"itemsPerPage":{count},"Resources":['
        )
        return b"".join((head.encode(), b",".join(items), b"]}"))

    def _schema(self, model: Any) -> bytes:
        from scim2_models import Context

        schema = model.to_schema().model_dump(scim_ctx=Context.DEFAULT)
        schema["attributes"] = [a for a in schema["attributes"] if a["name"] not in _UNSERVED]
        schema["meta"] = self._meta("Schema", f"Schemas/{schema['id']}")
        return orjson.dumps(schema)

    def _meta(self, kind: str, path: str) -> dict[str, str]:
        return {"resourceType": kind, "location": f"{self._base}/{path}"}
