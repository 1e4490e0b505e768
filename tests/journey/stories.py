"""The story that the timeline tells of each journey: what was done, by whom, through which door, in order.
It owns the table; how a journey goes is its test's.
"""

from collections.abc import Mapping

Line = tuple[str, str, str]
"""Action, actor and source of one entry."""
Story = tuple[Line, ...]

PUSHED: Line = ("create", "scim:entra", "scim:entra")
"""Pushed by the company's identity provider, and invited at once."""
HELD: Line = ("hold", "scim:entra", "scim:entra")
RELEASED: Line = ("release", "scim:entra", "scim:entra")
PRESSED: Line = ("press", "user", "link")
ACCEPTED: Line = ("accept", "user", "link")
RENEWED: Line = ("resend", "user", "link")
RESENT: Line = ("resend", "operator", "cli")
REVOKED: Line = ("revoke_invitation", "operator", "cli")
INVITED: Line = ("invite", "operator", "cli")
SEEN: Line = ("activate", "hand-over", "keycloak")
"""Found to have come through, without a proof from the browser."""
EXPIRED: Line = ("expire", "clock", "clock")

THROUGH: Story = (PUSHED, PRESSED, ACCEPTED)
"""Nothing in the way."""

STORIES: Mapping[str, Story | Mapping[str, Story]] = {
    # test_first_use.py
    "from_the_mail_to_the_portal_and_out_again": (*THROUGH, HELD),
    "off_means_off_for_refresh_and_offline_tokens_even_after_access_is_given_back": (
        *THROUGH,
        HELD,
        RELEASED,
    ),
    # test_mailbox.py
    "a_mailbox_proved_in_another_browser_ends_there_and_the_follow_up_sees_it": (PUSHED, PRESSED, SEEN),
    "a_mailbox_proved_in_another_browser_needs_no_second_proof_in_the_first": THROUGH,
    # test_links.py
    "an_expired_link_says_so_and_mails_a_new_one_that_works": (PUSHED, EXPIRED, RENEWED, PRESSED, ACCEPTED),
    "a_link_that_expires_while_its_page_is_open_leads_nowhere": (PUSHED, EXPIRED),
    "a_used_link_says_so_and_leads_to_the_portal": THROUGH,
    "a_forged_link_gets_the_neutral_page_and_not_a_word_about_anybody": (PUSHED,),
    "after_a_resend_the_old_link_says_so_and_the_new_one_works": (PUSHED, RESENT, PRESSED, ACCEPTED),
    "with_the_mailbox_proved_by_the_invitation_there_is_one_page_and_one_mail": THROUGH,
    # test_interruptions.py
    "a_tab_that_was_closed_costs_a_second_press": THROUGH,
    "the_back_button_leads_to_our_button_and_afterwards_says_that_all_is_done": THROUGH,
    "who_presses_in_two_tabs_is_in_in_both": THROUGH,
    "control_i6_a_second_browser_is_told_and_may_go_on_in_place_of_the_first": (
        *(PUSHED, PRESSED, PRESSED, ACCEPTED),
    ),
    "an_error_page_of_keycloaks_leads_back_to_the_mail": THROUGH,
    "a_password_page_left_open_until_it_times_out_costs_a_second_press": THROUGH,
    # test_realm_kinds.py
    "without_a_redirector_somebody_else_is_named_and_the_invited_person_gets_in": THROUGH,
    "an_organizations_own_provider_draws_no_invited_person_away": THROUGH,
    # test_browser_rules.py
    "control_i5_a_hundred_looks_of_each_kind_write_nothing_and_the_person_gets_in": THROUGH,
    "control_i8_chromium_follows_the_press_to_keycloak_because_our_policy_names_it": (PUSHED, PRESSED),
    "control_i8_no_page_of_ours_is_shown_in_a_frame": (PUSHED,),
    "control_o12_the_press_is_answered_by_a_303_and_its_cookies_are_for_http_alone": (PUSHED, PRESSED),
    # test_keycloak_away.py
    "control_i6_whatever_fails_at_a_hop_the_person_is_told_and_gets_through": {
        # An account that could not be made ready ends the hand-over: each press begins another.
        "account": (PUSHED, PRESSED, PRESSED, PRESSED, PRESSED, ACCEPTED),
        "link": (PUSHED, PRESSED, PRESSED, PRESSED, PRESSED, ACCEPTED),
        "probe": THROUGH,
        "sign-in": THROUGH,
        "authorize": THROUGH,
        "token": THROUGH,
        "password": THROUGH,
        "code": THROUGH,
        "credential": (PUSHED, PRESSED, SEEN),
        "unlink": THROUGH,
    },
    # test_kills.py
    "control_i6_killed_after_the_press_was_committed": (PUSHED, PRESSED, PRESSED, ACCEPTED),
    "killed_between_the_press_and_the_probe": THROUGH,
    "killed_at_authorize_once_the_code_is_committed": THROUGH,
    "killed_between_token_and_done": THROUGH,
    "killed_between_token_and_done_and_the_person_does_not_come_back": (PUSHED, PRESSED, SEEN),
    "killed_in_the_middle_of_the_completion": {
        "exchange": THROUGH,
        "credential": (PUSHED, PRESSED, SEEN),
        "accepted": THROUGH,
    },
    # test_pages.py
    "no_page_on_the_way_scrolls_sideways_fails_axe_runs_a_script_or_loads_from_elsewhere": {
        "ada": THROUGH,
        "late": (PUSHED, EXPIRED),
    },
    "a_keyboard_alone_leads_into_keycloak": (PUSHED, PRESSED),
    # test_signed_in.py
    "the_invited_person_who_is_signed_in_already_goes_straight_on": THROUGH,
    "control_i12_somebody_else_is_named_and_only_signed_out_when_they_agree": THROUGH,
    "control_i12_who_does_not_agree_stays_who_they_are": (PUSHED, PRESSED),
    "control_o4_somebody_else_with_something_to_do_is_asked_by_keycloak_once": THROUGH,
    # test_extra_actions.py
    "terms_totp_password_and_passkey_by_mapping_alone": THROUGH,
    "a_passkey_in_place_of_a_password_by_mapping_alone": THROUGH,
    # test_attacks.py
    "control_i6_a_sandbox_that_sends_the_form_from_a_page_of_its_own_begins_nothing": THROUGH,
    "control_i5_a_sandbox_that_presses_everything_keeps_nobody_out": (PUSHED, PRESSED, PRESSED, ACCEPTED),
    "control_o14_a_strangers_page_sent_off_after_all_is_done_lets_nobody_in": {
        "revoked": (PUSHED, PRESSED, REVOKED, INVITED, PRESSED, ACCEPTED),
        "resent": (PUSHED, PRESSED, RESENT, PRESSED, ACCEPTED),
        "overtaken": (PUSHED, PRESSED, PRESSED, ACCEPTED),
    },
    # test_sweep.py
    "a_sweep_notices_what_it_is_for": (PUSHED, PRESSED),
}
"""By the test's name; where several people are on the way, by what their address begins with."""


def story_of(test: str, user_name: str) -> Story:
    """The story of one person on a journey.

    :raises AssertionError: nobody has written it down.
    """
    found = STORIES.get(test.removeprefix("test_"))
    if isinstance(found, Mapping):
        found = found.get(user_name.partition("@")[0])
    assert found is not None, f"stories.py does not say what {user_name} does in {test}"
    return found
