"""Mails to a real SMTP server on loopback: encryption, login, and what each answer comes to."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from connector.domain.errors import Misconfigured, OutsideError, Rejected, Unavailable
from connector.foundation.config import Secret, SmtpSettings
from connector.mail.smtp import SmtpMailer, Timeouts
from tests.contract.mailer import SENDER, a_mail
from tests.support.mail_server import (
    HOST,
    PASSWORD,
    USER,
    MailServer,
    Tls,
    knows_the_password,
    made_up_tls,
    mail_server,
    says,
    says_nothing,
    talking_server,
)

IMPATIENT = Timeouts(connect=0.3, command=0.3, content=0.3, goodbye=0.1)


def mailer(
    port: int, tls: str = "none", *, trust: Tls | None = None, host: str = HOST, **more: object
) -> SmtpMailer:
    settings = SmtpSettings.model_validate({"host": host, "port": port, "tls": tls, **more})
    return SmtpMailer(settings, trust=trust.trust if trust else None, hello="usher.example")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server(enable_SMTPUTF8=True) as running:
        yield running


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return made_up_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def password(tmp_path: Path) -> Secret:
    file = tmp_path / "smtp"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    return Secret.parse("file:smtp", tmp_path)


# --- the envelope ----------------------------------------------------------------------------------


def test_control_m1_the_envelope_holds_the_stored_address(server: MailServer) -> None:
    answer = mailer(server.port).send(a_mail("Ada.Lovelace+portal@Acme.example"))
    (arrived,) = server.arrived
    assert (arrived.sender, arrived.recipient) == (SENDER, "Ada.Lovelace+portal@Acme.example")
    assert answer == "250 2.0.0 queued as 1"


def test_a_domain_beyond_ascii_is_encoded_by_idna_2008(server: MailServer) -> None:
    mailer(server.port).send(a_mail("ada@straße.example"))
    (arrived,) = server.arrived
    assert arrived.recipient == "ada@xn--strae-oqa.example"
    assert "SMTPUTF8" not in arrived.options


def test_a_local_part_beyond_ascii_goes_out_where_smtputf8_is_offered(server: MailServer) -> None:
    mailer(server.port).send(a_mail("jürgen@müller.example"))
    (arrived,) = server.arrived
    assert arrived.recipient == "jürgen@xn--mller-kva.example"
    assert "SMTPUTF8" in arrived.options


def test_a_local_part_beyond_ascii_is_refused_where_smtputf8_is_not_offered() -> None:
    with mail_server(enable_SMTPUTF8=False) as server:
        with pytest.raises(Rejected, match="SMTPUTF8") as caught:
            mailer(server.port).send(a_mail("jürgen@acme.example"))
        assert caught.value.field == "recipient"
        assert server.arrived == []


def test_a_mail_larger_than_the_server_takes_is_the_mails_own_fault() -> None:
    with mail_server(data_size_limit=1000) as server, pytest.raises(Rejected) as caught:
        mailer(server.port).send(a_mail(body="x" * 2000))
    assert caught.value.field == "message"


# --- encryption and login --------------------------------------------------------------------------


def test_control_m4_without_starttls_no_mail_goes_out(server: MailServer) -> None:
    with pytest.raises(Misconfigured, match="offers no STARTTLS; nothing was sent"):
        mailer(server.port, "starttls").send(a_mail())
    assert server.arrived == []


def test_control_m4_with_starttls_the_mail_is_encrypted(tls: Tls) -> None:
    with mail_server(tls_context=tls.server, require_starttls=True) as server:
        mailer(server.port, "starttls", trust=tls).send(a_mail())
        assert [mail.encrypted for mail in server.arrived] == [True]


def test_implicit_tls_speaks_tls_from_the_first_byte(tls: Tls) -> None:
    with mail_server(ssl_context=tls.server) as server:
        mailer(server.port, "implicit", trust=tls).send(a_mail())
        assert len(server.arrived) == 1


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
def test_a_certificate_nobody_trusts_stops_the_mail(tls: Tls, kind: str) -> None:
    key = "tls_context" if kind == "starttls" else "ssl_context"
    with mail_server(**{key: tls.server}) as server:
        with pytest.raises(Misconfigured, match="certificate"):
            mailer(server.port, kind).send(a_mail())
        assert server.arrived == []


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
def test_a_certificate_for_another_name_stops_the_mail(tls: Tls, kind: str) -> None:
    key = "tls_context" if kind == "starttls" else "ssl_context"
    with mail_server(**{key: tls.server}) as server, pytest.raises(Misconfigured, match="certificate"):
        mailer(server.port, kind, trust=tls, host="localhost").send(a_mail())


def test_implicit_tls_to_a_plain_port_says_that_the_settings_do_not_fit(tls: Tls) -> None:
    with talking_server(says("220 plain")) as port, pytest.raises(Misconfigured):
        mailer(port, "implicit", trust=tls).send(a_mail())


def test_the_configured_login_opens_the_server(tls: Tls, password: Secret) -> None:
    with mail_server(
        tls_context=tls.server, auth_required=True, authenticator=knows_the_password
    ) as server:
        mailer(server.port, "starttls", trust=tls, user=USER, password=password).send(a_mail())
        assert len(server.arrived) == 1


def test_a_wrong_password_is_misconfigured_and_stays_secret(tls: Tls, password: Secret) -> None:
    with (
        mail_server(tls_context=tls.server, auth_required=True, authenticator=knows_the_password) as server,
        pytest.raises(Misconfigured, match="535") as caught,
    ):
        mailer(server.port, "starttls", trust=tls, user="another", password=password).send(a_mail())
    assert PASSWORD not in str(caught.value)


def test_a_missing_login_is_misconfigured(tls: Tls) -> None:
    with (
        mail_server(tls_context=tls.server, auth_required=True, authenticator=knows_the_password) as server,
        pytest.raises(Misconfigured, match="530"),
    ):
        mailer(server.port, "starttls", trust=tls).send(a_mail())


def test_a_login_that_the_server_does_not_offer_is_misconfigured(
    server: MailServer, password: Secret
) -> None:
    with pytest.raises(Misconfigured, match="AUTH"):
        mailer(server.port, user=USER, password=password).send(a_mail())


def test_an_absent_secret_says_what_to_do(server: MailServer, tmp_path: Path) -> None:
    absent = Secret.parse("file:absent", tmp_path)
    with pytest.raises(Misconfigured, match="write the secret into this file"):
        mailer(server.port, user=USER, password=absent).send(a_mail())


# --- what an answer comes to -----------------------------------------------------------------------


def the_error(server: MailServer, **answers: str) -> OutsideError:
    server.answers.update(answers)
    with pytest.raises(OutsideError) as caught:
        mailer(server.port).send(a_mail())
    assert server.arrived == []
    return caught.value


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["421 4.3.2 going down", "454 4.7.0 no TLS right now"])
def test_a_server_that_is_busy_as_a_whole_is_unavailable_to_all(
    server: MailServer, command: str, answer: str
) -> None:
    error = the_error(server, **{command: answer})
    assert isinstance(error, Unavailable)
    assert (error.sink_wide, error.unsure) == (True, False)


@pytest.mark.parametrize(
    "answer", ["450 4.2.0 greylisted", "451 4.7.1 try later", "452 4.2.2 mailbox full"]
)
def test_a_recipient_put_off_holds_up_nobody_else(server: MailServer, answer: str) -> None:
    error = the_error(server, RCPT=answer)
    assert isinstance(error, Unavailable)
    assert not error.sink_wide


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "551 not here", "553 bad mailbox name"])
def test_an_unknown_recipient_is_refused_for_good(server: MailServer, answer: str) -> None:
    error = the_error(server, RCPT=answer)
    assert isinstance(error, Rejected)
    assert (error.field, error.rule) == ("recipient", answer)


@pytest.mark.parametrize("answer", ["552 5.3.4 too big", "554 5.7.1 spam", "550 5.6.0 bad content"])
def test_a_refused_mail_is_told_from_a_refused_recipient(server: MailServer, answer: str) -> None:
    error = the_error(server, DATA=answer)
    assert isinstance(error, Rejected)
    assert error.field == "message"


def test_a_sender_that_may_not_send_is_misconfigured(server: MailServer) -> None:
    assert isinstance(the_error(server, MAIL="550 5.7.1 not your address"), Misconfigured)


def test_an_answer_that_quotes_person_and_link_is_kept_without_them(server: MailServer) -> None:
    said = "550 5.1.1 <ada@acme.example>: ada unknown, see https://x.example/invite/abc and /invite/abc"
    error = the_error(server, RCPT=said)
    assert str(error) == "recipient: 550 5.1.1 <[address]>: [address] unknown, see [link] and [link]"


def test_a_connection_lost_after_the_content_may_have_delivered_it(server: MailServer) -> None:
    server.hang_up = True
    with pytest.raises(Unavailable) as caught:
        mailer(server.port).send(a_mail())
    assert caught.value.unsure


# --- servers that are none -------------------------------------------------------------------------


def test_nobody_listening_is_unavailable() -> None:
    with talking_server(says_nothing) as port:
        pass
    with pytest.raises(Unavailable) as caught:
        mailer(port).send(a_mail())
    assert (caught.value.sink_wide, caught.value.unsure) == (True, False)


def test_a_server_that_says_nothing_is_given_up_after_the_timeout() -> None:
    with talking_server(says_nothing) as port:
        impatient = SmtpMailer(
            SmtpSettings(host=HOST, port=port, tls="none"), timeouts=IMPATIENT, hello="x"
        )
        with pytest.raises(Unavailable, match="does not answer"):
            impatient.send(a_mail())


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        ("421 4.3.2 too many connections", Unavailable),
        ("554 5.7.1 go away", Misconfigured),
        ("HTTP/1.1 400 Bad Request", Unavailable),
    ],
)
def test_the_greeting_decides_too(greeting: str, kind: type[OutsideError]) -> None:
    with talking_server(says(greeting)) as port, pytest.raises(kind):
        mailer(port).send(a_mail())


def test_a_goodbye_that_fails_does_not_undo_a_sent_mail(server: MailServer) -> None:
    server.answers["QUIT"] = "500 no"
    assert mailer(server.port).send(a_mail()).startswith("250")


def test_a_real_mail_with_umlauts_and_long_lines_survives_the_way(server: MailServer) -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("ä" * 3000 + "\n.\n", cte="quoted-printable")
    content = message.as_bytes().replace(b"\n", b"\r\n")
    mail = a_mail()
    mailer(server.port).send(
        type(mail)(sender=SENDER, recipient=mail.recipient, message=content, message_id="<1@x>")
    )
    assert server.arrived[0].message == content
