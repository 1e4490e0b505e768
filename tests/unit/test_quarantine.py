"""What an operator does about work that waits."""

from pathlib import Path

import pytest

from connector.application.quarantine import Quarantine, Who
from connector.application.records import Entry, OutboxRow
from connector.application.repositories import UnitOfWork
from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Invalid, NotFound
from connector.domain.model import UserId
from tests.support.builders import ACME, ADA, NOW, SYSTEM
from tests.support.plant import Plant

BOB = UserId("0b5c1a5e-0000-4000-8000-00000000000b")
OLGA = Who(actor="olga", source="cli", request_id="request-9")


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    plant = Plant(tmp_path, invite="manual", draft_account="disabled")
    plant.create()
    plant.create(BOB, "bob@acme.example")
    return plant


@pytest.fixture
def olga(plant: Plant) -> Quarantine:
    return Quarantine(plant.service, OLGA)


def quarantine(plant: Plant, reason: str, *, count: int = 20) -> list[OutboxRow]:
    """What is due of the account lane fails for good."""
    with plant.store.write() as work:
        rows = work.outbox.claim(Lane.ACCOUNT, None, count, lease=90, now=NOW)
        for row in rows:
            work.outbox.quarantine(row, reason=reason, detail="the detail", now=NOW)
    return rows


def row_of(plant: Plant, row: int) -> OutboxRow:
    with plant.store.read() as work:
        found = work.outbox.get(row)
    assert found is not None
    return found


def deeds(plant: Plant, user: UserId = ADA) -> list[Entry]:
    with plant.store.read() as work:
        return [entry for entry in work.timeline.of(ACME, user) if entry.action.startswith("outbox_")]


def test_queue_q9_one_row_is_tried_again_with_who_and_what_for(plant: Plant, olga: Quarantine) -> None:
    ada, bob = quarantine(plant, "rejected")
    assert olga.retry(ada.id).reason == "rejected"
    again = row_of(plant, ada.id)
    assert (again.state, again.due_at, again.failures, again.reason) == ("ready", NOW, 0, None)
    assert row_of(plant, bob.id).state == "quarantined"
    (entry,) = deeds(plant)
    assert (entry.actor, entry.source, entry.request_id) == ("olga", "cli", "request-9")
    assert (entry.action, entry.reason) == ("outbox_retry", "sync_account: rejected")


def test_queue_q9_all_of_a_reason_are_tried_again_each_with_its_entry(
    plant: Plant, olga: Quarantine
) -> None:
    (ada,) = quarantine(plant, "rejected", count=1)
    (bob,) = quarantine(plant, "gave_up")
    assert olga.retry_all(reason="gave_up") == 1
    assert (row_of(plant, ada.id).state, row_of(plant, bob.id).state) == ("quarantined", "ready")
    assert (len(deeds(plant)), len(deeds(plant, BOB))) == (0, 1)


def test_queue_q9_all_of_a_sink_are_tried_again_and_no_others(plant: Plant, olga: Quarantine) -> None:
    quarantine(plant, "rejected")
    assert olga.retry_all(sink="keycloak:second") == 0
    assert olga.retry_all(sink="keycloak:main") == 2
    assert [row.state for row in plant.waiting()] == ["ready"]
    assert olga.retry_all(sink="keycloak:main") == 0


def test_queue_q9_a_row_is_given_up_with_who_and_why(plant: Plant, olga: Quarantine) -> None:
    ada, _ = quarantine(plant, "rejected")
    olga.skip(ada.id, " the person has left ")
    assert row_of(plant, ada.id).state == "skipped"
    (entry,) = deeds(plant)
    assert (entry.action, entry.actor) == ("outbox_skip", "olga")
    assert entry.reason == "sync_account: the person has left"


@pytest.mark.parametrize("because", ["", "  ", "two\nlines", "\x1b[2J", "x" * 501])
def test_queue_q9_a_reason_is_a_line_of_text(plant: Plant, olga: Quarantine, because: str) -> None:
    ada, _ = quarantine(plant, "rejected")
    with pytest.raises(Invalid, match="because"):
        olga.skip(ada.id, because)
    assert row_of(plant, ada.id).state == "quarantined"


def test_queue_q9_nothing_is_done_to_a_row_that_runs_or_is_done(plant: Plant, olga: Quarantine) -> None:
    with plant.store.write() as work:
        (running, *_) = work.outbox.claim(Lane.ACCOUNT, None, 20, lease=90, now=NOW)
    with pytest.raises(NotFound, match="is running"):
        olga.retry(running.id)
    with pytest.raises(NotFound, match="is running"):
        olga.skip(running.id, "why")
    with plant.store.write() as work:
        work.outbox.acknowledge([(running.id, running.attempt)], now=NOW)
    with pytest.raises(NotFound, match="is done"):
        olga.retry(running.id)
    with pytest.raises(NotFound, match="There is no row 999"):
        olga.skip(999, "why")
    assert deeds(plant) == []


def test_queue_q9_a_deed_and_its_entry_are_one_commit(plant: Plant) -> None:
    ada, _ = quarantine(plant, "rejected")
    unwritable = Who(actor=None, source="cli", request_id="r")  # type: ignore[arg-type]  # what a column refuses
    with pytest.raises(Exception, match="NOT NULL"):
        Quarantine(plant.service, unwritable).skip(ada.id, "why")
    assert row_of(plant, ada.id).state == "quarantined"


def test_queue_q9_what_an_operator_wrote_is_forgotten_with_the_user(plant: Plant, olga: Quarantine) -> None:
    ada, _ = quarantine(plant, "rejected")
    olga.skip(ada.id, "Ada Lovelace has left")
    plant.do(c.Delete)
    plant.clock.move(40 * 86400)
    plant.do(c.Purge, actor=SYSTEM)
    with plant.store.read() as work:
        entries = entries_of(work)
    assert "outbox_skip" in {entry.action for entry in entries}
    assert not [entry for entry in entries if "Lovelace" in entry.reason]


def entries_of(work: UnitOfWork) -> list[Entry]:
    return work.timeline.of(ACME, ADA)
