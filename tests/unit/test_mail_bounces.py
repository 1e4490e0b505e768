"""What of a message from outside counts as the news that a mail was lost."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.application.records import DeliveryReport
from connector.mail.bounces import LONGEST, read_report
from tests.support.reports import ADA, BOX, MARK, OUT_OF_OFFICE, a_report

TAGGED = f"usher-bounces+{MARK}@example.com"
ELSEWHERE = "ada.l@home.example"
STATUS = b"Content-Type: message/delivery-status\r\n\r\n"
REPORT = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"


def read(data: bytes) -> DeliveryReport:
    found = read_report(data)
    assert found is not None
    return found


def test_a_report_names_the_mail_the_address_and_the_reason() -> None:
    assert read(a_report()) == DeliveryReport(
        marks=frozenset({MARK}),
        recipients=frozenset({ADA}),
        answer="5.1.1 550 5.1.1 <[address]>: Recipient address rejected: User unknown",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"line_end": "\n"},
        {"message_id": None, "envelope": MARK},
        {"message_id": None, "to": TAGGED},
        {"message_id": None, "to": f'"{TAGGED}" <{TAGGED}>'},
        {"returned": "text/rfc822-headers"},
        {"action": "Failed (delivery time expired)"[:6], "status": "4.4.7"},
        {"final": f"RFC822;<{ADA.upper()}>"},
        {"final": None},
        {"original": f"rfc822;{ADA}", "final": f"rfc822; {ELSEWHERE}", "mail_to": "undisclosed:;"},
        {"kind": "DELIVERY-STATUS"},
    ],
)
def test_each_way_to_name_a_mail_and_its_address_is_understood(fields: dict[str, Any]) -> None:
    found = read(a_report(**fields))
    assert found.marks == {MARK}
    assert ADA in found.recipients


@pytest.mark.parametrize(
    "data",
    [
        OUT_OF_OFFICE,
        a_report(action="delayed", status="4.4.1"),
        a_report(action="delivered", status="2.0.0"),
        a_report(action="relayed", status="2.0.0"),
        a_report(kind="disposition-notification"),
        a_report(kind="feedback-report"),
        a_report(message_id="<somebody.elses@example.com>"),
        a_report(message_id=f"<{MARK}0@example.com>"),
        a_report(final=None, mail_to="nobody"),
        a_report().replace(b"message/delivery-status", b"text/plain"),
        a_report().replace(b'boundary="=_b/1"', b"nothing=1"),
        a_report().replace(b"multipart/report", b"multipart/mixed"),
        b"",
        b"\r\n\r\n",
        b"\x00\xff" * 500,
    ],
)
def test_an_answer_nobody_typed_a_delay_or_anything_else_is_none(data: bytes) -> None:
    assert read_report(data) is None


def test_an_address_beyond_ascii_is_compared_as_the_wire_has_it() -> None:
    report = a_report(final="utf-8; Ada@BÜCHER.example", mail_to="ada@xn--bcher-kva.example")
    assert read(report).recipients == {"ada@xn--bcher-kva.example"}


def test_control_i7_of_the_reason_no_address_and_no_link_is_kept() -> None:
    said = f"smtp; 554 5.7.1 ada of {ADA} may not get https://usher.example/invite/{MARK}.1.secret\x1b[2J"
    answer = read(a_report(said=said, status="5.7.1")).answer
    assert answer.startswith("5.7.1 554 5.7.1 [address] of [address] may not get")
    assert "secret" not in answer
    assert answer.isprintable()


def test_a_report_that_gives_no_reason_says_so() -> None:
    assert read(a_report(said="", status="x")).answer == "no reason given"


@pytest.mark.parametrize(
    "data",
    [
        a_report() + b"x" * (3 * LONGEST),
        a_report().replace(b"report-type=", b'a="' * 20_000 + b"report-type="),
        REPORT + b"--b\r\n\r\n" * 130_000,
        REPORT
        + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Action: failed\r\n\r\n" * 50_000,
        b"To: " + b"\r\n " * 300_000,
        b"Content-Type: " + b";" * 900_000,
        (b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' * 5000) % ((1, 1) * 5000),
    ],
)
def test_a_message_made_to_cost_much_costs_little(data: bytes) -> None:
    began = time.process_time()
    read_report(data)
    assert time.process_time() - began < 2.0


@given(st.binary(max_size=2000), st.integers(0, 2000), st.integers(0, 200))
@example(b"\r\n\r\n", 300, 0)
def test_whatever_is_done_to_a_report_it_is_read_or_it_is_none(noise: bytes, at: int, cut: int) -> None:
    whole = a_report(to=TAGGED, envelope=MARK, original=f"rfc822;{ADA}")
    found = read_report(whole[:at] + noise + whole[at + cut :])
    assert found is None or (found.marks and found.recipients and found.answer.isprintable())


def test_of_a_report_that_names_very_many_few_are_looked_at() -> None:
    more = b"".join(
        b"--=_b/1\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: "
        + b" ".join(b"%032x" % (number * 100 + one) for one in range(50))
        + b"\r\nTo: "
        + b", ".join(b"u%d@acme.example" % (number * 100 + one) for one in range(80))
        + b"\r\n\r\n"
        for number in range(10)
    )
    found = read(a_report().replace(b"--=_b/1--", more + b"--=_b/1--"))
    assert len(found.marks) == 100
    assert 90 < len(found.recipients) <= 100


def test_the_mailbox_alone_names_no_mail() -> None:
    assert read_report(a_report(to=BOX, message_id=None)) is None
