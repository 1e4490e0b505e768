"""The read-only extension that shows a user's lifecycle to its provisioning system, where the
tenant wants it. It owns the extension's content; it changes with the clock and never makes a new
version.
"""

from dataclasses import replace
from typing import Any

import orjson

from connector.application.records import ReadyDocument
from connector.domain.decision import Facts
from connector.domain.lifecycle import allowed_actions
from connector.domain.model import InvitationStatus, PortalUser, state_of
from scim_server.names import LIFECYCLE
from scim_server.times import text_of


def with_state(ready: ReadyDocument, user: PortalUser, facts: Facts) -> ReadyDocument:
    """``ready`` with the extension in it."""
    document = orjson.loads(ready.document)
    document["schemas"].append(LIFECYCLE)
    document[LIFECYCLE] = _content(user, facts)
    return replace(ready, document=orjson.dumps(document))


def _content(user: PortalUser, facts: Facts) -> dict[str, Any]:
    return {
        "lifecycleState": str(state_of(user, facts.now)),
        "holds": sorted({str(hold.kind) for hold in user.holds}),
        "invitation": _invitation(user, facts.now),
        "allowedActions": sorted(str(action) for action in allowed_actions(user, facts)),
    }


def _invitation(user: PortalUser, now: float) -> dict[str, str]:
    newest = user.invitation
    if newest is None:
        return {"status": "none"}
    is_over = newest.status is InvitationStatus.OPEN and not newest.is_live(now)
    shown = {
        "status": "expired" if is_over else str(newest.status),
        "expiresAt": text_of(newest.expires_at),
    }
    return shown | ({"sentAt": text_of(newest.sent_at)} if newest.sent_at is not None else {})
