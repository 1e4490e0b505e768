"""Writes: a request on a user becomes commands and goes to the service once. It owns which
commands, in what order, and the repetition when somebody else wrote meanwhile; the lifecycle
decides what comes of them.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.commands import Command, Create, Delete, Edit, PutHold, Release
from connector.domain.document import SCIM_SOURCE, profile_of
from connector.domain.errors import VersionConflict
from connector.domain.model import Hold, HoldKind, PortalUser, Profile, UserId
from connector.domain.policy import DeletePolicy
from connector.domain.query import Attribute, Compare, Operator, Query
from connector.foundation import metrics
from connector.foundation.observe import bind_subject
from scim_server import translate
from scim_server.calls import Call, names_version
from scim_server.errors import not_found, stale, unavailable
from scim_server.patches import tidy_patch
from scim_server.profiles import REVIVE, Switch
from scim_server.tolerance import tidy_user
from scim_server.translate import Written

T = TypeVar("T")

ATTEMPTS = 8
_FIRST_PAUSE = 0.005
"""Seconds, at most; it doubles with each attempt."""

_CHANCE = random.SystemRandom().random


class Writer:
    """Writes users. ``pause`` waits for seconds and ``chance`` is a number from 0 to 1."""

    def __init__(
        self,
        service: Service,
        *,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = _CHANCE,
    ) -> None:
        self._service = service
        self._pause = pause
        self._chance = chance

    def create(self, call: Call) -> PortalUser:
        """A new user, or one that this connection had switched off or deleted, come back (RFC 7644
        §3.3).

        :raises ScimError: 400. :raises UsherError: as the service's.
        """
        body = tidy_user(call.read_body(), call.client, exposes_state=call.tenant.expose_state)
        written = translate.created(body)
        profile = profile_of(written.document)
        return self._repeated(lambda: self._create(call, written, profile))

    def replace(self, call: Call) -> PortalUser:
        """A user as a PUT has it (RFC 7644 §3.5.1).

        :raises ScimError: 400, 404, 412, 503. :raises UsherError: as the service's.
        """
        body = tidy_user(call.read_body(), call.client, exposes_state=call.tenant.expose_state)
        written = translate.replaced(body)
        return self._repeated(lambda: self._write(call, self.found(call), written))

    def patch(self, call: Call) -> PortalUser:
        """A user as a PATCH makes it (RFC 7644 §3.5.2); read and applied again if it was changed
        meanwhile.

        :raises ScimError: 400, 404, 412, 503. :raises UsherError: as the service's.
        """
        operations = tidy_patch(
            call.read_body(), call.client, call.resource_id, exposes_state=call.tenant.expose_state
        )

        def attempt() -> PortalUser:
            user = self.found(call)
            return self._write(call, user, translate.patched(user.document, operations, call.client))

        return self._repeated(attempt)

    def delete(self, call: Call) -> None:
        """A user gone for this connection (RFC 7644 §3.6), whatever the tenant's policy leaves of it.

        :raises ScimError: 404, 412, 503. :raises UsherError: as the service's.
        """
        self._repeated(lambda: self._delete(call, self.found(call)))

    def found(self, call: Call) -> PortalUser:
        """The user of the URL, if this connection can see it and ``If-Match`` agrees.

        :raises ScimError: 404, 412.
        """
        with self._service.store.read() as work:
            user = work.users.get(call.tenant.id, UserId(call.resource_id))
        if user is None or user.removed_at is not None or _is_hidden(user, call.connection.source):
            raise not_found("User")
        bind_subject(tenant=user.tenant, user_id=user.id)
        if call.if_match and not names_version(call.if_match, user.version):
            raise stale(user.version)
        return user

    # --- what is written ---------------------------------------------------------------------------

    def _write(self, call: Call, user: PortalUser, written: Written) -> PortalUser:
        changes = _changes(call, user, written)
        return self._service.handle(*changes) if changes else user

    def _create(self, call: Call, written: Written, profile: Profile) -> PortalUser:
        with self._service.store.read() as work:
            old = _revivable(work, call, profile)
        if old is not None:
            revival = _revival(call, old, written)
            return self._service.handle(*revival) if revival else old
        held = HoldKind.SCIM if written.active is False else None
        frame = _frame(call, self._service.new_user_id())
        return self._service.handle(Create(**frame, profile=profile, document=written.document, held=held))

    def _delete(self, call: Call, user: PortalUser) -> None:
        frame = _frame(call, user.id, user.version)
        if call.tenant.policy.delete is DeletePolicy.FORBIDDEN:
            self._service.handle(PutHold(**frame, kind=HoldKind.SCIM, hides=True))
        else:
            self._service.handle(Delete(**frame))

    def _repeated(self, attempt: Callable[[], T]) -> T:
        for count in range(ATTEMPTS):
            try:
                return attempt()
            except VersionConflict:
                self._pause(_FIRST_PAUSE * 2**count * self._chance())
        raise unavailable()


def _frame(call: Call, user_id: UserId, version: int | None = None) -> dict[str, Any]:
    """What every command of a call says."""
    return {
        "tenant": call.tenant.id,
        "user_id": user_id,
        "actor": call.connection.actor,
        "source": call.connection.source,
        "request_id": call.request_id,
        "expected_version": version,
    }


def _changes(call: Call, user: PortalUser, written: Written) -> list[Command]:
    """The commands that make ``user`` what was written. What takes access away comes first and what
    gives it last, so that no mail goes out to somebody who is switched off, nor to an old address.
    """
    frame = _frame(call, user.id, user.version)
    edits = _edits(frame, user, written.document)
    is_held = _my_hold(call) in user.holds
    if written.active is False and not is_held:
        return [PutHold(**frame, kind=HoldKind.SCIM), *edits]
    if written.active is True and is_held:
        return [*edits, Release(**frame, kind=HoldKind.SCIM)]
    return edits


def _edits(frame: Mapping[str, Any], user: PortalUser, document: Mapping[str, Any]) -> list[Command]:
    if document == user.document:
        return []
    return [Edit(**frame, profile=profile_of(document), document=document)]


def _my_hold(call: Call) -> Hold:
    return Hold(kind=HoldKind.SCIM, source=call.connection.source, since=0.0)


def _is_hidden(user: PortalUser, source: str) -> bool:
    return any(hold.hides and hold.source == source for hold in user.holds)


# --- coming back -----------------------------------------------------------------------------------


def _revivable(work: UnitOfWork, call: Call, profile: Profile) -> PortalUser | None:
    """The user that a POST brings back: one hidden by this connection's DELETE, or (where the
    client's profile says so) the only one of this externalId, switched off by this connection.
    """
    external_id = profile.external_ids.get(SCIM_SOURCE, "")
    users = work.users
    hidden = users.hidden(call.tenant.id, call.connection.source, profile.user_name, external_id)
    if hidden is not None:
        return users.get(call.tenant.id, hidden)
    if not external_id or call.client.says(Switch.POST_INACTIVE) != REVIVE:
        return None
    wanted = Query(filter=Compare(Attribute.EXTERNAL_ID, Operator.EQ, external_id), count=2)
    page = users.find(call.tenant.id, wanted)
    if page.total != 1 or _my_hold(call) not in page.items[0].holds:
        return None
    metrics.tolerance(Switch.POST_INACTIVE)
    return page.items[0]


def _revival(call: Call, old: PortalUser, written: Written) -> list[Command]:
    """The commands that bring ``old`` back as what was written. A hold that hides is lifted in any
    case, so that the connection sees the user again; it is put anew if the user is to come back
    switched off.
    """
    frame = _frame(call, old.id, old.version)
    edits = _edits(frame, old, written.document)
    release = Release(**frame, kind=HoldKind.SCIM)
    if written.active is not False:
        return [*edits, release]
    if _is_hidden(old, call.connection.source):
        return [*edits, release, PutHold(**frame, kind=HoldKind.SCIM)]
    return edits
