"""The inbox page: what it shows of a mail, and what a mail cannot do to who reads it."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from flask.testing import FlaskClient

from connector.demo.inbox import Inbox, ReceivedMail, links
from connector.demo.inbox_page import body_page, inbox_app, name_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def inbox() -> Inbox:
    """One that nobody sends to; mails are put in."""
    return Inbox(port=25)


@pytest.fixture
def reader(inbox: Inbox) -> FlaskClient:
    app = inbox_app(inbox)
    app.config["SERVER_NAME"] = "127.0.0.1"
    return app.test_client()


def put(
    inbox: Inbox,
    *,
    to: str = "ada@acme.example",
    subject: str = "Welcome",
    text: str = "Hello",
    html: str = "",
    image: str = "",
) -> ReceivedMail:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "Acme <portal@acme.example>", to, subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if image:
        body = message.get_body(preferencelist=("html",))
        assert isinstance(body, EmailMessage)
        body.add_related(PNG, "image", "png", cid=f"<{image}>")
    inbox.take(to, message.as_bytes())
    return inbox.mails()[0]


def page(reader: FlaskClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/", "/mail/1", "/mail/1/text", "/list/1"])
def test_every_page_has_one_heading_however_narrow(inbox: Inbox, reader: FlaskClient, path: str) -> None:
    assert page(reader, "/").count("<h1") == 1
    put(inbox, html="<p>Hello</p>")
    assert page(reader, path).count("<h1") == 1


def test_an_empty_inbox_says_so_and_looks_again_by_itself(reader: FlaskClient) -> None:
    shown = page(reader, "/")
    assert "No mail yet" in shown
    assert 'http-equiv="refresh"' in shown


def test_the_list_has_the_newest_first_and_renews_itself_without_the_mail_beside_it(
    inbox: Inbox, reader: FlaskClient
) -> None:
    put(inbox, subject="Older one")
    put(inbox, subject="Newer one")
    rows = page(reader, "/list/2")
    assert rows.index("Newer one") < rows.index("Older one")
    assert 'http-equiv="refresh"' in rows
    shown = page(reader, "/")
    assert ">Newer one</h2>" in shown
    assert 'http-equiv="refresh"' not in shown


def test_nothing_in_a_mail_is_markup_of_the_page(inbox: Inbox, reader: FlaskClient) -> None:
    put(inbox, subject="<script>1</script>", text="<b>bold</b> https://a.example/?x=<i>")
    for path in ("/", "/list", "/mail/1/text"):
        shown = page(reader, path)
        assert "<script>" not in shown
        assert "<b>bold" not in shown


def test_the_html_of_a_mail_runs_nothing_and_opens_its_links_elsewhere(
    inbox: Inbox, reader: FlaskClient
) -> None:
    put(inbox, html="<p onclick='1'>Hello</p><script>1</script>")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page(reader, "/mail/1")
    answer = reader.get("/mail/1/body")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert answer.get_data(as_text=True).startswith('<base target="_blank">')


def test_images_in_a_mail_are_shown_and_other_parts_are_not(inbox: Inbox, reader: FlaskClient) -> None:
    mail = put(inbox, html='<img src="cid:logo@acme">', image="logo@acme")
    assert 'src="/mail/1/part/logo@acme"' in body_page(mail)
    answer = reader.get("/mail/1/part/logo@acme")
    assert (answer.data, answer.mimetype) == (PNG, "image/png")
    assert reader.get("/mail/1/part/other").status_code == 404


def test_a_mail_without_html_is_shown_as_text_and_offers_no_other_view(
    inbox: Inbox, reader: FlaskClient
) -> None:
    put(inbox, text="Only text: https://keycloak.example/verify")
    shown = page(reader, "/mail/1")
    assert 'href="https://keycloak.example/verify"' in shown
    assert "As sent" not in shown


def test_a_mail_that_is_not_there_is_not_found(reader: FlaskClient) -> None:
    for path in ("/mail/1", "/mail/1/text", "/mail/1/body", "/mail/1/part/x"):
        assert reader.get(path).status_code == 404


def test_the_mails_are_not_for_a_site_whose_name_was_pointed_at_us(inbox: Inbox) -> None:
    put(inbox)
    stranger = inbox_app(inbox).test_client()
    assert stranger.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_no_page_is_kept_by_the_browser_and_none_tells_where_it_came_from(
    inbox: Inbox, reader: FlaskClient
) -> None:
    put(inbox)
    answer = reader.get("/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_oldest_mails_make_room_and_numbers_go_on(inbox: Inbox) -> None:
    for _ in range(501):
        inbox.take("ada@acme.example", b"Subject: x\r\n\r\n")
    assert len(inbox.mails()) == 500
    assert inbox.get(1) is None
    assert inbox.get(501) is not None


def test_links_of_a_text_mail_end_where_the_address_ends(inbox: Inbox) -> None:
    mail = put(inbox, text="See <https://a.example/x?y=1> or https://b.example/z\n")
    assert links(mail) == ["https://a.example/x?y=1", "https://b.example/z"]


@pytest.mark.parametrize(
    ("header", "name"),
    [("Acme <a@b.example>", "Acme"), ("a@b.example", "a@b.example"), ("", "")],
)
def test_a_sender_is_called_by_name_else_by_address(header: str, name: str) -> None:
    assert name_of(header) == name
