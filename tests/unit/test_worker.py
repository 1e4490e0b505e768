"""What the worker makes of rows: done, again, later, quarantined."""

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from connector.application.followup import FollowUp, FollowUpTimes
from connector.application.pace import backoff
from connector.application.repositories import Store, UnitOfWork
from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import (
    Busy,
    Exists,
    Forbidden,
    Misconfigured,
    Refusal,
    Refused,
    Rejected,
    Unavailable,
)
from connector.domain.model import AccountId, HoldKind, State, Tenant, UserId, state_of
from connector.domain.policy import DAY, DeletePolicy
from tests.support.builders import ACME, ADA, NOW, PERSON, SYSTEM, a_document, a_profile
from tests.support.plant import Plant
from tests.support.waiting import wait_until

BOB = UserId("0b5c1a5e-0000-4000-8000-000000000002")


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_a_created_user_gets_an_account_and_then_one_mail(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    assert plant.post.sent == [
        ("invitation", "ada@acme.example", f"https://usher.example.com/invite/{'0' * 31}1.1")
    ]
    (attempt,) = plant.mails()
    assert (attempt.outcome, attempt.answer) == ("sent", "250 ok")
    assert plant.user().invitation.sent_at == NOW  # type: ignore[union-attr]
    assert [row.effect for row in plant.waiting()] == ["expire_invitation", "remind"]


def test_while_keycloak_is_away_rows_wait_with_their_reason_and_the_mail_behind_them(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("connection refused"), times=99)
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason, row.detail) == ("ready", "unavailable", "connection refused")
    assert row.due_at == NOW + 2
    assert plant.post.sent == []
    plant.idp.heal()
    plant.clock.move(2)
    plant.worker.drain()
    assert len(plant.post.sent) == 1


def test_queue_q7_the_pause_doubles_up_to_its_bound_and_is_jittered() -> None:
    pauses = [backoff(n, longest=3600, chance=lambda: 1.0) for n in (1, 2, 3, 11, 12, 1000)]
    assert pauses == [2, 4, 8, 2048, 3600, 3600]
    assert backoff(3, longest=3600, chance=lambda: 0.25) == 2


def test_queue_q7_what_the_other_side_asks_for_wins(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("busy", retry_after=120))
    plant.worker.drain()
    assert plant.row("sync_account").due_at == NOW + 120


def test_queue_q7_after_a_day_of_failures_the_row_is_quarantined(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("connection refused"), times=99)
    plant.worker.drain()
    plant.clock.move(DAY + 1)
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason) == ("quarantined", "gave_up")


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (Rejected("email", "error-invalid-email"), "quarantined", "rejected"),
        (Forbidden("403"), "ready", "forbidden"),
        (Misconfigured("unknown realm"), "ready", "misconfigured"),
        (RuntimeError("a bug of ours"), "ready", "unavailable"),
    ],
)
def test_each_kind_of_failure_has_its_end(plant: Plant, error: Exception, state: str, reason: str) -> None:
    plant.create()
    plant.idp.fail("create", error, times=99)
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason) == (state, reason)


def test_an_account_that_is_forbidden_twice_waits_for_somebody(plant: Plant) -> None:
    plant.create()
    plant.idp.go_away(Forbidden("403"))
    plant.worker.drain()
    plant.clock.move(60)
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason) == ("quarantined", "forbidden")


def test_promise_p5_a_quarantined_row_stops_its_own_user_alone(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Rejected("email", "no"))
    plant.worker.drain()
    plant.create(BOB, "bob@acme.example")
    plant.worker.drain()
    assert [address for _, address, _ in plant.post.sent] == ["bob@acme.example"]


def test_taking_access_away_does_not_wait_for_mail(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("no route")
    plant.worker.drain()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    assert not plant.account().enabled
    plant.post.error = None
    plant.clock.move(3600)
    plant.worker.drain()
    assert plant.post.sent == []
    assert [attempt.outcome for attempt in plant.mails()] == ["skipped"]


def test_a_refused_recipient_is_on_record_and_the_row_is_done(plant: Plant) -> None:
    plant.create()
    plant.post.error = Rejected("recipient", "550 no such user")
    plant.worker.drain()
    assert [(a.outcome, a.answer) for a in plant.mails()] == [("failed", "550 no such user")]
    assert "send_mail" not in {row.effect for row in plant.waiting()}


def test_a_refused_message_is_quarantined(plant: Plant) -> None:
    plant.create()
    plant.post.error = Rejected("message", "554 looks like spam")
    plant.worker.drain()
    assert plant.row("send_mail").reason == "mail_refused"


def test_an_invitation_lives_its_whole_life_from_the_attempt_that_sends_it(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("no route")
    plant.worker.drain()
    plant.clock.time = NOW + 3 * DAY
    plant.post.error = None
    plant.worker.drain()
    invitation = plant.user().invitation
    assert invitation is not None
    assert invitation.expires_at == NOW + 10 * DAY
    assert plant.row("expire_invitation").due_at == NOW + 10 * DAY


def test_an_invitation_whose_mail_had_to_wait_past_its_time_comes_back_with_it(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("no route")
    plant.worker.drain()
    plant.clock.time = NOW + 8 * DAY
    plant.post.error = None
    plant.worker.drain()
    assert state_of(plant.user(), plant.clock.now()) is State.PENDING
    assert plant.account().enabled
    assert len(plant.post.sent) == 1


def test_the_clock_expires_an_invitation_and_tells_an_inviter_who_is_a_person(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.clock.time = NOW + 7 * DAY
    plant.worker.drain()
    with plant.store.read() as work:
        assert work.timeline.of(ACME, plant.user().id)[-1].action == "expire"
    assert plant.waiting() == []


def test_the_reminder_goes_out_while_the_invitation_is_open_and_was_mailed(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.clock.time = NOW + 5 * DAY
    plant.worker.drain()
    assert [template for template, _, _ in plant.post.sent] == ["invitation", "reminder"]


def test_no_reminder_goes_to_who_accepted(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.do(c.Accept, actor=PERSON, generation=1)
    plant.clock.time = NOW + 5 * DAY
    plant.worker.drain()
    assert len(plant.post.sent) == 1


def test_a_deleted_user_is_forgotten_after_the_grace_period(tmp_path: Path) -> None:
    plant = Plant(tmp_path, delete=DeletePolicy.SOFT, grace=DAY)
    plant.create()
    plant.worker.drain()
    plant.do(c.Delete, actor=SYSTEM)
    plant.worker.drain()
    assert plant.user().profile.user_name == "ada@acme.example"
    plant.clock.move(DAY)
    plant.worker.drain()
    assert plant.user().profile.user_name == ""
    assert plant.mails() == []


def test_a_hand_over_finished_in_another_browser_is_noticed(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    handover = plant.begin_handover()
    plant.idp.finish_actions(plant.account_id(), created_at=NOW)
    assert plant.followup.look(handover.id, request_id="r") is None
    assert state_of(plant.user(), NOW) is State.ACTIVE
    plant.worker.drain()
    assert plant.idp.linked_sub(plant.account_id()) is None


def test_a_hand_over_left_alone_loses_its_link_and_is_closed(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    handover = plant.begin_handover()
    look = plant.followup.look
    assert look(handover.id, request_id="r") == NOW + 120
    plant.clock.time = NOW + 600
    assert look(handover.id, request_id="r") == NOW + 900
    plant.clock.time = NOW + 900
    assert look(handover.id, request_id="r") == NOW + 1800
    plant.worker.drain()
    assert plant.idp.linked_sub(plant.account_id()) is None
    plant.clock.time = NOW + 1800
    assert look(handover.id, request_id="r") is None
    assert state_of(plant.user(), plant.clock.now()) is State.PENDING
    with plant.store.read() as work:
        closed = work.handovers.get(handover.id)
    assert closed is not None
    assert closed.status == "closed"


def test_a_stopped_worker_finishes_what_it_began_and_takes_no_more(plant: Plant) -> None:
    plant.create()
    thread = threading.Thread(target=plant.worker.run, daemon=True)
    thread.start()
    wait_until(lambda: plant.post.sent)
    plant.worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert len(plant.post.sent) == 1


def test_rows_that_a_dead_worker_left_running_are_taken_at_the_next_start(plant: Plant) -> None:
    plant.create()
    with plant.store.write() as work:
        assert work.outbox.claim(Lane.ACCOUNT, 1, 8, lease=90, now=NOW)
    assert plant.worker.drain() == 0
    assert plant.worker.recover() == 1
    plant.worker.drain()
    assert len(plant.post.sent) == 1


def test_who_is_made_anew_before_the_old_account_is_gone_gets_in_all_the_same(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.idp.fail("delete", Unavailable("busy"))
    plant.do(c.Delete, actor=SYSTEM)
    plant.create(BOB)
    plant.worker.drain()
    waiting = {row.reason for row in plant.waiting(BOB) if row.effect == "sync_account"}
    assert waiting == {"unavailable"}
    for _ in range(2):
        plant.clock.move(60)
        plant.worker.drain()
    assert plant.account().usher_id == f"acme:{BOB}"
    assert plant.post.sent[-1][:2] == ("invitation", "ada@acme.example")


def test_a_name_that_was_given_up_in_the_same_moment_is_tried_once_more(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Exists("User exists with same username"))
    plant.worker.drain()
    assert plant.account().usher_id == f"acme:{ADA}"


def test_a_mail_that_was_refused_for_good_does_not_hold_up_the_next(plant: Plant) -> None:
    plant.create()
    plant.post.error = Rejected("message", "554 looks like spam")
    plant.worker.drain()
    plant.post.error = None
    plant.do(c.Resend)
    plant.worker.drain()
    assert [template for template, _, _ in plant.post.sent] == ["activation_resend"]


@pytest.mark.parametrize("error", [Busy("locked"), Refused(Refusal.NOT_DUE, State.PENDING)], ids=str)
def test_what_may_go_well_at_the_next_look_is_never_quarantined(plant: Plant, error: Exception) -> None:
    plant.create()
    plant.idp.fail("create", error)
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason) == ("ready", "unavailable")
    plant.clock.move(60)
    plant.worker.drain()
    assert len(plant.post.sent) == 1


class Flaky:
    """A store whose first transactions fail."""

    def __init__(self, store: Store, error: Exception, times: int) -> None:
        self._store = store
        self._error = error
        self._left = times
        self.tried = 0

    def write(self) -> AbstractContextManager[UnitOfWork]:
        self._fail()
        return self._store.write()

    def read(self) -> AbstractContextManager[UnitOfWork]:
        self._fail()
        return self._store.read()

    def _fail(self) -> None:
        self.tried += 1
        if self.tried <= self._left:
            raise self._error


@pytest.mark.parametrize("error", [Busy("locked"), RuntimeError("malformed")], ids=str)
def test_a_worker_outlives_a_database_that_fails(plant: Plant, error: Exception) -> None:
    plant.create()
    store = Flaky(plant.store, error, times=6)
    worker = plant.another_worker(store, poll=0.01)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: plant.post.sent)
    worker.stop()
    thread.join(20)
    assert len(plant.post.sent) == 1


@pytest.mark.parametrize("error", [Busy("locked"), RuntimeError("malformed")], ids=str)
def test_the_heartbeat_outlives_a_database_that_fails(plant: Plant, error: Exception) -> None:
    store = Flaky(plant.store, error, times=2)
    worker = plant.another_worker(store, heartbeat=0.01, poll=0.5)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: _seen(plant) == ["w1"])
    worker.stop()
    thread.join(30)
    assert _seen(plant) == []


def _seen(plant: Plant) -> list[str]:
    with plant.store.read() as work:
        return [worker.id for worker in work.workers.all()]


def test_a_mail_whose_row_was_lost_is_not_asked_for_anew(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.do(c.Resend)
    stolen: list[bool] = []

    def steal() -> None:
        """Another worker takes the row, and sends the mail, while this one speaks to the server."""
        if not stolen:
            stolen.append(True)
            with plant.store.write() as work:
                work.outbox.release_all(now=NOW)
            plant.another_worker(name="w2").drain()

    plant.post.meanwhile = steal
    plant.worker.drain()
    assert stolen
    assert [row for row in plant.waiting() if row.lane is Lane.MAIL] == []


def test_a_reminder_waits_in_the_mails_lane_and_not_in_the_clocks(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.post.error = Unavailable("no route")
    plant.clock.time = NOW + 5 * DAY
    plant.worker.drain()
    row = plant.row("send_mail")
    assert (row.lane, row.sink, row.target) == (Lane.MAIL, "smtp:default", "reminder/1")
    assert [row.effect for row in plant.waiting() if row.lane is Lane.CLOCK] == ["expire_invitation"]


def test_a_reminder_is_not_taken_for_the_invitations_mail(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.clock.time = NOW + 5 * DAY
    plant.worker.drain()
    assert plant.user().invitation.sent_at == NOW  # type: ignore[union-attr]


def test_an_invitation_that_is_prolonged_by_its_mail_keeps_the_request(plant: Plant) -> None:
    plant.create()
    plant.clock.move(10)
    plant.worker.drain()
    assert {row.request_id for row in plant.waiting()} == {"request-1"}


def test_a_person_seen_complete_is_not_let_in_if_the_address_changed_meanwhile(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    handover = plant.begin_handover()
    plant.idp.finish_actions(plant.account_id(), created_at=NOW)
    profile = a_profile(email="new@acme.example")

    class Meanwhile:
        """The looks at Keycloak take as long as somebody needs to change the address."""

        def is_complete(self, tenant: Tenant, account: AccountId) -> bool:
            plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
            return plant.accounts.is_complete(tenant, account)

    followup = FollowUp(plant.service, Meanwhile(), FollowUpTimes())  # type: ignore[arg-type]
    assert not followup.activate_if_complete(handover, request_id="r")
    assert state_of(plant.user(), NOW) is State.PENDING


def test_who_gets_in_after_a_hold_is_not_signed_out_by_what_the_hold_left_behind(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    assert "end_sessions" in {row.effect for row in plant.waiting()}
    plant.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.do(c.Activate, actor=SYSTEM)
    assert "end_sessions" not in {row.effect for row in plant.waiting()}
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM)
    assert "end_sessions" in {row.effect for row in plant.waiting()}
