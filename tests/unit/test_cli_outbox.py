"""``usher outbox`` at the command line."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.application.records import Sink
from connector.domain import commands as c
from connector.domain.effects import CheckHandover, Lane
from connector.domain.model import UserId
from connector.foundation.config_initial import write_initial
from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.support.builders import (
    ACME,
    ADA,
    NOW,
    SYSTEM,
    a_document,
    a_profile,
    a_service,
    a_tenant,
    command,
)
from tests.support.cli import usher_at

BOB = UserId("0b5c1a5e-0000-4000-8000-00000000000b")


class Installation:
    """A configuration, and a database with two users: Ada's account was refused, Bob's waits."""

    def __init__(self, folder: Path) -> None:
        self.config = write_initial(folder, "acme")
        self.engines = make_engines(f"sqlite:///{folder / 'usher.db'}")
        migrate(self.engines.write)
        self.store = SqlStore(self.engines)
        service = a_service(self.store, a_tenant(invite="manual", draft_account="disabled"))
        for user, name in ((ADA, "ada@acme.example"), (BOB, "bob@acme.example")):
            profile = a_profile(name)
            document = a_document(profile)
            service.handle(command(c.Create, actor=SYSTEM, user=user, profile=profile, document=document))
        with self.store.write() as work:
            (self.ada,) = work.outbox.claim(Lane.ACCOUNT, None, 1, lease=90, now=NOW)
            work.outbox.quarantine(self.ada, reason="rejected", detail="email: \x1b[2Jno", now=NOW)
            (self.bob,) = [row.id for row in work.outbox.open_rows(ACME, BOB)]

    def state(self, row: int) -> str:
        with self.store.read() as work:
            found = work.outbox.get(row)
        assert found is not None
        return found.state

    def keycloak_is_away(self) -> None:
        away = Sink(
            name="keycloak:main",
            opened_at=NOW,
            open_until=NOW + 30,
            openings=2,
            reason="unavailable",
            detail="refused",
        )
        with self.store.write() as work:
            work.sinks.open(away)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.engines.dispose()


Outbox = Callable[..., tuple[int, str]]


@pytest.fixture
def outbox(
    here: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Outbox:
    usher = usher_at(here.config, monkeypatch)

    def call(*verb: str) -> tuple[int, str]:
        code = usher("outbox", *verb)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return call


def listed(outbox: Outbox, *options: str) -> list[Any]:
    code, out = outbox("list", "--json", *options)
    assert code == 0
    return [row["id"] for row in json.loads(out)]


def test_queue_q9_rows_are_listed_by_state_reason_and_sink(here: Installation, outbox: Outbox) -> None:
    assert listed(outbox) == [here.ada.id, here.bob]
    assert listed(outbox, "--state", "quarantined") == [here.ada.id]
    assert listed(outbox, "--reason", "rejected") == [here.ada.id]
    assert listed(outbox, "--reason", "gave_up") == []
    assert listed(outbox, "--sink", "keycloak:main") == [here.ada.id, here.bob]
    assert listed(outbox, "--sink", "keycloak:main", "--state", "ready", "--limit", "1") == [here.bob]


def test_what_is_planned_for_later_is_listed_when_asked_for(here: Installation, outbox: Outbox) -> None:
    with here.store.write() as work:
        for handover, due in (("later", time.time() + 3600), ("overdue", 1.0)):
            check = CheckHandover(handover=handover, due=due)
            work.outbox.enqueue(ACME, BOB, check, sink="self", request_id="r", now=NOW)
    assert len(listed(outbox)) == 3
    assert len(listed(outbox, "--planned")) == 4


def test_a_state_that_there_is_not_is_wrong_use(outbox: Outbox) -> None:
    code, out = outbox("list", "--state", "stuck")
    assert code == 2
    assert "quarantined" in out


def test_queue_q9_a_row_is_shown_with_why_and_nothing_in_it_steers_the_terminal(
    here: Installation, outbox: Outbox
) -> None:
    code, out = outbox("show", str(here.ada.id))
    assert code == 0
    assert "rejected" in out
    assert r"email: \x1b[2Jno" in out
    assert "\x1b" not in out


def test_queue_q9_retry_takes_exactly_one_of_its_three(here: Installation, outbox: Outbox) -> None:
    assert outbox("retry")[0] == 2
    assert outbox("retry", str(here.ada.id), "--reason", "rejected")[0] == 2
    assert outbox("retry", "--reason", "rejected", "--sink", "keycloak:main")[0] == 2
    assert here.state(here.ada.id) == "quarantined"


def test_queue_q9_retry_of_one_row(here: Installation, outbox: Outbox) -> None:
    assert outbox("retry", str(here.ada.id)) == (0, f"Row {here.ada.id} is tried again.\n")
    assert here.state(here.ada.id) == "ready"
    assert outbox("retry", "999") == (1, "There is no row 999.\n")


@pytest.mark.parametrize("which", [("--reason", "rejected"), ("--sink", "keycloak:main")])
def test_queue_q9_retry_of_many_says_how_many(
    here: Installation, outbox: Outbox, which: tuple[str, str]
) -> None:
    assert outbox("retry", *which) == (0, "Tried again: 1.\n")
    assert here.state(here.ada.id) == "ready"
    assert outbox("retry", *which) == (0, "Nothing in quarantine fits.\n")


def test_queue_q9_skip_asks_why_and_the_timeline_tells(here: Installation, outbox: Outbox) -> None:
    assert outbox("skip", str(here.ada.id))[0] == 2
    assert outbox("skip", str(here.ada.id), "--because", " ")[0] == 1
    assert outbox("skip", str(here.ada.id), "--because", "she left") == (
        0,
        f"Row {here.ada.id} is given up.\n",
    )
    assert here.state(here.ada.id) == "skipped"
    with here.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert (entry.actor, entry.source, entry.reason) == ("operator", "cli", "sync_account: she left")
    assert entry.request_id.startswith("cli-")


def test_queue_q8_what_is_away_is_shown_with_since_when_why_and_the_next_try(
    here: Installation, outbox: Outbox
) -> None:
    assert outbox("sinks") == (0, "Nothing to show.\n")
    assert "Away" not in outbox("list")[1]
    here.keycloak_is_away()
    assert "Away: keycloak:main. See `usher outbox sinks`." in outbox("list")[1]
    assert json.loads(outbox("sinks", "--json")[1]) == [
        {
            "sink": "keycloak:main",
            "awaySince": "2027-01-15T08:00:00Z",
            "nextTry": "2027-01-15T08:00:30Z",
            "times": 2,
            "reason": "unavailable",
            "detail": "refused",
        }
    ]
    assert "refused" in outbox("sinks")[1]
