"""The composition root: builds the parts from the settings and hands each what it needs. It owns which
adapter stands behind which port, and no logic at all.

What one kind of process alone needs is imported where it is built: a worker holds no web server's modules
in memory, nor a web process the mail's, unless tenants have templates of their own, which it looks at.
"""

import os
import secrets
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector.application.account import Accounts
from connector.application.bounces import Bounces
from connector.application.followup import FollowUp, FollowUpTimes
from connector.application.pace import WorkerSettings
from connector.application.performers import Performers
from connector.application.ports import Clock, Mailer
from connector.application.post import Post
from connector.application.records import WorkerSeen
from connector.application.service import Service
from connector.application.share import FairShare
from connector.application.sweep import LinkSweep
from connector.application.worker import Worker
from connector.domain.errors import Misconfigured
from connector.domain.model import State, Tenant, TenantId, UserId
from connector.foundation.config import Fault, MailSettings, ServerSettings, Settings, TenantCheck
from connector.foundation.key_ring import LinkKeyRing, SigningKeyRing
from connector.foundation.links import InvitationLinks
from connector.foundation.management import ManagementServer, Watched
from connector.foundation.metrics import exposition
from connector.keycloak.adapter import KeycloakProviders
from connector.operation.figures import Figures
from connector.operation.readiness import checks_of
from connector.store.checkpoint import Checkpointer
from connector.store.clock import StoreClock, boot_time, make_clock
from connector.store.engine import Engines, make_engines
from connector.store.lock import only_worker
from connector.store.migrate import HEAD, bring_up_to_date, current
from connector.store.store import SqlStore
from connector.store.wake import StoreWake, make_wake
from scim_server.profiles import client_of

if TYPE_CHECKING:
    from flask import Flask

    from connector.mail.dispatch import Dispatch
    from connector.mail.render import MailRenderer

TENANT_CHECKS: tuple[TenantCheck, ...] = (client_of,)
"""What rooms besides the configuration itself say of a tenant's settings."""


def faults_of_templates(tenant: Tenant, folder: Path) -> Iterable[Fault]:
    """What the mail room says of a tenant's own templates."""
    from connector.mail.tenant_templates import look_at

    return look_at(tenant, folder).faults


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What every door needs: the settings, the database and the service over it."""

    settings: Settings
    engines: Engines
    clock: StoreClock
    wake: StoreWake
    service: Service

    def close(self) -> None:
        """End the core's threads and connections."""
        self.wake.close()
        self.engines.dispose()


def make_core(settings: Settings, *, works: bool = False) -> Core:
    """The core over an up-to-date database; a SQLite one is brought there. ``works``: a worker will run in
    this process.

    :raises Misconfigured: the database is of another version of Usher.
    """
    url = settings.database_url()
    engines = make_engines(url)
    bring_up_to_date(engines)
    clock, wake = make_clock(engines), make_wake(url, listens=works)
    tenants = ConfiguredTenants(settings.tenants)
    store = SqlStore(engines, wake.tell)
    share = FairShare(per_minute=settings.limits.fair_share)
    service = Service(store, tenants, settings.mapping, clock, SystemIds(), share)
    return Core(settings=settings, engines=engines, clock=clock, wake=wake, service=service)


def make_accounts(core: Core) -> tuple[Accounts, KeycloakProviders]:
    """Accounts over the real Keycloak realms."""
    ours = core.settings.mapping.rules[State.PENDING].required_actions
    idps = KeycloakProviders(core.settings.realms, ours, slots=core.settings.worker.account_slots)
    return Accounts(core.service, idps), idps


def make_followup(core: Core, accounts: Accounts) -> FollowUp:
    """The looks after begun hand-overs."""
    times = FollowUpTimes(looks=tuple(core.settings.handover.checks))
    return FollowUp(core.service, accounts, times)


def make_links(core: Core) -> InvitationLinks:
    """The links that mails carry, by the key files of the configuration."""
    return InvitationLinks(core.settings.public_url, LinkKeyRing(core.settings.keys, core.clock.now))


def make_worker(core: Core) -> Worker:
    """A worker over the real Keycloak and mail server."""
    accounts, idps = make_accounts(core)
    links = make_links(core)
    settings, clock = core.settings, core.service.clock
    post = Post(core.service, links, make_renderer(settings, clock), make_mailer(settings, clock))
    performers = Performers(core.service, accounts, post, make_followup(core, accounts))
    pace = WorkerSettings(**dict(settings.worker))
    sweep = LinkSweep(core.service, idps, SystemIds(), every=pace.link_sweep)
    return Worker(
        core.service.store,
        performers,
        core.clock,
        core.wake,
        _introduction(core),
        pace,
        elapsed=boot_time,
        jumped=core.clock.jumped,
        chores=[*_mail_chores(core), sweep.run],
    )


def _mail_chores(core: Core) -> list[Callable[[], object]]:
    """What a worker does about mails besides the outbox: it reads reports of lost ones from a folder."""
    from connector.mail.maildir import BounceFolder

    bounces = core.settings.mail.bounces
    if bounces is None or bounces.maildir is None:
        return []
    return [BounceFolder(bounces.maildir, Bounces(core.service), SystemIds()).read]


def _introduction(core: Core) -> WorkerSeen:
    """What this process's worker says of itself."""
    now, host = core.clock.now(), socket.gethostname()
    name = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
    return WorkerSeen(id=name, host=host, version=version("portal-usher"), started_at=now, seen_at=now)


@contextmanager
def opened_worker(core: Core) -> Iterator[Worker]:
    """A worker of the database. SQLite's is the only one: what a dead one left running is due at once.

    :raises Misconfigured: another process is SQLite's only one.
    """
    with only_worker(core.settings.database_url()) as is_only_one:
        worker = make_worker(core)
        if is_only_one:
            worker.recover()
        yield worker


def look_after_database(core: Core) -> None:
    """Keep SQLite's log short as long as this process lives."""
    Checkpointer(core.settings.database_url()).start()


@contextmanager
def checkpoints(core: Core) -> Iterator[None]:
    """Keep SQLite's log short meanwhile; each process that lives on does."""
    thread = Checkpointer(core.settings.database_url())
    thread.start()
    try:
        yield
    finally:
        thread.stop()


def make_renderer(settings: Settings, clock: Clock) -> "MailRenderer":
    """The shipped templates and, before them, the tenants' own; a tenant without a sender mails as the
    installation, where that is allowed.

    :raises ConfigError: a tenant's template is at fault; no other stands in for it.
    """
    from connector.mail.render import MailRenderer
    from connector.mail.tenant_templates import own_templates

    mail = settings.mail
    own = {key: own_templates(settings.tenants[key], folder) for key, folder in settings.templates.items()}
    return MailRenderer(
        clock=clock,
        own=own,
        default_sender=mail.from_ if mail.allow_default_sender else None,
        dispatch=make_dispatch(mail),
        sign_in_kind=settings.mapping.sign_in_kind,
    )


def make_dispatch(mail: MailSettings) -> "Dispatch":
    """How mails leave: signed where there is a key; reports of lost ones go where the settings say.

    :raises Misconfigured: the key cannot be read, or is none.
    """
    from connector.mail.dispatch import Dispatch
    from connector.mail.dkim import Signer
    from connector.mail.envelope import ReturnPath

    bounces = mail.bounces
    return Dispatch(
        return_path=ReturnPath(address=bounces.address, tagged=bounces.tagged) if bounces else ReturnPath(),
        signer=Signer.of(mail.dkim) if mail.dkim else None,
    )


def make_mailer(settings: Settings, clock: Clock) -> Mailer:
    """Mail by SMTP, or into a folder."""
    from connector.mail.files import FileMailer
    from connector.mail.smtp import SmtpMailer, Timeouts

    mail = settings.mail
    if mail.smtp is not None:
        limit = settings.worker.mail_effect
        return SmtpMailer(
            mail.smtp, hello=urlsplit(settings.public_url).hostname, timeouts=Timeouts.within(limit)
        )
    if mail.files is not None:
        return FileMailer(mail.files, clock=clock)
    raise Misconfigured("mail: neither smtp nor files is set.")


def make_app(core: Core) -> "Flask":
    """The web application: SCIM, invitation pages, OpenID provider."""
    from flask import Flask

    from connector.foundation.web_requests import observe_requests
    from connector.invite.blueprint import InviteParts, invite_blueprint
    from scim_server.blueprint import scim_blueprint

    settings = core.settings
    accounts, idps = make_accounts(core)
    app = Flask("usher", static_folder=None)
    observe_requests(app, fresh_id=lambda: SystemIds().token(128), seconds=time.perf_counter)
    app.register_blueprint(scim_blueprint(core.service, public_url=settings.public_url))
    app.register_blueprint(
        invite_blueprint(
            InviteParts(
                settings=settings,
                service=core.service,
                accounts=accounts,
                followup=make_followup(core, accounts),
                identity_providers=idps,
                links=make_links(core),
                keys=SigningKeyRing(settings.keys),
                clock=core.service.clock,
                ids=SystemIds(),
            )
        )
    )
    return app


def make_management(
    core: Core, *, stopping: Callable[[], bool], web: ServerSettings | None, port: int | None = None
) -> ManagementServer:
    """The management port of this process; ``web`` is where its web process listens, if it has one,
    ``port`` stands in place of the configuration's.
    """
    settings = core.settings
    figures = Figures(core.service.store, core.service.clock, realms=settings.realms)
    checks = checks_of(
        revision=lambda: current(core.engines.read),
        head=HEAD,
        keys=settings.keys,
        stopping=stopping,
        web=web,
    )
    where = settings.management if port is None else settings.management.model_copy(update={"port": port})
    watched = Watched(checks=checks, degraded=figures.away, figures=lambda: exposition(figures))
    return ManagementServer(where, watched)
