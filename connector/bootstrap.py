"""The composition root: builds the parts from the settings and hands each what it needs. It owns which
adapter stands behind which port, and no logic at all.
"""

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask

from connector.application.account import Accounts
from connector.application.followup import FollowUp, FollowUpTimes
from connector.application.performers import Performers
from connector.application.ports import Mailer
from connector.application.post import Post
from connector.application.service import Service
from connector.application.worker import Worker, WorkerSettings
from connector.domain.errors import Misconfigured
from connector.domain.model import State, Tenant, TenantId, UserId
from connector.foundation.config import Settings, TenantCheck
from connector.foundation.keys import load_link_key, load_signing_keys
from connector.foundation.links import InvitationLinks
from connector.invite.blueprint import InviteParts, invite_blueprint
from connector.keycloak.adapter import KeycloakProviders
from connector.mail.files import FileMailer
from connector.mail.render import MailRenderer
from connector.mail.smtp import SmtpMailer
from connector.store.engine import Engines, make_engines
from connector.store.lock import only_worker
from connector.store.migrate import HEAD, current, migrate
from connector.store.store import SqlStore
from scim_server.blueprint import scim_blueprint
from scim_server.profiles import client_of

TENANT_CHECKS: tuple[TenantCheck, ...] = (client_of,)
"""What rooms besides the configuration itself say of a tenant's settings."""


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """UTC epoch seconds."""
        return time.time()


class SystemIds:
    """Ids from the operating system's generator."""

    def user_id(self) -> UserId:
        """A new UUID, as text."""
        return UserId(str(uuid.uuid4()))

    def token(self, bits: int) -> str:
        """``bits`` of randomness as lower-case hex."""
        return secrets.token_hex(bits // 8)


class ConfiguredTenants:
    """The tenants of the settings."""

    def __init__(self, tenants: Mapping[TenantId, Tenant]) -> None:
        self._tenants = dict(sorted(tenants.items()))

    def get(self, tenant: TenantId) -> Tenant | None:
        """The tenant, or None."""
        return self._tenants.get(tenant)

    def all(self) -> Sequence[Tenant]:
        """Every tenant, by id."""
        return list(self._tenants.values())


@dataclass(frozen=True, slots=True)
class Core:
    """What every door needs: the settings, the database and the service over it."""

    settings: Settings
    engines: Engines
    service: Service


def make_core(settings: Settings) -> Core:
    """The core over an up-to-date database; a SQLite one is brought there.

    :raises Misconfigured: the database is of another version of Usher.
    """
    engines = make_engines(settings.database)
    migrate(engines.write)
    if (found := current(engines.read)) != HEAD:
        raise Misconfigured(f"The database is at revision {found}, not {HEAD}: run `usher migrate`.")
    tenants = ConfiguredTenants(settings.tenants)
    service = Service(SqlStore(engines), tenants, settings.mapping, SystemClock(), SystemIds())
    return Core(settings=settings, engines=engines, service=service)


def make_accounts(core: Core) -> tuple[Accounts, KeycloakProviders]:
    """Accounts over the real Keycloak realms."""
    ours = core.settings.mapping.rules[State.PENDING].required_actions
    idps = KeycloakProviders(core.settings.realms, ours)
    return Accounts(core.service, idps), idps


def make_followup(core: Core, accounts: Accounts) -> FollowUp:
    """The looks after begun hand-overs."""
    times = FollowUpTimes(looks=tuple(core.settings.handover.checks))
    return FollowUp(core.service, accounts, times)


def make_worker(core: Core) -> Worker:
    """A worker over the real Keycloak and mail server."""
    accounts, _ = make_accounts(core)
    links = InvitationLinks(core.settings.public_url, load_link_key(core.settings.keys))
    post = Post(core.service, links, make_renderer(core), make_mailer(core))
    performers = Performers(core.service, accounts, post, make_followup(core, accounts))
    settings = WorkerSettings(**dict(core.settings.worker))
    return Worker(core.service.store, performers, core.service.clock, settings)


@contextmanager
def opened_store_lock(core: Core) -> Iterator[None]:
    """The right to be this database's worker.

    :raises Misconfigured: another process has it.
    """
    with only_worker(core.settings.database):
        yield


def make_renderer(core: Core) -> MailRenderer:
    """The shipped templates; a tenant without a sender mails as the installation, where that is allowed."""
    mail = core.settings.mail
    default_sender = mail.from_ if mail.allow_default_sender else None
    return MailRenderer(clock=core.service.clock, default_sender=default_sender)


def make_mailer(core: Core) -> Mailer:
    """Mail by SMTP, or into a folder."""
    mail = core.settings.mail
    if mail.smtp is not None:
        return SmtpMailer(mail.smtp, hello=urlsplit(core.settings.public_url).hostname)
    if mail.files is not None:
        return FileMailer(mail.files, clock=core.service.clock)
    raise Misconfigured("mail: neither smtp nor files is set.")


def make_app(core: Core) -> Flask:
    """The web application: SCIM, invitation pages, OpenID provider."""
    settings = core.settings
    accounts, idps = make_accounts(core)
    app = Flask("usher", static_folder=None)
    app.register_blueprint(scim_blueprint(core.service, public_url=settings.public_url))
    app.register_blueprint(
        invite_blueprint(
            InviteParts(
                settings=settings,
                service=core.service,
                accounts=accounts,
                followup=make_followup(core, accounts),
                identity_providers=idps,
                links=InvitationLinks(settings.public_url, load_link_key(settings.keys)),
                keys=load_signing_keys(settings.keys),
                clock=core.service.clock,
                ids=SystemIds(),
            )
        )
    )
    return app
