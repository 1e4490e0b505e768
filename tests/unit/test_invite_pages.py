"""The landing page and its siblings: what stands on them, in which state of a link, with which headers."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.domain import commands as c
from connector.domain.policy import EmailVerification
from connector.foundation.brand import contrast
from connector.foundation.resources import templates_dir
from connector.invite.pages import STATUS, Message, Pages, View
from connector.invite.texts import Texts
from tests.support.builders import NOW, PERSON, a_tenant
from tests.support.invite_room import KEYCLOAK, Room, a_room, with_brand

DAY = 86400.0


def finished(room: Room) -> None:
    room.do(c.Accept, actor=PERSON, generation=1)


# --- the states of a link --------------------------------------------------------------------------


def test_a_good_link_shows_for_whom_where_until_when_and_what_comes_next(room: Room) -> None:
    page = room.browser().get(room.link())
    assert page.status_code == 200
    for text in (
        "Welcome to Acme GmbH",
        "a••@acme.example",
        "portal.example.com/acme",
        "Friday, January 22, 2027, 8:00\u202fAM",
        "Coordinated Universal Time",
        "on the pages of sso.example.com",
        "you get a mail with a link",
        "You choose a password.",
    ):
        assert text in page.text
    assert page.text.count("<button") == 1


def test_the_whole_address_is_nowhere_on_the_page(room: Room) -> None:
    assert "ada@" not in room.browser().get(room.link()).text


def test_one_mail_is_announced_where_the_invitation_proves_the_mailbox(tmp_path: Path) -> None:
    room = a_room(tmp_path, a_tenant(email_verification=EmailVerification.INVITATION))
    page = room.browser().get(room.link()).text
    assert "You choose a password." in page
    assert "you get a mail" not in page


@pytest.mark.parametrize(
    ("actions", "lead", "steps", "button"),
    [
        ({"UPDATE_PASSWORD"}, "a password that only you know", ["a password"], "Choose a password"),
        ({"webauthn-register-passwordless"}, "a passkey of your own", ["a passkey"], "Create a passkey"),
        (
            {"UPDATE_PASSWORD", "CONFIGURE_TOTP", "TERMS_AND_CONDITIONS"},
            "A few steps",
            ["terms of use", "authenticator app", "a password"],
            "Set up my access",
        ),
        ({"bank-review"}, "One more step", ["complete your sign-in"], "Go on"),
        ({"UPDATE_PASSWORD", "bank-review"}, "A few steps", ["a password", "complete"], "Set up my access"),
    ],
)
def test_the_words_follow_what_the_mapping_asks_for(
    room: Room, actions: set[str], lead: str, steps: list[str], button: str
) -> None:
    pages, tenant = Pages(templates_dir() / "pages"), a_tenant()
    page = pages.landing(
        View(language="en", tenant=tenant),
        room.invited(),
        action="/x",
        sign_in_at="sso.example.com",
        required_actions=frozenset(actions),
        again=False,
    )
    assert lead in page
    assert f"<button>{button}</button>" in page
    listed = page[page.index("<ol>") : page.index("</ol>")].split("<li>")[1:]
    assert len(listed) == len(steps) + 1
    assert all(step in shown for step, shown in zip(steps, listed, strict=False))
    assert "signed in" in listed[-1]


def test_a_link_begun_in_another_browser_offers_to_continue_here(room: Room) -> None:
    first, second = room.browser(), room.browser()
    first.press()
    assert "Continue here" in second.get(room.link()).text
    assert "Continue here" not in first.get(room.link()).text


def test_an_expired_link_offers_a_new_one(room: Room) -> None:
    room.clock.move(8 * DAY)
    page = room.browser().get(room.link())
    assert page.status_code == 410
    assert "This link has expired" in page.text
    assert f'action="{room.link()}/renew"' in page.text


def test_an_expired_link_says_whom_to_ask_where_people_may_not_renew(tmp_path: Path) -> None:
    room = a_room(tmp_path, a_tenant(self_renew=False))
    room.clock.move(8 * DAY)
    page = room.browser().get(room.link())
    assert page.status_code == 410
    assert "ask whoever invited you" in page.text
    assert "<form" not in page.text


def test_a_used_link_leads_to_the_portal(room: Room) -> None:
    finished(room)
    page = room.browser().get(room.link())
    assert page.status_code == 410
    assert 'href="https://portal.example.com/acme"' in page.text
    assert "Forgot your password?" in page.text


def test_a_used_link_says_nothing_of_recovery_where_there_is_none(tmp_path: Path) -> None:
    room = a_room(tmp_path, a_tenant(password_recovery=False))
    finished(room)
    assert "Forgot" not in room.browser().get(room.link()).text


def test_a_superseded_link_points_to_the_newest_mail(room: Room) -> None:
    room.do(c.Resend)
    page = room.browser().get(room.link(1))
    assert page.status_code == 410
    assert "There is a newer link" in page.text
    assert room.browser().get(room.link(2)).status_code == 200


def test_a_superseded_link_is_expired_once_the_newest_is(room: Room) -> None:
    room.do(c.Resend)
    room.clock.move(8 * DAY)
    assert "This link has expired" in room.browser().get(room.link(1)).text


@pytest.mark.parametrize("ending", [c.RevokeInvitation, c.Delete])
def test_a_withdrawn_link_says_so_and_gives_no_reason(room: Room, ending: type[c.Command]) -> None:
    link = room.link()
    room.do(ending)
    page = room.browser().get(link)
    assert page.status_code == 410
    assert "This invitation was withdrawn" in page.text
    assert "<form" not in page.text


def test_whom_to_ask_is_the_support_address_where_there_is_one(tmp_path: Path) -> None:
    room = a_room(tmp_path, with_brand(a_tenant(), support="help@acme.example"))
    room.do(c.RevokeInvitation)
    page = room.browser().get(room.link()).text
    assert 'write to <a href="mailto:help@acme.example">help@acme.example</a>.' in page
    assert page.count("mailto:") == 1
    assert "whoever invited you" not in page


def test_a_held_users_link_is_withdrawn(room: Room) -> None:
    room.do(c.PutHold, kind="admin")
    assert "This invitation was withdrawn" in room.browser().get(room.link()).text


def test_control_i9_unknown_and_forged_links_get_the_same_bytes(room: Room) -> None:
    good = room.link()
    forged = good[:-1] + ("A" if good[-1] != "A" else "Q")
    unknown = room.links.invitation("f" * 32, 1)
    pages = [room.browser().get(path) for path in (forged, unknown, "/invite/x", f"{good}x")]
    assert {page.status_code for page in pages} == {404}
    assert len({page.data for page in pages}) == 1
    assert "Acme" not in pages[0].text


def test_a_link_of_another_generation_cannot_be_made_from_a_good_one(room: Room) -> None:
    link = room.link()
    assert room.browser().get(link.replace(".1.", ".2.")).status_code == 404


# --- asking for a new link -------------------------------------------------------------------------


def test_asking_for_a_new_link_sends_one_to_the_invited_address(room: Room) -> None:
    room.clock.move(8 * DAY)
    answer = room.browser().post(f"{room.link()}/renew")
    assert answer.status_code == 303
    page = room.browser().get(answer.headers["Location"])
    assert page.status_code == 200
    assert "Look into your inbox" in page.text
    assert room.generation() == 2


def test_asking_for_a_new_link_is_answered_alike_when_none_is_sent(room: Room) -> None:
    """A live link, a second request at once, a policy that says no: nobody can tell from outside."""
    browser = room.browser()
    live = browser.post(f"{room.link()}/renew")
    room.clock.move(8 * DAY)
    link = room.link()
    first, second = browser.post(f"{link}/renew"), browser.post(f"{link}/renew")
    assert live.headers["Location"] == first.headers["Location"] == second.headers["Location"]
    assert room.generation() == 2


def test_a_new_link_cannot_be_asked_for_from_another_site(room: Room) -> None:
    room.clock.move(8 * DAY)
    answer = room.browser().post(f"{room.link()}/renew", origin="https://evil.example")
    assert answer.status_code == 403
    assert room.generation() == 1


def test_a_forged_link_renews_nothing_and_learns_nothing(room: Room) -> None:
    page = room.browser().post("/invite/forged/renew")
    assert page.status_code == 404
    assert page.data == room.browser().get("/invite/forged").data
    assert room.browser().get("/invite/forged/renew").data == page.data


# --- languages -------------------------------------------------------------------------------------


def test_the_page_is_in_the_invitations_language_and_can_be_switched(tmp_path: Path) -> None:
    room = a_room(tmp_path, replace(a_tenant(), locale="de-AT"))
    page = room.browser().get(room.link())
    assert '<html lang="de">' in page.text
    assert "Willkommen bei Acme GmbH" in page.text
    assert 'href="?lang=en"' in page.text
    assert "Welcome to" in room.browser().get(f"{room.link()}?lang=en").text


def test_a_language_that_is_not_there_changes_nothing(room: Room) -> None:
    assert '<html lang="en">' in room.browser().get(f"{room.link()}?lang=xx").text


def test_the_neutral_page_speaks_the_browsers_language(room: Room) -> None:
    page = room.browser().get("/invite/x", **{"Accept-Language": "de-CH,en;q=0.5"})
    assert "Dieser Link führt nirgendwohin" in page.text


@pytest.mark.parametrize("path", ["/invite/x", "/invite/go", "/invite/done", "/oidc/main/authorize"])
def test_every_page_can_be_read_in_the_other_language(room: Room, path: str) -> None:
    browser = room.browser()
    page = browser.get(path)
    assert '<html lang="en">' in page.text
    assert 'href="?lang=de"' in page.text
    switched = browser.get(f"{path}?lang=de")
    assert switched.status_code == page.status_code
    assert '<html lang="de">' in switched.text


def test_switching_the_language_keeps_what_makes_an_address_this_page(room: Room) -> None:
    page = room.browser().get("/invite/done?state=a%26b&code=c&error=&extra=%3Cb%3E&lang=de")
    assert 'href="?state=a%26b&amp;code=c&amp;error=&amp;lang=en"' in page.text


def test_who_is_asked_to_sign_somebody_out_can_read_that_in_the_other_language(room: Room) -> None:
    """Keycloak's answer is spent by then: the question is asked again, its answer read in that language."""
    browser = room.browser()
    asked = browser.asked(browser.press())
    page = browser.get(f"/invite/probe?error=interaction_required&state={asked['state']}")
    assert '<html lang="en">' in page.text
    assert 'href="/invite/probe?lang=de"' in page.text
    again = browser.asked(browser.get("/invite/probe?lang=de"))
    assert again["prompt"] == "none"
    page = browser.get(f"/invite/probe?error=interaction_required&state={again['state']}")
    assert '<html lang="de">' in page.text


@pytest.mark.parametrize("path", ["{link}/renew", "/invite/go"])
def test_a_form_from_elsewhere_is_refused_in_both_languages_and_leads_back(room: Room, path: str) -> None:
    page = room.browser().post(path.format(link=room.link()), origin="https://evil.example")
    assert page.status_code == 403
    there = room.link() if "link" in path else "/invite/probe"
    assert f'href="{there}?lang=de"' in page.text


def test_every_language_says_everything() -> None:
    catalogue = YAML(typ="safe", pure=True).load(templates_dir() / "pages" / "texts.yaml")
    shapes = {
        code: {
            (page, key): len(value) if isinstance(value, list) else 1
            for page, words in pages.items()
            for key, value in (words.items() if isinstance(words, dict) else [("", words)])
        }
        for code, pages in catalogue.items()
    }
    assert shapes["de"] == shapes["en"]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("message", list(Message))
def test_every_message_has_a_page_in_every_language(message: Message, language: str) -> None:
    pages = Pages(templates_dir() / "pages")
    html = pages.message(View(language=language, tenant=a_tenant()), message, link="/on")
    assert f'<html lang="{language}">' in html
    assert message in STATUS


def test_an_address_of_one_letter_is_masked_like_all_others() -> None:
    texts = Texts.load(templates_dir() / "pages")
    assert texts.masked("en", "a@example.com").shown == "a••@example.com"


def test_a_time_is_shown_in_the_tenants_zone() -> None:
    moment = Texts.load(templates_dir() / "pages").moment("de", NOW, "Europe/Berlin")
    assert moment.shown == "Freitag, 15. Januar 2027, 09:00\u00a0Uhr"
    assert moment.zone == "Mitteleuropäische Normalzeit"
    assert moment.machine == "2027-01-15T08:00:00Z"


# --- headers, brand, size --------------------------------------------------------------------------


def test_control_i8_pages_load_from_one_origin_and_post_to_us_and_keycloak_alone(room: Room) -> None:
    policy = room.browser().get(room.link()).headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
        f"base-uri 'none'; form-action 'self' {KEYCLOAK}"
    )


@pytest.mark.parametrize(
    "path", ["/invite/x", "/invite/done", "/invite/go", "/oidc/main/authorize", "/oidc/main/jwks"]
)
def test_control_i7_every_answer_has_the_headers(room: Room, path: str) -> None:
    headers = room.browser().get(path).headers
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_pages_have_no_script_no_inline_style_and_no_foreign_address(room: Room) -> None:
    page = room.browser().get(room.link()).text
    for forbidden in ("<script", "style=", "javascript:", 'src="http', 'href="http'):
        assert forbidden not in page


def test_control_i13_addresses_never_come_from_the_host_header(room: Room) -> None:
    app = room.app.test_client()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in (room.link(), "/oidc/main/.well-known/openid-configuration"):
        assert "evil" not in app.get(path, headers=headers).text
    pressed = app.post(room.link(), headers={**headers, "Origin": "https://usher.example.com"})
    assert "evil" not in pressed.headers["Location"]


def test_the_landing_page_with_its_style_stays_below_30_kilobytes(room: Room) -> None:
    browser = room.browser()
    page = browser.get(room.link())
    size = len(page.data)
    for path in ("/brand/acme/style.css", "/brand/acme/icon.svg"):
        assert path in page.text
        size += len(browser.get(path).data)
    assert size <= 30 * 1024


def test_the_style_has_the_tenants_colours(tmp_path: Path) -> None:
    room = a_room(tmp_path, with_brand(a_tenant(), primary="#003366", accent="#ffcc00"))
    style = room.browser().get("/brand/acme/style.css")
    assert style.mimetype == "text/css"
    assert "--brand-primary:#003366;" in style.text
    assert "--mark:#ffcc00;" in style.text


def test_an_accent_that_cannot_be_told_from_the_primary_colour_is_not_drawn_on_it(
    tmp_path: Path,
) -> None:
    room = a_room(tmp_path, with_brand(a_tenant(), primary="#003366", accent="#003367"))
    assert contrast("#003366", "#003367") < 1.5
    assert "--mark:#ffffff;" in room.browser().get("/brand/acme/style.css").text


def test_the_style_changes_its_address_with_the_brand(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = a_room(tmp_path / "one", with_brand(a_tenant(), primary="#003366"))
    two = a_room(tmp_path / "two", with_brand(a_tenant(), primary="#660033"))
    addresses = {
        room.browser().get(room.link()).text.partition("style.css?v=")[2][:12] for room in (one, two)
    }
    assert len(addresses) == 2


def test_a_tenant_with_a_logo_shows_it(tmp_path: Path) -> None:
    room = a_room(tmp_path, with_brand(a_tenant(), logo=b"\x89PNG logo"))
    assert "/brand/acme/logo.png?v=" in room.browser().get(room.link()).text
    logo = room.browser().get("/brand/acme/logo.png")
    assert (logo.mimetype, logo.data) == ("image/png", b"\x89PNG logo")


@pytest.mark.parametrize("path", ["/brand/other/style.css", "/brand/acme/logo.png", "/brand/x/icon.svg"])
def test_what_a_brand_does_not_have_is_not_found(room: Room, path: str) -> None:
    assert room.browser().get(path).status_code == 404


def test_a_tenants_name_is_text_and_never_markup(tmp_path: Path) -> None:
    room = a_room(tmp_path, replace(a_tenant(), name="<b>&Söhne"))
    browser = room.browser()
    assert "<b>" not in browser.get(room.link()).text
    assert "<b>" not in browser.get("/brand/acme/icon.svg").text
    assert "&lt;b&gt;&amp;Söhne" in browser.get(room.link()).text


def test_what_nobody_expected_is_a_neutral_page(room: Room) -> None:
    room.tenants.put(replace(a_tenant(), realm="unknown"))
    room.app.testing = False
    page = room.browser().get(room.link())
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "KeyError" not in page.text
