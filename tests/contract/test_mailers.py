"""Every mailer keeps the contract: the fake, the folder, and SMTP to a real server."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from connector.application.ports import Mailer
from connector.domain.errors import Unavailable
from connector.foundation.config import SmtpSettings
from connector.mail.files import FileMailer
from connector.mail.smtp import SmtpMailer
from tests.contract.mailer import MailerContract, a_mail
from tests.support.builders import NOW
from tests.support.fake_mailer import FakeMailer
from tests.support.mail_server import HOST, MailServer, mail_server


class TickingClock:
    """A clock that moves a millisecond whenever somebody looks."""

    def __init__(self) -> None:
        self._ticks = count()

    def now(self) -> float:
        return NOW + next(self._ticks) / 1000


class TestFakeMailer(MailerContract):
    """The fake, held to the contract."""

    @pytest.fixture
    def mailer(self) -> FakeMailer:
        self.fake = FakeMailer()
        return self.fake

    def arrived(self) -> list[bytes]:
        return [mail.message for mail in self.fake.sent]

    def break_down(self) -> None:
        self.fake.fail(Unavailable("down"))


class TestFileMailer(MailerContract):
    """Mails into a folder."""

    @pytest.fixture
    def mailer(self, tmp_path: Path) -> FileMailer:
        self.folder = tmp_path / "mails"
        return FileMailer(self.folder, clock=TickingClock())

    def arrived(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def break_down(self) -> None:
        self.folder.write_text("not a folder")


class TestSmtpMailer(MailerContract):
    """Mails to a real SMTP server."""

    @pytest.fixture
    def mailer(self) -> Iterator[Mailer]:
        with mail_server() as server:
            self.server: MailServer = server
            yield SmtpMailer(SmtpSettings(host=HOST, port=server.port, tls="none"), hello="usher.example")

    def arrived(self) -> list[bytes]:
        return [mail.message for mail in self.server.arrived]

    def break_down(self) -> None:
        self.server.answers["MAIL"] = "451 4.3.0 out of order"


def test_a_told_failure_happens_as_often_as_told() -> None:
    fake = FakeMailer()
    fake.fail(Unavailable("down"), times=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            fake.send(a_mail())
    fake.send(a_mail())
    assert len(fake.sent) == 1
