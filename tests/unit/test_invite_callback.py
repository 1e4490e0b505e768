"""What comes back from Keycloak: each answer leads where it should, and only one lets anybody in."""

import pytest

from connector.application.records import HandOverStatus
from connector.domain import commands as c
from connector.domain.errors import Unavailable
from connector.domain.model import State
from tests.support.builders import ACME, ADA
from tests.support.invite_room import (
    COOKIE,
    KEYCLOAK,
    PUBLIC,
    Browser,
    Room,
    back,
    complete,
    is_code_of,
    query_of,
    state,
)

LOGOUT = f"{KEYCLOAK}/realms/portal/protocol/openid-connect/logout"
AUTH = f"{KEYCLOAK}/realms/portal/protocol/openid-connect/auth"


# --- the probe -------------------------------------------------------------------------------------


def test_with_nobody_signed_in_the_way_leads_straight_to_keycloaks_pages(browser: Browser) -> None:
    query = browser.to_sign_in()
    assert query["prompt"] == "login"
    assert query["kc_idp_hint"] == "usher"
    assert query["ui_locales"] == "en"
    assert query["redirect_uri"] == f"{PUBLIC}/invite/done"
    assert query["code_challenge_method"] == "S256"


def test_the_chosen_language_goes_along(room: Room, browser: Browser) -> None:
    question = browser.asked(browser.post(f"{room.link()}?lang=de"))
    answer = back(browser, "probe", error="login_required", state=question["state"])
    assert browser.asked(answer)["ui_locales"] == "de"


def test_each_step_has_a_state_nonce_and_verifier_of_its_own(browser: Browser) -> None:
    probe = browser.asked(browser.press())
    sign_out = browser.asked(browser.post("/invite/go"))
    sign_in = browser.asked(back(browser, "probe", error="login_required", state=probe["state"]))
    for name in ("state", "nonce", "code_challenge"):
        assert len({probe[name], sign_out[name], sign_in[name]}) == 3


def test_the_invited_person_who_is_signed_in_already_goes_on(room: Room, browser: Browser) -> None:
    question = browser.asked(browser.press())
    code = is_code_of(room, room.account())
    answer = back(browser, "probe", code=code, state=question["state"])
    assert answer.headers["Location"].startswith(f"{AUTH}?")
    assert state(room) is State.PENDING


def test_control_i12_somebody_else_is_named_and_not_switched(room: Room, browser: Browser) -> None:
    question = browser.asked(browser.press())
    code = is_code_of(room, "somebody-else", name="Grace Hopper")
    page = back(browser, "probe", code=code, state=question["state"])
    assert page.status_code == 200
    assert "You are signed in as Grace Hopper" in page.text
    assert "a••@acme.example" in page.text
    assert 'action="/invite/go"' in page.text
    assert state(room) is State.PENDING


def test_signing_out_spends_a_fresh_id_token_and_keeps_none(room: Room, browser: Browser) -> None:
    browser.press()
    again = browser.asked(browser.post("/invite/go"))
    assert again["prompt"] == "none"
    answer = back(browser, "probe", code=is_code_of(room, "somebody-else"), state=again["state"])
    url = answer.headers["Location"]
    assert url.startswith(f"{LOGOUT}?")
    assert query_of(url)["id_token_hint"] == "a.fresh.token"
    assert query_of(url)["post_logout_redirect_uri"] == f"{PUBLIC}/invite/go"
    assert "a.fresh.token" not in room.dump()


def test_after_the_log_out_the_way_leads_on(browser: Browser) -> None:
    browser.press()
    assert browser.asked(browser.get("/invite/go"))["prompt"] == "login"


@pytest.mark.parametrize("error", ["interaction_required", "consent_required", "server_error"])
def test_whoever_keycloak_does_not_name_is_signed_out_only_when_asked(browser: Browser, error: str) -> None:
    question = browser.asked(browser.press())
    page = back(browser, "probe", error=error, state=question["state"])
    assert page.status_code == 200
    assert "You may be asked once more" in page.text
    again = browser.asked(browser.post("/invite/go"))
    answer = back(browser, "probe", error=error, state=again["state"])
    query = query_of(answer.headers["Location"])
    assert query["client_id"] == "usher-invite"
    assert "id_token_hint" not in query


def test_a_probe_whose_code_is_not_taken_asks_before_it_signs_out(browser: Browser) -> None:
    question = browser.asked(browser.press())
    page = back(browser, "probe", code="unknown", state=question["state"])
    assert page.status_code == 200
    assert "Sign out and continue" in page.text


def test_signing_out_from_another_site_is_refused(browser: Browser) -> None:
    browser.press()
    assert browser.post("/invite/go", origin="https://evil.example").status_code == 403


def test_a_probe_proves_nothing_about_acceptance(room: Room, browser: Browser) -> None:
    """Even for the right account with a credential: that is no answer to the sign-in."""
    question = browser.asked(browser.press())
    complete(room)
    back(browser, "probe", code=is_code_of(room, room.account()), state=question["state"])
    code = is_code_of(room, room.account())
    assert back(browser, "done", code=code, state=question["state"]).status_code == 410
    assert state(room) is State.PENDING


def test_keycloak_away_at_the_probe_can_be_tried_again(room: Room, browser: Browser) -> None:
    question = browser.asked(browser.press())
    room.client.away = Unavailable("down")
    page = back(browser, "probe", code="x", state=question["state"])
    assert page.status_code == 503
    assert "Try again" in page.text


# --- the end ---------------------------------------------------------------------------------------


def test_control_o5_a_code_of_the_invited_account_with_a_credential_is_acceptance(
    room: Room, browser: Browser
) -> None:
    query = browser.to_sign_in()
    complete(room)
    page = back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    assert page.status_code == 200
    assert "You are all set" in page.text
    assert '<meta http-equiv="refresh" content="0;url=https://portal.example.com/acme">' in page.text
    assert state(room) is State.ACTIVE
    assert room.handover().status is HandOverStatus.DONE
    assert room.idp.linked_sub(room.account()) is None
    with room.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert (entry.action, entry.source, entry.actor) == ("accept", "link", "user")


def test_the_exchange_uses_the_secrets_of_its_own_step(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    _code, callback, proof = room.client.asked[-1]
    assert callback == f"{PUBLIC}/invite/done"
    assert (proof.state, proof.nonce) == (query["state"], query["nonce"])
    assert proof.verifier not in room.dump()


def test_the_done_page_seen_again_by_the_same_browser_is_the_same(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    code = is_code_of(room, room.account())
    first = back(browser, "done", code=code, state=query["state"])
    again = back(browser, "done", code=code, state=query["state"])
    assert first.data == again.data
    assert len(room.client.asked) == 1


def test_the_done_page_is_for_the_browser_that_pressed_alone(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    code = is_code_of(room, room.account())
    page = back(room.browser(), "done", code=code, state=query["state"])
    assert page.status_code == 410
    assert state(room) is State.PENDING


@pytest.mark.parametrize("changed", ["", "x" * 43, "é"])
def test_control_o5_another_state_changes_nothing(room: Room, browser: Browser, changed: str) -> None:
    browser.to_sign_in()
    complete(room)
    before = room.dump()
    code = is_code_of(room, room.account())
    page = back(browser, "done", code=code, state=changed)
    assert page.status_code == 410
    assert "Go to the portal" in page.text
    assert room.dump() == before


def test_control_o5_an_answer_of_another_issuer_changes_nothing(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    code, iss = is_code_of(room, room.account()), f"{KEYCLOAK}/realms/other"
    assert back(browser, "done", code=code, state=query["state"], iss=iss).status_code == 410
    assert state(room) is State.PENDING
    iss = f"{KEYCLOAK}/realms/portal"
    assert back(browser, "done", code=code, state=query["state"], iss=iss).status_code == 200


def test_control_o5_a_code_without_a_credential_is_not_enough(room: Room, browser: Browser) -> None:
    """Somebody took the actions off the account meanwhile: the link signed in whoever pressed."""
    query = browser.to_sign_in()
    room.idp.edit(room.account(), requiredActions=[])
    room.idp.sign_in(room.account())
    answer = back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    assert answer.headers["Location"] == f"{PUBLIC}{room.link()}?again=1&lang=en"
    assert state(room) is State.PENDING
    assert room.handover().status is HandOverStatus.CLOSED
    assert room.states()["end_sessions"] == "ready"
    assert "not quite done" in browser.get(answer.headers["Location"]).text


def test_after_a_code_that_was_not_enough_the_account_is_prepared_anew(
    room: Room, browser: Browser
) -> None:
    query = browser.to_sign_in()
    room.idp.edit(room.account(), requiredActions=[])
    back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    room.work()
    browser.press()
    (account,) = room.idp.accounts()
    assert account.required_actions == {"VERIFY_EMAIL", "UPDATE_PASSWORD"}


@pytest.mark.parametrize("ending", [c.RevokeInvitation, c.Resend])
def test_a_code_after_the_invitation_ended_lets_nobody_in(
    room: Room, browser: Browser, ending: type[c.Command]
) -> None:
    query = browser.to_sign_in()
    complete(room)
    account = room.account()
    room.do(ending)
    answer = back(browser, "done", code=is_code_of(room, account), state=query["state"])
    assert answer.status_code == 303
    assert state(room) is not State.ACTIVE
    assert room.states()["end_sessions"] == "ready"
    assert browser.get(answer.headers["Location"]).status_code == 410


def test_a_code_of_somebody_else_at_the_end_is_named_and_not_switched(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    code = is_code_of(room, "somebody-else", name="Grace Hopper")
    page = back(browser, "done", code=code, state=query["state"])
    assert page.status_code == 200
    assert "You are signed in as Grace Hopper" in page.text
    assert state(room) is State.PENDING


def test_a_code_that_is_not_taken_leads_back_to_the_landing_page(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    answer = back(browser, "done", code="unknown", state=query["state"])
    assert answer.headers["Location"] == f"{PUBLIC}{room.link()}?again=1&lang=en"
    assert state(room) is State.PENDING


def test_an_error_from_keycloak_leads_back_to_the_landing_page(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    answer = back(browser, "done", error="access_denied", state=query["state"])
    assert answer.headers["Location"].startswith(f"{PUBLIC}{room.link()}?again=1")
    assert browser.press().status_code == 303


def test_after_an_error_the_old_answer_is_worth_nothing(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    back(browser, "done", error="access_denied", state=query["state"])
    complete(room)
    code = is_code_of(room, room.account())
    assert back(browser, "done", code=code, state=query["state"]).status_code == 410
    assert browser.to_sign_in()["state"] != query["state"]


def test_an_error_after_all_was_done_is_looked_through(room: Room, browser: Browser) -> None:
    """The "back" button, a page reloaded, a second tab: what counts is what the account looks like."""
    query = browser.to_sign_in()
    complete(room)
    page = back(browser, "done", error="temporarily_unavailable", state=query["state"])
    assert page.status_code == 200
    assert state(room) is State.ACTIVE
    assert room.handover().status is HandOverStatus.DONE


def test_an_error_never_activates_whose_invitation_is_over(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    room.do(c.RevokeInvitation)
    back(browser, "done", error="access_denied", state=query["state"])
    assert state(room) is State.DRAFT


@pytest.mark.parametrize("same_browser", [True, False])
def test_who_finished_unseen_need_not_do_it_again(room: Room, browser: Browser, same_browser: bool) -> None:
    """Keycloak's mail was opened in another browser, say; the press comes before the follow-up."""
    browser.to_sign_in()
    complete(room)
    if same_browser:
        room.clock.move(901)
    page = (browser if same_browser else room.browser()).press()
    assert page.status_code == 410
    assert "You already have access" in page.text
    assert state(room) is State.ACTIVE


def test_whom_the_follow_up_activated_first_sees_the_done_page(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    room.clock.move(120)
    room.work()
    assert state(room) is State.ACTIVE
    page = back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    assert page.status_code == 200
    assert room.handover().status is HandOverStatus.DONE


def test_a_code_after_half_an_hour_is_not_an_acceptance(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    room.clock.move(1801)
    answer = back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    assert answer.status_code == 303
    assert state(room) is State.PENDING


def test_a_link_that_keycloak_does_not_remove_at_once_stops_nobody(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    room.idp.fail("unlink", Unavailable("down"))
    page = back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    assert page.status_code == 200
    room.idp.heal()
    room.work()
    assert room.idp.linked_sub(room.account()) is None


def test_keycloak_away_at_the_end_can_be_tried_again(room: Room, browser: Browser) -> None:
    query = browser.to_sign_in()
    complete(room)
    room.client.away = Unavailable("down")
    page = back(browser, "done", code="x", state=query["state"])
    assert page.status_code == 503
    assert "What you chose is safe" in page.text
    room.client.away = None
    assert back(browser, "done", code="x", state=query["state"]).status_code == 200
    assert state(room) is State.ACTIVE


@pytest.mark.parametrize("path", ["/invite/probe", "/invite/go", "/invite/done", "/invite/back"])
def test_a_browser_without_a_hand_over_is_told_to_start_over(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 410
    assert "press its button" in page.text


@pytest.mark.parametrize("ending", [c.RevokeInvitation, c.Resend, c.Delete])
def test_when_the_invitation_ends_the_way_ends_too(
    room: Room, browser: Browser, ending: type[c.Command]
) -> None:
    question = browser.asked(browser.press())
    room.do(ending)
    probed = back(browser, "probe", error="login_required", state=question["state"])
    for page in (probed, browser.get("/invite/go"), browser.post("/invite/go")):
        assert page.status_code == 410
        assert "https://portal.example.com/acme" in page.text


def test_after_the_links_fifteen_minutes_the_way_leads_back_to_the_button(
    room: Room, browser: Browser
) -> None:
    browser.press()
    room.clock.move(901)
    answer = browser.get("/invite/go")
    assert answer.headers["Location"].startswith(f"{PUBLIC}{room.link()}?again=1")


# --- the same browser, in another tab ---------------------------------------------------------------


def test_a_tab_that_comes_too_late_is_told_that_all_is_done(room: Room, browser: Browser) -> None:
    """Keycloak's own pages send it to our provider, once the person has come through in the first."""
    query = browser.to_sign_in()
    complete(room)
    assert browser.authorize().status_code == 303
    back(browser, "done", code=is_code_of(room, room.account()), state=query["state"])
    before = room.dump()
    paths = ("go", "back", "probe")
    came_late = (browser.authorize(), *(browser.get(f"/invite/{path}") for path in paths))
    for page in (*came_late, back(browser, "probe", state="any")):
        assert page.status_code == 200
        assert "You are all set" in page.text
    assert room.dump() == before


def test_a_tab_whose_hand_over_is_over_is_led_back_to_the_mail_in_its_tenants_brand(
    room: Room, browser: Browser
) -> None:
    browser.to_sign_in()
    room.do(c.RevokeInvitation)
    page = browser.authorize()
    assert page.status_code == 410
    assert "Let us start over" in page.text
    assert "/brand/acme/" in page.text


# --- the link on Keycloak's own error pages ---------------------------------------------------------


@pytest.mark.parametrize("ending", [None, c.RevokeInvitation, c.Resend])
def test_an_error_page_of_keycloaks_leads_back_to_the_mail_in_the_tenants_brand_and_the_persons_language(
    room: Room, browser: Browser, ending: type[c.Command] | None
) -> None:
    browser.post(f"{room.link()}?lang=de")
    if ending:
        room.do(ending)
    before = room.dump()
    page = browser.get("/invite/back")
    assert page.status_code == 410
    assert '<html lang="de">' in page.text
    assert "drücken Sie dort den Knopf" in page.text
    assert "/brand/acme/" in page.text
    assert 'href="https://portal.example.com/acme"' in page.text
    assert room.dump() == before


@pytest.mark.parametrize("path", ["/invite/back", "/invite/go", "/invite/done"])
def test_a_cookie_that_names_no_hand_over_tells_as_little_as_none(
    room: Room, browser: Browser, path: str
) -> None:
    browser.press()
    stranger, guesser = room.browser(), room.browser()
    guesser.http.set_cookie(COOKIE, "0" * 64, domain="usher.example.com", secure=True)
    seen = {(page.status_code, page.data) for page in (stranger.get(path), guesser.get(path))}
    assert len(seen) == 1
    assert "Acme" not in stranger.get(path).text
    assert "/brand/acme/" not in stranger.get(path).text
    assert "/brand/acme/" in browser.get("/invite/back").text
