"""Makes an account look as its user's state wants it: the one piece that the worker's ``sync_account``
and the press of the hand-over share. It owns that comparison; it must not change a
user's state, nor know how Keycloak is spoken to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.application.ports import IdentityProvider, IdentityProviders
from connector.application.records import HandOver, HandOverStatus
from connector.application.repositories import Store
from connector.application.service import Service
from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.errors import Conflict, Exists, Gone, Misconfigured, Rejected
from connector.domain.mapping import AccountRule, Presence, usher_id
from connector.domain.model import AccountId, PortalUser, State, Tenant, TenantId, UserId, state_of
from connector.domain.policy import EmailVerification

_PASSWORD_ACTIONS = frozenset({"UPDATE_PASSWORD"})
_EMAIL_ACTIONS = frozenset({"VERIFY_EMAIL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A user at one moment and what that wants of its account."""

    user: PortalUser
    tenant: Tenant
    state: State
    rule: AccountRule
    desired: DesiredAccount
    handover: HandOver | None
    """The hand-over that is going on, once it has its link, or its mail from Keycloak."""
    idp: IdentityProvider


class Accounts:
    """Accounts at Keycloak, kept as the users' states want them."""

    def __init__(self, service: Service, idps: IdentityProviders) -> None:
        self._service = service
        self._store: Store = service.store
        self._idps = idps

    def sync(self, tenant: TenantId, user_id: UserId, *, is_repeat: bool = False) -> None:
        """Make the account match the user as it is now. Repeatable; writes only what differs.
        ``is_repeat``: an earlier try may have made an account and not heard of it.

        :raises OutsideError: Keycloak did not take it; nothing of ours has changed.
        """
        target = self._target(tenant, user_id)
        if target is None:
            return
        account = self._usable(target, is_repeat=is_repeat)
        match target.rule.account:
            case Presence.ENABLED:
                self._enabled(target, account)
            case Presence.DISABLED:
                self._disabled(target, account)
            case Presence.ABSENT:
                pass

    def prepare_handover(self, handover: HandOver, sub: str) -> AccountId:
        """Make the account of a pending user ready to be entered by ``sub``, and nothing else: as ``sync``
        wants it, nothing left from before this invitation, the invite actions pending (read back), the
        link made last.

        :raises OutsideError: Keycloak did not take it; press again. :raises Gone: the user is not pending.
        """
        target = self._target(handover.tenant, handover.user_id)
        if target is None or target.state is not State.PENDING:
            raise Gone("The user is not pending any more.")
        account = self._enabled(replace(target, handover=None), self._usable(target, is_repeat=True))
        self._make_ready(target, account)
        target.idp.link(account, sub, target.desired.user_name)
        return account

    def ready_for_mail(self, tenant: TenantId, user_id: UserId) -> AccountId | None:
        """A pending user's account if a mail may lead into it: enabled, at the user's address.

        :raises OutsideError: Keycloak did not answer.
        """
        target = self._target(tenant, user_id)
        if target is None or target.state is not State.PENDING or target.user.account_id is None:
            return None
        try:
            found = target.idp.get(target.user.account_id)
        except Gone:
            return None
        return found.id if found.enabled and not _is_moved(found, target.desired) else None

    def mail_invitation(self, tenant: Tenant, account: AccountId, *, life: float) -> None:
        """Have Keycloak mail the link that leads through all that is asked of an invited person, the proof
        of the address in any case; good for ``life`` seconds.

        :raises OutsideError: Keycloak did not take it, or could not send it.
        """
        asked = self._service.mapping.rule(State.PENDING, tenant.policy).required_actions
        self._idps.of(tenant.realm).mail_invitation(
            account,
            asked | _EMAIL_ACTIONS,
            life=life,
            client=tenant.portal_client,
            back_to=tenant.portal_url if tenant.portal_client else "",
        )

    def is_complete(self, tenant: Tenant, account: AccountId) -> bool:
        """Whether a person did all the invitation asks: the account is enabled, has a credential that
        signs in, and none of the invite actions is left.

        :raises Gone: the account is not there. :raises OutsideError: Keycloak did not answer.
        """
        idp = self._idps.of(tenant.realm)
        found = idp.get(account)
        pending = self._service.mapping.rule(State.PENDING, tenant.policy).required_actions
        if not found.enabled or found.required_actions & pending:
            return False
        return has_sign_in(idp.credentials(account))

    def end_sessions(self, tenant: TenantId, user_id: UserId) -> None:
        """End every session of the account there is. Repeatable.

        :raises OutsideError: Keycloak did not take it.
        """
        target = self._target(tenant, user_id)
        if target and target.user.account_id:
            target.idp.end_sessions(target.user.account_id)

    def mail_password_reset(self, tenant: TenantId, user_id: UserId) -> None:
        """Have Keycloak mail a link to a new password, if the user is still active.

        :raises OutsideError: Keycloak did not take it.
        """
        target = self._target(tenant, user_id)
        if target and target.state is State.ACTIVE and target.user.account_id:
            target.idp.mail_password_reset(target.user.account_id)

    # --- one moment's view -------------------------------------------------------------------------

    def _target(self, tenant: TenantId, user_id: UserId) -> _Target | None:
        now = self._service.clock.now()
        with self._store.read() as work:
            user = work.users.get(tenant, user_id)
            handover = work.handovers.open_of(tenant, user_id, now=now)
        if user is None:
            return None
        owner = self._service.tenant(tenant)
        state = state_of(user, now)
        return _Target(
            user=user,
            tenant=owner,
            state=state,
            rule=self._service.mapping.rule(state, owner.policy),
            desired=self._desired(user, state, owner),
            handover=handover if handover and handover.account else None,
            idp=self._idps.of(owner.realm),
        )

    def _desired(self, user: PortalUser, state: State, tenant: Tenant) -> DesiredAccount:
        if state is State.DELETED:
            return DesiredAccount(
                usher_id=usher_id(user),
                user_name="",
                email="",
                given_name="",
                family_name="",
                enabled=False,
            )
        return self._service.mapping.desired(user, state, tenant)

    # --- steps -------------------------------------------------------------------------------------

    def _find(self, target: _Target, *, is_repeat: bool) -> Account | None:
        """The user's account: by the stored id, else (a reply was lost) by our mark on it. At the first try
        of one that must be there nobody looks: making it tells.
        """
        stored = target.user.account_id
        if stored is None and target.rule.account is Presence.ENABLED and not is_repeat:
            return None
        if stored is None:
            found = target.idp.find(target.desired.usher_id)
            if found:
                self._remember(target, found.id)
            return found
        try:
            return target.idp.get(stored)
        except Gone:
            if target.user.activated_at is None or target.rule.account is Presence.ABSENT:
                self._remember(target, None)
            elif target.rule.account is Presence.ENABLED:
                raise  # made anew it would have no credential; while the user is off it need not be there
            return None

    def _usable(self, target: _Target, *, is_repeat: bool) -> Account | None:
        """The user's account, unless there is none or it had to be removed."""
        account = self._find(target, is_repeat=is_repeat)
        if account is None or not self._must_go(target, account):
            return account
        target.idp.delete(account.id)
        self._remember(target, None)
        return None

    def _must_go(self, target: _Target, account: Account) -> bool:
        """Whether the account itself must be removed: the state wants none, or its user is not in and a
        hand-over led to it that is over, or whose person is to be kept out or reached at another address.
        The password page of such a hand-over may still be open in a stranger's browser, and survives
        everything but the account's end.
        """
        if target.rule.account is Presence.ABSENT:
            return True
        if target.user.activated_at is not None:
            return False
        with self._store.read() as work:
            begun = work.handovers.statuses_on(target.tenant.id, account.id)
        if target.state is State.DISABLED or _is_moved(account, target.desired):
            return bool(begun)
        return bool(begun - {HandOverStatus.OPEN})

    def _enabled(self, target: _Target, account: Account | None) -> AccountId:
        if account is None:
            wanted = target.rule.required_actions if target.state is State.PENDING else None
            return self._created(target, replace(target.desired, required_actions=wanted))
        target.idp.update(account, self._with_actions(target, account))
        if target.handover is None or not target.handover.may_link(self._service.clock.now()):
            target.idp.unlink(account.id)
        return account.id

    def _disabled(self, target: _Target, account: Account | None) -> None:
        """Off: disabled first, so that nothing new begins, then the link, then what had begun. Every time,
        also on an account that is off already: an earlier try may have died in between, or an older
        ``end_sessions`` have come before somebody signed in once more; and enabling revives what is left.
        """
        if account is None:
            if target.state is State.DRAFT:
                self._created(target, target.desired)
            return
        self._switch_off(target, account)
        target.idp.unlink(account.id)
        target.idp.end_sessions(account.id)

    def _switch_off(self, target: _Target, account: Account) -> None:
        """Off, with the other values as wanted; one of those that is refused must not keep anybody in."""
        try:
            target.idp.update(account, self._with_actions(target, account))
        except (Rejected, Exists, Conflict):
            target.idp.update(account, _only_off(account, target.desired))
            target.idp.unlink(account.id)
            raise

    def _created(self, target: _Target, desired: DesiredAccount) -> AccountId:
        """A new account; if its name is taken, ours of a lost reply, or somebody else's.

        :raises Exists: an account that is not ours has the userName or e-mail.
        """
        try:
            account = target.idp.create(desired)
        except Exists:
            found = target.idp.find(desired.usher_id)
            if found is None:
                raise
            target.idp.update(found, desired)
            account = found.id
        self._remember(target, account)
        return account

    def _with_actions(self, target: _Target, account: Account) -> DesiredAccount:
        """The desired values with the required actions that ``account`` should have now. Those of a user
        who got in are Keycloak's, save that a new address must be proven.
        """
        desired = target.desired
        if target.state is State.PENDING and target.handover is None:
            return replace(desired, required_actions=self._missing_actions(target, account))
        moved = _is_moved(account, desired)
        if target.user.activated_at is not None and moved and not target.tenant.policy.sso:
            return replace(desired, required_actions=account.required_actions | _EMAIL_ACTIONS)
        return desired

    def _missing_actions(self, target: _Target, account: Account) -> frozenset[str]:
        """The invite actions whose fruit is not there. While a hand-over is open nobody asks: the person
        may be finishing one, and an action put back would come a second time.
        """
        wanted = target.rule.required_actions
        if account.email_verified and not _is_moved(account, target.desired):
            wanted -= _EMAIL_ACTIONS
        if has_sign_in(self._fresh_credentials(target, account.id)):
            wanted -= _PASSWORD_ACTIONS
        return wanted

    def _fresh_credentials(self, target: _Target, account: AccountId) -> list[Credential]:
        """The account's credentials, after those from before this invitation were removed: they must not
        open the door that the invitation opens.
        """
        invitation = target.user.invitation
        since = invitation.issued_at if invitation else 0.0
        credentials = target.idp.credentials(account)
        for credential in credentials:
            if credential.created_at < since:
                target.idp.remove_credential(account, credential.id)
        return [credential for credential in credentials if credential.created_at >= since]

    def _make_ready(self, target: _Target, account: AccountId) -> None:
        """Nothing linked, the mailbox proven if the invitation proves it, and an action pending: a link to
        an account without one would sign in whoever presses.

        :raises Conflict: the actions did not stay on the account. :raises Misconfigured: there are none.
        """
        target.idp.unlink(account)
        found = target.idp.get(account)
        pending = found.required_actions & target.rule.required_actions
        by_invitation = target.tenant.policy.email_verification is EmailVerification.INVITATION
        verified = True if by_invitation else None
        wanted = pending or target.rule.required_actions
        if not wanted:
            raise Misconfigured("The mapping asks an invited person for nothing: set required_actions.")
        target.idp.update(found, replace(target.desired, email_verified=verified, required_actions=wanted))
        if not target.idp.get(account).required_actions >= wanted:
            raise Conflict("The required actions were taken off the account meanwhile.")

    def _remember(self, target: _Target, account: AccountId | None) -> None:
        with self._store.write() as work:
            work.users.set_account(target.user.tenant, target.user.id, account)


def _only_off(account: Account, desired: DesiredAccount) -> DesiredAccount:
    """``account`` as it is, but disabled."""
    return DesiredAccount(
        usher_id=desired.usher_id,
        user_name=account.user_name,
        email=account.email,
        given_name=account.given_name,
        family_name=account.family_name,
        enabled=False,
    )


def _is_moved(account: Account, desired: DesiredAccount) -> bool:
    """Whether the person is to be reached at another address than the account has."""
    return account.email.casefold() != desired.email.casefold()


def has_sign_in(credentials: Sequence[Credential]) -> bool:
    """Whether one of them lets a person sign in."""
    return any(credential.signs_in for credential in credentials)
