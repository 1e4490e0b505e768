"""Whose mail came back, and who may say so."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from connector.application.bounces import Bounces
from connector.application.records import DeliveryReport
from connector.domain import commands as c
from connector.domain.errors import Busy
from connector.domain.model import State, state_of
from connector.mail.maildir import BounceFolder
from tests.support.builders import ACME, ADA, NOW, OTHER, CountingIds
from tests.support.plant import Plant
from tests.support.reports import OUT_OF_OFFICE, a_report

ADDRESS = "ada@acme.example"
MARK = "f" * 32


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Ada's invitation went out."""
    plant = Plant(tmp_path)
    plant.create()
    plant.worker.drain()
    (attempt,) = plant.mails()
    with plant.store.write() as work:
        work.mails.erase(ACME, ADA)
        work.mails.put(replace(attempt, message_id=f"<{MARK}@example.com>"))
    return plant


def report(*, mark: str = MARK, recipient: str = ADDRESS) -> DeliveryReport:
    return DeliveryReport(marks=frozenset({mark}), recipients=frozenset({recipient}), answer="5.1.1 gone")


def take(plant: Plant, said: DeliveryReport) -> bool:
    return Bounces(plant.service).take(said, request_id="mail-1")


def outcomes(plant: Plant) -> list[str]:
    return [one.outcome for one in plant.mails()]


def test_a_lost_mail_is_on_record_and_on_the_timeline_and_changes_no_state(plant: Plant) -> None:
    plant.clock.move(60)
    assert take(plant, report())
    (attempt,) = plant.mails()
    assert (attempt.outcome, attempt.answer, attempt.at) == ("bounced", "5.1.1 gone", NOW + 60)
    with plant.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert (entry.action, entry.source, entry.request_id) == ("mail_bounced", "mail", "mail-1")
    assert (entry.reason, entry.before, entry.after) == ("invitation/1: 5.1.1 gone", "pending", "pending")
    assert state_of(plant.user(), plant.clock.now()) is State.PENDING


def test_a_report_that_comes_again_changes_nothing(plant: Plant) -> None:
    assert take(plant, report())
    with plant.store.read() as work:
        before = work.timeline.of(ACME, ADA), work.mails.of(ACME, ADA)
    plant.clock.move(60)
    assert take(plant, report())
    with plant.store.read() as work:
        assert (work.timeline.of(ACME, ADA), work.mails.of(ACME, ADA)) == before


@pytest.mark.parametrize(
    "forged", [report(mark="e" * 32), report(recipient="eve@evil.example"), report(mark="")]
)
def test_a_forged_report_needs_both_the_mail_and_its_address(plant: Plant, forged: DeliveryReport) -> None:
    assert not take(plant, forged)
    assert outcomes(plant) == ["sent"]


def test_a_report_marks_the_mail_of_its_own_tenant_alone(plant: Plant) -> None:
    (attempt,) = plant.mails()
    with plant.store.write() as work:
        work.mails.put(replace(attempt, tenant=OTHER, message_id=f"<{'e' * 32}@example.com>"))
    assert take(plant, report())
    with plant.store.read() as work:
        assert [one.outcome for one in work.mails.of(OTHER, ADA)] == ["sent"]


def test_a_report_about_somebody_who_was_deleted_is_taken_and_is_no_error(plant: Plant) -> None:
    plant.do(c.Delete)
    assert take(plant, report())
    assert outcomes(plant) == ["bounced"]


# --- a folder that a mail server delivers into -----------------------------------------------------


class Maildir:
    """One that the worker reads."""

    def __init__(self, folder: Path, plant: Plant) -> None:
        self.path = folder / "box"
        for name in ("new", "cur", "tmp"):
            (self.path / name).mkdir(parents=True)
        self.reader = BounceFolder(self.path, Bounces(plant.service), CountingIds())

    def deliver(self, name: str, data: bytes) -> None:
        (self.path / "new" / name).write_bytes(data)

    def names(self, part: str) -> list[str]:
        return sorted(path.name for path in (self.path / part).iterdir())


@pytest.fixture
def box(tmp_path: Path, plant: Plant) -> Maildir:
    return Maildir(tmp_path, plant)


def ours() -> bytes:
    return a_report(message_id=f"<{MARK}@example.com>")


def test_a_report_of_ours_is_written_down_and_removed(plant: Plant, box: Maildir) -> None:
    box.deliver("1.host", ours())
    box.deliver("2.host", ours())
    box.reader.read()
    assert outcomes(plant) == ["bounced"]
    assert (box.names("new"), box.names("cur")) == ([], [])


def test_all_else_is_left_for_people_as_seen(plant: Plant, box: Maildir) -> None:
    box.deliver("1.host", OUT_OF_OFFICE)
    box.deliver("2.host", a_report(message_id=f"<{'e' * 32}@example.com>"))
    box.deliver(".hidden", ours())
    box.reader.read()
    assert outcomes(plant) == ["sent"]
    assert (box.names("new"), box.names("cur")) == ([".hidden"], ["1.host:2,S", "2.host:2,S"])


def test_what_is_no_file_holds_up_nothing(plant: Plant, box: Maildir) -> None:
    (box.path / "new" / "1.host").mkdir()
    os.mkfifo(box.path / "new" / "2.host")
    box.deliver("3.host", ours())
    box.reader.read()
    assert outcomes(plant) == ["bounced"]


class SharedBounces(Bounces):
    """Another worker is as far, and a moment sooner."""

    def __init__(self, plant: Plant, folder: Path) -> None:
        super().__init__(plant.service)
        self._folder = folder

    def take(self, report: DeliveryReport, *, request_id: str) -> bool:
        (self._folder / "1.host").unlink(missing_ok=True)
        return super().take(report, request_id=request_id)


def test_a_file_that_another_worker_took_is_passed_over(plant: Plant, box: Maildir) -> None:
    for number in (1, 2):
        box.deliver(f"{number}.host", ours())
    BounceFolder(box.path, SharedBounces(plant, box.path / "new"), CountingIds()).read()
    assert (box.names("new"), box.names("cur")) == ([], [])
    assert outcomes(plant) == ["bounced"]


class BusyBounces(Bounces):
    """A database that is locked."""

    def take(self, report: DeliveryReport, *, request_id: str) -> bool:
        raise Busy("locked")


def test_what_the_database_did_not_take_stays_for_the_next_time(plant: Plant, box: Maildir) -> None:
    box.deliver("1.host", ours())
    locked = BounceFolder(box.path, BusyBounces(plant.service), CountingIds())
    with pytest.raises(Busy):
        locked.read()
    assert box.names("new") == ["1.host"]
    box.reader.read()
    assert outcomes(plant) == ["bounced"]


def test_a_folder_that_is_not_there_is_told_and_stops_nothing(tmp_path: Path, plant: Plant) -> None:
    BounceFolder(tmp_path / "nowhere", Bounces(plant.service), CountingIds()).read()


def test_a_worker_reads_the_folder_before_it_sends(plant: Plant, box: Maildir) -> None:
    box.deliver("1.host", ours())
    plant.another_worker(chores=[box.reader.read]).drain()
    assert outcomes(plant) == ["bounced"]
