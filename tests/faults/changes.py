"""Changes of portal users as the fault tests ask for them, and a clerk who makes them one by one. It owns
the commands; what is chosen at random is ``feeder``'s.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from connector.application.repositories import Store, UnitOfWork
from connector.application.service import Service
from connector.domain import commands as c
from connector.domain.document import fold, profile_of
from connector.domain.model import Actor, ActorKind, HoldKind, PortalUser, TenantId, UserId
from connector.domain.query import Attribute, Compare, Operator, Query
from tests.faults.journal import Fate, Journal, Line

ACME = TenantId("acme")

_OPERATOR = Actor(kind=ActorKind.OPERATOR, name="faults")
_SYSTEM = Actor(kind=ActorKind.SYSTEM, name="faults")

_COMMANDS: dict[str, tuple[type[c.Command], Actor, dict[str, Any]]] = {
    "create": (c.Create, _SYSTEM, {}),
    "edit": (c.Edit, _SYSTEM, {}),
    "move": (c.Edit, _SYSTEM, {}),
    "activate": (c.Activate, _SYSTEM, {}),
    "hold": (c.PutHold, _SYSTEM, {"kind": HoldKind.HR}),
    "release": (c.Release, _SYSTEM, {"kind": HoldKind.HR}),
    "invite": (c.Invite, _OPERATOR, {}),
    "resend": (c.Resend, _OPERATOR, {}),
    "revoke": (c.RevokeInvitation, _OPERATOR, {}),
    "disable": (c.Disable, _OPERATOR, {}),
    "enable": (c.Enable, _OPERATOR, {}),
    "delete": (c.Delete, _OPERATOR, {}),
}
_WRITING = {"create", "edit", "move"}


def name_of(prefix: str, number: int) -> str:
    """The userName, and the first address, of a numbered user."""
    return f"{prefix}{number}@faults.example"


def a_document(name: str, email: str, family_name: str) -> dict[str, Any]:
    """A SCIM document; the family name says which request wrote it."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "name": {"givenName": "Ada", "familyName": family_name},
        "emails": [{"type": "work", "value": email, "primary": True}],
    }


def command(action: str, user: UserId, request: str, document: dict[str, Any] | None = None) -> c.Command:
    """The command of an action; ``document`` for those that write one."""
    kind, actor, values = _COMMANDS[action]
    if document is not None and action in _WRITING:
        values = {"profile": profile_of(document), "document": document}
    return kind(tenant=ACME, user_id=user, source="faults", request_id=request, actor=actor, **values)


def living(work: UnitOfWork, name: str) -> PortalUser | None:
    """The living user of this name."""
    query = Query(filter=Compare(Attribute.USER_NAME, Operator.EQ, fold(name)), count=1)
    return next(iter(work.users.find(ACME, query).items), None)


def journaled(
    service: Service, journal: Journal, asked: c.Command, before: PortalUser | None
) -> PortalUser:
    """Carry a command out, and journal what was answered; raises what the service does."""
    line = Line(fate=Fate.ASKED, request=asked.request_id, user=asked.user_id, action=asked.action)
    journal.write(line)
    after = service.handle(asked)
    changed = before is None or after.version > before.version
    journal.write(replace(line, fate=Fate.ANSWERED, version=after.version, changed=changed))
    return after


class Clerk:
    """Makes changes in this process and journals them. ``prefix`` begins each user's name."""

    def __init__(self, service: Service, store: Store, journal: Journal, prefix: str) -> None:
        self._service, self._store, self._journal = service, store, journal
        self._prefix = prefix
        self._numbers = count(1)

    def create(self, number: int, *, family_name: str = "") -> PortalUser:
        """A numbered user, who is invited at once."""
        name, request = name_of(self._prefix, number), self._request()
        document = a_document(name, name, family_name or request)
        return self._handle(command("create", self._service.new_user_id(), request, document), None)

    def do(self, action: str, user: PortalUser) -> PortalUser:
        """One action on a user as it is now; an edit writes the request into the family name."""
        request, profile = self._request(), user.profile
        document = a_document(profile.user_name, profile.email, request)
        return self._handle(command(action, user.id, request, document), user)

    def all(self) -> Iterator[PortalUser]:
        """Every user of the tenant who is not removed."""
        with self._store.read() as work:
            yield from work.users.find(ACME, Query(count=10_000)).items

    def _handle(self, asked: c.Command, before: PortalUser | None) -> PortalUser:
        return journaled(self._service, self._journal, asked, before)

    def _request(self) -> str:
        return f"{self._prefix}clerk-{next(self._numbers)}"
