"""Keycloak as the port ``IdentityProvider`` wants it: one object per realm, one method per thing the
lifecycle does to an account. It owns which calls that takes; it must not decide what an account should
be.

Paths in the docstrings are below ``/admin/realms/{realm}`` of Keycloak's Admin REST API.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock

from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.errors import Conflict, Gone, Misconfigured, Unavailable
from connector.domain.model import AccountId
from connector.foundation.config import Fence, RealmSettings
from connector.foundation.faults import ConfigError
from connector.keycloak.client import SLOTS, AdminClient, Login, path
from connector.keycloak.names import GROUP, INVITE_CLIENT, PROVIDER, USHER_ID
from connector.keycloak.representation import account_of, credential_of, differences, new_account

MAX_REALMS = 200
"""How many realms keep their connection; the one unused for longest makes room."""

NO_CONSENT = frozenset({"Consent nor offline token not found", "Client not found"})
"""How Keycloak says that a client has neither a consent nor an offline token of an account."""

_PAGE = 100


class KeycloakProvider:
    """One realm of Keycloak, called as its run-time account; safe to share between threads.

    ``our_actions`` are the required actions that Usher sets and takes away; any other on an account is
    somebody else's and stays. ``slots`` is how many threads keep a connection.
    """

    def __init__(
        self,
        settings: RealmSettings,
        our_actions: frozenset[str],
        alias: str = PROVIDER,
        *,
        slots: int = SLOTS,
    ) -> None:
        self._client = AdminClient(settings, lambda: _runtime_login(settings), slots=slots)
        self._groups = () if settings.fence is Fence.OFF else (f"/{GROUP}",)
        self._our_actions = our_actions
        self._alias = alias
        self._is_brokered = settings.is_brokered

    def find(self, usher_id: str) -> Account | None:
        """``GET /users?q=…``: its search ignores case, hence the comparison here."""
        quoted = usher_id.replace("\\", "\\\\").replace('"', '\\"')
        users = self._client.list("users", q=f'{USHER_ID}:"{quoted}"')
        accounts = (account_of(user) for user in users)
        return next((account for account in accounts if account.usher_id == usher_id), None)

    def get(self, account: AccountId) -> Account:
        """``GET /users/{id}``."""
        return account_of(self._client.get(_user(account)))

    def create(self, desired: DesiredAccount) -> AccountId:
        """``POST /users`` with all that is wanted, membership of the fence group included."""
        return AccountId(self._client.create("users", new_account(desired, self._groups)))

    def update(self, account: Account, desired: DesiredAccount) -> bool:
        """``PUT /users/{id}``, read back: Keycloak answers 204 even where it drops what it was sent, and an
        administrator may have saved an old form in between.

        :raises Misconfigured: the realm does not keep an attribute or required action of ours.
        """
        body = differences(account, desired, self._our_actions)
        wrote = bool(body)
        for is_last in (False, True):
            if not body:
                return wrote
            try:
                self._client.put(_user(account.id), body)
            except Conflict:
                if is_last:
                    raise
            body = differences(self.get(account.id), desired, self._our_actions)
        if body:
            raise Misconfigured(
                f"The realm does not keep what we write ({', '.join(sorted(body))}); "
                "run 'usher keycloak plan' to see what it lacks.",
                sink_wide=False,
            )
        return wrote

    def delete(self, account: AccountId) -> None:
        """``DELETE /users/{id}``; ends every session with it."""
        try:
            self._client.delete(_user(account))
        except Gone:
            return

    def end_sessions(self, account: AccountId) -> None:
        """``POST /users/{id}/logout``, then each of ``/users/{id}/consents``, then a look at what is left.

        The second step is not optional: "not before" counts seconds, so an offline token of the same
        second outlives the logout.
        """
        try:
            self._client.post(_user(account, "logout"))
            for consent in self._client.list(_user(account, "consents")):
                self._client.delete(
                    _user(account, "consents", consent["clientId"]),
                    absent=NO_CONSENT,
                )
            if self._client.list(_user(account, "sessions")):
                raise Unavailable("A session began while sessions were being ended", sink_wide=False)
        except Gone:
            return

    def credentials(self, account: AccountId) -> Sequence[Credential]:
        """``GET /users/{id}/credentials``."""
        found = self._client.list(_user(account, "credentials"))
        return [credential_of(credential) for credential in found]

    def remove_credential(self, account: AccountId, credential: str) -> None:
        """``DELETE /users/{id}/credentials/{credential}``."""
        try:
            self._client.delete(_user(account, "credentials", credential), absent=("Credential not found",))
        except Gone:
            return

    def link(self, account: AccountId, sub: str, name: str) -> None:
        """``POST /users/{id}/federated-identity/{alias}``."""
        body = {"identityProvider": self._alias, "userId": sub, "userName": name}
        self._client.post(_user(account, "federated-identity", self._alias), body)

    def linked_sub(self, account: AccountId) -> str | None:
        """``GET /users/{id}/federated-identity``."""
        links = self._client.list(_user(account, "federated-identity"))
        ours = (link["userId"] for link in links if link["identityProvider"] == self._alias)
        return next(ours, None)

    def unlink(self, account: AccountId) -> None:
        """``DELETE /users/{id}/federated-identity/{alias}``."""
        try:
            self._client.delete(
                _user(account, "federated-identity", self._alias), absent=("Link not found",)
            )
        except Gone:
            return

    def linked_accounts(self) -> Iterator[AccountId]:
        """``GET /users?idpAlias=…``. All pages are read before the first id is given: whoever unlinks
        what it is given would otherwise shift the pages.
        """
        yield from self._linked_ids()

    def mail_password_reset(self, account: AccountId) -> None:
        """``PUT /users/{id}/execute-actions-email``; the link in the mail ends on Keycloak's own page."""
        # It would lead on only to a redirect URI of the client, and a portal must never be one of ours.
        by = {"client_id": INVITE_CLIENT} if self._is_brokered else {}
        self._client.put(_user(account, "execute-actions-email"), ["UPDATE_PASSWORD"], **by)

    def mail_invitation(
        self, account: AccountId, actions: Collection[str], *, life: float, client: str, back_to: str
    ) -> None:
        """``PUT /users/{id}/execute-actions-email``; Keycloak takes its own account console for the client
        where none is named.
        """
        way_on = {"client_id": client, "redirect_uri": back_to} if client else {}
        try:
            self._client.put(
                _user(account, "execute-actions-email"),
                sorted(actions),
                lifespan=max(1, int(life)),
                **way_on,
            )
        except Unavailable as error:
            raise Unavailable(
                str(error),
                retry_after=error.retry_after,
                sink_wide=error.sink_wide,
                unsure=error.sink_wide,  # else it is Keycloak that says that it could not send
            ) from error

    def _linked_ids(self) -> list[AccountId]:
        ids: list[AccountId] = []
        while True:
            page = self._client.list(
                "users",
                idpAlias=self._alias,
                briefRepresentation="true",
                first=len(ids),
                max=_PAGE,
            )
            ids += [AccountId(user["id"]) for user in page]
            if len(page) < _PAGE:
                return ids


class KeycloakProviders:
    """The realms of the configuration, by key; each connects when it is first used. ``slots``: as above."""

    def __init__(
        self, realms: Mapping[str, RealmSettings], our_actions: frozenset[str], *, slots: int = SLOTS
    ) -> None:
        self._realms = realms
        self._our_actions = our_actions
        self._slots = slots
        self._lock = Lock()
        self._provider = lru_cache(maxsize=MAX_REALMS)(self._make)

    def of(self, realm: str) -> KeycloakProvider:
        """:raises KeyError: there is no such realm."""
        with self._lock:
            return self._provider(realm)

    def _make(self, realm: str) -> KeycloakProvider:
        return KeycloakProvider(self._realms[realm], self._our_actions, slots=self._slots)


def _runtime_login(settings: RealmSettings) -> Login:
    try:
        secret = settings.runtime.client_secret.read()
    except ConfigError as error:
        raise Misconfigured(str(error)) from error
    return Login(realm=settings.realm, client_id=settings.runtime.client_id, client_secret=secret)


def _user(account: AccountId, *rest: str) -> str:
    return path("users", account, *rest)
