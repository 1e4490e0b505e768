"""Mails over real sockets: TLS, login, answers and broken connections, with servers on loopback."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from connector.application.records import DeliveryReport, Mail
from connector.domain.effects import Template
from connector.domain.errors import Misconfigured, OutsideError, Rejected, Unavailable
from connector.foundation.config import SmtpSettings
from connector.foundation.config_secret import Secret
from connector.mail.bounces import read_report
from connector.mail.dispatch import Dispatch
from connector.mail.envelope import ReturnPath
from connector.mail.render import MailRenderer
from connector.mail.smtp import SmtpMailer, Timeouts
from tests.contract.mailer import SENDER, a_mail
from tests.support.builders import FakeClock, a_tenant, a_user, an_invitation
from tests.support.mail_server import (
    HOST,
    PASSWORD,
    USER,
    Conversation,
    MailServer,
    Tls,
    dawdles,
    knows_the_password,
    made_up_tls,
    mail_server,
    says,
    says_nothing,
    talking_server,
)
from tests.support.reports import a_report

IMPATIENT = Timeouts(connect=0.3, command=0.3, content=0.3, goodbye=0.1, whole=5.0)
GREETING, HELLO, OK = "220 ready", "250 hello", "250 2.0.0 done"
RECIPIENT = "ada@acme.example"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return made_up_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def mailer(
    port: int, *, trust: ssl.SSLContext | None = None, timeouts: Timeouts | None = None, **settings: Any
) -> SmtpMailer:
    given: dict[str, Any] = {"host": HOST, "port": port, "tls": "none"}
    return SmtpMailer(
        SmtpSettings(**given | settings), trust=trust, timeouts=timeouts, hello="usher.example"
    )


def secret(folder: Path, text: str = PASSWORD) -> Secret:
    path = folder / "smtp"
    path.touch(mode=0o600)
    path.write_text(text)
    return Secret(source="file:smtp", path=path)


def fails(sender: SmtpMailer, **mail: Any) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        sender.send(a_mail(RECIPIENT, **mail))
    assert "ada" not in str(caught.value)
    return caught.value


def fails_with(
    replies: tuple[str, ...], *, timeouts: Timeouts = IMPATIENT
) -> tuple[OutsideError, list[str]]:
    talk = Conversation(replies)
    with talking_server(talk) as port:
        error = fails(mailer(port, timeouts=timeouts))
    return error, talk.heard


LINK = "https://usher.example.com/invite/token"


def rendered(dispatch: Dispatch | None = None, *, sender: str = SENDER) -> Mail:
    renderer = MailRenderer(clock=FakeClock(), default_sender=sender, dispatch=dispatch)
    user = a_user(invitation=an_invitation(address=RECIPIENT))
    return renderer.render(Template.INVITATION, a_tenant(), user, link=LINK, request_id="request-1")


# --- TLS and login -----------------------------------------------------------------------------------


def test_control_m4_starttls_encrypts_before_anything_of_the_mail(tls: Tls) -> None:
    with mail_server(tls_context=tls.server, require_starttls=True) as server:
        answer = mailer(server.port, tls="starttls", trust=tls.trust).send(a_mail())
    assert answer == "250 2.0.0 queued as 1"
    assert [mail.encrypted for mail in server.arrived] == [True]


def test_control_m4_implicit_tls_encrypts_from_the_first_byte(tls: Tls) -> None:
    with mail_server(ssl_context=tls.server) as server:
        mailer(server.port, tls="implicit", trust=tls.trust).send(a_mail())
    assert [mail.encrypted for mail in server.arrived] == [True]


def test_control_m4_a_server_without_starttls_gets_no_mail_and_no_password(tmp_path: Path) -> None:
    talk = Conversation((GREETING, "250-hello\r\n250 AUTH PLAIN LOGIN", "221 bye"))
    with talking_server(talk) as port:
        sender = mailer(port, tls="starttls", user=USER, password=secret(tmp_path))
        error = fails(sender)
    assert isinstance(error, Misconfigured)
    assert "offers no STARTTLS" in str(error)
    assert talk.heard == ["ehlo usher.example", "quit"]


@pytest.mark.parametrize(
    ("refusal", "kind"), [("454 4.7.0 not now", Unavailable), ("502 5.5.1 never", Misconfigured)]
)
def test_control_m4_a_refused_starttls_ends_it(refusal: str, kind: type[OutsideError]) -> None:
    talk = Conversation((GREETING, "250-hello\r\n250 STARTTLS", refusal, "221 bye"))
    with talking_server(talk) as port:
        error = fails(mailer(port, tls="starttls"))
    assert isinstance(error, kind)
    assert talk.heard == ["ehlo usher.example", "STARTTLS", "quit"]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_control_m4_a_certificate_nobody_vouches_for_gets_no_mail(tls: Tls, mode: str) -> None:
    options = {"tls_context": tls.server} if mode == "starttls" else {"ssl_context": tls.server}
    with mail_server(**options) as server:
        error = fails(mailer(server.port, tls=mode))
    assert isinstance(error, Misconfigured)
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert server.arrived == []


def test_control_m4_a_certificate_for_another_name_gets_no_mail(tls: Tls) -> None:
    with mail_server(tls_context=tls.server) as server:
        error = fails(mailer(server.port, host="localhost", tls="starttls", trust=tls.trust))
    assert isinstance(error, Misconfigured)
    assert server.arrived == []


def test_implicit_tls_to_a_server_that_speaks_plainly_is_a_wrong_setting(
    server: MailServer, tls: Tls
) -> None:
    assert isinstance(fails(mailer(server.port, tls="implicit", trust=tls.trust)), Misconfigured)


def test_the_right_password_opens_the_door(tls: Tls, tmp_path: Path) -> None:
    with login_server(tls) as server:
        sender = mailer(server.port, tls="starttls", trust=tls.trust, user=USER, password=secret(tmp_path))
        sender.send(a_mail())
    assert len(server.arrived) == 1


def test_a_wrong_password_is_a_wrong_setting_and_is_not_shown(tls: Tls, tmp_path: Path) -> None:
    with login_server(tls) as server:
        sender = mailer(
            server.port, tls="starttls", trust=tls.trust, user=USER, password=secret(tmp_path, "hunter2")
        )
        error = fails(sender)
    assert isinstance(error, Misconfigured)
    assert "535" in str(error)
    assert "hunter2" not in str(error)
    assert server.arrived == []


def test_no_password_where_one_is_wanted_is_a_wrong_setting(tls: Tls) -> None:
    with login_server(tls) as server:
        error = fails(mailer(server.port, tls="starttls", trust=tls.trust))
    assert isinstance(error, Misconfigured)
    assert "530" in str(error)


@pytest.mark.parametrize("text", ["", "pässwörd"])
def test_a_password_that_cannot_be_sent_is_a_wrong_setting(tls: Tls, tmp_path: Path, text: str) -> None:
    with login_server(tls) as server:
        sender = mailer(
            server.port, tls="starttls", trust=tls.trust, user=USER, password=secret(tmp_path, text)
        )
        error = fails(sender)
    assert isinstance(error, Misconfigured)
    assert "password" in str(error)


def test_a_password_for_a_server_without_login_is_a_wrong_setting(
    server: MailServer, tmp_path: Path
) -> None:
    assert isinstance(fails(mailer(server.port, user=USER, password=secret(tmp_path))), Misconfigured)


def login_server(tls: Tls) -> Any:
    return mail_server(
        tls_context=tls.server, authenticator=knows_the_password, auth_required=True, auth_require_tls=True
    )


# --- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "reply", "kind", "about"),
    [
        ("MAIL", "451 4.3.0 out of order", Unavailable, True),
        ("MAIL", "550 5.7.60 not your address", Misconfigured, None),
        ("MAIL", "552 5.3.4 too large", Rejected, "message"),
        ("RCPT", "421 4.3.2 shutting down", Unavailable, True),
        ("RCPT", "450 4.2.1 <ada@acme.example> try later", Unavailable, False),
        ("RCPT", "451 4.7.1 greylisted", Unavailable, False),
        ("RCPT", "550 5.1.1 <ada@acme.example> unknown", Rejected, "recipient"),
        ("RCPT", "551 ada is not local", Rejected, "recipient"),
        ("RCPT", "552 5.2.2 full", Rejected, "message"),
        ("RCPT", "554 5.7.1 policy", Rejected, "message"),
        ("DATA", "451 4.3.0 out of order", Unavailable, False),
        ("DATA", "550 5.7.1 spam", Rejected, "message"),
        ("DATA", "552 5.3.4 too large", Rejected, "message"),
        ("DATA", "554 5.6.0 bad content", Rejected, "message"),
    ],
)
def test_a_refusal_is_understood(
    server: MailServer, command: str, reply: str, kind: type[OutsideError], about: bool | str | None
) -> None:
    server.answers[command] = reply
    error = fails(mailer(server.port))
    assert isinstance(error, kind)
    assert server.arrived == []
    match error:
        case Unavailable():
            assert (error.sink_wide, error.unsure) == (about, False)
        case Rejected():
            assert error.field == about
    assert reply[:3] in str(error)


def test_a_refused_mail_leaves_the_way_open_for_the_next(server: MailServer) -> None:
    server.answers["RCPT"] = "550 5.1.1 unknown"
    sender = mailer(server.port)
    fails(sender)
    server.answers.clear()
    sender.send(a_mail("bob@acme.example"))
    assert [mail.recipient for mail in server.arrived] == ["bob@acme.example"]


def test_control_i7_the_answer_that_is_kept_does_not_name_the_recipient(server: MailServer) -> None:
    server.answers["DATA"] = "250 2.6.0 <1@example.com> queued for ada@acme.example (ada)"
    assert (
        mailer(server.port).send(a_mail(RECIPIENT))
        == "250 2.6.0 <[address]> queued for [address] ([address])"
    )


# --- connections that break --------------------------------------------------------------------------


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with talking_server(says(GREETING)) as port:
        pass
    error = fails(mailer(port))
    assert isinstance(error, Unavailable)
    assert (error.sink_wide, error.unsure) == (True, False)


def test_a_name_nobody_knows_is_unavailable() -> None:
    assert isinstance(fails(mailer(25, host="mail.invalid")), Unavailable)


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        ("421 4.3.2 too busy", Unavailable),
        ("554 5.7.1 we do not take mail from you", Misconfigured),
        ("SSH-2.0-OpenSSH_9.9", Unavailable),
        ("", Unavailable),
    ],
)
def test_an_unfriendly_greeting_is_understood(greeting: str, kind: type[OutsideError]) -> None:
    with talking_server(says(greeting)) as port:
        assert isinstance(fails(mailer(port)), kind)


def test_a_server_that_never_speaks_is_given_up(tls: Tls) -> None:
    with talking_server(says_nothing) as port:
        for mode in ("none", "implicit"):
            error = fails(mailer(port, tls=mode, trust=tls.trust, timeouts=IMPATIENT))
            assert isinstance(error, Unavailable)
            assert not error.unsure


def test_a_server_that_speaks_on_and_on_is_cut_off() -> None:
    patient = replace(IMPATIENT, command=5.0, whole=0.3)
    with talking_server(dawdles) as port:
        error = fails(mailer(port, timeouts=patient))
    assert isinstance(error, Unavailable)
    assert not error.unsure


def test_all_of_an_effect_fits_into_its_lease() -> None:
    usual = Timeouts()
    assert (usual.connect, usual.command, usual.content) == (10, 30, 60)
    assert usual.connect + usual.whole <= 75


@pytest.mark.parametrize("answered", range(1, 5))
def test_a_connection_lost_before_the_mail_was_under_way_leaves_no_doubt(answered: int) -> None:
    error, _ = fails_with((GREETING, HELLO, OK, OK)[:answered])
    assert isinstance(error, Unavailable)
    assert (error.sink_wide, error.unsure) == (True, False)


def test_a_connection_lost_while_the_mail_was_under_way_leaves_doubt() -> None:
    error, _ = fails_with((GREETING, HELLO, OK, OK, "354 go on"))
    assert isinstance(error, Unavailable)
    assert error.unsure


def test_a_connection_cut_after_the_last_line_leaves_doubt(server: MailServer) -> None:
    server.hang_up = True
    error = fails(mailer(server.port))
    assert isinstance(error, Unavailable)
    assert error.unsure


def test_an_answer_that_takes_too_long_leaves_doubt() -> None:
    def talk(connection: Any) -> None:
        Conversation((GREETING, HELLO, OK, OK, "354 go on"))(connection)
        while connection.recv(4096):
            pass

    with talking_server(talk) as port:
        error = fails(mailer(port, timeouts=IMPATIENT))
    assert isinstance(error, Unavailable)
    assert error.unsure


def test_a_server_that_hangs_up_instead_of_saying_goodbye_has_the_mail_all_the_same() -> None:
    talk = Conversation((GREETING, HELLO, OK, OK, "354 go on", "250 2.0.0 queued"))
    with talking_server(talk) as port:
        assert mailer(port).send(a_mail()) == "250 2.0.0 queued"


# --- what goes over the wire -------------------------------------------------------------------------


def test_control_m1_the_wire_names_the_stored_address_and_no_other() -> None:
    talk = Conversation((GREETING, HELLO, OK, OK, "354 go on", OK, "221 bye"))
    with talking_server(talk) as port:
        mailer(port).send(a_mail("o'hara+x@straße.example", body=".\r\nRCPT TO:<eve@evil.example>"))
    commands = [line for line in talk.heard if line.lower().startswith(("mail", "rcpt", "data"))]
    assert commands == [
        f"mail FROM:<{SENDER}>",
        "rcpt TO:<o'hara+x@xn--strae-oqa.example>",
        "DATA",
        "RCPT TO:<eve@evil.example>",
    ]
    assert talk.heard[-3:] == ["RCPT TO:<eve@evil.example>", ".", "quit"]
    assert ".." in talk.heard


def test_control_m1_a_bare_line_feed_cannot_end_the_mail_early(server: MailServer) -> None:
    mail = replace(a_mail(), message=a_mail().message + b"x\n.\nMAIL FROM:<eve@evil.example>\n.\r\n")
    mailer(server.port).send(mail)
    (arrived,) = server.arrived
    assert arrived.sender == SENDER
    assert b"." not in [line.strip() for line in arrived.message.split(b"\n")]


def test_the_size_is_told_beforehand(server: MailServer) -> None:
    mail = a_mail()
    mailer(server.port).send(mail)
    assert server.arrived[0].options == (f"SIZE={len(mail.message)}",)


def test_a_server_that_reports_lost_mails_is_told_which_and_to_leave_the_link_out() -> None:
    talk = Conversation((GREETING, "250-hello\r\n250 DSN", OK, OK, "354 go on", OK, "221 bye"))
    with talking_server(talk) as port:
        mailer(port).send(a_mail("o=hara+x@acme.example", message_id=f"<{'a' * 32}@example.com>"))
    assert talk.heard[1:3] == [
        f"mail FROM:<{SENDER}> RET=HDRS ENVID={'a' * 32}",
        "rcpt TO:<o=hara+x@acme.example> NOTIFY=FAILURE ORCPT=rfc822;o+3Dhara+2Bx@acme.example",
    ]


def test_control_m1_reports_come_back_to_an_address_of_the_mails_own(server: MailServer) -> None:
    box = ReturnPath(address="usher-bounces@example.com", tagged=True)
    mail = rendered(dispatch=Dispatch(return_path=box))
    mailer(server.port).send(mail)
    (arrived,) = server.arrived
    assert arrived.sender == f"usher-bounces+{mail.message_id[1:33]}@example.com"
    assert b"usher-bounces" not in arrived.message
    report = a_report(to=arrived.sender, message_id=None, final=f"rfc822;{arrived.recipient}")
    assert read_report(report) == DeliveryReport(
        marks=frozenset({mail.message_id[1:33]}), recipients=frozenset({RECIPIENT}), answer=ANY
    )


def test_an_international_mailbox_is_told_as_such(tls: Tls) -> None:
    with mail_server(enable_SMTPUTF8=True) as server:
        mailer(server.port).send(a_mail("jörg@straße.example"))
    assert server.arrived[0].recipient == "jörg@xn--strae-oqa.example"
    assert "SMTPUTF8" in server.arrived[0].options


def test_an_international_mailbox_that_the_server_cannot_take_is_the_recipients_fault() -> None:
    with mail_server(enable_SMTPUTF8=False) as server, pytest.raises(Rejected) as caught:
        mailer(server.port).send(a_mail("jörg@acme.example"))
    assert caught.value.field == "recipient"
    assert server.arrived == []


def test_a_rendered_invitation_arrives_byte_for_byte(server: MailServer) -> None:
    mail = rendered()
    mailer(server.port).send(mail)
    (arrived,) = server.arrived
    assert arrived.message == mail.message
    assert (arrived.sender, arrived.recipient) == (SENDER, RECIPIENT)
    body = message_from_bytes(arrived.message, policy=policy.default).get_body(("plain",))
    assert body is not None
    assert LINK in body.get_content()


def test_one_mailer_serves_many_threads(server: MailServer) -> None:
    sender = mailer(server.port)
    mails = [a_mail(f"user{number}@acme.example") for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sender.send, mails))
    assert {mail.recipient for mail in server.arrived} == {mail.recipient for mail in mails}
