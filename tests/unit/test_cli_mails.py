"""What the command line shows of mails, and what a mail server hands to it."""

import io
import json
import sys
from pathlib import Path

import pytest

from connector.application.records import MailAttempt
from connector.domain import commands as c
from connector.domain.model import UserId
from connector.foundation.config_initial import write_initial
from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from tests.support.builders import ACME, ADA, NOW, SYSTEM, a_document, a_profile, a_service, command
from tests.support.cli import Usher, usher_at
from tests.support.reports import OUT_OF_OFFICE, a_report

BOB = UserId("0b5c1a5e-0000-4000-8000-00000000000b")
MARK = "a" * 32
SENT = MailAttempt(
    tenant=ACME,
    user_id=ADA,
    template="invitation",
    generation=1,
    at=NOW,
    outcome="sent",
    answer="250 ok",
    message_id=f"<{MARK}@example.com>",
    recipient="ada@acme.example",
)


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """An installation in which Ada and Bob are invited, and Ada's mail went out."""
    write_initial(tmp_path, "acme")
    engines = make_engines(f"sqlite:///{tmp_path / 'usher.db'}")
    migrate(engines.write)
    store = SqlStore(engines)
    service = a_service(store)
    for user, name in ((ADA, "ada@acme.example"), (BOB, "bob@acme.example")):
        profile = a_profile(name)
        document = a_document(profile)
        service.handle(command(c.Create, actor=SYSTEM, user=user, profile=profile, document=document))
    with store.write() as work:
        work.mails.put(SENT)
    return store


@pytest.fixture
def usher(store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Usher:
    return usher_at(tmp_path / "config.yaml", monkeypatch)


def came_back(store: SqlStore) -> None:
    with store.write() as work:
        assert work.mails.bounce(SENT, answer="5.1.1 gone", at=NOW + 1)


def test_the_list_shows_whose_mail_came_back(
    usher: Usher, store: SqlStore, capsys: pytest.CaptureFixture[str]
) -> None:
    came_back(store)
    assert usher("user", "list", "acme", "--json") == 0
    lost = {user["userName"]: user["undelivered"] for user in json.loads(capsys.readouterr().out)}
    assert lost == {"ada@acme.example": "bounced", "bob@acme.example": ""}
    assert usher("user", "list", "acme", "--undelivered") == 0
    shown = capsys.readouterr().out
    assert "bounced" in shown
    assert "bob@" not in shown


def test_who_has_a_new_address_is_not_listed(
    usher: Usher, store: SqlStore, capsys: pytest.CaptureFixture[str]
) -> None:
    came_back(store)
    profile = a_profile(email="lovelace@acme.example")
    a_service(store).handle(command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile)))
    assert usher("user", "list", "acme", "--undelivered", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_one_user_is_shown_with_the_mails_that_went_out_and_those_that_wait(
    usher: Usher, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {"ada@acme.example": ["sent", "queued"], "bob@acme.example": ["queued"]}
    for name, outcomes in expected.items():
        assert usher("user", "show", "acme", name, "--json") == 0
        mails = json.loads(capsys.readouterr().out)["mails"]
        assert [mail["outcome"] for mail in mails] == outcomes
    assert usher("user", "show", "acme", "ada@acme.example") == 0
    assert "250 ok" in capsys.readouterr().out


def hand_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> io.BytesIO:
    source = io.BytesIO(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))
    return source


def outcome(store: SqlStore) -> str:
    with store.read() as work:
        return work.mails.of(ACME, ADA)[0].outcome


def test_a_report_handed_in_is_on_record_when_the_verb_ends_well(
    usher: Usher, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        hand_in(monkeypatch, a_report())
        assert usher("mail", "bounce") == 0
        assert outcome(store) == "bounced"


@pytest.mark.parametrize("data", [OUT_OF_OFFICE, b"", a_report(message_id=f"<{'b' * 32}@example.com>")])
def test_what_is_no_report_of_ours_is_taken_and_does_nothing(
    usher: Usher, store: SqlStore, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    hand_in(monkeypatch, data)
    assert usher("mail", "bounce") == 0
    assert outcome(store) == "sent"


def test_all_of_a_long_message_is_read_so_that_the_mail_server_gets_rid_of_it(
    usher: Usher, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hand_in(monkeypatch, a_report() + b"x" * 5_000_000)
    assert usher("mail", "bounce") == 0
    assert source.read() == b""
    assert outcome(store) == "bounced"


@pytest.mark.parametrize(
    ("right", "wrong"), [("sqlite:///usher.db", "sqlite:///nowhere/usher.db"), ("mail:", "mial:")]
)
def test_while_a_report_cannot_be_kept_the_mail_server_is_told_to_come_again(
    usher: Usher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace(right, wrong))
    hand_in(monkeypatch, a_report())
    assert usher("mail", "bounce") == 75
