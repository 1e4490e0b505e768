"""Sends mails to a mail server (RFC 5321) and says what became of them. It owns the conversation; it must
not know templates or users.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer

from connector.application.records import Mail
from connector.domain.errors import Misconfigured, OutsideError, Rejected, Unavailable
from connector.foundation.config import SmtpSettings
from connector.foundation.contact import heard
from connector.foundation.faults import ConfigError
from connector.foundation.mail_address import Mailbox
from connector.mail.answers import Answer, Stage, answer_of, error_of
from connector.mail.envelope import Envelope
from connector.mail.message import mark_of

_DONE = range(200, 300)
_GO_AHEAD = range(354, 355)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for the server, in seconds: for the connection, for the answer to a command, for the
    answer to a whole mail, for its goodbye; and for all of it after the connection, however it dawdles.
    """

    connect: float = 10.0
    command: float = 30.0
    content: float = 60.0
    goodbye: float = 2.0
    whole: float = 63.0

    @classmethod
    def within(cls, seconds: float) -> "Timeouts":
        """Such that nothing takes longer than ``seconds`` in all."""
        usual = cls()
        share = min(1.0, seconds / (usual.connect + usual.whole + usual.goodbye))
        return cls(
            connect=usual.connect * share,
            command=usual.command * share,
            content=usual.content * share,
            goodbye=usual.goodbye * share,
            whole=usual.whole * share,
        )


class SmtpMailer:
    """Sends each mail over a connection of its own; implements ``ports.Mailer``. Any number of threads may
    share one. ``trust`` replaces the system's certificate authorities; ``hello`` is the name to introduce
    this machine by, None for its own.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        timeouts: Timeouts | None = None,
        trust: ssl.SSLContext | None = None,
        hello: str | None = None,
    ) -> None:
        self._settings = settings
        self._timeouts = timeouts or Timeouts()
        self._trust = trust or ssl.create_default_context()
        self._hello = hello

    def send(self, mail: Mail, *, before_content: Callable[[], None] = lambda: None) -> str:
        """The server's answer to the whole mail, without the recipient's address.

        :raises Unavailable: ``sink_wide`` unless only this mail is put off; ``unsure`` if the connection
            was lost when the mail was under way.
        :raises Misconfigured: the settings do not fit the server.
        :raises Rejected: ``field`` is ``recipient`` or ``message``.
        """
        envelope = Envelope.of(mail)
        with self._connection(envelope.recipient) as smtp:
            heard()
            self._announce(smtp, envelope, mail)
            before_content()
            return self._deliver(smtp, envelope.recipient, mail.message)

    # --- opening and closing -----------------------------------------------------------------------

    @contextmanager
    def _connection(self, recipient: Mailbox) -> Iterator[smtplib.SMTP]:
        """Connected, encrypted and logged in as the settings say."""
        with self._explained(Stage.OPENING, recipient):
            smtp = self._connect()
        try:
            with _cut_after(smtp, self._timeouts.whole):
                with self._explained(Stage.OPENING, recipient):
                    _wait_at_most(smtp, self._timeouts.command)
                    smtp.ehlo_or_helo_if_needed()
                    self._encrypt(smtp)
                    self._login(smtp)
                yield smtp
        finally:
            self._say_goodbye(smtp)

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        timeout = self._timeouts.connect
        if self._settings.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, self._hello, timeout=timeout, context=self._trust)
        return smtplib.SMTP(host, port, self._hello, timeout=timeout)

    def _encrypt(self, smtp: smtplib.SMTP) -> None:
        if self._settings.tls != "starttls":
            return
        if not smtp.has_extn("starttls"):
            raise Misconfigured(f"the mail server {self._place} offers no STARTTLS; nothing was sent")
        smtp.starttls(context=self._trust)
        smtp.ehlo_or_helo_if_needed()

    def _login(self, smtp: smtplib.SMTP) -> None:
        user, password = self._settings.user, self._settings.password
        if user is None or password is None:
            return
        try:
            smtp.login(user, password.read())
        except ConfigError as error:
            raise Misconfigured(f"the password for the mail server: {error}") from error
        except UnicodeError:
            raise Misconfigured("user and password for the mail server must be ASCII") from None

    def _say_goodbye(self, smtp: smtplib.SMTP) -> None:
        """The mail's fate is sealed by now, so whatever happens here changes nothing."""
        with suppress(smtplib.SMTPException, OSError):
            _wait_at_most(smtp, self._timeouts.goodbye)
            smtp.quit()
        smtp.close()

    # --- one mail ----------------------------------------------------------------------------------

    def _announce(self, smtp: smtplib.SMTP, envelope: Envelope, mail: Mail) -> None:
        """Say whom the mail is from and for; nothing of it is sent yet."""
        recipient = envelope.recipient
        options = [*_mail_options(smtp, envelope, len(mail.message)), *_report_options(smtp, mail)]
        with self._explained(Stage.SENDER, recipient):
            _expect(Stage.SENDER, recipient, smtp.mail(str(envelope.sender), options))
        with self._explained(Stage.RECIPIENT, recipient):
            named = _named_for_reports(smtp, recipient)
            _expect(Stage.RECIPIENT, recipient, smtp.rcpt(str(recipient), named))

    def _deliver(self, smtp: smtplib.SMTP, recipient: Mailbox, message: bytes) -> str:
        with self._explained(Stage.CONTENT, recipient):
            _expect(Stage.CONTENT, recipient, smtp.docmd("DATA"), wanted=_GO_AHEAD)
        with self._explained(Stage.ANSWER, recipient):
            _wait_at_most(smtp, self._timeouts.content)
            smtp.send(_framed(message))
            return str(_expect(Stage.ANSWER, recipient, smtp.getreply()))

    # --- what came of a step -----------------------------------------------------------------------

    @contextmanager
    def _explained(self, stage: Stage, recipient: Mailbox) -> Iterator[None]:
        """Turn what the library raises in a step into our errors. All of it is an ``OSError``, so order
        matters: a bad answer, a lost connection, a server that lacks something, the network. TLS that fails
        after the opening is a lost connection, too.
        """
        try:
            yield
        except smtplib.SMTPResponseException as error:
            answer = answer_of(error.smtp_code, error.smtp_error, recipient=str(recipient))
            raise error_of(stage, answer) from None
        except (smtplib.SMTPServerDisconnected, ssl.SSLEOFError) as error:
            raise self._lost(stage, error) from None
        except (smtplib.SMTPException, ssl.SSLError) as error:
            if stage is not Stage.OPENING:
                raise self._lost(stage, error) from None
            raise Misconfigured(f"the mail server {self._place}: {error}") from None
        except UnicodeError:
            raise Misconfigured(f"the mail server {self._place} has an impossible name") from None
        except OSError as error:
            raise self._lost(stage, error) from None

    def _lost(self, stage: Stage, error: OSError) -> OutsideError:
        unsure = stage is Stage.ANSWER
        what = "the connection was lost before the answer" if unsure else "does not answer"
        text = f"the mail server {self._place}: {what} ({type(error).__name__})"
        return Unavailable(text, unsure=unsure)

    @property
    def _place(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


def _mail_options(smtp: smtplib.SMTP, envelope: Envelope, size: int) -> list[str]:
    """The parameters of MAIL FROM: the size (RFC 1870), and SMTPUTF8 for an address that needs it."""
    options = [f"SIZE={size}"] if smtp.has_extn("size") else []
    if not envelope.needs_smtputf8:
        return options
    if smtp.has_extn("smtputf8"):
        return [*options, "SMTPUTF8", "BODY=8BITMIME"]
    if envelope.recipient.needs_smtputf8:
        rule = (
            "the address has letters beyond ASCII before its @, and the mail server does not offer SMTPUTF8"
        )
        raise Rejected("recipient", rule)
    raise Misconfigured("the address to send from needs SMTPUTF8, which the mail server does not offer")


def _report_options(smtp: smtplib.SMTP, mail: Mail) -> list[str]:
    """The parameters of MAIL FROM for a report that the mail was lost (RFC 3461 §4.3, §4.4): it shall
    return the headers alone, for the body has the link, and name the mail.
    """
    return ["RET=HDRS", f"ENVID={_xtext(mark_of(mail.message_id))}"] if smtp.has_extn("dsn") else []


def _named_for_reports(smtp: smtplib.SMTP, recipient: Mailbox) -> list[str]:
    """The parameters of RCPT TO for it (RFC 3461 §4.1, §4.2): whom we meant, wherever it is forwarded."""
    if not smtp.has_extn("dsn") or recipient.needs_smtputf8:
        return []
    return ["NOTIFY=FAILURE", f"ORCPT=rfc822;{_xtext(str(recipient))}"]


def _xtext(text: str) -> str:
    """ASCII as the value of a parameter (RFC 3461 §4)."""
    return re.sub(r"[+=]", lambda match: f"+{ord(match[0]):02X}", text)


def _expect(stage: Stage, recipient: Mailbox, reply: tuple[int, bytes], *, wanted: range = _DONE) -> Answer:
    answer = answer_of(*reply, recipient=str(recipient))
    if answer.code not in wanted:
        raise error_of(stage, answer)
    return answer


def _framed(message: bytes) -> bytes:
    """The mail with a dot before each line's first dot, and its end (RFC 5321 §4.5.2)."""
    end = b"" if message.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", message) + end + b".\r\n"


@contextmanager
def _cut_after(smtp: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer. Time-outs of a socket are for each read, so a server
    that says a word now and then could hold us for ever.
    """
    timer = Timer(seconds, _cut, [smtp])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(smtp: smtplib.SMTP) -> None:
    """End the connection below TLS; whoever reads or writes it meets its end."""
    if smtp.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)


def _wait_at_most(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)
