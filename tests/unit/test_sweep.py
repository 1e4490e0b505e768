"""The sweep of links: what was left behind goes, what is in use stays, Keycloak is not asked in vain."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.application.records import Entry, Sink
from connector.domain import commands as c
from connector.domain.effects import SyncAccount
from connector.domain.errors import Unavailable
from connector.domain.model import AccountId
from connector.domain.policy import DAY
from tests.support.builders import ACME, ADA, NOW, SYSTEM
from tests.support.plant import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    plant = Plant(tmp_path)
    plant.create()
    plant.worker.drain()
    return plant


def entries(plant: Plant) -> list[Entry]:
    with plant.store.read() as work:
        return [entry for entry in work.timeline.of(ACME, ADA) if entry.action == "link_removed"]


def linked(plant: Plant) -> str | None:
    return plant.idp.linked_sub(plant.account_id())


def leave_a_link(plant: Plant) -> None:
    """As nothing of ours does it: a link, and neither a hand-over nor a row that would look at it."""
    plant.idp.link(plant.account_id(), "5" * 32, "ada")


def test_control_o2_a_link_without_a_hand_over_is_removed_and_the_timeline_tells(plant: Plant) -> None:
    leave_a_link(plant)
    plant.sweep().run()
    plant.worker.drain()
    assert linked(plant) is None
    (entry,) = entries(plant)
    assert (entry.actor, entry.source, entry.before, entry.after) == (
        "sweep",
        "clock",
        "pending",
        "pending",
    )
    assert entry.request_id.startswith("sweep-")


def test_control_o2_a_link_goes_whatever_has_become_of_its_user(plant: Plant) -> None:
    for becomes in (lambda: plant.clock.move(8 * DAY), lambda: plant.do(c.Activate, actor=SYSTEM)):
        becomes()
        plant.worker.drain()
        leave_a_link(plant)
        plant.sweep().run()
        plant.worker.drain()
        assert linked(plant) is None
        plant.clock.move(300)


def test_who_is_on_the_way_keeps_the_link(plant: Plant) -> None:
    begun = plant.begin_handover()
    plant.idp.calls.clear()
    plant.sweep().run()
    plant.worker.drain()
    assert linked(plant) == begun.sub
    assert entries(plant) == []
    assert [name for name, _ in plant.idp.calls] == ["linked_accounts", "linked_sub"], "the last is ours"


def test_control_o2_a_link_whose_fifteen_minutes_are_over_goes(plant: Plant) -> None:
    plant.begin_handover()
    plant.clock.move(901)
    plant.sweep().run()
    plant.worker.drain()
    assert linked(plant) is None


def test_a_link_that_went_while_the_sweep_was_looking_is_no_find(plant: Plant) -> None:
    """The person came to the end between the list and the look."""
    leave_a_link(plant)
    account = plant.account_id()
    plant.idp.before("linked_sub", lambda: plant.idp.unlink(account))
    plant.sweep().run()
    assert entries(plant) == []
    assert "sync_account" not in {row.effect for row in plant.waiting()}


def test_a_press_that_is_making_its_link_is_left_alone(plant: Plant) -> None:
    """It has linked the account, and has not said so yet; the row of the account is in its hands."""
    leave_a_link(plant)
    with plant.store.write() as work:
        plant.service.enqueue(work, ACME, ADA, SyncAccount(), request_id="press")
        assert work.outbox.take(ACME, ADA, "sync_account", "", lease=15, now=NOW)
    plant.sweep().run()
    assert entries(plant) == []
    assert plant.row("sync_account").wanted == 1


def test_a_row_that_waits_for_somebody_is_not_tried_again_by_a_sweep(plant: Plant) -> None:
    leave_a_link(plant)
    with plant.store.write() as work:
        plant.service.enqueue(work, ACME, ADA, SyncAccount(), request_id="r")
        (row,) = work.outbox.claim(SyncAccount().lane, None, 20, lease=90, now=NOW)
        work.outbox.quarantine(row, reason="rejected", detail="", now=NOW)
    with capture_logs() as lines:
        plant.sweep().run()
    assert plant.row("sync_account").state == "quarantined"
    assert [(line["event"], line["outcome"]) for line in lines] == [("stale_link", "waiting")]


def test_a_link_on_an_account_of_nobody_is_removed(plant: Plant) -> None:
    account = plant.account_id()
    leave_a_link(plant)
    with plant.store.write() as work:
        work.users.set_account(ACME, ADA, AccountId("another"))
    plant.sweep().run()
    assert plant.idp.linked_sub(account) is None


def test_a_hand_over_on_another_account_keeps_no_link_on_this_one(plant: Plant) -> None:
    begun = plant.begin_handover()
    with plant.store.write() as work:
        work.users.set_account(ACME, ADA, AccountId("another"))
    plant.sweep().run()
    assert plant.idp.linked_sub(AccountId(str(begun.account))) is None


# --- when, and by whom -----------------------------------------------------------------------------


def asked(plant: Plant) -> int:
    return len(plant.idp.called("linked_accounts"))


def test_of_several_workers_one_sweeps_and_again_after_five_minutes(plant: Plant) -> None:
    one, other = plant.sweep(), plant.sweep()
    for sweep in (one, other, one):
        sweep.run()
    assert asked(plant) == 1
    plant.clock.move(300)
    for sweep in (other, one):
        sweep.run()
    assert asked(plant) == 2


def test_a_keycloak_that_is_away_is_left_alone(plant: Plant) -> None:
    sink = Sink(name="keycloak:main", opened_at=NOW, open_until=NOW + 30, openings=1, reason="x", detail="")
    with plant.store.write() as work:
        work.sinks.open(sink)
    plant.sweep().run()
    assert asked(plant) == 0
    with plant.store.write() as work:
        work.sinks.close(sink.name)
    plant.sweep().run()
    assert asked(plant) == 1, "its turn was not used up"


def test_a_sweep_that_fails_says_so_and_the_next_makes_up_for_it(plant: Plant) -> None:
    leave_a_link(plant)
    plant.idp.fail("linked_accounts", Unavailable("no route"))
    with capture_logs() as lines:
        plant.sweep().run()
    assert [(line["event"], line["realm"]) for line in lines] == [("sweep_failed", "main")]
    plant.clock.move(300)
    plant.sweep().run()
    plant.worker.drain()
    assert linked(plant) is None


def test_control_o2_a_worker_sweeps_by_itself(plant: Plant) -> None:
    leave_a_link(plant)
    plant.another_worker(chores=[plant.sweep().run]).drain()
    assert linked(plant) is None
    assert len(entries(plant)) == 1
