"""A whole worker over a real database and fakes of the outside: for tests of what follows a commit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from connector.application.account import Accounts
from connector.application.followup import FollowUp, FollowUpTimes
from connector.application.pace import WorkerSettings
from connector.application.performers import Performers
from connector.application.post import Post
from connector.application.records import HandOver, Mail, MailAttempt, OutboxRow, WorkerSeen
from connector.application.repositories import Store
from connector.application.share import FairShare
from connector.application.sweep import LinkSweep
from connector.application.worker import Worker
from connector.domain import commands as c
from connector.domain.account import Account
from connector.domain.effects import Template
from connector.domain.errors import UsherError
from connector.domain.model import AccountId, PortalUser, Tenant, UserId
from connector.foundation.contact import heard
from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.support.builders import (
    ACME,
    ADA,
    NOW,
    OTHER,
    SYSTEM,
    CountingIds,
    FakeClock,
    FixedTenants,
    a_document,
    a_profile,
    a_service,
    a_tenant,
    command,
)
from tests.support.fake_idp import FakeIdentityProvider, FakeIdentityProviders


class FakeLinks:
    """Links that say which generation they are of."""

    def invitation(self, invitation: str, generation: int) -> str:
        return f"https://usher.example.com/invite/{invitation}.{generation}"


class RecordingPost:
    """A renderer and a mailer in one: keeps what was sent, or fails as told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str | None]] = []
        self.tries = 0
        self.error: UsherError | None = None
        self.unrenderable: UsherError | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def render(
        self,
        template: str,
        tenant: Tenant,
        user: PortalUser,
        *,
        link: str | None,
        request_id: str,
        recipient: str | None = None,
    ) -> Mail:
        if self.unrenderable:
            raise self.unrenderable
        inviter = user.invitation.inviter if user.invitation else ""
        own = inviter if template == Template.INVITATION_EXPIRED_NOTICE else user.profile.email
        to = recipient or own
        self._next = (template, to, link)
        generation = user.invitation.generation if user.invitation else 0
        mark = f"{template}-{user.id}-{generation}"
        return Mail(sender="portal@x", recipient=to, message=b"", message_id=f"<{mark}@x>")

    def send(self, mail: Mail, *, before_content: Callable[[], None] = lambda: None) -> str:
        before_content()
        self.tries += 1
        self.meanwhile()
        if self.error:
            raise self.error
        heard()
        self.sent.append(self._next)
        return "250 ok"


class Poll:
    """A wake-up that never comes: whoever waits looks for itself."""

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def notify(self) -> None:
        """Nobody is told."""


def a_worker(name: str = "w1") -> WorkerSeen:
    return WorkerSeen(id=name, host="here", version="1", started_at=NOW, seen_at=NOW)


class Plant:
    """Everything behind the commit, on one clock."""

    def __init__(self, folder: Path, *, share: FairShare | None = None, **policy: Any) -> None:
        self.clock = FakeClock()
        self.url = f"sqlite:///{folder / 'usher.db'}"
        engines = make_engines(self.url)
        migrate(engines.write)
        self.store = SqlStore(engines)
        self.tenants = FixedTenants(a_tenant(**policy), a_tenant(OTHER))
        self.service = a_service(self.store, *self.tenants.all(), clock=self.clock, share=share)
        self.service.tenants = self.tenants
        self.idp = FakeIdentityProvider()
        self.idps = FakeIdentityProviders({"main": self.idp})
        self.accounts = Accounts(self.service, self.idps)
        self.post = RecordingPost()
        self.followup = FollowUp(self.service, self.accounts, FollowUpTimes())
        post = Post(self.service, FakeLinks(), self.post, self.post)
        self.performers = Performers(self.service, self.accounts, post, self.followup)
        self.worker = self.another_worker()

    def another_worker(
        self,
        store: Store | None = None,
        name: str = "w1",
        jumped: Callable[[], bool] = lambda: False,
        chores: Sequence[Callable[[], object]] = (),
        **settings: Any,
    ) -> Worker:
        return Worker(
            store or self.store,
            self.performers,
            self.clock,
            Poll(),
            a_worker(name),
            WorkerSettings(**settings),
            chance=lambda: 1.0,
            elapsed=self.clock.now,
            jumped=jumped,
            chores=chores,
        )

    def sweep(self) -> LinkSweep:
        """What one worker of several has of it."""
        return LinkSweep(self.service, self.idps, CountingIds(), every=300)

    def create(self, user: UserId = ADA, name: str = "ada@acme.example", **values: Any) -> PortalUser:
        profile = values.pop("profile", None) or a_profile(name)
        asked = command(
            c.Create, actor=SYSTEM, user=user, profile=profile, document=a_document(profile), **values
        )
        return self.service.handle(asked)

    def do(self, asked: type[c.Command], **values: Any) -> PortalUser:
        return self.service.handle(command(asked, **values))

    def user(self, user: UserId = ADA) -> PortalUser:
        with self.store.read() as work:
            found = work.users.get(ACME, user)
        assert found is not None
        return found

    def account(self) -> Account:
        (one,) = self.idp.accounts()
        return one

    def account_of(self, user: UserId) -> Account:
        (one,) = [one for one in self.idp.accounts() if one.usher_id == f"{ACME}:{user}"]
        return one

    def account_id(self) -> AccountId:
        return self.account().id

    def waiting(self, user: UserId = ADA) -> list[OutboxRow]:
        with self.store.read() as work:
            return work.outbox.open_rows(ACME, user)

    def row(self, effect: str) -> OutboxRow:
        (one,) = [row for row in self.waiting() if row.effect == effect]
        return one

    def mails(self, user: UserId = ADA) -> list[MailAttempt]:
        with self.store.read() as work:
            return work.mails.of(ACME, user)

    def begin_handover(self, sub: str = "5" * 32) -> HandOver:
        """As the press does it: open, prepare the account, remember both."""
        now = self.clock.now()
        user = self.user()
        assert user.invitation is not None
        opened = HandOver(
            id=f"h{now}",
            tenant=ACME,
            user_id=ADA,
            generation=user.invitation.generation,
            browser="b" * 64,
            opened_at=now,
            link_until=now + 900,
            closes_at=now + 1800,
        )
        with self.store.write() as work:
            work.handovers.add(opened)
        account = self.accounts.prepare_handover(opened, sub)
        ready = replace(opened, sub=sub, account=account)
        with self.store.write() as work:
            work.handovers.save(ready)
        return ready
