"""The only writer of user state: loads, lets the lifecycle decide, saves. It owns the one transaction that
holds a change, its timeline entry and its outbox rows; it must not call anything outside.
"""

from dataclasses import dataclass, replace
from typing import Any

from connector.application.deliveries import invitation_came_back
from connector.application.ports import Clock, Ids, Tenants
from connector.application.records import SELF, Entry, HandOverStatus
from connector.application.repeat import repeated
from connector.application.repositories import Store, UnitOfWork
from connector.application.share import FairShare
from connector.domain import effects as fx
from connector.domain.commands import Command
from connector.domain.decision import Decision, Facts
from connector.domain.document import Index, changed_values, index_of
from connector.domain.errors import NotFound, Refused, VersionConflict
from connector.domain.inviting import bound
from connector.domain.lifecycle import action_of, decide
from connector.domain.mapping import AccountMapping
from connector.domain.model import (
    ActorKind,
    InvitationStatus,
    PortalUser,
    Tenant,
    TenantId,
    UserId,
    state_of,
)
from connector.domain.transitions import Action
from connector.foundation.mail_address import domain_of

_NEEDS_ADMINS = {Action.GRANT_ADMIN, Action.REVOKE_ADMIN, Action.DISABLE, Action.DELETE}

_LAST_LOOK = 60.0
"""Seconds after the end of a link that was used up, before its account goes off: the last look after the
hand-over ends at the same time, and must still find what its person did.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One command and what was decided on it."""

    before: PortalUser | None
    command: Command
    decision: Decision


class Service:
    """What every way in speaks to."""

    def __init__(
        self,
        store: Store,
        tenants: Tenants,
        mapping: AccountMapping,
        clock: Clock,
        ids: Ids,
        share: FairShare | None = None,
    ) -> None:
        self.store = store
        self._share = share or FairShare()
        self.tenants = tenants
        self.mapping = mapping
        self.clock = clock
        self._ids = ids

    def new_user_id(self) -> UserId:
        """An id for a user to be created."""
        return self._ids.user_id()

    def new_id(self) -> str:
        """128 random bits, for a record that is nobody's own."""
        return self._ids.token(128)

    def tenant(self, tenant: TenantId) -> Tenant:
        """:raises NotFound: the configuration has no such tenant."""
        found = self.tenants.get(tenant)
        if found is None:
            raise NotFound("There is no such tenant.")
        return found

    def facts(self, tenant: Tenant) -> Facts:
        """What a decision on a user of ``tenant`` may rest on now, without counts of administrators."""
        return Facts(
            tenant=tenant,
            now=self.clock.now(),
            invitation_id=self._ids.token(128),
            mail_domain=domain_of,
        )

    def handle(self, *commands: Command) -> PortalUser:
        """Carry out commands on one user, all or none, in one commit and one new version; the user as it
        then is. Durable when it returns.

        :raises Refused: the lifecycle says no; entered on the timeline unless a system asked.
        :raises NotFound: no such tenant. :raises Invalid: a value breaks a rule.
        :raises Taken: an identifier is another user's.
        :raises VersionConflict: the user is not of the expected version, or its hand-over is over.
        :raises Busy: the database did not take it in time.
        """
        first = commands[0]
        tenant = self.tenant(first.tenant)
        facts = self.facts(tenant)
        try:
            return repeated(lambda: self._handled(commands, facts))
        except Refused as refusal:
            self._enter_refusal(first, refusal, facts)
            raise

    def enqueue(
        self,
        work: UnitOfWork,
        tenant: TenantId,
        user_id: UserId,
        effect: fx.Effect,
        *,
        request_id: str,
    ) -> None:
        """Have an effect follow in its turn, though no command asks for it."""
        work.users.lock(tenant, user_id)
        self._enqueue(work, tenant, user_id, effect, request_id, self.clock.now())

    def extend_invitation(
        self, tenant: TenantId, user_id: UserId, generation: int, until: float, *, request_id: str = ""
    ) -> PortalUser | None:
        """Let a generation live at least until ``until`` (epoch seconds); the user as it then is. A person
        who begins in time gets the time to finish, and a mail that had to wait loses none of its life: one
        that was never sent may be past its time. None if the generation is over. A link that its
        first press used up keeps its end.
        """
        return repeated(lambda: self._extended(tenant, user_id, generation, until, request_id))

    def bind_invitation(
        self,
        work: UnitOfWork,
        tenant: TenantId,
        user_id: UserId,
        *,
        browser: str,
        until: float,
        request_id: str,
    ) -> None:
        """Use a link up that works once: it stays good in ``browser`` (a digest) alone, and not beyond
        ``until`` (epoch seconds); who has not finished by then is expired.
        """
        user = work.users.get(tenant, user_id)
        after = bound(user, browser, until) if user else None
        if after is None or after == user or after.invitation is None:
            return
        work.users.save(after, self._index(after))
        expire = fx.ExpireInvitation(due=after.invitation.expires_at + _LAST_LOOK)
        self._enqueue(work, tenant, user_id, expire, request_id, self.clock.now())

    def _extended(
        self, tenant: TenantId, user_id: UserId, generation: int, until: float, request_id: str
    ) -> PortalUser | None:
        now = self.clock.now()
        with self.store.write() as work:
            user = work.users.get(tenant, user_id)
            if user is None or not _may_be_extended(user, generation, now):
                return None
            longer = _extended(user, until)
            if longer != user:
                work.users.save(longer, self._index(longer))
                effects: list[fx.Effect] = [fx.ExpireInvitation(due=until)]
                if state_of(user, now) is not state_of(longer, now):
                    effects.append(fx.SyncAccount())
                for effect in effects:
                    self._enqueue(work, tenant, user_id, effect, request_id, now)
            return longer

    def _handled(self, commands: tuple[Command, ...], facts: Facts) -> PortalUser:
        first = commands[0]
        with self.store.write() as work:
            before = work.users.get(first.tenant, first.user_id)
            _check_version(before, first.expected_version)
            _check_handover(work, before, first.expected_handover)
            return self._carry_out(work, before, commands, facts)

    def _carry_out(
        self, work: UnitOfWork, before: PortalUser | None, commands: tuple[Command, ...], facts: Facts
    ) -> PortalUser:
        steps = self._decide_all(work, before, commands, facts)
        user = steps[-1].decision.user
        if user == before and not any(step.decision.effects for step in steps):
            return user
        user = self._saved(work, before, user, facts.now)
        _end_handovers(work, before, user)
        if _got_in(before, user):
            # Who was not in had no session to be ended; left to its turn, the row would end their first.
            work.outbox.skip_of(user.tenant, user.id, fx.EndSessions.name, now=facts.now)
        for step in steps:
            self._enter(work, step, facts.now)
            for effect in step.decision.effects:
                command = step.command
                self._enqueue(work, command.tenant, command.user_id, effect, command.request_id, facts.now)
        return user

    def _decide_all(
        self, work: UnitOfWork, user: PortalUser | None, commands: tuple[Command, ...], facts: Facts
    ) -> list["_Step"]:
        steps = []
        for command in commands:
            known = _with_deliveries(work, command, user, self._with_admins(work, command, user, facts))
            decision = decide(user, command, known)
            steps.append(_Step(before=user, command=command, decision=decision))
            user = decision.user
        return steps

    def _saved(
        self, work: UnitOfWork, before: PortalUser | None, user: PortalUser, now: float
    ) -> PortalUser:
        if before is None:
            work.users.add(user, self._index(user))
            return user
        if user == before:
            return user
        saved = replace(user, version=before.version + 1, modified_at=now)
        work.users.save(saved, self._index(saved))
        return saved

    def _index(self, user: PortalUser) -> Index:
        tenant = self.tenant(user.tenant)
        profile = user.profile
        name = self.mapping.account_name(profile, tenant.id) if profile.user_name else ""
        return index_of(profile, user.document, realm=tenant.realm, account_name=name)

    def _with_admins(
        self, work: UnitOfWork, command: Command, user: PortalUser | None, facts: Facts
    ) -> Facts:
        if action_of(user, command) not in _NEEDS_ADMINS:
            return facts
        admins, active = work.users.admins(command.tenant, other_than=command.user_id)
        return replace(facts, other_admins=admins, other_active_admins=active)

    def _enter(self, work: UnitOfWork, step: "_Step", now: float) -> None:
        work.timeline.add(_entry(step, now))
        if step.decision.erase:
            work.users.erase(step.command.tenant, step.command.user_id)
            work.timeline.erase(step.command.tenant, step.command.user_id)
            work.mails.erase(step.command.tenant, step.command.user_id)

    def _enqueue(
        self,
        work: UnitOfWork,
        tenant: TenantId,
        user_id: UserId,
        effect: fx.Effect,
        request_id: str,
        now: float,
    ) -> None:
        work.outbox.enqueue(
            tenant,
            user_id,
            effect,
            sink=_sink_of(effect, self.tenant(tenant)),
            request_id=request_id,
            now=now,
            prio=self._share.prio(tenant, effect),
        )

    def _enter_refusal(self, command: Command, refusal: Refused, facts: Facts) -> None:
        """Systems ask again and again; what people are refused is worth a line."""
        if command.actor.kind is ActorKind.SYSTEM:
            return
        with self.store.write() as work:
            user = work.users.get(command.tenant, command.user_id)
            if user is None:
                return
            state = state_of(user, facts.now)
            work.timeline.add(
                Entry(
                    tenant=command.tenant,
                    user_id=command.user_id,
                    at=facts.now,
                    actor=command.actor.name,
                    source=command.source,
                    request_id=command.request_id,
                    action=action_of(user, command),
                    before=state,
                    after=state,
                    reason=f"refused: {refusal.reason}",
                )
            )


def _with_deliveries(work: UnitOfWork, command: Command, user: PortalUser | None, facts: Facts) -> Facts:
    """``facts`` with what became of the user's invitation, where a system may bring about another:
    it invites nobody who was in already.
    """
    if user is None or user.activated_at is not None or action_of(user, command) is not Action.RELEASE:
        return facts
    attempts = work.mails.of(user.tenant, user.id)
    return replace(facts, is_undeliverable=invitation_came_back(user, attempts))


def _sink_of(effect: fx.Effect, tenant: Tenant) -> str:
    """Which other side an effect needs: rows of one sink fail and recover together."""
    if effect.lane is fx.Lane.ACCOUNT or isinstance(effect, fx.CheckHandover | fx.MailInvitation):
        return f"keycloak:{tenant.realm}"
    if effect.lane is fx.Lane.MAIL:
        return f"smtp:{tenant.sender.address or 'default'}"
    return SELF


def _may_be_extended(user: PortalUser, generation: int, now: float) -> bool:
    invitation = user.invitation
    if invitation is None or invitation.generation != generation:
        return False
    unsent = invitation.status is InvitationStatus.OPEN and invitation.sent_at is None
    return unsent or invitation.is_live(now)


def _extended(user: PortalUser, until: float) -> PortalUser:
    invitation = user.invitation
    if invitation is None or invitation.browser or invitation.expires_at >= until:
        return user
    return replace(user, invitation=replace(invitation, expires_at=until))


def _end_handovers(work: UnitOfWork, before: PortalUser | None, after: PortalUser) -> None:
    """A hand-over ends with the invitation it belongs to: well when its person got in, else closed."""
    if before is None or before.invitation is None:
        return
    if _got_in(before, after):
        work.handovers.complete(after.tenant, after.id)
    elif _generation_and_status(before) != _generation_and_status(after):
        work.handovers.close_all(after.tenant, after.id)


def _got_in(before: PortalUser | None, after: PortalUser) -> bool:
    return before is not None and before.activated_at is None and after.activated_at is not None


def _generation_and_status(user: PortalUser) -> tuple[int, str] | None:
    return (user.invitation.generation, user.invitation.status) if user.invitation else None


def _check_version(user: PortalUser | None, expected: int | None) -> None:
    if expected is not None and (user is None or user.version != expected):
        raise VersionConflict("The user was changed meanwhile.")


def _check_handover(work: UnitOfWork, user: PortalUser | None, expected: str | None) -> None:
    """A press in another browser changes no user, but ends the hand-over and then the account."""
    if expected is None:
        return
    handover = work.handovers.get(expected)
    if handover is None or user is None or handover.account != user.account_id:
        raise VersionConflict("The hand-over leads nowhere by now.")
    if handover.status is not HandOverStatus.OPEN:
        raise VersionConflict("The hand-over was ended meanwhile.")


def _entry(step: _Step, now: float) -> Entry:
    return Entry(
        tenant=step.command.tenant,
        user_id=step.command.user_id,
        at=now,
        actor=step.command.actor.name,
        source=step.command.source,
        request_id=step.command.request_id,
        action=step.decision.action,
        before=step.decision.before,
        after=step.decision.after,
        reason=step.decision.reason,
        changes=_changes(step.before, step.decision.user),
    )


def _changes(before: PortalUser | None, after: PortalUser) -> dict[str, tuple[Any, Any]]:
    if before is None:
        return {}
    changes = changed_values(before.profile, after.profile)
    if before.holds != after.holds:
        changes["holds"] = (_named(before), _named(after))
    return changes


def _named(user: PortalUser) -> list[str]:
    return sorted(f"{hold.kind} ({hold.source})" for hold in user.holds)
