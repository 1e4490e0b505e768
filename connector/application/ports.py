"""What Usher needs from the world besides its database (``repositories``), in its own words. Each
protocol's docstring is its contract, which one class in ``tests/contract`` holds every implementation to.
It owns shapes only; no adapter is named here.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from connector.application.records import Mail
from connector.domain.account import Account, Credential, DesiredAccount
from connector.domain.effects import Template
from connector.domain.model import AccountId, PortalUser, Tenant, TenantId, UserId

# --- time, ids, tenants --------------------------------------------------------------------------


class Clock(Protocol):
    """The time."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...


class Ids(Protocol):
    """Randomness from the operating system's generator."""

    def user_id(self) -> UserId:
        """A new UUID, as text."""
        ...

    def token(self, bits: int) -> str:
        """``bits`` of randomness as lower-case hex."""
        ...


class Tenants(Protocol):
    """The tenants of the configuration."""

    def get(self, tenant: TenantId) -> Tenant | None:
        """The tenant, or None."""
        ...

    def all(self) -> Sequence[Tenant]:
        """Every tenant, by id."""
        ...


# --- outside -------------------------------------------------------------------------------------


class IdentityProvider(Protocol):
    """One realm of Keycloak, as the lifecycle needs it. Every call may raise the ``OutsideError`` tree;
    each is repeatable. Accounts are named by their id alone.
    """

    def find(self, usher_id: str) -> Account | None:
        """Our account of ``<tenant>:<user id>``, compared exactly."""
        ...

    def get(self, account: AccountId) -> Account:
        """:raises Gone: it is not there."""
        ...

    def create(self, desired: DesiredAccount) -> AccountId:
        """Make it in one call.

        :raises Exists: userName or e-mail is another account's. If a reply was lost, that may be ours.
        """
        ...

    def update(self, account: Account, desired: DesiredAccount) -> bool:
        """Write what differs; whether anything did.

        :raises Gone: it is not there.
        """
        ...

    def delete(self, account: AccountId) -> None:
        """Remove it; fine if it is gone."""
        ...

    def end_sessions(self, account: AccountId) -> None:
        """End sessions and offline tokens (logout, then each consent); fine if the account is gone."""
        ...

    def credentials(self, account: AccountId) -> Sequence[Credential]:
        """:raises Gone: it is not there."""
        ...

    def remove_credential(self, account: AccountId, credential: str) -> None:
        """Fine if it is gone."""
        ...

    def link(self, account: AccountId, sub: str, name: str) -> None:
        """Tie the account to subject ``sub`` of our provider.

        :raises Linked: it already has a link.
        """
        ...

    def linked_sub(self, account: AccountId) -> str | None:
        """The subject it is tied to."""
        ...

    def unlink(self, account: AccountId) -> None:
        """Untie it; fine if it is not tied or gone."""
        ...

    def linked_accounts(self) -> Iterator[AccountId]:
        """Every account with a live link to our provider."""
        ...

    def mail_password_reset(self, account: AccountId) -> None:
        """Have Keycloak mail a link to a new password."""
        ...

    def mail_invitation(
        self, account: AccountId, actions: Collection[str], *, life: float, client: str, back_to: str
    ) -> None:
        """Have Keycloak mail a link that leads through required actions and is good for ``life`` seconds.
        From the end it leads on to ``back_to`` by ``client``, of which that must be a redirect URI; nowhere
        if both are empty. Each call makes one more link, and all of them work.

        :raises Gone: it is not there. :raises Rejected: the account is disabled or has no address, or the
            client does not lead there. :raises Unavailable: ``unsure`` if a mail may be on its way.
        """
        ...


class IdentityProviders(Protocol):
    """The identity provider of each realm in the configuration."""

    def of(self, realm: str) -> IdentityProvider:
        """:raises KeyError: there is no such realm."""
        ...


class Mailer(Protocol):
    """Sends finished mails."""

    def send(self, mail: "Mail", *, before_content: Callable[[], None] = lambda: None) -> str:
        """Hand the mail over; the other side's last answer. ``before_content`` is called when the
        conversation has come so far that the next step may deliver the mail; if it raises, nothing is sent.

        :raises Unavailable: try again.
        :raises Rejected: refused for good; ``field`` is ``recipient`` if this address is, ``message`` if
            the mail is.
        :raises Misconfigured: our credentials or settings are.
        """
        ...


class Renderer(Protocol):
    """Makes a mail of a template in a tenant's brand."""

    def render(
        self,
        template: Template,
        tenant: Tenant,
        user: PortalUser,
        *,
        link: str | None,
        request_id: str,
        recipient: str | None = None,
    ) -> Mail:
        """``recipient`` None: the address the template is meant for. ``email_changed_notice`` must be told,
        since the user's record holds the new address only.

        :raises Misconfigured: the template or the sender does not allow it. :raises Rejected: ``field``
            is ``recipient``: there is no address to send to, or none that is one.
        """
        ...


class Wake(Protocol):
    """Tells a worker that something was enqueued, by whatever process. It may miss something: whoever
    waits looks for itself now and then.
    """

    def wait(self, seconds: float) -> None:
        """Return when something was enqueued since the last call, or after so long."""
        ...

    def notify(self) -> None:
        """Let whoever waits in this process go on."""
        ...


class Links(Protocol):
    """The links that mails carry."""

    def invitation(self, invitation: str, generation: int) -> str:
        """The absolute URL of one generation's landing page; the same at each call."""
        ...
