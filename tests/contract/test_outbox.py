"""The contract of ``ports.Outbox``, over every store."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connector.application.ports import Outbox, Store
from connector.application.records import OutboxRow
from connector.domain.effects import (
    CheckHandover,
    EndSessions,
    Lane,
    MailPasswordReset,
    SendMail,
    SyncAccount,
    Template,
)
from connector.domain.model import TenantId, UserId
from tests.support.builders import ACME, ADA, NOW, OTHER

BOB = UserId("bob")
MAIL = SendMail(template=Template.INVITATION, generation=1)
LEASE = 90.0


class Box:
    """The outbox, each call in a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def open(self) -> Iterator[Outbox]:
        with self._store.write() as work:
            yield work.outbox

    def put(self, effect: object, user: UserId = ADA, tenant: TenantId = ACME, now: float = NOW) -> None:
        with self.open() as outbox:
            outbox.enqueue(tenant, user, effect, sink="s", request_id="r", now=now)  # type: ignore[arg-type]

    def claim(self, lane: Lane = Lane.ACCOUNT, prio: int = 1, now: float = NOW) -> list[OutboxRow]:
        with self.open() as outbox:
            return outbox.claim(lane, prio, 20, lease=LEASE, now=now)

    def done(self, row: OutboxRow, now: float = NOW) -> bool:
        with self.open() as outbox:
            return row.id in outbox.acknowledge([(row.id, row.attempt)], now=now)

    def rows(self, user: UserId = ADA, tenant: TenantId = ACME) -> list[OutboxRow]:
        with self.open() as outbox:
            return outbox.open_rows(tenant, user)


@pytest.fixture
def box(store: Store) -> Box:
    return Box(store)


def test_a_row_is_claimed_once_and_acknowledged_once(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    assert (row.tenant, row.user_id, row.effect, row.attempt, row.state) == (
        ACME,
        ADA,
        "sync_account",
        1,
        "running",
    )
    assert box.claim() == []
    assert box.done(row)
    assert not box.done(row)
    assert box.rows() == []


def test_a_users_rows_are_not_found_from_another_tenant(box: Box) -> None:
    box.put(SyncAccount())
    assert box.rows(tenant=OTHER) == []
    with box.open() as outbox:
        assert outbox.take(OTHER, ADA, "sync_account", "", lease=15, now=NOW) is None


def test_queue_q2_ten_changes_are_one_open_row(box: Box) -> None:
    for _ in range(10):
        box.put(SyncAccount())
    (row,) = box.claim()
    assert (row.wanted, row.taken) == (10, 10)
    assert box.done(row)
    assert box.claim() == []


def test_queue_q2_a_change_during_a_run_makes_it_run_again(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    box.put(SyncAccount())
    assert box.claim() == []
    assert box.done(row)
    (again,) = box.claim()
    assert (again.id, again.attempt) == (row.id, 2)


def test_queue_q2_a_change_makes_a_waiting_or_quarantined_row_ready_at_once(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        assert outbox.quarantine(row, reason="rejected", detail="email: no", now=NOW)
    (stuck,) = box.rows()
    assert (stuck.state, stuck.due_at, stuck.reason) == ("quarantined", None, "rejected")
    assert box.claim() == []
    box.put(SyncAccount())
    (again,) = box.claim()
    assert (again.failures, again.reason, again.first_failed_at) == (0, None, None)


def test_queue_q3_account_rows_of_one_user_run_in_their_order(box: Box) -> None:
    box.put(SyncAccount())
    box.put(EndSessions())
    box.put(SyncAccount(), BOB)
    first, other = box.claim()
    assert (first.effect, other.user_id) == ("sync_account", BOB)
    assert box.claim() == []
    box.done(first)
    (second,) = box.claim()
    assert second.effect == "end_sessions"


def test_queue_q3_a_mail_waits_for_the_account_but_not_the_other_way_round(box: Box) -> None:
    box.put(SyncAccount())
    box.put(MAIL)
    assert box.claim(Lane.MAIL) == []
    (account,) = box.claim()
    box.done(account)
    (mail,) = box.claim(Lane.MAIL)
    with box.open() as outbox:
        outbox.quarantine(mail, reason="mail_refused", detail="", now=NOW)
    box.put(SyncAccount(urgent=True))
    assert [row.effect for row in box.claim(prio=0)] == ["sync_account"]


def test_queue_q3_the_clocks_rows_wait_for_nobody(box: Box) -> None:
    box.put(SyncAccount())
    box.put(CheckHandover(handover="h1", due=NOW))
    box.put(CheckHandover(handover="h2", due=NOW))
    assert [row.target for row in box.claim(Lane.CLOCK)] == ["h1", "h2"]


def test_queue_q4_who_lost_the_lease_cannot_finish_the_row(box: Box) -> None:
    box.put(SyncAccount())
    (sleeper,) = box.claim()
    with box.open() as outbox:
        assert outbox.release_all(now=NOW + LEASE) == 1
    (other,) = box.claim(now=NOW + LEASE)
    with box.open() as outbox:
        assert not outbox.retry(sleeper, at=NOW, reason="x", detail="", now=NOW)
        assert not outbox.quarantine(sleeper, reason="x", detail="", now=NOW)
        assert not outbox.postpone(sleeper, at=NOW, now=NOW)
        outbox.renew(sleeper, now=NOW + LEASE)
    assert not box.done(sleeper)
    assert box.done(other)
    assert len(box.claim(now=NOW + LEASE)) == 1


def test_a_lease_that_ran_out_makes_the_row_claimable(box: Box) -> None:
    box.put(SyncAccount())
    (first,) = box.claim()
    with box.open() as outbox:
        outbox.extend([(first.id, first.attempt)], until=NOW + 200)
    assert box.claim(now=NOW + LEASE + 1) == []
    (second,) = box.claim(now=NOW + 200)
    assert second.attempt == 2


def test_a_failed_row_waits_until_it_is_due_and_counts(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        assert outbox.retry(row, at=NOW + 60, reason="unavailable", detail="no route", now=NOW)
    assert box.claim(now=NOW + 59) == []
    (again,) = box.claim(now=NOW + 60)
    assert (again.failures, again.first_failed_at, again.reason) == (1, NOW, "unavailable")


def test_a_row_is_not_due_before_its_time(box: Box) -> None:
    box.put(SendMail(template=Template.INVITATION, generation=1, due=NOW + 900))
    with box.open() as outbox:
        assert not outbox.has_due(Lane.MAIL, now=NOW)
        assert outbox.has_due(Lane.MAIL, now=NOW + 900)
    assert box.claim(Lane.MAIL) == []


def test_urgent_rows_have_a_priority_of_their_own_and_keep_it(box: Box) -> None:
    box.put(SyncAccount(urgent=True))
    box.put(SyncAccount())
    assert box.claim(prio=1) == []
    (row,) = box.claim(prio=0)
    assert row.wanted == 2


def test_the_press_takes_its_row_only_at_the_head_and_when_nobody_runs_it(box: Box) -> None:
    box.put(EndSessions())
    box.put(SyncAccount())
    with box.open() as outbox:
        assert outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW) is None
    (head,) = box.claim()
    box.done(head)
    with box.open() as outbox:
        taken = outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW)
        assert taken is not None
        assert outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW) is None
    assert box.claim() == []
    assert box.done(taken)


def test_an_operator_can_make_a_row_due_or_give_it_up_unless_it_runs(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        assert not outbox.make_due(row.id, now=NOW)
        assert not outbox.skip(row.id, now=NOW)
        outbox.quarantine(row, reason="rejected", detail="", now=NOW)
        assert [r.id for r in outbox.list(state="quarantined")] == [row.id]
        assert outbox.make_due(row.id, now=NOW)
    (again,) = box.claim()
    with box.open() as outbox:
        outbox.retry(again, at=NOW + 9, reason="x", detail="", now=NOW)
        assert outbox.skip(row.id, now=NOW)
        skipped = outbox.get(row.id)
    assert skipped is not None
    assert (skipped.state, skipped.finished_at) == ("skipped", NOW)
    assert box.rows() == []


def test_finished_ids_are_never_handed_out_again(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    box.done(row)
    box.put(SyncAccount())
    (later,) = box.claim()
    assert later.id > row.id


def test_what_takes_access_away_waits_for_no_row_that_is_put_off_or_stuck(box: Box) -> None:
    box.put(MailPasswordReset())
    (mail,) = box.claim()
    box.put(SyncAccount(urgent=True))
    assert box.claim(prio=0) == []
    with box.open() as outbox:
        outbox.retry(mail, at=NOW + 3600, reason="unavailable", detail="", now=NOW)
    (sync,) = box.claim(prio=0)
    box.put(EndSessions(urgent=True))
    assert box.claim(prio=0) == []
    with box.open() as outbox:
        outbox.retry(sync, at=NOW + 60, reason="unavailable", detail="", now=NOW)
    assert box.claim(prio=0) == []
    (sync,) = box.claim(prio=0, now=NOW + 60)
    with box.open() as outbox:
        outbox.quarantine(sync, reason="rejected", detail="", now=NOW)
    assert [row.effect for row in box.claim(prio=0)] == ["end_sessions"]


def test_a_mail_waits_for_an_older_one_unless_that_is_put_off_or_stuck(box: Box) -> None:
    later = SendMail(template=Template.ACTIVATION_RESEND, generation=2)
    box.put(MAIL)
    box.put(later)
    (first,) = box.claim(Lane.MAIL)
    with box.open() as outbox:
        outbox.retry(first, at=NOW + 60, reason="unavailable", detail="", now=NOW)
    (second,) = box.claim(Lane.MAIL)
    with box.open() as outbox:
        outbox.postpone(second, at=NOW + 60, now=NOW)
    (first,) = box.claim(Lane.MAIL, now=NOW + 60)
    with box.open() as outbox:
        outbox.quarantine(first, reason="mail_refused", detail="", now=NOW)
    assert [row.target for row in box.claim(Lane.MAIL, now=NOW + 60)] == [later.target]


def test_a_row_is_behind_older_ones_of_its_kind_until_they_are_done_or_stuck(box: Box) -> None:
    box.put(SyncAccount())
    box.put(EndSessions(), BOB)
    box.put(SyncAccount(), BOB)
    (first,) = box.rows()
    row = box.rows(BOB)[1]
    with box.open() as outbox:
        assert outbox.is_behind(row)
        assert not outbox.is_behind(first)
        taken = outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW)
        assert taken is not None
        assert outbox.is_behind(row)
        outbox.quarantine(taken, reason="rejected", detail="", now=NOW)
        assert not outbox.is_behind(row)
