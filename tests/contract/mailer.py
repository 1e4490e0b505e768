"""The contract of ``ports.Mailer``. Each implementation's test class inherits it and says how to look into
the other side and how to break it.
"""

from email import message_from_bytes, policy

import pytest

from connector.application.ports import Mailer
from connector.application.records import Mail
from connector.domain.errors import Misconfigured, Rejected, Unavailable

SENDER = "portal@example.com"


def a_mail(
    recipient: str = "ada@acme.example", *, body: str = "Hello", message_id: str = "<1@example.com>"
) -> Mail:
    lines = (
        f"From: {SENDER}",
        f"To: {recipient}",
        f"Message-ID: {message_id}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        body,
        "",
    )
    return Mail(
        sender=SENDER, recipient=recipient, message="\r\n".join(lines).encode(), message_id=message_id
    )


class MailerContract:
    """What every mailer does."""

    @pytest.fixture
    def mailer(self) -> Mailer:
        raise NotImplementedError

    def arrived(self) -> list[bytes]:
        """The mails on the other side, oldest first."""
        raise NotImplementedError

    def break_down(self) -> None:
        """From now on nothing can be delivered."""
        raise NotImplementedError

    def test_a_sent_mail_arrives_byte_for_byte(self, mailer: Mailer) -> None:
        mail = a_mail(body="a line\r\n.\r\n..two dots\r\nGr=C3=BC=C3=9Fe")
        mailer.send(mail)
        assert self.arrived() == [mail.message]

    def test_every_call_delivers_even_a_repeat(self, mailer: Mailer) -> None:
        mails = [a_mail(), a_mail(), a_mail("bob@acme.example", message_id="<2@example.com>")]
        for mail in mails:
            mailer.send(mail)
        assert self.arrived() == [mail.message for mail in mails]

    def test_a_mail_reaches_its_own_recipient_alone(self, mailer: Mailer) -> None:
        mailer.send(a_mail("ada@acme.example"))
        mailer.send(a_mail("ada@other.example", message_id="<2@example.com>"))
        to = [message_from_bytes(one, policy=policy.default)["To"] for one in self.arrived()]
        assert to == ["ada@acme.example", "ada@other.example"]

    def test_the_answer_is_one_line_without_the_address(self, mailer: Mailer) -> None:
        answer = mailer.send(a_mail())
        assert answer
        assert answer.isprintable()
        assert "ada" not in answer

    @pytest.mark.parametrize(
        "recipient",
        [
            "",
            "nobody",
            "@acme.example",
            "ada@",
            "ada@acme.example\r\nRCPT TO:<eve@evil.example>",
            "ada\0@acme.example",
            "ada@acme.example, eve@evil.example",
            "ada@acme.example>\x20<eve@evil.example",
        ],
    )
    def test_control_m1_what_is_no_single_address_is_refused_for_good(
        self, mailer: Mailer, recipient: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            mailer.send(a_mail(recipient))
        assert caught.value.field == "recipient"
        assert "eve" not in str(caught.value)
        assert self.arrived() == []

    def test_queue_q15_the_caller_hears_of_it_before_the_mail_can_arrive(self, mailer: Mailer) -> None:
        seen: list[list[bytes]] = []
        mailer.send(a_mail(), before_content=lambda: seen.append(self.arrived()))
        assert seen == [[]]
        assert len(self.arrived()) == 1

    def test_queue_q15_nothing_is_sent_if_the_caller_has_second_thoughts(self, mailer: Mailer) -> None:
        def stop() -> None:
            raise Unavailable("somebody else has it")

        with pytest.raises(Unavailable, match="somebody else"):
            mailer.send(a_mail(), before_content=stop)
        assert self.arrived() == []

    def test_a_broken_way_is_no_fault_of_the_recipient(self, mailer: Mailer) -> None:
        self.break_down()
        with pytest.raises((Unavailable, Misconfigured)) as caught:
            mailer.send(a_mail())
        assert "ada" not in str(caught.value)
        assert self.arrived() == []
