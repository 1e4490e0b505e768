"""The shipped mails: every template in every language and brand says what it must, to whom it must,
whatever people and tenants are called.
"""

import re
import struct
import zlib
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest

from connector.application.records import Mail
from connector.domain.effects import Template
from connector.domain.errors import Misconfigured, Rejected
from connector.domain.mapping import SignInKind
from connector.domain.model import Brand, PortalUser, Sender, Tenant
from connector.foundation.brand import MIN_CONTRAST, contrast
from connector.mail.look import LOGO_MAX_HEIGHT, LOGO_MAX_WIDTH, logo_of
from connector.mail.preview import DUMMY_LINK, preview
from connector.mail.render import MailRenderer
from tests.support.builders import NOW, OTHER, FakeClock, a_profile, a_tenant, a_user, an_invitation

TOKEN = "a" * 32 + ".1.Yc5zJbXkq0mWv2"
LINK = f"https://usher.example.com/invite/{TOKEN}"
INVITING = [Template.INVITATION, Template.ACTIVATION_RESEND, Template.REMINDER]
HOSTILE = "<script>alert(1)</script>"


def a_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


BRANDS = {
    "dark, all set": Brand(
        primary="#003366",
        accent="#ffcc00",
        support="help@acme.example",
        footer="Acme GmbH\nBerlin",
        logo=a_png(400, 100),
    ),
    "dark, no logo": Brand(primary="#003366", accent="#ffcc00", support="help@acme.example"),
    "red, logo alone": Brand(primary="#8a1c4a", accent="#1aa89c", logo=a_png(20, 20)),
    "red, nothing set": Brand(primary="#8a1c4a", accent="#1aa89c"),
}
TENANT = replace(
    a_tenant(),
    locale="de",
    time_zone="Europe/Berlin",
    brand=BRANDS["dark, all set"],
    sender=Sender(from_name="Acme Portal", reply_to="answers@acme.example"),
)


class Seen(HTMLParser):
    """What a mail program makes of HTML: its words, links, sources, tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self._hidden = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._hidden = tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data

    def all(self, attribute: str) -> list[str]:
        return [value for name, value in self.attributes if name == attribute]


class Read:
    """A rendered mail, read like a mail program does."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self.parsed: EmailMessage = message_from_bytes(mail.message, policy=policy.default)
        self.text = self._body("plain")
        self.html = self._body("html")
        self.seen = Seen(self.html)

    def _body(self, kind: Any) -> str:
        part = self.parsed.get_body((kind,))
        assert isinstance(part, EmailMessage)
        return str(part.get_content())

    @property
    def subject(self) -> str:
        return str(self.parsed["Subject"])

    @property
    def images(self) -> list[str]:
        parts = [part for part in self.parsed.walk() if part.get_content_maintype() == "image"]
        return [str(part["Content-ID"]) for part in parts]


def a_renderer(**values: Any) -> MailRenderer:
    given: dict[str, Any] = {"clock": FakeClock(), "default_sender": "portal@example.com"}
    return MailRenderer(**given | values)


def invited(**values: Any) -> PortalUser:
    invitation = {"inviter": "oskar@acme.example", "locale": ""} | values.pop("invitation", {})
    return a_user(invitation=an_invitation(**invitation), **values)


def rendered(
    template: Template = Template.INVITATION,
    tenant: Tenant = TENANT,
    user: PortalUser | None = None,
    *,
    link: str | None = LINK,
    request_id: str = "request-1",
    renderer: MailRenderer | None = None,
) -> Read:
    recipient = "old@acme.example" if template is Template.EMAIL_CHANGED_NOTICE else None
    mail = (renderer or a_renderer()).render(
        template,
        tenant,
        user or invited(),
        link=link if template in INVITING else None,
        request_id=request_id,
        recipient=recipient,
    )
    return Read(mail)


# --- every mail ------------------------------------------------------------------------------------


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", Template)
def test_every_mail_is_whole_in_every_language_and_brand(
    template: Template, language: str, brand: str
) -> None:
    tenant = replace(TENANT, locale=language, brand=BRANDS[brand])
    mail = rendered(template, tenant, invited(profile=a_profile(locale=language)))
    assert mail.subject.count(tenant.name) == 1
    assert f'lang="{language}"' in mail.html
    for body in (mail.text, mail.seen.words):
        assert tenant.name in body
        assert body.count("help@acme.example") == body.count(tenant.brand.support or "\0")
        for line in tenant.brand.footer.splitlines():
            assert line in body
        assert "{{" not in body
        assert "{%" not in body
        assert "None" not in body
    sources = [f"cid:{content_id.strip('<>')}" for content_id in mail.images]
    assert mail.seen.all("src") == sources
    assert len(sources) == (1 if tenant.brand.logo else 0)


@pytest.mark.parametrize("template", Template)
def test_control_t2_a_mail_fetches_nothing_and_runs_nothing(template: Template) -> None:
    mail = rendered(template)
    assert not {"script", "form", "iframe", "link", "object", "embed", "base"} & set(mail.seen.tags)
    assert all(not name.startswith("on") for name, _ in mail.seen.attributes)
    assert mail.seen.all("http-equiv") == []
    assert all(source.startswith("cid:") for source in mail.seen.all("src"))
    assert "url(" not in mail.html
    assert "@import" not in mail.html
    ours = {LINK, TENANT.portal_url, "mailto:help@acme.example"}
    assert set(mail.seen.all("href")) <= ours


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", INVITING)
def test_an_inviting_mail_has_the_link_and_its_end_in_text_and_html(
    template: Template, language: str
) -> None:
    user = invited(invitation={"expires_at": NOW + 7 * 86400, "locale": language})
    mail = rendered(template, replace(TENANT, locale=language), user)
    end = {
        "de": "Freitag, 22. Januar 2027 um 09:00 Uhr (Mitteleuropäische Zeit)",
        "en": "Friday, January 22, 2027 at 9:00\u00a0AM (Central European Time)",
    }[language]
    for body in (mail.text, mail.seen.words):
        assert LINK in body
        assert end in body
        assert TENANT.portal_url in body
    assert mail.seen.all("href").count(LINK) == 2
    assert LINK in mail.text.split()


ASKED = {
    "en": {
        "password": "You choose a password",
        "passkey": "You create a passkey",
        "other": "how you sign in",
    },
    "de": {
        "password": "Sie wählen ein Passwort",
        "passkey": "Sie erstellen einen Passkey",
        "other": "wie Sie sich anmelden",
    },
}


@pytest.mark.parametrize("kind", SignInKind)
@pytest.mark.parametrize("language", ASKED)
@pytest.mark.parametrize("template", INVITING)
def test_an_inviting_mail_says_what_the_person_will_have_to_do_and_nothing_else(
    template: Template, language: str, kind: SignInKind
) -> None:
    renderer = a_renderer(sign_in_kind=lambda _policy: kind)
    mail = rendered(template, replace(TENANT, locale=language), renderer=renderer)
    for body in (mail.text, mail.seen.words):
        assert {name for name, words in ASKED[language].items() if words in body} == {kind}
        said = body.lower().replace("passwort", "password")
        assert {name for name in ("password", "passkey") if name in said} <= {kind}


@pytest.mark.parametrize("template", [Template.ACCESS_ENABLED, Template.WELCOME])
def test_a_mail_without_invitation_leads_to_the_portal(template: Template) -> None:
    mail = rendered(template)
    assert TENANT.portal_url in mail.text.split()
    assert TENANT.portal_url in mail.seen.all("href")
    assert "/invite/" not in mail.text + mail.html


@pytest.mark.parametrize("template", INVITING)
def test_an_inviting_mail_without_its_link_is_not_made(template: Template) -> None:
    with pytest.raises(Misconfigured, match="without its link"):
        rendered(template, link=None)


# --- people and tenants with evil names --------------------------------------------------------------


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize(
    "name", [HOSTILE, '"><img src=x onerror=alert(1)>', "{{ 7*7 }}{% raw %}", "&lt;b&gt;"]
)
def test_control_t1_a_name_is_shown_as_it_is_and_does_nothing(template: Template, name: str) -> None:
    tenant = replace(TENANT, name=f"Acme {name}", brand=replace(TENANT.brand, footer=name), sender=Sender())
    user = invited(profile=a_profile(given_name=name, family_name=name, display_name=name))
    mail = rendered(template, tenant, user)
    assert mail.seen.tags == rendered(template, user=invited()).seen.tags
    assert not any(attribute.startswith("on") for attribute, _ in mail.seen.attributes)
    assert f"Acme {name}" in mail.seen.words
    assert f"Acme {name}" in mail.text
    assert "49" not in mail.text.replace(LINK, "")


@pytest.mark.parametrize("template", Template)
def test_control_m1_subject_and_headers_hold_nothing_of_the_person_or_the_inviter(
    template: Template,
) -> None:
    profile = a_profile(given_name="Givenname", family_name="Familyname", display_name="Shownname")
    mail = rendered(template, user=invited(profile=profile, invitation={"inviter": "inviter@acme.example"}))
    headers = {name: str(value) for name, value in mail.parsed.items() if name != "To"}
    for text in ("Givenname", "Familyname", "Shownname", "inviter", "ada"):
        assert text not in " ".join(headers.values())


@pytest.mark.parametrize("template", Template)
def test_control_m1_a_link_in_a_name_is_cut_before_mail(template: Template) -> None:
    name = "Win at https://evil.example/x or www.evil.example or evil.example"
    profile = a_profile(given_name=name, family_name=name, display_name=name)
    mail = rendered(template, user=invited(profile=profile))
    for body in (mail.text, mail.html):
        assert "https://evil" not in body
        assert "evil.example" not in body


def test_control_m1_a_line_break_in_a_name_starts_no_line() -> None:
    profile = a_profile(given_name="Ada\r\n\r\nYour password is 1234", display_name="Ada\nYour")
    mail = rendered(user=invited(profile=profile))
    assert not any(line.startswith("Your") for line in mail.text.splitlines())


@pytest.mark.parametrize("bad", ["\r\nBcc: eve@evil.example", "\0", "\u2028"])
def test_control_m1_a_tenant_whose_name_breaks_a_line_gets_no_mail(bad: str) -> None:
    with pytest.raises(Misconfigured):
        rendered(tenant=replace(TENANT, sender=Sender(from_name=f"Acme{bad}")))


@pytest.mark.parametrize(
    ("profile", "de", "en"),
    [
        ({"given_name": "Ada", "display_name": "Ada L."}, "Guten Tag Ada L.,", "Hello Ada,"),
        ({"given_name": "", "display_name": "Ada L."}, "Guten Tag Ada L.,", "Hello Ada L.,"),
        ({"given_name": "", "family_name": "", "display_name": ""}, "Guten Tag,", "Hello,"),
    ],
)
def test_a_greeting_says_what_is_known_of_the_name(profile: dict[str, str], de: str, en: str) -> None:
    for language, greeting in (("de", de), ("en", en)):
        mail = rendered(user=invited(profile=a_profile(locale=language, **profile)))
        assert mail.text.splitlines()[0] == greeting
        assert greeting in mail.seen.words


@pytest.mark.parametrize("inviter", ["olga", "scim:entra", "http://evil.example x@y.example"])
def test_who_invited_is_left_out_unless_it_is_a_person_we_can_name(inviter: str) -> None:
    assert "oskar@acme.example" in rendered().text
    mail = rendered(user=invited(invitation={"inviter": inviter}))
    assert inviter not in mail.text
    assert "für Sie einen Zugang zum Portal eingerichtet" in mail.text


# --- headers -----------------------------------------------------------------------------------------


def test_control_m3_from_is_the_installations_address_under_the_tenants_name() -> None:
    mail = rendered()
    assert mail.parsed["From"] == "Acme Portal <portal@example.com>"
    assert mail.parsed["Reply-To"] == "answers@acme.example"
    assert mail.mail.sender == "portal@example.com"
    assert mail.parsed["Auto-Submitted"] == "auto-generated"


def test_control_m3_a_tenant_with_a_sender_of_its_own_mails_as_that() -> None:
    own = replace(TENANT, sender=Sender(address="acme@mail.example"))
    mail = rendered(tenant=own)
    assert mail.parsed["From"] == "Acme GmbH <acme@mail.example>"
    assert mail.parsed["Reply-To"] is None


def test_without_any_sender_no_mail_is_made() -> None:
    with pytest.raises(Misconfigured, match="no address to send from"):
        rendered(renderer=a_renderer(default_sender=None))


def test_control_m1_the_envelope_goes_to_the_address_that_was_invited() -> None:
    user = invited(profile=a_profile(email="new@acme.example"), invitation={"address": "ada@acme.example"})
    mail = rendered(user=user)
    assert mail.mail.recipient == mail.parsed["To"] == "ada@acme.example"


def test_each_mail_goes_to_whom_it_concerns() -> None:
    user = invited(profile=a_profile(email="own@acme.example"), invitation={"address": "ada@acme.example"})
    to = {template: rendered(template, user=user).mail.recipient for template in Template}
    assert to == {
        **dict.fromkeys(INVITING, "ada@acme.example"),
        Template.ACCESS_ENABLED: "own@acme.example",
        Template.WELCOME: "own@acme.example",
        Template.INVITATION_EXPIRED_NOTICE: "oskar@acme.example",
        Template.EMAIL_CHANGED_NOTICE: "old@acme.example",
    }


def test_a_mail_about_an_old_address_must_be_told_it() -> None:
    with pytest.raises(Misconfigured):
        a_renderer().render(Template.EMAIL_CHANGED_NOTICE, TENANT, a_user(), link=None, request_id="r")


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@acme.example, eve@evil.example", "ada@acme.example\r\nX: y"]
)
def test_control_m1_an_address_that_is_none_is_the_recipients_fault(address: str) -> None:
    with pytest.raises(Rejected) as caught:
        rendered(user=invited(invitation={"address": address}))
    assert caught.value.field == "recipient"
    assert "ada" not in str(caught.value)


def test_control_m2_a_foreign_domain_is_shown_in_its_ascii_form() -> None:
    look_alike = "ada@\u0430cme.example"
    user = invited(profile=a_profile(email=look_alike))
    notice = rendered(Template.INVITATION_EXPIRED_NOTICE, user=user)
    assert "ada@xn--cme-5cd.example" in notice.text
    assert "ada@xn--cme-5cd.example" in notice.seen.words
    assert look_alike not in notice.text + notice.html


def test_control_m4_a_repeated_mail_keeps_its_message_id_and_every_generation_has_its_own() -> None:
    clock = FakeClock()
    renderer = a_renderer(clock=clock)
    first = rendered(renderer=renderer).mail.message_id
    clock.move(3600)
    assert rendered(renderer=renderer, request_id="request-2").mail.message_id == first
    second = rendered(user=invited(invitation={"generation": 2})).mail.message_id
    reminder = rendered(Template.REMINDER).mail.message_id
    assert len({first, second, reminder}) == 3


def test_control_m4_mails_without_invitation_are_told_apart_by_what_caused_them() -> None:
    ids = {rendered(Template.ACCESS_ENABLED, request_id=r).mail.message_id for r in ("r-1", "r-1", "r-2")}
    other = rendered(Template.ACCESS_ENABLED, user=invited(tenant=OTHER), request_id="r-1").mail.message_id
    assert len(ids | {other}) == 3


def test_control_m3_two_old_addresses_of_one_request_get_two_mails() -> None:
    def message_id(old: str) -> str:
        notice, renderer = Template.EMAIL_CHANGED_NOTICE, a_renderer()
        mail = renderer.render(notice, TENANT, invited(), link=None, request_id="r-1", recipient=old)
        return mail.message_id

    assert message_id("a@acme.example") != message_id("b@acme.example")
    assert message_id("a@acme.example") == message_id("a@acme.example")


@pytest.mark.parametrize("template", Template)
def test_control_i7_no_header_holds_the_token_or_its_parts(template: Template) -> None:
    mail = rendered(template)
    headers = mail.mail.message.split(b"\r\n\r\n")[0].decode()
    for part in (TOKEN, *TOKEN.split(".")[::2], "/invite/"):
        assert part not in headers


# --- languages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("invitation", "person", "tenant", "language"),
    [
        ("de", "en", "en", "de"),
        ("", "de-AT", "en", "de"),
        ("", "en_GB", "de", "en"),
        ("", "fr-CH, de;q=0.5", "en", "de"),
        ("fr", "it", "de-CH", "de"),
        ("", "", "de", "de"),
        ("fr", "it", "es", "en"),
        ("", "../../etc", "xx", "en"),
    ],
)
def test_a_mail_is_in_the_first_language_of_person_tenant_english_that_there_is(
    invitation: str, person: str, tenant: str, language: str
) -> None:
    user = invited(profile=a_profile(locale=person), invitation={"locale": invitation})
    assert f'<html lang="{language}"' in rendered(tenant=replace(TENANT, locale=tenant), user=user).html


def test_an_austrian_reads_austrian_dates_in_the_german_mail() -> None:
    user = invited(profile=a_profile(locale="de-AT"))
    assert "22. Jänner 2027" in rendered(user=user).text


def test_an_inviter_is_written_to_in_the_tenants_language() -> None:
    user = invited(profile=a_profile(locale="en"), invitation={"locale": "en"})
    assert "Eine Einladung" in rendered(Template.INVITATION_EXPIRED_NOTICE, user=user).subject


def test_a_tenant_in_no_time_zone_is_told_so() -> None:
    for zone in ("Europe/Atlantis", "../etc/passwd"):
        with pytest.raises(Misconfigured, match="time zone"):
            rendered(tenant=replace(TENANT, time_zone=zone))


# --- looks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(400, 100), (20, 20), (2048, 1), (1, 2048), (220, 48)])
def test_a_logo_keeps_its_shape_and_fits(width: int, height: int) -> None:
    logo = logo_of(Brand(logo=a_png(width, height)), "logo@example.com")
    assert logo is not None
    assert 1 <= logo.width <= min(width, LOGO_MAX_WIDTH)
    assert 1 <= logo.height <= min(height, LOGO_MAX_HEIGHT)
    if min(logo.width, logo.height) > 1:
        assert logo.width / logo.height == pytest.approx(width / height, rel=0.05)


def test_two_tenants_have_their_own_colours_and_logos() -> None:
    one = rendered()
    other = rendered(tenant=replace(a_tenant(OTHER), brand=BRANDS["red, logo alone"]))
    assert "#003366" in one.html
    assert "#003366" not in other.html
    assert "#8a1c4a" in other.html
    assert set(one.images).isdisjoint(other.images)


@pytest.mark.parametrize("primary", ["#000000", "#003366", "#8a1c4a", "#777777", "#ffee88", "#ffffff"])
def test_a_brand_can_be_read_in_the_dark(primary: str) -> None:
    mail = rendered(tenant=replace(TENANT, brand=Brand(primary=primary)))
    dark = mail.html[mail.html.index("@media (prefers-color-scheme: dark)") :]
    paper = re.findall(r"\.card \{ background-color: (#\w+)", dark)
    links = re.findall(r"^a \{ color: (#\w+)", dark, re.M)
    assert contrast(links[0], paper[0]) >= MIN_CONTRAST
    assert 'content="light dark"' in mail.html


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", Template)
def test_a_preview_is_the_real_mail_with_a_link_that_leads_nowhere(
    template: Template, language: str
) -> None:
    mail = Read(preview(a_renderer(), template, TENANT, language, now=NOW))
    assert f'<html lang="{language}"' in mail.html
    assert mail.mail.recipient == "anna.muster@example.com"
    assert (DUMMY_LINK in mail.text) == (template in INVITING)
    assert (DUMMY_LINK in mail.seen.all("href")) == (template in INVITING)
