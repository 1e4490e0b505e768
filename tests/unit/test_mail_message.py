"""The mail in its RFC 5322 form: what stands in its headers, whatever a tenant is called."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import Misconfigured
from connector.foundation.mail_address import parse
from connector.mail.look import Logo
from connector.mail.message import Headers, build, content_id, message_id
from connector.mail.templates import Content
from tests.support.builders import NOW

CONTENT = Content(subject="Your invitation", text="Hello\n", html="<p>Hello</p>\n")
HEADERS = Headers(
    sender=parse("portal@example.com"),
    from_name="Acme Portal",
    recipient=parse("ada@acme.example"),
    reply_to=parse("help@acme.example"),
    message_id=message_id("example.com", "a", 1),
    request_id="request-1",
    at=NOW,
)
NAMES = {
    "Date",
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Usher-Request-Id",
    "MIME-Version",
    "Content-Type",
}

LOOK_LIKE_HEADERS = [
    "=?utf-8?q?a=0D=0ABcc:eve=40evil.example?= b",
    "=?utf-8?q?eve=40evil.example?= =?utf-8?q?x?=",
    'Muster, Anna <eve@evil.example> and a name that is (quite) long; it goes on, and on, "and" \\ on',
    "Müller, Änna <eve@evil.example> and a name that is (quite) long; it goes on, and on",
    "eve@evil.example, Acme",
    'Acme "the best" GmbH \\',
]


def read(headers: Headers = HEADERS, *, subject: str = CONTENT.subject) -> EmailMessage:
    made = build(headers, replace(CONTENT, subject=subject), None)
    return message_from_bytes(made, policy=policy.default)


def raw(headers: Headers, name: str) -> str:
    """A header as it stands in the mail, decoded by the older of the library's readers."""
    parsed = message_from_bytes(build(headers, CONTENT, None), policy=policy.compat32)
    return str(make_header(decode_header(parsed[name])))


def addresses(mail: EmailMessage, header: str) -> list[str]:
    found = mail[header]
    assert isinstance(found, AddressHeader)
    return [address.addr_spec for address in found.addresses]


@pytest.mark.parametrize("name", LOOK_LIKE_HEADERS)
def test_control_m1_no_tenant_name_makes_a_header_or_an_address(name: str) -> None:
    mail = read(replace(HEADERS, from_name=name), subject=f"Welcome to {name}")
    assert set(mail.keys()) == NAMES
    assert addresses(mail, "From") == ["portal@example.com"]
    assert addresses(mail, "To") == ["ada@acme.example"]
    assert mail["Subject"] == f"Welcome to {name}"


@pytest.mark.parametrize("name", ["Acme", "Müller & Söhne", "株式会社" * 20, *LOOK_LIKE_HEADERS])
def test_the_display_name_arrives_as_it_is_written(name: str) -> None:
    shown = raw(replace(HEADERS, from_name=name), "From")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert shown in {f"{name} <portal@example.com>", f'"{quoted}" <portal@example.com>'}


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200))
def test_control_m1_any_name_and_subject_leave_the_headers_alone(text: str) -> None:
    made = build(replace(HEADERS, from_name=text), replace(CONTENT, subject=text), None)
    mail = message_from_bytes(made, policy=policy.default)
    assert set(mail.keys()) == NAMES
    assert addresses(mail, "From") == ["portal@example.com"]
    assert max(len(line) for line in made.split(b"\r\n\r\n")[0].split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    "bad", ["\r", "\n", "\r\n ", "\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"]
)
@pytest.mark.parametrize("field", ["from_name", "message_id", "request_id", "subject"])
def test_control_m1_a_control_character_in_a_header_stops_the_mail(field: str, bad: str) -> None:
    changed: Any = {field: f"a{bad}Bcc: eve@evil.example"}
    subject = changed.pop("subject", CONTENT.subject)
    headers = replace(HEADERS, **changed)
    with pytest.raises(Misconfigured) as caught:
        read(headers, subject=subject)
    assert "eve" not in str(caught.value)


def test_control_m3_the_sender_is_the_operators_and_the_name_and_answers_are_the_tenants() -> None:
    mail = read()
    assert mail["From"] == "Acme Portal <portal@example.com>"
    assert mail["Reply-To"] == "help@acme.example"
    assert mail["To"] == "ada@acme.example"


def test_control_m4_a_mail_says_that_nobody_typed_it() -> None:
    assert read()["Auto-Submitted"] == "auto-generated"
    assert "OOF" in read()["X-Auto-Response-Suppress"]
    assert "NDR" not in read()["X-Auto-Response-Suppress"]


def test_without_an_address_for_answers_there_is_no_reply_to() -> None:
    assert read(replace(HEADERS, reply_to=None))["Reply-To"] is None


def test_without_a_name_the_sender_is_the_bare_address() -> None:
    assert read(replace(HEADERS, from_name=""))["From"] == "portal@example.com"


def test_the_date_is_the_given_moment_in_utc() -> None:
    assert read()["Date"].datetime.timestamp() == NOW


def test_an_international_domain_is_written_as_punycode() -> None:
    mail = read(replace(HEADERS, recipient=parse("ada@straße.example")))
    assert addresses(mail, "To") == ["ada@xn--strae-oqa.example"]


def test_the_head_is_ascii_unless_an_address_is_not() -> None:
    plain = replace(HEADERS, from_name="Müller")
    assert build(plain, CONTENT, None).split(b"\r\n\r\n")[0].isascii()
    beyond = build(replace(plain, recipient=parse("jörg@acme.example")), CONTENT, None)
    assert "\r\nTo: jörg@acme.example\r\n".encode() in beyond


def test_long_addresses_and_ids_are_not_folded_apart() -> None:
    domain = ".".join(["b" * 60] * 3) + ".example"
    box = parse("a" * 64 + "@" + domain)
    long = replace(HEADERS, sender=box, recipient=box, message_id=message_id(domain, "x"))
    mail = read(long)
    assert addresses(mail, "From") == addresses(mail, "To") == [str(box)]
    assert mail["Message-ID"] == long.message_id


def test_control_m4_a_message_id_depends_on_its_parts_and_tells_none() -> None:
    one = message_id("example.com", "0123456789abcdef", 1, "invitation")
    assert one == message_id("example.com", "0123456789abcdef", 1, "invitation")
    others = {
        message_id("example.com", *parts)
        for parts in (
            ("0123456789abcdef", 2, "invitation"),
            ("0123456789abcdef", 1, "reminder"),
            ("0123456789abcdef1", "", "invitation"),
        )
    }
    assert len(others | {one}) == 4
    assert "0123456789abcdef" not in one


def test_equal_arguments_make_equal_bytes_with_crlf() -> None:
    made = build(HEADERS, CONTENT, None)
    assert made == build(HEADERS, CONTENT, None)
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert made.endswith(b"\r\n")


AWKWARD = (
    "",
    "no end",
    "Grüße, 株式会社 =_ and = at the end =\n",
    "space at the end \n\ttab\t\n.\n..two\nFrom here\n\n\n",
    "long " * 60 + "é" * 200 + "\n",
)


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("with_logo", [True, False])
def test_any_text_arrives_as_it_was(text: str, with_logo: bool) -> None:
    logo = Logo(png=b"\x89PNG" * 100, content_id="a@example.com", width=1, height=1)
    made = build(HEADERS, replace(CONTENT, text=text, html=text), logo if with_logo else None)
    mail = message_from_bytes(made, policy=policy.default)
    assert [part.defects for part in mail.walk() if part.defects] == []
    for kind in ("plain", "html"):
        body = mail.get_body([kind])
        assert body is not None
        assert body.get_content().splitlines() == text.splitlines()
    assert max(len(line) for line in made.splitlines()) <= 78


def test_lines_of_a_body_end_in_crlf_and_hold_no_boundary() -> None:
    made = build(HEADERS, replace(CONTENT, text="=_\rold\nnew", html="x" * 500), None)
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert b"\r" not in made.replace(b"\r\n", b"")
    _, *boundaries = re.findall(rb"=_\w+\.\d+", made)
    assert len(boundaries) == 3


def test_text_comes_before_html_and_the_logo_is_embedded() -> None:
    png = b"\x89PNG not really"
    logo = Logo(png=png, content_id=content_id(png, "example.com"), width=1, height=1)
    mail = message_from_bytes(build(HEADERS, CONTENT, logo), policy=policy.default)
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    image = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    assert image["Content-ID"] == f"<{logo.content_id}>"
    assert image.get_content_disposition() == "inline"
    assert image.get_payload(decode=True) == png
