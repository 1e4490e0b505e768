"""The demo's inbox, spoken to in real SMTP."""

import smtplib
from email.message import EmailMessage

import pytest

from connector.demo.errors import DemoError
from connector.demo.inbox import Inbox, links


def send(inbox: Inbox, recipient: str, subject: str = "Welcome") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Portal <portal@example.com>", recipient, subject
    message.set_content("Grüße: https://usher.example/text\n")
    message.add_alternative(
        '<p>Grüße <a href="https://usher.example/one?a=1&amp;b=2">1</a>'
        '<a href="mailto:x@example.com">x</a><a href="https://usher.example/two">2</a></p>',
        subtype="html",
    )
    with smtplib.SMTP(inbox.host, inbox.port, timeout=10) as smtp:
        smtp.send_message(message)


def test_a_sent_mail_is_found_by_its_recipient_and_subject(inbox: Inbox) -> None:
    send(inbox, "ada@found.example", "Välkommen")
    mail = inbox.wait_for("Ada@Found.example", "välkommen", 10)
    assert mail.sender == "Portal <portal@example.com>"
    assert "Grüße" in mail.html
    assert "Grüße" in mail.text


def test_links_are_the_html_parts_own_in_their_order(inbox: Inbox) -> None:
    send(inbox, "ada@links.example")
    mail = inbox.wait_for("ada@links.example")
    assert links(mail) == ["https://usher.example/one?a=1&b=2", "https://usher.example/two"]


def test_the_newest_mail_comes_first_and_after_leaves_older_ones_out(inbox: Inbox) -> None:
    send(inbox, "ada@newest.example", "first")
    first = inbox.wait_for("ada@newest.example")
    send(inbox, "ada@newest.example", "second")
    assert inbox.wait_for("ada@newest.example", after=first.number).subject == "second"
    assert inbox.mails()[0].subject == "second"


def test_waiting_for_a_mail_that_never_comes_ends_with_what_to_do(inbox: Inbox) -> None:
    with pytest.raises(DemoError, match="outbox list"):
        inbox.wait_for("nobody@example.com", timeout=0.01)
