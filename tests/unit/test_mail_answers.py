"""What a mail server's answers come to, by stage and code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import Misconfigured, OutsideError, Rejected, Unavailable
from connector.mail.answers import MAX_LENGTH, Stage, answer_of, error_of

ADA = "ada.lovelace@acme.example"
AWAY, LATER, SETTINGS, RECIPIENT, MESSAGE = "away", "later", "settings", "recipient", "message"


def kind(error: OutsideError) -> str:
    match error:
        case Unavailable(sink_wide=True):
            return AWAY
        case Unavailable():
            return LATER
        case Misconfigured():
            return SETTINGS
        case Rejected(field=field):
            return field
        case _:
            raise AssertionError(error)


@pytest.mark.parametrize(
    ("stage", "reply", "means"),
    [
        (Stage.OPENING, "421 too busy", AWAY),
        (Stage.OPENING, "454 4.7.0 TLS not available", AWAY),
        (Stage.OPENING, "451 local error", AWAY),
        (Stage.OPENING, "530 5.7.0 authentication required", SETTINGS),
        (Stage.OPENING, "535 5.7.8 bad credentials", SETTINGS),
        (Stage.OPENING, "554 no service here", SETTINGS),
        (Stage.SENDER, "451 4.3.0 out of order", AWAY),
        (Stage.SENDER, "452 4.3.1 disk full", AWAY),
        (Stage.SENDER, "530 5.7.1 authentication required", SETTINGS),
        (Stage.SENDER, "550 5.7.60 not allowed to send as this sender", SETTINGS),
        (Stage.SENDER, "552 message too large", MESSAGE),
        (Stage.SENDER, "554 5.3.4 message too large", MESSAGE),
        (Stage.RECIPIENT, "421 too busy", AWAY),
        (Stage.RECIPIENT, "454 try later", AWAY),
        (Stage.RECIPIENT, "450 4.2.0 greylisted", LATER),
        (Stage.RECIPIENT, "451 4.7.1 greylisted", LATER),
        (Stage.RECIPIENT, "452 4.2.2 mailbox full", LATER),
        (Stage.RECIPIENT, "530 5.7.1 authentication required", SETTINGS),
        (Stage.RECIPIENT, "550 no such user", RECIPIENT),
        (Stage.RECIPIENT, "550 5.1.1 no such user", RECIPIENT),
        (Stage.RECIPIENT, "551 not local", RECIPIENT),
        (Stage.RECIPIENT, "553 mailbox name not allowed", RECIPIENT),
        (Stage.RECIPIENT, "556 5.1.10 domain takes no mail", RECIPIENT),
        (Stage.RECIPIENT, "554 5.1.1 no such user", RECIPIENT),
        (Stage.RECIPIENT, "501 5.1.3 bad address", RECIPIENT),
        (Stage.RECIPIENT, "550 5.1.8 sender's domain does not exist", SETTINGS),
        (Stage.RECIPIENT, "550 5.7.1 refused by policy", MESSAGE),
        (Stage.RECIPIENT, "552 mailbox full", MESSAGE),
        (Stage.RECIPIENT, "554 refused", MESSAGE),
        (Stage.CONTENT, "451 4.3.0 local error", LATER),
        (Stage.CONTENT, "554 no valid recipients", MESSAGE),
        (Stage.ANSWER, "421 shutting down", AWAY),
        (Stage.ANSWER, "451 4.7.1 try later", LATER),
        (Stage.ANSWER, "550 looks like spam", MESSAGE),
        (Stage.ANSWER, "550 5.1.1 no such user", RECIPIENT),
        (Stage.ANSWER, "552 5.2.2 too large", MESSAGE),
        (Stage.ANSWER, "554 5.7.1 refused by policy", MESSAGE),
        (Stage.ANSWER, "554 5.6.0 bad content", MESSAGE),
    ],
)
def test_an_answer_means_what_the_table_says(stage: Stage, reply: str, means: str) -> None:
    code, _, text = reply.partition(" ")
    assert kind(error_of(stage, answer_of(int(code), text, recipient=ADA))) == means


@given(st.sampled_from(Stage), st.integers(-1, 599), st.text(max_size=60))
def test_every_answer_comes_to_some_error(stage: Stage, code: int, text: str) -> None:
    assert isinstance(error_of(stage, answer_of(code, text, recipient=ADA)), OutsideError)


@pytest.mark.parametrize(
    "reply",
    [
        "5.1.1 <ada.lovelace@acme.example>: unknown",
        "5.1.1 unknown user: ADA.LOVELACE",
        "5.1.1 user=ada.lovelace,domain=acme",
        "5.1.1 see https://postmaster.example/why?who=ada.lovelace",
        "5.1.1 ada.lovelace=acme.example@bounces.example refused",
    ],
)
def test_control_i7_what_is_kept_of_an_answer_does_not_name_the_recipient(reply: str) -> None:
    kept = str(answer_of(550, reply, recipient=ADA))
    assert kept.startswith("550 5.1.1 ")
    assert "lovelace" not in kept.lower()
    assert "@" not in kept


def test_control_i7_a_quoted_invitation_link_is_not_kept() -> None:
    link = "https://usher.example/invite/0123.1.secret"
    kept = str(
        answer_of(554, f"5.7.1 blocked link {link} and usher.example/invite/0123.1.secret", recipient=ADA)
    )
    assert "secret" not in kept
    assert kept.startswith("554 5.7.1 blocked link [link]")


def test_a_recipient_with_a_number_for_a_name_does_not_spoil_the_code() -> None:
    answer = answer_of(554, "5.7.1 refused 1", recipient="1@acme.example")
    assert str(answer) == "554 5.7.1 refused [address]"
    assert kind(error_of(Stage.ANSWER, answer)) == MESSAGE


def test_an_answer_of_many_lines_is_kept_as_one_short_line() -> None:
    answer = answer_of(550, b"5.1.1 no\n5.1.1 such\x00\x1b\xff user " + b"x" * 100_000, recipient=ADA)
    assert answer.text.isprintable()
    assert answer.text.startswith("5.1.1 no 5.1.1 such")
    assert len(answer.text) == MAX_LENGTH
