"""Has Keycloak mail an invitation, where the realm may have no other identity provider. It owns that an
account is mailed at most once, and what is written down before and after; it must not make or change an
account (``account``), nor look whether its person came to the end (``followup``).

Two mails would leave two working links. Nothing ends such a link, nor a page that was opened by it, but the
end of the account (measured on Keycloak 26.7.3: disabling only holds it up). So a mail is written down as a
hand-over on its account before Keycloak is asked for it. Whoever tries again, after whatever came of the
first try, finds that and has the account made anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.application.account import Accounts
from connector.application.records import HandOver, MailAttempt, Outcome
from connector.application.repositories import UnitOfWork
from connector.application.service import Service
from connector.domain.effects import CheckHandover, SyncAccount, Template
from connector.domain.errors import Gone, Unavailable
from connector.domain.model import AccountId, Handover, PortalUser, State, TenantId, UserId, state_of
from connector.foundation import metrics

FINISHING = 1800.0
"""Seconds for which the invitation outlives the link: who opened it at the last moment may finish."""

CLOSING = 60.0
"""Seconds for which the hand-over outlives the invitation, whose end looks at the account once more."""

_NOT_WANTED = "no longer wanted"
_HANDED_OVER = "handed to Keycloak"
_ARRIVED = "unanswered, but its person came"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeycloakMail:
    """Which generation of whose invitation."""

    tenant: TenantId
    user_id: UserId
    generation: int
    request_id: str


class KeycloakPost:
    """Invitations by mails of Keycloak's. ``first_look``: seconds after a mail until somebody looks."""

    def __init__(self, service: Service, accounts: Accounts, first_look: float) -> None:
        self._service = service
        self._store = service.store
        self._accounts = accounts
        self._first_look = first_look

    def send(self, mail: KeycloakMail, *, before_mail: Callable[[UnitOfWork], None]) -> None:
        """Have the mail sent if it is still wanted and was not sent yet. ``before_mail`` is called in the
        commit after which it may be on its way; if it raises, nothing is sent.

        :raises Unavailable: try again. :raises OutsideError: Keycloak does not take it.
        """
        if self._was_sent(mail):
            return
        if not self._is_still_wanted(mail):
            self._record(mail, Outcome.SKIPPED, _NOT_WANTED)
            return
        if self._has_arrived(mail):
            self._record(mail, Outcome.SENT, _ARRIVED)
            return
        account = self._untouched_account(mail)
        life = self._service.tenant(mail.tenant).policy.invitation_life
        self._begin(mail, account, life, before_mail)
        try:
            self._accounts.mail_invitation(self._service.tenant(mail.tenant), account, life=life)
        except Gone as error:
            raise Unavailable("The account is being made anew.", sink_wide=False) from error
        self._record(mail, Outcome.SENT, _HANDED_OVER)

    def _was_sent(self, mail: KeycloakMail) -> bool:
        with self._store.read() as work:
            user = work.users.get(mail.tenant, mail.user_id)
        invitation = user.invitation if user else None
        if invitation is None or invitation.generation != mail.generation:
            return False
        return invitation.sent_at is not None

    def _is_still_wanted(self, mail: KeycloakMail) -> bool:
        """Whether this generation may still be accepted and its mail is Keycloak's. It lives its whole life
        from the attempt that sends it, and its person may finish after that.
        """
        tenant, now = self._service.tenant(mail.tenant), self._service.clock.now()
        if tenant.handover is not Handover.KEYCLOAK_MAIL:
            return False
        until = now + tenant.policy.invitation_life + FINISHING
        longer = self._service.extend_invitation(
            mail.tenant, mail.user_id, mail.generation, until, request_id=mail.request_id
        )
        return longer is not None

    def _has_arrived(self, mail: KeycloakMail) -> bool:
        """Whether a mail whose answer got lost has brought its person to the end by now: their account must
        not be taken from them.
        """
        now = self._service.clock.now()
        with self._store.read() as work:
            begun = work.handovers.open_of(mail.tenant, mail.user_id, now=now)
        if begun is None or not begun.is_mailed or begun.account is None:
            return False
        if begun.generation != mail.generation:
            return False
        try:
            return self._accounts.is_complete(self._service.tenant(mail.tenant), begun.account)
        except Gone:
            return False

    def _untouched_account(self, mail: KeycloakMail) -> AccountId:
        """An account to which no way leads yet, as it must be.

        :raises Unavailable: not yet; it is being made.
        """
        account = self._accounts.ready_for_mail(mail.tenant, mail.user_id)
        with self._store.write() as work:
            work.users.lock(mail.tenant, mail.user_id)
            if account is not None and not work.handovers.statuses_on(mail.tenant, account):
                return account
            work.handovers.close_all(mail.tenant, mail.user_id)
            self._service.enqueue(
                work, mail.tenant, mail.user_id, SyncAccount(), request_id=mail.request_id
            )
        raise Unavailable(
            "The account is not ready to be mailed to; it is looked at first.", sink_wide=False
        )

    def _begin(
        self, mail: KeycloakMail, account: AccountId, life: float, before_mail: Callable[[UnitOfWork], None]
    ) -> None:
        """Write down, in one commit, that a way into the account may exist from now on.

        :raises Unavailable: the user has changed meanwhile.
        """
        now = self._service.clock.now()
        with self._store.write() as work:
            user = work.users.get(mail.tenant, mail.user_id)
            if not _is_still_so(user, mail.generation, account, now):
                raise Unavailable("The user has changed meanwhile.", sink_wide=False)
            before_mail(work)
            begun = _handover(self._service.new_id(), mail, account, now, now + life)
            work.handovers.add(begun)
            look = CheckHandover(handover=begun.id, due=now + self._first_look)
            self._service.enqueue(work, mail.tenant, mail.user_id, look, request_id=mail.request_id)

    def _record(self, mail: KeycloakMail, outcome: Outcome, answer: str) -> None:
        now = self._service.clock.now()
        metrics.mail(Template.INVITATION, outcome)
        with self._store.write() as work:
            work.mails.put(
                MailAttempt(
                    tenant=mail.tenant,
                    user_id=mail.user_id,
                    template=Template.INVITATION,
                    generation=mail.generation,
                    at=now,
                    outcome=outcome,
                    answer=answer,
                    message_id="",
                )
            )
            if outcome is Outcome.SENT:
                work.users.mark_sent(mail.tenant, mail.user_id, mail.generation, now)


def _is_still_so(user: PortalUser | None, generation: int, account: AccountId, now: float) -> bool:
    if user is None or user.invitation is None or user.account_id != account:
        return False
    return state_of(user, now) is State.PENDING and user.invitation.generation == generation


def _handover(
    new_id: str, mail: KeycloakMail, account: AccountId, now: float, link_until: float
) -> HandOver:
    return HandOver(
        id=new_id,
        tenant=mail.tenant,
        user_id=mail.user_id,
        generation=mail.generation,
        browser="",
        opened_at=now,
        link_until=link_until,
        closes_at=link_until + FINISHING + CLOSING,
        account=account,
    )
