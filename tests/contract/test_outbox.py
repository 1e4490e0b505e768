"""The contract of ``repositories.Outbox``, over every store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connector.application.records import OutboxRow
from connector.application.repositories import Outbox, Store
from connector.domain.effects import (
    CheckHandover,
    Effect,
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

    def put(self, effect: Effect, user: UserId = ADA, now: float = NOW, **values: Any) -> None:
        given = {"tenant": ACME, "sink": "s", "request_id": "r"} | values
        with self.open() as outbox:
            outbox.enqueue(given.pop("tenant"), user, effect, now=now, **given)

    def claim(
        self, lane: Lane = Lane.ACCOUNT, prio: int | None = 1, now: float = NOW, **values: Any
    ) -> list[OutboxRow]:
        with self.open() as outbox:
            return outbox.claim(lane, prio, values.pop("count", 20), lease=LEASE, now=now, **values)

    def has_due(self, lane: Lane = Lane.ACCOUNT, now: float = NOW, **values: bool) -> bool:
        with self.open() as outbox:
            return outbox.has_due(lane, now=now, **values)

    def one(self, user: UserId = ADA) -> OutboxRow:
        (row,) = self.rows(user)
        return row

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


def test_what_is_moot_is_given_up_for_one_user_and_effect_unless_it_runs(box: Box) -> None:
    box.put(EndSessions())
    box.put(EndSessions(), BOB)
    box.put(EndSessions(), tenant=OTHER)
    box.put(SyncAccount())
    with box.open() as outbox:
        assert outbox.skip_of(ACME, ADA, "end_sessions", now=NOW) == 1
    assert [row.effect for row in box.rows()] == ["sync_account"]
    assert [row.effect for row in box.rows(BOB)] == ["end_sessions"]
    box.claim()
    with box.open() as outbox:
        assert outbox.skip_of(ACME, BOB, "end_sessions", now=NOW) == 0


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


def test_rows_are_never_those_of_a_user_of_the_same_id_in_another_tenant(box: Box) -> None:
    box.put(SyncAccount())
    box.put(SyncAccount(), tenant=OTHER)
    box.put(EndSessions(), tenant=OTHER)
    assert [row.tenant for row in box.claim()] == [ACME, OTHER]
    assert len(box.rows()) == 1
    assert len(box.rows(tenant=OTHER)) == 2


def test_one_of_many_changes_waits_behind_single_ones_until_one_asks_for_the_same(box: Box) -> None:
    box.put(SyncAccount(), prio=2)
    box.put(SyncAccount(urgent=True), BOB, prio=2)
    assert box.claim(prio=1) == []
    assert [row.user_id for row in box.claim(prio=0)] == [BOB]
    box.put(SyncAccount())
    assert [row.prio for row in box.claim(prio=1)] == [1]


def test_queue_q6_a_claim_of_any_priority_takes_the_longest_due(box: Box) -> None:
    box.put(SyncAccount(), UserId("a"), prio=2, now=NOW)
    box.put(SyncAccount(), UserId("b"), prio=1, now=NOW + 1)
    box.put(SyncAccount(urgent=True), UserId("c"), now=NOW + 2)
    claimed = box.claim(prio=None, now=NOW + 3, count=2)
    assert [row.user_id for row in claimed] == ["a", "b"]
    assert [row.user_id for row in box.claim(prio=None, now=NOW + 3)] == ["c"]


def test_queue_q3_one_claim_never_takes_a_row_and_the_urgent_one_that_overtakes_it(box: Box) -> None:
    box.put(MailPasswordReset())
    box.put(SyncAccount(urgent=True))
    (first,) = box.claim(prio=None)
    assert box.claim(prio=None) == []
    assert box.done(first)
    assert len(box.claim(prio=None)) == 1


def test_queue_q3_who_was_overtaken_waits_until_the_other_has_run(box: Box) -> None:
    box.put(MailPasswordReset())
    box.put(SyncAccount(urgent=True))
    (sync,) = box.claim(prio=0)
    assert box.claim() == []
    assert not box.has_due()
    assert box.done(sync)
    assert [row.effect for row in box.claim()] == ["mail_password_reset"]


def test_queue_q3_who_was_overtaken_waits_for_no_lease_that_ran_out(box: Box) -> None:
    box.put(MailPasswordReset())
    box.put(SyncAccount(urgent=True))
    box.claim(prio=0)
    assert [row.effect for row in box.claim(now=NOW + LEASE)] == ["mail_password_reset"]


def test_a_claim_can_be_of_one_sink_alone(box: Box) -> None:
    box.put(SyncAccount(), sink="a")
    box.put(SyncAccount(), BOB, sink="b")
    assert [row.user_id for row in box.claim(prio=None, sink="b")] == [BOB]
    assert [row.user_id for row in box.claim(sink="a")] == [ADA]


def test_queue_q10_rows_that_wait_for_others_are_not_due(box: Box) -> None:
    box.put(SyncAccount())
    box.put(MAIL)
    assert not box.has_due(Lane.MAIL)
    assert box.has_due()
    assert not box.has_due(urgent_alone=True)
    box.put(SyncAccount(urgent=True))
    assert box.has_due(urgent_alone=True)
    box.claim(prio=0)
    assert not box.has_due()
    assert not box.has_due(Lane.MAIL)


def test_many_rows_are_acknowledged_at_once_and_lost_ones_are_told(box: Box) -> None:
    for number in range(3):
        box.put(SyncAccount(), UserId(f"u{number}"))
    first, second, third = box.claim()
    box.put(SyncAccount(), second.user_id)
    with box.open() as outbox:
        keys = [(first.id, 1), (second.id, 1), (third.id, 7), (99, 1)]
        assert outbox.acknowledge(keys, now=NOW) == {first.id, second.id}
        assert outbox.acknowledge([], now=NOW) == set()
    assert [row.id for row in box.claim()] == [second.id]
    assert box.one(third.user_id).state == "running"


def test_a_heartbeat_tells_which_rows_were_lost(box: Box) -> None:
    box.put(SyncAccount())
    box.put(SyncAccount(), BOB)
    first, second = box.claim()
    assert box.done(second)
    with box.open() as outbox:
        keys = [(first.id, first.attempt), (second.id, second.attempt), (first.id, 9)]
        assert outbox.extend(keys, until=NOW + 500) == {first.id}
    assert box.one().due_at == NOW + 500


def test_queue_q11_rows_that_nobody_began_are_given_back(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        outbox.give_back([(row.id, 7)], now=NOW)
    assert box.claim() == []
    with box.open() as outbox:
        outbox.give_back([(row.id, row.attempt)], now=NOW)
    (again,) = box.claim()
    assert (again.attempt, again.failures) == (2, 0)


@pytest.mark.parametrize("end", ["retry", "postpone", "quarantine"])
def test_queue_q15_what_was_expected_is_taken_back_when_the_end_is_known(box: Box, end: str) -> None:
    values = {"retry": {"at": NOW}, "postpone": {"at": NOW}, "quarantine": {}}[end]
    blame = {} if end == "postpone" else {"reason": "x", "detail": ""}
    box.put(MAIL)
    (row,) = box.claim(Lane.MAIL)
    with box.open() as outbox:
        assert outbox.expect(row)
        assert getattr(outbox, end)(row, now=NOW, **values, **blame)
    assert box.one().unsure == 0


def test_queue_q15_what_stays_unknown_is_counted_until_it_is_known(box: Box) -> None:
    box.put(MAIL)
    for times in (1, 2, 3):
        (row,) = box.claim(Lane.MAIL)
        with box.open() as outbox:
            assert outbox.expect(row)
            assert outbox.retry(row, at=NOW, reason="x", detail="", now=NOW, unsure=True)
        assert box.one().unsure == times
    (row,) = box.claim(Lane.MAIL)
    with box.open() as outbox:
        assert outbox.expect(row)
        assert outbox.retry(row, at=NOW, reason="x", detail="", now=NOW)
    assert box.one().unsure == 3


def test_queue_q15_nobody_expects_for_a_row_that_was_lost(box: Box) -> None:
    box.put(MAIL)
    (row,) = box.claim(Lane.MAIL)
    assert box.done(row)
    with box.open() as outbox:
        assert not outbox.expect(row)


def test_queue_q8_due_rows_of_a_sink_are_parked_and_come_back_together(box: Box) -> None:
    box.put(SyncAccount(), sink="a")
    box.put(SyncAccount(), BOB, sink="b")
    later = UserId("later")
    box.put(SyncAccount(), later, sink="a", now=NOW + 5)
    running = UserId("running")
    box.put(SyncAccount(urgent=True), running, sink="a")
    box.claim(prio=0)
    with box.open() as outbox:
        assert outbox.park("a", until=NOW + 60, now=NOW) == 1
    assert (box.one().due_at, box.one().failures) == (NOW + 60, 0)
    assert box.one(later).due_at == NOW + 5
    assert box.one(running).state == "running"
    assert [row.user_id for row in box.claim()] == [BOB]
    with box.open() as outbox:
        assert outbox.unpark("b", parked_until=NOW + 60, now=NOW + 1) == 0
        assert outbox.unpark("a", parked_until=NOW + 60, now=NOW + 1) == 1
    assert [row.user_id for row in box.claim(now=NOW + 1)] == [ADA]


def test_queue_q12_all_that_waits_for_a_time_is_hurried_save_the_clocks_own_rows(box: Box) -> None:
    box.put(CheckHandover(handover="h", due=NOW + 900))
    box.put(SendMail(template=Template.REMINDER, generation=1, due=NOW + 900))
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        outbox.retry(row, at=NOW + 3600, reason="x", detail="", now=NOW)
        assert outbox.hurry(now=NOW) == 2
    dues = {row.effect: row.due_at for row in box.rows()}
    assert dues == {"check_handover": NOW + 900, "send_mail": NOW, "sync_account": NOW}


def test_queue_q9_rows_are_listed_by_state_reason_and_sink(box: Box) -> None:
    for number, (sink, reason) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("b", "")]):
        user = UserId(f"u{number}")
        box.put(SyncAccount(), user, sink=sink)
        (row,) = box.claim()
        with box.open() as outbox:
            if reason:
                outbox.quarantine(row, reason=reason, detail="", now=NOW)

    def listed(**values: Any) -> list[str]:
        with box.open() as outbox:
            return [str(row.user_id) for row in outbox.list(**values)]

    assert listed() == ["u0", "u1", "u2", "u3"]
    assert listed(limit=2) == ["u0", "u1"]
    assert listed(state="quarantined") == ["u0", "u1", "u2"]
    assert listed(reason="x") == ["u0", "u2"]
    assert listed(reason="x", sink="b", state="quarantined") == ["u2"]
    assert listed(state="running") == ["u3"]


def test_what_the_clock_is_to_do_later_can_be_left_out_of_the_list(box: Box) -> None:
    box.put(SyncAccount())
    box.put(SendMail(template=Template.REMINDER, generation=1, due=NOW + 900))
    for handover, due in (("later", NOW + 900), ("due", NOW)):
        box.put(CheckHandover(handover=handover, due=due))
    with box.open() as outbox:
        assert len(outbox.list()) == 4
        assert [row.target for row in outbox.list(due_by=NOW)] == ["", "reminder/1", "due"]


def test_figures_tell_how_much_waits_for_how_long_and_why_rows_are_stuck(box: Box) -> None:
    box.put(SyncAccount(), UserId("a"), now=NOW - 60)
    box.put(SyncAccount(), UserId("b"), now=NOW - 30)
    box.put(SyncAccount(urgent=True), UserId("c"), now=NOW - 5)
    box.put(SyncAccount(), UserId("d"), now=NOW - 90)
    (stuck,) = box.claim(count=1)
    box.put(SendMail(template=Template.INVITATION, generation=1, due=NOW + 900), UserId("a"))
    with box.open() as outbox:
        outbox.quarantine(stuck, reason="rejected", detail="", now=NOW)
        figures = outbox.figures(now=NOW)
    assert figures.open == {(0, "ready"): 3, (0, "quarantined"): 1, (1, "ready"): 1}
    assert figures.oldest == {(0, 0): 5.0, (0, 1): 60.0, (1, 1): 0.0}
    with box.open() as outbox:
        outbox.park("s", until=NOW + 300, now=NOW)
        # What is put off waits all the same.
        assert outbox.figures(now=NOW + 10).oldest == {(0, 0): 15.0, (0, 1): 70.0, (1, 1): 10.0}
    assert figures.quarantined == {"rejected": 1}


def test_finished_rows_are_forgotten_after_a_time_a_few_at_once(box: Box) -> None:
    for number in range(4):
        box.put(SyncAccount(), UserId(f"u{number}"))
    rows = box.claim()
    for number, row in enumerate(rows[:3]):
        assert box.done(row, now=NOW + number)

    def forgotten(before: float, limit: int = 10) -> int:
        with box.open() as outbox:
            return outbox.forget_finished(before=before, limit=limit)

    assert forgotten(NOW) == 0
    assert forgotten(NOW + 2, limit=1) == 1
    assert forgotten(NOW + 2) == 1
    with box.open() as outbox:
        assert [outbox.get(row.id) is None for row in rows] == [True, True, False, False]


def test_what_another_side_said_is_kept_without_what_no_database_holds(box: Box) -> None:
    box.put(SyncAccount())
    (row,) = box.claim()
    with box.open() as outbox:
        assert outbox.retry(row, at=NOW, reason="x", detail="a\0b\ud800c", now=NOW)
    assert box.one().detail == "ab?c"
