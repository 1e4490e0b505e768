"""When a mail of ours goes out, to whom, and what stays on record."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from connector.application.quarantine import Quarantine, Who
from connector.application.repositories import UnitOfWork
from connector.domain import commands as c
from connector.domain.errors import Busy, Rejected, Unavailable
from connector.domain.model import HoldKind, State, state_of
from connector.domain.policy import DAY, DeletePolicy, Reenable, Sso
from tests.support.builders import NOW, OPERATOR, ORG_ADMIN, PERSON, SYSTEM, a_document, a_profile, a_tenant
from tests.support.plant import Plant

OLD, NEXT, NEW = "ada@acme.example", "ada.l@acme.example", "lovelace@acme.example"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def active(plant: Plant) -> Plant:
    """Ada is in, and no mail waits."""
    plant.create()
    plant.worker.drain()
    plant.do(c.Accept, actor=PERSON, generation=1)
    plant.worker.drain()
    plant.post.sent.clear()
    return plant


def move(plant: Plant, address: str) -> None:
    profile = a_profile(email=address)
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))


def sent(plant: Plant) -> list[tuple[str, str]]:
    return [(template, to) for template, to, _ in plant.post.sent]


def outcomes(plant: Plant) -> list[tuple[str, str]]:
    return [(mail.template, mail.outcome) for mail in plant.mails()]


def bounce(plant: Plant) -> None:
    """The newest mail came back."""
    with plant.store.write() as work:
        assert work.mails.bounce(plant.mails()[-1], answer="5.1.1 gone", at=plant.clock.now())


# --- a change of address ---------------------------------------------------------------------------


def test_each_old_address_is_told_however_late_the_mails_go_out(plant: Plant) -> None:
    active(plant)
    for number, address in enumerate((NEXT, NEW)):
        plant.clock.time = NOW + number
        move(plant, address)
    plant.worker.drain()
    assert sent(plant) == [("email_changed_notice", OLD), ("email_changed_notice", NEXT)]


def test_an_old_address_is_told_once_for_each_time_it_is_given_up(plant: Plant) -> None:
    active(plant)
    for number, address in enumerate((NEXT, OLD, NEW)):
        plant.clock.time = NOW + number
        move(plant, address)
        plant.worker.drain()
    assert [to for _, to in sent(plant)] == [OLD, NEXT, OLD]


def test_who_is_held_a_moment_later_is_still_told_of_the_change(plant: Plant) -> None:
    active(plant)
    move(plant, NEW)
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    assert sent(plant) == [("email_changed_notice", OLD)]


def test_a_notice_that_waits_from_an_older_release_tells_of_the_newest_change(plant: Plant) -> None:
    active(plant)
    move(plant, NEW)
    row = plant.row("send_mail")
    assert row.target.startswith("email_changed_notice/0/")
    old_form = row.target.rpartition("/")[0]
    with plant.store.write() as work:
        work.outbox._db.exec_driver_sql("UPDATE outbox SET target = ? WHERE id = ?", (old_form, row.id))  # type: ignore[attr-defined]
    plant.worker.drain()
    assert sent(plant) == [("email_changed_notice", OLD)]


# --- what goes out by itself -----------------------------------------------------------------------


def test_a_mail_that_failed_gets_no_reminder(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    bounce(plant)
    plant.clock.time = NOW + 5 * DAY
    plant.worker.drain()
    assert outcomes(plant) == [("invitation", "bounced"), ("reminder", "skipped")]
    assert plant.mails()[-1].answer == "the last mail to this address failed or came back"


def test_after_an_operator_has_sent_it_anew_the_reminder_goes_out_again(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    bounce(plant)
    plant.clock.time = NOW + 60
    plant.do(c.Resend)
    plant.worker.drain()
    plant.clock.time = NOW + 6 * DAY
    plant.worker.drain()
    assert outcomes(plant)[1:] == [("activation_resend", "sent"), ("reminder", "sent")]


def test_a_new_address_starts_afresh(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    bounce(plant)
    plant.clock.time = NOW + 60
    move(plant, NEW)
    plant.worker.drain()
    plant.clock.time = NOW + 6 * DAY
    plant.worker.drain()
    assert [one for one in sent(plant) if one[1] == NEW] == [("invitation", NEW), ("reminder", NEW)]


def test_a_system_that_lifts_its_hold_invites_nobody_whose_mail_came_back(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    bounce(plant)
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM, source="scim:entra")
    after = plant.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM, source="scim:entra")
    assert state_of(after, NOW) is State.DRAFT
    plant.worker.drain()
    assert len(plant.post.sent) == 1
    with plant.store.read() as work:
        assert work.timeline.of(after.tenant, after.id)[-1].reason == "undeliverable"


def test_an_operator_who_invites_by_hand_overrules_that(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    bounce(plant)
    plant.do(c.RevokeInvitation)
    plant.do(c.Invite, actor=OPERATOR)
    plant.worker.drain()
    assert outcomes(plant) == [("invitation", "bounced"), ("invitation", "sent")]


def test_an_inviter_whose_mailbox_is_gone_is_told_of_no_more_expiries(tmp_path: Path) -> None:
    plant = Plant(tmp_path, reminder=None, org_admin_can=frozenset({"create"}))
    for number in (1, 2):
        plant.clock.time = NOW + 30 * DAY * number
        profile = a_profile(f"user{number}@acme.example")
        user = plant.service.new_user_id()
        plant.do(c.Create, user=user, actor=ORG_ADMIN, profile=profile, document=a_document(profile))
        plant.worker.drain()
        plant.clock.move(8 * DAY)
        plant.post.error = Rejected("recipient", "550 gone")
        plant.worker.drain()
        plant.post.error = None
    assert [template for template, _ in sent(plant)] == ["invitation", "invitation"]
    assert plant.post.tries == 3


# --- each mail at its time -------------------------------------------------------------------------


def test_who_signs_in_by_sso_is_welcomed_where_the_tenant_wants_it(tmp_path: Path) -> None:
    for welcome, expected in ((True, [("welcome", OLD)]), (False, [])):
        folder = tmp_path / str(welcome)
        folder.mkdir()
        plant = Plant(folder, sso=Sso(alias="acme-idp", welcome_mail=welcome))
        plant.create()
        plant.worker.drain()
        assert sent(plant) == expected


@pytest.mark.parametrize(
    ("reenable", "expected"),
    [
        (Reenable.NOTIFY, [("access_enabled", OLD)]),
        (Reenable.SILENT, []),
        (Reenable.REINVITE, [("invitation", OLD)]),
    ],
)
def test_who_is_enabled_again_hears_of_it_as_the_tenant_wants(
    tmp_path: Path, reenable: Reenable, expected: list[tuple[str, str]]
) -> None:
    plant = active(Plant(tmp_path, reenable=reenable))
    plant.do(c.Disable)
    plant.do(c.Enable)
    plant.worker.drain()
    assert sent(plant) == expected


@pytest.mark.parametrize("actor", [ORG_ADMIN, SYSTEM])
def test_an_inviter_hears_of_the_expiry_if_it_is_a_person(tmp_path: Path, actor: object) -> None:
    plant = Plant(tmp_path, reminder=None, org_admin_can=frozenset({"create"}))
    plant.do(c.Create, actor=actor, profile=a_profile(), document=a_document(a_profile()))
    plant.worker.drain()
    plant.clock.move(7 * DAY)
    plant.worker.drain()
    told = [template for template, _ in sent(plant) if template == "invitation_expired_notice"]
    assert told == (["invitation_expired_notice"] if actor is ORG_ADMIN else [])


def test_a_tenant_without_a_sender_mails_nobody_and_fills_no_queue(plant: Plant) -> None:
    active(plant)
    plant.service.tenants.put(replace(a_tenant(reenable=Reenable.NOTIFY), can_send=False))  # type: ignore[attr-defined]
    move(plant, NEW)
    plant.do(c.Disable)
    plant.do(c.Enable)
    assert "send_mail" not in {row.effect for row in plant.waiting()}


# --- the record ------------------------------------------------------------------------------------


def test_a_mail_is_on_record_with_its_message_id_before_it_can_arrive(plant: Plant) -> None:
    plant.create()
    seen: list[tuple[str, str, str]] = []
    plant.post.meanwhile = lambda: seen.extend(
        (one.outcome, one.message_id, one.recipient) for one in plant.mails()
    )
    plant.worker.drain()
    (attempt,) = plant.mails()
    assert seen == [("queued", attempt.message_id, OLD)]
    assert attempt.outcome == "sent"


def test_a_mail_that_came_back_before_its_answer_was_written_stays_so(plant: Plant) -> None:
    plant.create()
    plant.post.meanwhile = lambda: bounce(plant)
    plant.worker.drain()
    assert outcomes(plant) == [("invitation", "bounced")]


def test_a_mail_that_is_given_up_is_on_record_as_skipped(plant: Plant) -> None:
    plant.create()
    plant.post.error = Unavailable("lost after DATA", unsure=True)
    plant.worker.drain()
    who = Who(actor="olga", source="cli", request_id="r1")
    Quarantine(plant.service, who).skip(plant.row("send_mail").id, "left the company")
    (attempt,) = plant.mails()
    assert (attempt.outcome, attempt.answer) == ("skipped", "given up: left the company")


def test_of_a_user_deleted_for_good_meanwhile_no_address_is_kept(tmp_path: Path) -> None:
    plant = Plant(tmp_path, delete=DeletePolicy.HARD)
    plant.create()

    def delete() -> None:
        plant.do(c.Delete, actor=SYSTEM)

    plant.post.meanwhile = delete
    plant.worker.drain()
    assert [(one.outcome, one.recipient) for one in plant.mails()] == [("sent", "")]


def test_an_address_that_is_none_is_on_record_as_what_failed(plant: Plant) -> None:
    plant.create(profile=a_profile(email="ada at Acme"))
    plant.post.unrenderable = Rejected("recipient", "the address is not an e-mail address")
    plant.worker.drain()
    (attempt,) = plant.mails()
    assert (attempt.outcome, attempt.recipient, attempt.message_id) == ("failed", "ada at acme", "")


def test_promise_p3_a_database_that_asks_for_one_more_try_costs_no_second_copy(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a deadlock, in the commit that says that the mail went out."""
    real, left = plant.service.store, iter([Busy("deadlock", transient=True)])

    @contextmanager
    def write() -> Iterator[UnitOfWork]:
        if plant.post.sent and (error := next(left, None)):
            raise error
        with real.write() as work:
            yield work

    plant.create()
    monkeypatch.setattr(plant.service, "store", SimpleNamespace(read=real.read, write=write))
    plant.worker.drain()
    assert next(left, None) is None
    plant.clock.move(DAY / 24)
    plant.worker.drain()
    assert len(plant.post.sent) == 1
    assert outcomes(plant) == [("invitation", "sent")]
