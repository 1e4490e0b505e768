"""From a user to its row and back. It owns which column holds what; it asks the database nothing."""

from dataclasses import asdict, astuple, dataclass
from typing import Any

import orjson
from sqlalchemy import RowMapping

from connector.domain.document import Index
from connector.domain.model import (
    AccountId,
    Hold,
    HoldKind,
    Invitation,
    InvitationStatus,
    PortalUser,
    Profile,
    TenantId,
    UserId,
)
from connector.store.keys import key


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a user stands in tables of its own, as it was loaded or saved. (Holds of one owner are equal
    to each other whatever else they say, so their values are compared.)
    """

    emails: bytes
    holds: frozenset[tuple[Any, ...]]
    invitation: Invitation | None

    @classmethod
    def of(cls, one: PortalUser) -> "Parts":
        """A user's."""
        return cls(
            emails=orjson.dumps(one.document.get("emails")),
            holds=frozenset(astuple(hold) for hold in one.holds),
            invitation=one.invitation,
        )


NOTHING = Parts(emails=orjson.dumps(None), holds=frozenset(), invitation=None)
"""Of a user that is new: nothing needs to be replaced."""


def hold_of(row: RowMapping) -> Hold:
    """A row of ``user_hold``."""
    return Hold(kind=HoldKind(row["kind"]), source=row["source"], since=row["since"], hides=row["hides"])


def columns_of(one: PortalUser, index: Index) -> dict[str, Any]:
    """What changes in a row of ``user`` when the user does."""
    newest = one.invitation
    return {
        "version": one.version,
        "modified_at": one.modified_at,
        "document": orjson.dumps(one.document),
        "profile": orjson.dumps(asdict(one.profile)),
        "active": not one.holds,
        "is_admin": one.is_admin,
        "activated_at": one.activated_at,
        "removed_at": one.removed_at,
        "account_id": one.account_id,
        "realm": index.realm,
        "account_name": key(index.account_name),
        "email_key": key(index.email_key) or None,
        "user_key": key(index.user_key),
        "external_id": key(index.external_id),
        "display_key": key(index.display_key),
        "given_key": key(index.given_key),
        "family_key": key(index.family_key),
        "invitation_generation": newest.generation if newest else None,
        "invitation_status": newest.status if newest else None,
        "invitation_expires_at": newest.expires_at if newest else None,
    }


def user_of(row: RowMapping, holds: frozenset[Hold]) -> PortalUser:
    """A row of ``user`` beside that of the invitation's newest generation."""
    return PortalUser(
        tenant=TenantId(row["tenant"]),
        id=UserId(row["id"]),
        profile=Profile(**orjson.loads(row["profile"])),
        document=orjson.loads(row["document"]),
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        version=row["version"],
        holds=holds,
        invitation=_invitation(row) if row["invitation_generation"] is not None else None,
        activated_at=row["activated_at"],
        removed_at=row["removed_at"],
        is_admin=row["is_admin"],
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
    )


def _invitation(row: RowMapping) -> Invitation:
    names = [name for name in Invitation.__dataclass_fields__ if name != "status"]
    values = {name: row[f"invitation__{name}"] for name in names}
    return Invitation(**values, status=InvitationStatus(row["invitation__status"]))
