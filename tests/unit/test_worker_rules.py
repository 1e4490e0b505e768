"""The worker's rules about order, leases, copies and its own end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.application.leases import Leases
from connector.application.records import URGENT, OutboxRow
from connector.application.repeat import repeated
from connector.application.repositories import Store, UnitOfWork
from connector.application.share import FairShare
from connector.application.worker import Worker
from connector.domain import commands as c
from connector.domain.effects import EndSessions, Lane, SendMail, SyncAccount, Template
from connector.domain.errors import Busy, Rejected, Unavailable
from connector.domain.model import AccountId, HoldKind, TenantId, UserId
from tests.support.builders import ACME, ADA, NOW, OTHER, SYSTEM
from tests.support.plant import Plant
from tests.support.waiting import wait_until

BOB = UserId("bob")


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def many(plant: Plant, count: int, tenant: TenantId = ACME) -> None:
    """Rows of that many users, of which nobody has heard: their sync has nothing to do."""
    with plant.store.write() as work:
        for number in range(count):
            user = UserId(f"nobody-{number}")
            effect = SyncAccount()
            work.outbox.enqueue(tenant, user, effect, sink="self", request_id="r", now=NOW, prio=1)


# --- Q4, Q5: leases ------------------------------------------------------------------------------


class Elapsed:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_queue_q5_nothing_begins_that_might_outlive_its_lease(plant: Plant) -> None:
    elapsed = Elapsed()
    leases = Leases(90, elapsed)
    with plant.store.write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
        (row,) = work.outbox.claim(Lane.ACCOUNT, 1, 1, lease=90, now=NOW)
    leases.took([row], since=leases.mark())
    elapsed.seconds = 45
    assert leases.begin(row, 45)
    elapsed.seconds = 46
    assert not leases.begin(row, 45)
    leases.extended(leases.to_extend(), {row.id}, since=leases.mark())
    assert leases.begin(row, 45)


def test_queue_q4_a_row_that_another_worker_has_by_now_is_not_begun(plant: Plant) -> None:
    leases = Leases(90, Elapsed())
    with plant.store.write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
        (row,) = work.outbox.claim(Lane.ACCOUNT, 1, 1, lease=90, now=NOW)
    leases.took([row], since=leases.mark())
    leases.extended(leases.to_extend(), set(), since=leases.mark())
    assert not leases.begin(row, 0)
    assert leases.to_extend() == []


def test_queue_q4_who_lost_a_row_has_it_looked_at_once_more(plant: Plant) -> None:
    plant.create()
    seen: list[bool] = []

    def stolen() -> None:
        """The sleeper's write is under way while the next worker does it all."""
        if not seen:
            seen.append(True)
            with plant.store.write() as work:
                work.outbox.release_all(now=NOW)
            with plant.store.write() as work:
                (row,) = work.outbox.claim(Lane.ACCOUNT, 1, 1, lease=90, now=NOW)
                work.outbox.acknowledge([(row.id, row.attempt)], now=NOW)

    plant.idp.before("create", stolen)
    plant.worker.drain()
    assert plant.idp.called("create") == [f"acme:{ADA}"]
    assert "get" in [method for method, _ in plant.idp.calls]


# --- Q6: order -----------------------------------------------------------------------------------


def test_queue_q6_an_endless_stream_of_single_changes_does_not_starve_an_import(plant: Plant) -> None:
    with plant.store.write() as work:
        work.outbox.enqueue(OTHER, BOB, SyncAccount(), sink="self", request_id="r", now=NOW, prio=2)
    claims = 0
    while any(row.state == "ready" for row in _rows(plant, BOB, OTHER)):
        many(plant, 25)
        plant.worker._lanes[0].once()
        claims += 1
    assert 1 < claims <= 20


def test_queue_q6_a_claim_takes_at_most_twenty_rows(plant: Plant) -> None:
    many(plant, 50)
    assert [plant.worker._lanes[0].once() for _ in range(4)] == [20, 20, 10, 0]


def _rows(plant: Plant, user: UserId, tenant: TenantId = ACME) -> list[OutboxRow]:
    with plant.store.read() as work:
        return work.outbox.open_rows(tenant, user)


# --- Q13: fair share -----------------------------------------------------------------------------


def test_queue_q13_beyond_its_share_a_tenants_rows_are_many(plant: Plant) -> None:
    elapsed = Elapsed()
    share = FairShare(300, elapsed)
    assert {share.prio(ACME, SyncAccount()) for _ in range(300)} == {1}
    assert share.prio(ACME, SyncAccount()) == 2
    assert share.prio(OTHER, SyncAccount()) == 1
    elapsed.seconds = 1.0
    assert [share.prio(ACME, SyncAccount()) for _ in range(6)] == [1, 1, 1, 1, 1, 2]


def test_queue_q13_taking_access_away_is_never_counted(plant: Plant) -> None:
    share = FairShare(1, Elapsed())
    assert [share.prio(ACME, EndSessions(urgent=True)) for _ in range(3)] == [1, 1, 1]
    assert share.prio(ACME, SyncAccount()) == 1


def test_queue_q13_the_invitation_of_a_small_tenant_overtakes_an_import(tmp_path: Path) -> None:
    plant = Plant(tmp_path, share=FairShare(20, Elapsed()))
    for number in range(60):
        plant.create(UserId(f"user-{number}"), f"user{number}@acme.example")
    plant.create(BOB, "bob@other.example", tenant=OTHER)
    worker = plant.another_worker(account_slots=1)
    worker._lanes[0].once()
    assert f"{OTHER}:{BOB}" in plant.idp.called("create")


# --- Q15: copies ---------------------------------------------------------------------------------


def test_promise_p3_a_mail_whose_answers_get_lost_is_sent_three_times_and_no_more(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("lost after DATA", unsure=True)
    for _ in range(10):
        plant.worker.drain()
        plant.clock.move(60)
    row = plant.row("send_mail")
    assert (row.state, row.reason, row.unsure) == ("quarantined", "delivery_unknown", 3)
    assert plant.post.tries == 3
    assert [(one.outcome, one.answer) for one in plant.mails()] == [("queued", "lost after DATA")]


def test_queue_q15_an_answer_tells_that_no_copy_is_under_way(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("451 try later", sink_wide=False)
    for _ in range(10):
        plant.worker.drain()
        assert plant.row("send_mail").unsure == 0
        plant.clock.move(3600)
    plant.post.error = None
    plant.worker.drain()
    assert len(plant.post.sent) == 1


def test_queue_q15_the_count_is_written_before_the_mail_can_arrive(plant: Plant) -> None:
    plant.create()
    counts: list[int] = []
    plant.post.meanwhile = lambda: counts.append(plant.row("send_mail").unsure)
    plant.worker.drain()
    assert counts == [1]


def test_queue_q15_a_worker_that_died_after_the_mail_went_out_leaves_the_count(plant: Plant) -> None:
    plant.create()
    for _ in range(3):
        plant.post.meanwhile = _die
        with pytest.raises(SystemExit):
            plant.worker.drain()
        with plant.store.write() as work:
            work.outbox.release_all(now=NOW)
    plant.post.meanwhile = lambda: None
    plant.worker.drain()
    assert plant.row("send_mail").reason == "delivery_unknown"


def _die() -> None:
    raise SystemExit


def test_queue_q9_a_resend_after_an_unknown_delivery_starts_afresh(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("lost after DATA", unsure=True)
    for _ in range(10):
        plant.worker.drain()
        plant.clock.move(60)
    plant.post.error = None
    plant.do(c.Resend)
    plant.worker.drain()
    assert [template for template, _, _ in plant.post.sent] == ["activation_resend"]


# --- Q11: the end --------------------------------------------------------------------------------


def wait(for_: threading.Event) -> None:
    for_.wait(60)


def running(plant: Plant, **settings: Any) -> tuple[Worker, threading.Thread]:
    worker = plant.another_worker(poll=0.05, **settings)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    return worker, thread


def test_queue_q11_rows_that_were_not_begun_are_given_back_at_once(plant: Plant) -> None:
    for number in range(10):
        plant.create(UserId(f"user-{number}"), f"user{number}@acme.example")
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        wait(go_on)

    plant.idp.before("create", hang)
    worker, thread = running(plant, account_slots=1)
    wait_until(begun.is_set, what="the first try")
    assert _states(plant).count("running") == 10
    worker.stop()
    go_on.set()
    thread.join(20)
    assert not thread.is_alive()
    assert _states(plant).count("running") == 0
    assert len(plant.idp.accounts()) == 1


def test_endings_are_written_down_though_one_could_not_be_told(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that writes them must outlive whatever goes wrong after a commit."""
    told = iter([OSError("no more files")])

    def notify() -> None:
        if error := next(told, None):
            raise error

    worker = plant.another_worker()
    monkeypatch.setattr(worker._endings, "_written", notify)
    thread = threading.Thread(target=worker._endings.run, daemon=True)
    thread.start()
    for number in range(2):
        plant.create(UserId(f"user-{number}"), f"user{number}@acme.example")
        (row,) = worker._lanes[0]._claims.take(Lane.ACCOUNT, 1)
        worker._endings.put(worker._lanes[0]._attempts.make(row))
        wait_until(lambda: not _states(plant), what="writing down")
    worker._endings.close()
    thread.join(20)
    assert not thread.is_alive()


def test_queue_q11_an_effect_that_hangs_does_not_keep_the_worker(plant: Plant) -> None:
    plant.create()
    go_on = threading.Event()
    plant.idp.before("create", lambda: wait(go_on))
    worker, thread = running(plant, grace=0.2)
    wait_until(lambda: _states(plant) == ["running"], what="claiming")
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert _states(plant) == ["running"]
    go_on.set()


def _states(plant: Plant) -> list[str]:
    with plant.store.read() as work:
        return [row.state for row in work.outbox.list(limit=1000) if row.lane is Lane.ACCOUNT]


def test_promise_p4_an_urgent_row_overtakes_what_a_worker_has_claimed_already(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    for number in range(15):
        plant.create(UserId(f"user-{number}"), f"user{number}@acme.example")
    first = threading.Event()
    plant.idp.before("create", lambda: wait(first))
    worker, thread = running(plant, account_slots=1)
    wait_until(lambda: _states(plant).count("running") == 15, what="claiming")
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    wait_until(lambda: _waits_urgently(worker), what="claiming the urgent row")
    plant.idp.before("create", lambda: None)
    first.set()
    wait_until(lambda: not _states(plant), what="draining")
    worker.stop()
    thread.join(20)
    methods = [method for method, _ in plant.idp.calls]
    creates = [number for number, method in enumerate(methods) if method == "create"]
    assert creates[1] < methods.index("update") < creates[2]


def _waits_urgently(worker: Worker) -> bool:
    """Whether its lane of accounts has one in front of its slots: a claim is there a moment later."""
    return any(row.prio == URGENT for row in tuple(worker._lanes[0]._waiting))


# --- Q12, Q14 and housekeeping -------------------------------------------------------------------


def test_queue_q12_when_the_clock_has_jumped_what_waits_is_tried_at_once(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("busy", retry_after=3000))
    plant.worker.drain()
    jumps = iter([False, True])
    worker = plant.another_worker(poll=0.01, heartbeat=0.05, jumped=lambda: next(jumps, False))
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: plant.idp.accounts(), what="the second try")
    worker.stop()
    thread.join(20)


def test_rows_finished_long_ago_are_forgotten(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    (done,) = [
        row for row in (_row(plant, number) for number in range(1, 5)) if row and row.effect == "send_mail"
    ]
    plant.clock.move(8 * 86400)
    plant.worker._housekeeping.run()
    assert _row(plant, done.id) is None


def test_mails_of_long_ago_are_forgotten(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.worker._housekeeping.run()
    assert len(plant.mails()) == 1
    plant.clock.move(91 * 86400)
    plant.worker._housekeeping.run()
    assert plant.mails() == []


def _row(plant: Plant, number: int) -> OutboxRow | None:
    with plant.store.read() as work:
        return work.outbox.get(number)


class Unwritable:
    """A store that cannot write one kind of ending."""

    def __init__(self, store: Store) -> None:
        self.read = store.read
        self._store = store

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with self._store.write() as work:
            work.outbox.quarantine = self._fail  # type: ignore[method-assign]  # this unit of work's alone
            yield work

    def _fail(self, *_: object, **__: object) -> bool:
        raise RuntimeError("no text")


def test_one_ending_that_cannot_be_written_does_not_take_the_others_with_it(plant: Plant) -> None:
    plant.create()
    plant.create(BOB, "bob@acme.example")
    plant.idp.fail("create", Rejected("email", "no"))
    plant.another_worker(Unwritable(plant.store)).drain()
    assert _states(plant) == ["running"]
    assert len(plant.post.sent) == 1


# --- repeats -------------------------------------------------------------------------------------


def test_database_d4_a_unit_of_work_is_repeated_three_times_when_the_database_asks_for_it() -> None:
    tries: list[int] = []

    def change() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise Busy("deadlock", transient=True)
        return "done"

    assert repeated(change) == "done"
    tries[:] = [1] * -10
    with pytest.raises(Busy):
        repeated(lambda: _fail(tries, transient=True))
    assert len(tries) == 4


def test_database_d4_what_may_have_been_written_is_not_repeated() -> None:
    tries: list[int] = []
    with pytest.raises(Busy):
        repeated(lambda: _fail(tries, transient=False))
    assert len(tries) == 1


def _fail(tries: list[int], *, transient: bool) -> None:
    tries.append(1)
    raise Busy("no", transient=transient)


def test_a_mail_in_the_lane_of_its_own_waits_for_nothing_of_other_users(plant: Plant) -> None:
    with plant.store.write() as work:
        for user in (ADA, BOB):
            mail = SendMail(template=Template.WELCOME)
            work.outbox.enqueue(ACME, user, mail, sink="smtp:default", request_id="r", now=NOW)
    plant.worker.drain()
    assert plant.worker.drain() == 0


# --- what must not strand, nor go out too often ---------------------------------------------------


class Locked:
    """A store that takes nothing while ``is_locked``."""

    def __init__(self, store: Store) -> None:
        self.read = store.read
        self.is_locked = False
        self._store = store

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        if self.is_locked:
            raise Busy("locked")
        with self._store.write() as work:
            yield work


def test_rows_that_could_not_be_given_back_are_no_longer_kept(plant: Plant) -> None:
    plant.create()
    store = Locked(plant.store)
    worker = plant.another_worker(store)
    (row,) = worker._lanes[0]._claims.take(Lane.ACCOUNT, 20)
    store.is_locked = True
    worker._lanes[0]._give_back([row])
    assert worker._leases.to_extend() == []


def test_promise_p3_a_mail_that_went_out_but_could_not_be_recorded_counts_as_a_copy(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.do(c.Resend)
    store = Locked(plant.store)

    def lock() -> None:
        store.is_locked = True

    plant.post.meanwhile = lock
    plant.service.store = store
    for _ in range(8):
        store.is_locked = False
        plant.worker.drain()
        plant.clock.move(3600)
    assert plant.row("send_mail").reason == "delivery_unknown"
    assert plant.post.tries == 1 + 3


def test_queue_q5_a_try_that_hangs_does_not_keep_its_row_for_ever() -> None:
    elapsed = Elapsed()
    leases = Leases(90, elapsed)
    row = a_row()
    leases.took([row], since=leases.mark())
    assert leases.begin(row, 45)
    assert leases.to_extend() == [(row.id, row.attempt)]
    elapsed.seconds = 46
    assert leases.to_extend() == []


def a_row() -> OutboxRow:
    return OutboxRow(
        id=7,
        tenant=ACME,
        request_id="r",
        created_at=NOW,
        subject=f"u:{ACME}/{ADA}",
        effect="sync_account",
        target="",
        lane=Lane.ACCOUNT,
        sink="s",
        prio=1,
        state="running",
        due_at=NOW,
        wanted=1,
        taken=1,
        attempt=1,
        failures=0,
        first_failed_at=None,
        unsure=0,
        reason=None,
        detail=None,
        finished_at=None,
    )


def test_promise_p4_urgent_rows_keep_their_order_and_are_not_hoarded(plant: Plant) -> None:
    users = [UserId(f"user-{number:02}") for number in range(60)]
    for number, user in enumerate(users):
        plant.create(user, f"user{number}@acme.example")
    plant.worker.drain()
    for user in users:
        plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM, user=user)
    go_on, most = threading.Event(), [0]

    def look() -> None:
        most[0] = max(most[0], _states(plant).count("running"))
        wait(go_on)

    before = len(plant.idp.calls)
    plant.idp.before("update", look)
    worker, thread = running(plant, account_slots=1)
    wait_until(lambda: most[0] > 0, what="claiming")
    go_on.set()
    wait_until(lambda: not _states(plant), what="draining")
    worker.stop()
    thread.join(20)
    accounts = {one.id: one.usher_id for one in plant.idp.accounts()}
    order = [accounts[AccountId(who)] for method, who in plant.idp.calls[before:] if method == "update"]
    assert most[0] <= 20 + 20
    assert order == [f"acme:{user}" for user in users]


def test_queue_q12_a_jump_is_not_forgotten_when_the_database_is_busy(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("busy", retry_after=3000))
    plant.worker.drain()
    jumps = iter([True])
    store = Locked(plant.store)
    worker = plant.another_worker(store, jumped=lambda: next(jumps, False))
    store.is_locked = True
    worker._quietly(worker._beat)
    store.is_locked = False
    worker._quietly(worker._beat)
    assert plant.row("sync_account").due_at == NOW


def test_queue_q16_what_a_persons_press_has_taken_is_left_to_it_at_a_restart(plant: Plant) -> None:
    plant.create()
    with plant.store.write() as work:
        pressed = work.outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW)
    assert pressed is not None
    assert plant.worker.recover() == 0
    assert plant.row("sync_account").state == "running"
