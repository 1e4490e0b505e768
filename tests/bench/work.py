"""What the bench does to an installation in this process: users made and changed, a worker that runs until
nothing waits. It owns how that is timed; what is measured with it is each part's.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, text

from connector.application.pace import WorkerSettings
from connector.application.performers import Performers
from connector.application.records import OutboxRow
from connector.application.service import Service
from connector.application.worker import Worker
from connector.bootstrap import Core
from connector.domain import commands as c
from connector.domain.document import profile_of
from connector.domain.effects import Lane
from connector.domain.model import Actor, ActorKind, PortalUser, TenantId
from connector.store.clock import boot_time
from tests.bench.scim import Figure, a_user
from tests.support.plant import a_worker

ACME = TenantId("acme")
_SYSTEM = Actor(kind=ActorKind.SYSTEM, name="bench")
_LOOK = 0.01

_WAITING = text(
    "SELECT COUNT(*) FROM outbox WHERE finished_at IS NULL AND lane = :lane AND state <> 'quarantined'"
)
_IS_ANY_WAITING = text(
    "SELECT EXISTS (SELECT 1 FROM outbox WHERE finished_at IS NULL AND lane = :lane "
    "AND state <> 'quarantined')"
)
_DROP_OTHERS = text(
    "UPDATE outbox SET state = 'skipped', due_at = NULL, finished_at = 0 "
    "WHERE finished_at IS NULL AND lane <> :lane"
)


class NoEffects(Performers):
    """Performers that do nothing."""

    def __init__(self) -> None:
        """Nobody outside is needed."""

    def perform(self, row: OutboxRow) -> None:
        """Done."""


def create(service: Service, numbers: Iterable[int], tenant: TenantId = ACME) -> list[PortalUser]:
    """A user each, invited at once, in a commit each."""
    return [
        service.handle(_command(c.Create, service.new_user_id(), a_user(number), tenant))
        for number in numbers
    ]


def rename(service: Service, users: Sequence[PortalUser], name: str) -> Figure:
    """Edit every user, in a commit each, as a PATCH does."""
    asked = [_command(c.Edit, user.id, {**user.document, "displayName": name}) for user in users]

    def edit() -> None:
        for command in asked:
            service.handle(command)

    return timed(edit, len(asked))


def _command(kind: type[Any], user: Any, document: dict[str, Any], tenant: TenantId = ACME) -> c.Command:
    command: c.Command = kind(
        tenant=tenant,
        user_id=user,
        actor=_SYSTEM,
        source="bench",
        request_id="bench-request",
        profile=profile_of(document),
        document=document,
    )
    return command


def idle_worker(core: Core) -> Worker:
    """A worker whose effects do nothing."""
    settings = WorkerSettings(**dict(core.settings.worker))
    return Worker(
        core.service.store, NoEffects(), core.clock, core.wake, a_worker(), settings, elapsed=boot_time
    )


def drain(core: Core, worker: Worker, lane: Lane = Lane.ACCOUNT) -> Figure:
    """Let a worker run until no row of the lane waits."""
    rows = waiting(core.engines.read, lane)
    thread = threading.Thread(target=worker.run, name="worker")

    def work() -> None:
        thread.start()
        while _is_any_waiting(core.engines.read, lane):
            time.sleep(_LOOK)

    figure = timed(work, rows)
    worker.stop()
    thread.join()
    return figure


def timed(deed: Callable[[], None], count: int) -> Figure:
    """What a deed of so many parts costs: this process's CPU time for each, and how many a second."""
    cpu, begun = time.process_time(), time.perf_counter()
    deed()
    elapsed = time.perf_counter() - begun
    return Figure(cpu_ms=(time.process_time() - cpu) * 1000 / count, per_second=count / elapsed)


def waiting(engine: Engine, lane: Lane) -> int:
    """Open rows of a lane that no operator has to look at."""
    with engine.begin() as connection:
        return int(connection.execute(_WAITING, {"lane": int(lane)}).scalar_one())


def _is_any_waiting(engine: Engine, lane: Lane) -> bool:
    with engine.begin() as connection:
        return bool(connection.execute(_IS_ANY_WAITING, {"lane": int(lane)}).scalar_one())


def leave_alone(core: Core, lane: Lane) -> None:
    """Take the rows of all other lanes out."""
    with core.engines.write.begin() as connection:
        connection.execute(_DROP_OTHERS, {"lane": int(lane)})
