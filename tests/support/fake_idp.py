"""An identity provider in memory for tests, held to the same contract as the real one. It stores what
Keycloak would, and can be told to fail, to lose a reply, or to have been touched by others.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any
from uuid import uuid4

from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.errors import Exists, Gone, Linked, Rejected
from connector.domain.model import AccountId
from connector.foundation.contact import heard
from connector.keycloak.representation import account_of, differences, new_account

OUR_ACTIONS = frozenset({"UPDATE_PASSWORD", "VERIFY_EMAIL"})


@dataclass(slots=True)
class _Fault:
    error: Exception
    times: int
    reply_lost: bool


class FakeIdentityProvider:
    """One realm. ``calls`` records (method, account or usher id) of every call of the port."""

    def __init__(self, our_actions: frozenset[str] = OUR_ACTIONS) -> None:
        self.calls: list[tuple[str, str]] = []
        self.resets: list[AccountId] = []
        """Whose password resets were mailed."""
        self.invitations: list[tuple[AccountId, frozenset[str], float, str, str]] = []
        """Whose invitations were mailed, and how."""
        self._our_actions = our_actions
        self._users: dict[AccountId, dict[str, Any]] = {}
        self._credentials: dict[AccountId, list[Credential]] = defaultdict(list)
        self._links: dict[AccountId, str] = {}
        self._sessions: dict[AccountId, int] = defaultdict(int)
        self._faults: dict[str, _Fault] = {}
        self._away: Exception | None = None
        self._before: dict[str, Callable[[], None]] = {}
        self._lock = RLock()

    # --- what a test may do to it ------------------------------------------------------------------

    def fail(self, method: str, error: Exception, *, times: int = 1, reply_lost: bool = False) -> None:
        """Make the next ``times`` calls of ``method`` raise; with ``reply_lost`` after their work."""
        self._faults[method] = _Fault(error, times, reply_lost)

    def go_away(self, error: Exception) -> None:
        """Make every call raise."""
        self._away = error

    def heal(self) -> None:
        """Let every call work again."""
        self._faults.clear()
        self._away = None

    def before(self, method: str, deed: Callable[[], None]) -> None:
        """Have ``deed`` happen when ``method`` is called, before anything else."""
        self._before[method] = deed

    def called(self, method: str) -> list[str]:
        """Of what ``method`` was called, in order."""
        return [subject for name, subject in self.calls if name == method]

    def accounts(self) -> list[Account]:
        """Everything there is."""
        return [account_of(user) for user in self._users.values()]

    def give_credential(
        self, account: AccountId, *, kind: str = "password", created_at: float = 0.0
    ) -> Credential:
        """As if the person had set one."""
        credential = Credential(id=str(uuid4()), type=kind, created_at=created_at)
        self._credentials[account].append(credential)
        return credential

    def edit(self, account: AccountId, **fields: Any) -> None:
        """As if an administrator had saved these fields of the user representation."""
        self._users[account].update(fields)

    def lock_out(self, account: AccountId) -> None:
        """As if brute-force detection had locked the account for good."""
        user = self._users[account]
        user["enabled"] = False
        user["attributes"] = {**user["attributes"], "disabledReason": ["permanentLockout"]}

    def sign_in(self, account: AccountId) -> None:
        """As if the person had begun a session."""
        self._sessions[account] += 1

    def sessions(self, account: AccountId) -> int:
        """How many sessions are alive."""
        return self._sessions[account]

    def finish_actions(self, account: AccountId, *, created_at: float = 0.0) -> None:
        """As if the person had walked through the required actions and set a password."""
        self.edit(account, requiredActions=[], emailVerified=True)
        self.give_credential(account, created_at=created_at)

    # --- the port ----------------------------------------------------------------------------------

    def find(self, usher_id: str) -> Account | None:
        with self._called("find", usher_id):
            return next((one for one in self.accounts() if one.usher_id == usher_id), None)

    def get(self, account: AccountId) -> Account:
        with self._called("get", account):
            return account_of(self._user(account))

    def create(self, desired: DesiredAccount) -> AccountId:
        with self._called("create", desired.usher_id):
            self._refuse_twins(desired.user_name, desired.email)
            account = AccountId(str(uuid4()))
            self._users[account] = _stored({"id": account, **new_account(desired, ())})
            return account

    def update(self, account: Account, desired: DesiredAccount) -> bool:
        with self._called("update", account.id):
            user = self._user(account.id)
            body = differences(account, desired, self._our_actions)
            self._refuse_twins(body.get("username", ""), body.get("email", ""), but=user["id"])
            self._users[account.id] = _stored({**user, **body})
            return bool(body)

    def delete(self, account: AccountId) -> None:
        with self._called("delete", account):
            for table in (self._users, self._credentials, self._links, self._sessions):
                table.pop(account, None)

    def end_sessions(self, account: AccountId) -> None:
        with self._called("end_sessions", account):
            self._sessions.pop(account, None)

    def credentials(self, account: AccountId) -> Sequence[Credential]:
        with self._called("credentials", account):
            self._user(account)
            return list(self._credentials[account])

    def remove_credential(self, account: AccountId, credential: str) -> None:
        with self._called("remove_credential", account):
            kept = [one for one in self._credentials[account] if one.id != credential]
            self._credentials[account] = kept

    def link(self, account: AccountId, sub: str, name: str) -> None:
        with self._called("link", account):
            self._user(account)
            if account in self._links:
                raise Linked("already linked")
            self._links[account] = sub

    def linked_sub(self, account: AccountId) -> str | None:
        with self._called("linked_sub", account):
            self._user(account)
            return self._links.get(account)

    def unlink(self, account: AccountId) -> None:
        with self._called("unlink", account):
            self._links.pop(account, None)

    def linked_accounts(self) -> Iterator[AccountId]:
        with self._called("linked_accounts", ""):
            return iter(list(self._links))

    def mail_password_reset(self, account: AccountId) -> None:
        with self._called("mail_password_reset", account):
            self._user(account)
            self.resets.append(account)

    def mail_invitation(
        self, account: AccountId, actions: Collection[str], *, life: float, client: str, back_to: str
    ) -> None:
        with self._called("mail_invitation", account):
            if not self._user(account)["enabled"]:
                raise Rejected("", "User is disabled")
            self.invitations.append((account, frozenset(actions), life, client, back_to))

    # --- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _called(self, method: str, subject: str) -> Iterator[None]:
        self._before.get(method, lambda: None)()
        with self._lock:
            self.calls.append((method, subject))
            if self._away is not None:
                raise self._away
            fault = self._faults.get(method)
            if fault is None or fault.times <= 0:
                yield
                heard()
                return
            fault.times -= 1
            if fault.reply_lost:
                yield
            raise fault.error

    def _user(self, account: AccountId) -> dict[str, Any]:
        if account not in self._users:
            raise Gone("User not found")
        return self._users[account]

    def _refuse_twins(self, user_name: str, email: str, *, but: str = "") -> None:
        for user in self._users.values():
            if user["id"] == but:
                continue
            if user_name and user["username"] == user_name.lower():
                raise Exists("User exists with same username")
            if email and user["email"] == email.lower():
                raise Exists("User exists with same email")


class FakeIdentityProviders:
    """The realms by key."""

    def __init__(self, realms: Mapping[str, FakeIdentityProvider]) -> None:
        self._realms = realms

    def of(self, realm: str) -> FakeIdentityProvider:
        """:raises KeyError: there is no such realm."""
        return self._realms[realm]


def _stored(user: dict[str, Any]) -> dict[str, Any]:
    """As Keycloak keeps it: userName and e-mail in lower case."""
    return {**user, "username": user["username"].lower(), "email": user["email"].lower()}
