"""Which hand-over a browser is on, with all that its steps need, and which of its questions an answer
answers. It owns the secrets of the questions; what an answer proves is ``callback.py``'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from connector.application.records import HandOver
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.model import PortalUser, Tenant
from connector.foundation.links import InvitationLinks
from connector.foundation.observe import bind_subject
from connector.invite.keycloak_client import KeycloakClient, Proof
from connector.invite.outcomes import Answer, Step
from connector.invite.standing import browser_of, is_live, user_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A hand-over of this browser with all that its steps need."""

    handover: HandOver
    tenant: Tenant
    user: PortalUser
    live: bool
    """It is open, and its generation may still be accepted."""
    client: KeycloakClient


class Ways:
    """The hand-overs of browsers, and their questions."""

    def __init__(
        self, service: Service, links: InvitationLinks, clients: Mapping[str, KeycloakClient]
    ) -> None:
        self._service = service
        self._store = service.store
        self._clock = service.clock
        self._links = links
        self._clients = clients

    def of_browser(self, cookie: str) -> Way | None:
        """The newest hand-over of this browser, whatever its status."""
        with self._store.read() as work:
            handover = work.handovers.of_browser(browser_of(cookie)) if cookie else None
            return self._whole(work, handover) if handover else None

    def newest(self, way: Way) -> Way | None:
        """The same hand-over as it is now."""
        with self._store.read() as work:
            handover = work.handovers.get(way.handover.id)
            return self._whole(work, handover) if handover else None

    def proof(self, handover: HandOver, step: Step) -> Proof:
        """A step's secrets, derived each time so that none is stored."""
        values = (
            self._links.derive(f"handover.{step}.{name}", handover.id, handover.leg, at=handover.opened_at)
            for name in ("state", "nonce", "verifier")
        )
        return Proof(state=next(values), nonce=next(values), verifier=next(values))

    def step(self, way: Way, answer: Answer, *steps: Step) -> Step | None:
        """Which of these questions ``answer`` answers, if it is Keycloak's answer at all."""
        if answer.iss not in ("", way.client.issuer):
            return None
        given = answer.state.encode()
        for step in steps:
            if compare_digest(given, self.proof(way.handover, step).state.encode()):
                return step
        return None

    def _whole(self, work: UnitOfWork, handover: HandOver) -> Way | None:
        now = self._clock.now()
        user, tenant = user_of(work, handover), self._service.tenants.get(handover.tenant)
        if user is None or tenant is None or tenant.realm not in self._clients:
            return None
        bind_subject(tenant=tenant.id, user_id=user.id)
        return Way(
            handover=handover,
            tenant=tenant,
            user=user,
            live=handover.is_open(now) and is_live(user, handover.generation, now),
            client=self._clients[tenant.realm],
        )
