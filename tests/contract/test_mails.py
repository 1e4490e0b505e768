"""The contract of ``repositories.MailAttempts``, over every store."""

from dataclasses import replace
from typing import Any

import pytest

from connector.application.records import MailAttempt
from connector.application.repositories import MailAttempts, Store
from connector.domain.model import UserId
from tests.support.builders import ACME, ADA, NOW, OTHER

BOB = UserId("bob")
MARK = "a" * 32
ATTEMPT = MailAttempt(
    tenant=ACME,
    user_id=ADA,
    template="invitation",
    generation=1,
    at=NOW,
    outcome="sent",
    answer="250 ok",
    message_id=f"<{MARK}@x>",
    recipient="ada@acme.example",
)


def a_mail(outcome: str, at: float = NOW, **values: Any) -> MailAttempt:
    return replace(ATTEMPT, outcome=outcome, at=at, **values)


def outcomes(mails: MailAttempts) -> list[str]:
    return [one.outcome for one in mails.of(ACME, ADA)]


def test_mails_come_back_and_can_be_forgotten_by_their_tenant_alone(store: Store) -> None:
    with store.write() as work:
        work.mails.put(ATTEMPT)
        work.mails.erase(OTHER, ADA)
        assert work.mails.of(ACME, ADA) == [ATTEMPT]
        assert work.mails.of(OTHER, ADA) == []
        work.mails.erase(ACME, ADA)
        assert work.mails.of(ACME, ADA) == []


def test_the_newest_word_stands_in_place_of_queued(store: Store) -> None:
    with store.write() as work:
        for one in (a_mail("queued"), a_mail("queued", NOW + 1), a_mail("sent", NOW + 2)):
            work.mails.put(one)
        assert work.mails.of(ACME, ADA) == [a_mail("sent", NOW + 2)]
        work.mails.put(a_mail("queued", NOW + 3))
        assert outcomes(work.mails) == ["sent", "queued"]


def test_a_mail_is_told_from_others_by_its_message_id(store: Store) -> None:
    other = "<b@x>"
    with store.write() as work:
        work.mails.put(a_mail("queued"))
        work.mails.put(a_mail("queued", message_id=other))
        work.mails.put(a_mail("failed", message_id=other))
        assert outcomes(work.mails) == ["queued", "failed"]


def test_a_word_without_message_id_is_of_all_that_is_queued_of_its_generation(store: Store) -> None:
    with store.write() as work:
        work.mails.put(a_mail("queued"))
        work.mails.put(a_mail("queued", generation=2, message_id="<2@x>"))
        work.mails.put(a_mail("queued", user_id=BOB))
        work.mails.put(a_mail("skipped", message_id="", recipient=""))
        assert outcomes(work.mails) == ["skipped", "queued"]
        assert work.mails.of(ACME, ADA)[0].recipient == "ada@acme.example"
        work.mails.put(a_mail("skipped", message_id="", recipient=""))
        assert outcomes(work.mails) == ["skipped", "queued", "skipped"]
        assert work.mails.of(ACME, BOB)[0].outcome == "queued"


@pytest.mark.parametrize(
    ("before", "does", "after"),
    [
        ("queued", True, "bounced"),
        ("sent", True, "bounced"),
        ("bounced", False, "bounced"),
        ("failed", False, "failed"),
        ("skipped", False, "skipped"),
    ],
)
def test_what_was_sent_bounces_once(store: Store, before: str, does: bool, after: str) -> None:
    with store.write() as work:
        work.mails.put(a_mail(before))
        assert work.mails.bounce(ATTEMPT, answer="5.1.1 gone", at=NOW + 9) is does
        assert outcomes(work.mails) == [after]
        assert (work.mails.of(ACME, ADA)[0].answer == "5.1.1 gone") is does


def test_what_bounced_stays_so_whatever_comes_late(store: Store) -> None:
    with store.write() as work:
        work.mails.put(a_mail("queued"))
        work.mails.bounce(ATTEMPT, answer="gone", at=NOW)
        for late in ("sent", "queued"):
            work.mails.put(a_mail(late, NOW + 1))
        assert outcomes(work.mails) == ["bounced"]


def test_a_bounce_is_of_its_own_tenant_user_and_mail_alone(store: Store) -> None:
    with store.write() as work:
        work.mails.put(ATTEMPT)
        for wrong in (
            replace(ATTEMPT, tenant=OTHER),
            replace(ATTEMPT, user_id=BOB),
            replace(ATTEMPT, message_id="<c@x>"),
        ):
            assert not work.mails.bounce(wrong, answer="gone", at=NOW)
        assert outcomes(work.mails) == ["sent"]


def test_a_mail_is_found_by_the_whole_of_its_mark(store: Store) -> None:
    with store.write() as work:
        work.mails.put(ATTEMPT)
        assert work.mails.of_message(MARK) == [ATTEMPT]
        for wrong in (MARK[:-1], f"{MARK}a", "", "%", "\0"):
            assert work.mails.of_message(wrong) == []


def test_the_newest_word_of_an_address_decides_whether_it_can_be_written_to(store: Store) -> None:
    with store.write() as work:

        def is_bad() -> bool:
            return work.mails.is_undeliverable(ACME, "ada@acme.example")

        assert not is_bad()
        for number, (outcome, bad) in enumerate(
            (("sent", False), ("bounced", True), ("skipped", True), ("queued", True), ("sent", False))
        ):
            work.mails.put(a_mail(outcome, NOW + number, message_id=f"<{number}@x>"))
            assert is_bad() is bad
            assert [one.outcome for one in work.mails.undeliverable(ACME)] == (["bounced"] if bad else [])
        work.mails.put(a_mail("failed", NOW + 8, message_id="<8@x>", recipient=""))
        assert work.mails.undeliverable(ACME) == []
        work.mails.put(a_mail("failed", NOW + 9, message_id="<9@x>"))
        assert is_bad()
        assert not work.mails.is_undeliverable(OTHER, "ada@acme.example")
        assert not work.mails.is_undeliverable(ACME, "")
        assert work.mails.undeliverable(OTHER) == []


def test_old_mails_are_forgotten_but_not_that_an_address_is_bad(store: Store) -> None:
    with store.write() as work:
        work.mails.put(a_mail("sent", NOW - 3, message_id="<1@x>"))
        work.mails.put(a_mail("bounced", NOW - 2, message_id="<2@x>"))
        work.mails.put(a_mail("bounced", NOW - 1, message_id="<3@x>"))
        work.mails.put(a_mail("skipped", NOW, message_id="<4@x>"))
        assert work.mails.forget(before=NOW, limit=1) == 1
        assert outcomes(work.mails) == ["bounced", "bounced", "skipped"]
        assert work.mails.forget(before=NOW, limit=9) == 1
        assert outcomes(work.mails) == ["bounced", "skipped"]
        work.mails.put(a_mail("sent", NOW + 1, message_id="<5@x>"))
        assert work.mails.forget(before=NOW + 1, limit=9) == 2
        assert outcomes(work.mails) == ["sent"]
