"""What comes back from Keycloak with the browser: the probe's answer, the way on, and the end. It owns what
each answer proves and what follows from it; it must not know HTTP or pages.

Nothing but a code that Keycloak exchanges for an ID token of the invited account, with a credential on that
account, ends in acceptance. Whatever else comes is looked at as the follow-up does, or leads back to the
landing page.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from connector.application.account import has_sign_in
from connector.application.followup import FollowUp
from connector.application.ports import IdentityProviders
from connector.application.records import HandOver, HandOverStatus
from connector.application.service import Service
from connector.domain.commands import Accept
from connector.domain.effects import EndSessions, SyncAccount
from connector.domain.errors import Gone, OutsideError, Refused, Unavailable, VersionConflict
from connector.domain.model import Actor, ActorKind, State, state_of
from connector.foundation import metrics
from connector.foundation.links import InvitationLinks
from connector.invite.addresses import DONE, GO, PROBE, PROVIDER_ALIAS
from connector.invite.keycloak_client import CodeRefused, Identity, KeycloakClient
from connector.invite.outcomes import (
    Answer,
    Finished,
    LandAgain,
    Lost,
    Onward,
    Outcome,
    SignedIn,
    Step,
)
from connector.invite.ways import Way, Ways

INVITED = Actor(kind=ActorKind.USER, name="user")
LOOKS = 3
"""How often to decide anew while the user keeps changing; then the person is asked to try again."""


class Callbacks:
    """The steps after the press, each by the browser's cookie."""

    def __init__(
        self,
        service: Service,
        followup: FollowUp,
        idps: IdentityProviders,
        links: InvitationLinks,
        clients: Mapping[str, KeycloakClient],
        public_url: str,
    ) -> None:
        self._service = service
        self._store = service.store
        self._clock = service.clock
        self._followup = followup
        self._idps = idps
        self._links = links
        self._clients = clients
        self._ways = Ways(service, links, clients)
        self._public_url = public_url

    # --- is somebody signed in? --------------------------------------------------------------------

    def ask(self, handover: HandOver, *, step: Step = Step.PROBE) -> Onward:
        """To Keycloak, which answers at once without showing anything (OIDC Core §3.1.2.1)."""
        client = self._clients[self._service.tenant(handover.tenant).realm]
        proof = self._ways.proof(handover, step)
        return Onward(client.authorize_url(self._public_url + PROBE, proof, prompt="none"))

    def ask_again(self, cookie: str) -> Outcome:
        """The same question once more, for a page whose answer is spent."""
        way = self._ways.of_browser(cookie)
        return self.ask(way.handover) if way and way.live else self._lost_or_finished(way)

    def sign_out(self, cookie: str) -> Outcome:
        """The person agreed: ask once more, so that a fresh ID token ends that session and none is kept."""
        way = self._ways.of_browser(cookie)
        if way is None or not way.live:
            return self._lost_or_finished(way)
        return self.ask(way.handover, step=Step.SIGN_OUT)

    def probed(self, cookie: str, answer: Answer, *, language: str) -> Outcome:
        """What the probe found.

        :raises OutsideError: Keycloak cannot say whose code it gave.
        """
        way = self._ways.of_browser(cookie)
        if way is None or not way.live:
            return self._lost_or_finished(way)
        step = self._ways.step(way, answer, Step.PROBE, Step.SIGN_OUT)
        if step is None:
            return self._lost(way)
        if answer.error == "login_required":
            return self._sign_in(way, language)
        found = self._identity(way, answer, PROBE, step)
        if found and found.sub == way.user.account_id:
            return self._sign_in(way, language)
        if step is Step.SIGN_OUT:
            token = found.id_token if found else ""
            back = self._public_url + GO
            return Onward(way.client.logout_url(back, id_token=token, language=language))
        return SignedIn(tenant=way.tenant, user=way.user, name=found.name if found else "")

    def go(self, cookie: str, *, language: str) -> Outcome:
        """Back from signing somebody else out: on to signing the invited person in."""
        way = self._ways.of_browser(cookie)
        return self._sign_in(way, language) if way and way.live else self._lost_or_finished(way)

    def stopped(self, cookie: str) -> Outcome:
        """Keycloak goes no further with this browser: an error page of its own led here, or our provider
        gives no code. To our provider Keycloak's pages send a second tab, by themselves, when the person
        has come through in the first.
        """
        return self._lost_or_finished(self._ways.of_browser(cookie))

    def _sign_in(self, way: Way, language: str) -> Outcome:
        if not way.handover.may_link(self._clock.now()):
            return self._land(way)
        return Onward(
            way.client.authorize_url(
                self._public_url + DONE,
                self._ways.proof(way.handover, Step.SIGN_IN),
                prompt="login",
                kc_idp_hint=PROVIDER_ALIAS,
                ui_locales=language,
            )
        )

    # --- the end -----------------------------------------------------------------------------------

    def done(self, cookie: str, answer: Answer, *, request_id: str) -> Outcome:
        """The person is back from Keycloak's pages. Seen again after success: the same page again.

        :raises OutsideError: Keycloak cannot say whose code it gave, or what the account looks like.
        """
        way = self._ways.of_browser(cookie)
        if way is None or not self._ways.step(way, answer, Step.SIGN_IN):
            return self._lost(way)
        if way.handover.status is HandOverStatus.DONE:
            return Finished(way.tenant)
        identity = self._identity(way, answer, DONE, Step.SIGN_IN)
        if identity is None:
            return self._unproven(way, request_id)
        return self._proven(way, identity, request_id)

    def _proven(self, way: Way, identity: Identity, request_id: str) -> Outcome:
        """Keycloak took its time to say so, and takes more for the credential. What happened to the user
        meanwhile counts: it is decided anew then, so that a hold wins, and a new name costs nobody the way.

        :raises Unavailable: the user is changed again and again.
        """
        for _ in range(LOOKS):
            newest = self._ways.newest(way)
            if newest is None:
                return self._lost(way)
            with suppress(VersionConflict):
                if identity.sub != newest.user.account_id:
                    return self._somebody_else(newest, identity)
                return self._came_back(newest, request_id)
        raise Unavailable("The user does not stand still.")

    def _unproven(self, way: Way, request_id: str) -> Outcome:
        """No proof came, yet all may be done: in another tab, or at the first visit of a page reloaded."""
        if not way.handover.is_open(self._clock.now()):
            return self._lost(way)
        if self._followup.activate_if_complete(way.handover, request_id=request_id):
            return self._finish(way)
        with self._store.write() as work:
            newest = work.handovers.get(way.handover.id)
            if newest == way.handover:
                # The next press asks a new question; the old answer is worth nothing any more.
                work.handovers.save(replace(newest, leg=newest.leg + 1))
        if newest is not None and newest.status is HandOverStatus.DONE:
            return Finished(way.tenant)
        return self._land(way)

    def _somebody_else(self, way: Way, identity: Identity) -> Outcome:
        if not way.live:
            return self._lost(way)
        metrics.handover("somebody_else")
        return SignedIn(tenant=way.tenant, user=way.user, name=identity.name)

    def _came_back(self, way: Way, request_id: str) -> Outcome:
        """The invited person, proven. Without a credential, or when the invitation is over, that is not
        enough: the session that Keycloak opened has to go.

        :raises VersionConflict: the user was changed meanwhile, or another browser took the hand-over.
        """
        if self._is_active(way):
            return self._finish(way)
        if not way.live or not self._has_credential(way):
            return self._turned_away(way, request_id)
        try:
            self._service.handle(
                Accept(
                    tenant=way.handover.tenant,
                    user_id=way.handover.user_id,
                    generation=way.handover.generation,
                    actor=INVITED,
                    source="link",
                    request_id=request_id,
                    expected_version=way.user.version,
                    expected_handover=way.handover.id,
                )
            )
        except Refused:
            return self._turned_away(way, request_id)
        return self._finish(way)

    def _is_active(self, way: Way) -> bool:
        return state_of(way.user, self._clock.now()) is State.ACTIVE

    def _has_credential(self, way: Way) -> bool:
        account = way.user.account_id
        idp = self._idps.of(way.tenant.realm)
        with suppress(Gone):  # the account went with the invitation, a moment ago
            return account is not None and has_sign_in(idp.credentials(account))
        return False

    def _finish(self, way: Way) -> Finished:
        with self._store.write() as work:
            newest = work.handovers.get(way.handover.id) or way.handover
            work.handovers.save(newest.ended(HandOverStatus.DONE))
        metrics.handover("completed")
        # The acceptance's own sync_account removes the link for certain; this is only sooner.
        with suppress(OutsideError):
            if way.user.account_id is not None:
                self._idps.of(way.tenant.realm).unlink(way.user.account_id)
        return Finished(way.tenant)

    def _turned_away(self, way: Way, request_id: str) -> Outcome:
        """Close the hand-over, so that the next press prepares the account anew, and end the session."""
        metrics.handover("turned_away")
        with self._store.write() as work:
            newest = work.handovers.get(way.handover.id) or way.handover
            work.handovers.save(newest.ended(HandOverStatus.CLOSED))
            for effect in (SyncAccount(), EndSessions(urgent=True)):
                self._service.enqueue(
                    work, way.handover.tenant, way.handover.user_id, effect, request_id=request_id
                )
        return self._land(way)

    # --- what Keycloak and we say ------------------------------------------------------------------

    def _identity(self, way: Way, answer: Answer, path: str, step: Step) -> Identity | None:
        """Who Keycloak says it was; None if it does not say."""
        if not answer.code or answer.error:
            return None
        try:
            return way.client.identify(
                answer.code, callback=self._public_url + path, proof=self._ways.proof(way.handover, step)
            )
        except CodeRefused:
            return None

    def _lost(self, way: Way | None) -> Lost:
        """Nothing to go on with; whose portal it was about is known if the browser is."""
        return Lost(way.tenant if way else None)

    def _lost_or_finished(self, way: Way | None) -> Outcome:
        """Nothing to go on with; to who came through in another tab it is as good as there."""
        if way is not None and way.handover.status is HandOverStatus.DONE:
            return Finished(way.tenant)
        return self._lost(way)

    def _land(self, way: Way) -> Outcome:
        invitation = way.user.invitation
        if invitation is None:
            return Lost(way.tenant)
        return LandAgain(self._links.invitation(invitation.id, way.handover.generation))
