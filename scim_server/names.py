"""The names SCIM gives things: schema URNs, message URNs, attribute names that must be known
without loading a model. It owns constants only.
"""

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:ietf:params:scim:schemas:extension:usher:2.0:User"
"""Our own read-only extension: what the lifecycle knows of a user."""

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

ENTERPRISE_NAMES = {
    name.lower(): name
    for name in (
        "employeeNumber",
        "costCenter",
        "organization",
        "division",
        "department",
        "manager",
    )
}
"""The enterprise extension's attributes (RFC 7643 §4.3) by folded name: some callers send them bare."""

READ_ONLY = frozenset({"id", "meta", "groups"})
"""What a caller may send in a whole user and nobody reads (RFC 7643 §3.1, §4.1.2)."""


def unqualified(path: str) -> str:
    """``path`` without the core schema's URN before it (RFC 7644 §3.10)."""
    prefix = f"{USER}:"
    return path[len(prefix) :] if path.lower().startswith(prefix.lower()) else path
