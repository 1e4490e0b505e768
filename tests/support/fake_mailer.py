"""A mailer in memory for tests, held to the same contract as the real ones. It keeps what was sent and can
be told to fail.
"""

from collections import deque
from collections.abc import Callable

from connector.application.records import Mail
from connector.mail.envelope import Envelope


class FakeMailer:
    """``sent`` are the mails that went out, in order."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self._failures: deque[Exception] = deque()

    def fail(self, error: Exception, *, times: int = 1) -> None:
        """Raise ``error`` instead of sending, the next ``times`` times."""
        self._failures.extend([error] * times)

    def send(self, mail: Mail, *, before_content: Callable[[], None] = lambda: None) -> str:
        """Keep the mail."""
        Envelope.of(mail)
        before_content()
        if self._failures:
            raise self._failures.popleft()
        self.sent.append(mail)
        return f"250 kept as number {len(self.sent)}"
