"""What each state makes of the account, and the order in which it does so."""

from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Exists, Gone, Misconfigured, OutsideError, Rejected, Unavailable
from connector.domain.model import AccountId, HoldKind, State, state_of
from connector.domain.policy import EmailVerification, InvitePolicy, Reenable
from tests.support.builders import ACME, ADA, NOW, PERSON, SYSTEM, a_document, a_profile, command
from tests.support.plant import Plant

ACTIONS = frozenset({"VERIFY_EMAIL", "UPDATE_PASSWORD"})


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def activate(plant: Plant) -> None:
    plant.begin_handover()
    plant.idp.finish_actions(plant.account_id(), created_at=plant.clock.now())
    plant.do(c.Accept, actor=PERSON, generation=1)
    plant.worker.drain()


def test_a_draft_has_no_account(tmp_path: Path) -> None:
    plant = Plant(tmp_path, invite=InvitePolicy.MANUAL)
    plant.create()
    plant.worker.drain()
    assert plant.idp.accounts() == []


def test_a_draft_has_a_disabled_account_where_the_policy_wants_one(tmp_path: Path) -> None:
    plant = Plant(tmp_path, invite=InvitePolicy.MANUAL, draft_account=True)
    plant.create()
    plant.worker.drain()
    assert not plant.account().enabled


def test_a_pending_user_has_an_enabled_account_with_the_invite_actions_and_no_link(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    account = plant.account()
    assert (account.enabled, account.required_actions) == (True, ACTIONS)
    assert account.attributes["usher.id"] == (f"acme:{ADA}",)
    assert plant.idp.linked_sub(account.id) is None
    assert plant.user().account_id == account.id


def test_an_expired_users_account_is_disabled(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.clock.time = NOW + 8 * 86400
    plant.worker.drain()
    assert state_of(plant.user(), plant.clock.now()) is State.EXPIRED
    assert not plant.account().enabled


def test_a_disabled_user_is_off_unlinked_and_signed_out(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    account = plant.account_id()
    plant.idp.sign_in(account)
    plant.do(c.Disable)
    plant.idp.calls.clear()
    plant.worker.drain()
    names = [name for name, _ in plant.idp.calls]
    assert names == ["get", "update", "unlink", "end_sessions", "end_sessions"]
    assert not plant.account().enabled
    assert plant.idp.sessions(account) == 0


def test_an_enabled_user_is_on_again_with_the_same_account(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    account = plant.account_id()
    plant.do(c.Disable)
    plant.worker.drain()
    plant.do(c.Enable)
    plant.worker.drain()
    assert plant.account().enabled
    assert plant.account_id() == account


def test_a_deleted_users_account_is_removed(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.do(c.Delete, actor=SYSTEM)
    plant.worker.drain()
    assert plant.idp.accounts() == []


def test_an_account_whose_creation_was_not_answered_is_found_again(plant: Plant) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("no answer"), reply_lost=True)
    plant.worker.drain()
    plant.clock.move(60)
    plant.worker.drain()
    assert plant.user().account_id == plant.account_id()
    assert plant.waiting()
    assert all(row.effect != "sync_account" for row in plant.waiting())


def test_a_foreign_account_of_the_same_name_is_left_alone(plant: Plant) -> None:
    plant.create()
    foreign = replace(plant.accounts._target(ACME, ADA).desired, usher_id="", attributes={})  # type: ignore[union-attr]
    plant.idp.create(foreign)
    before = plant.account()
    with pytest.raises(Exists):
        plant.accounts.sync(ACME, ADA)
    assert plant.account() == before
    plant.worker.drain()
    row = plant.row("sync_account")
    assert (row.state, row.reason) == ("quarantined", "account_exists")


def test_an_active_user_whose_account_vanished_is_quarantined_not_made_anew(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.idp.delete(plant.account_id())
    profile = a_profile(given_name="Augusta")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    assert plant.row("sync_account").reason == "account_missing"
    assert plant.idp.accounts() == []


def test_an_active_users_new_address_must_be_proven(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    profile = a_profile(email="new@acme.example")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    account = plant.account()
    assert (account.email, account.email_verified) == ("new@acme.example", False)
    assert account.required_actions == {"VERIFY_EMAIL"}
    assert plant.post.sent[-1] == ("email_changed_notice", "ada@acme.example", None)


def test_a_prepared_account_is_linked_last_with_its_actions_pending(plant: Plant) -> None:
    plant.create()
    handover = plant.begin_handover("7" * 32)
    assert plant.idp.linked_sub(plant.account_id()) == "7" * 32
    assert plant.account().required_actions == ACTIONS
    assert [name for name, _ in plant.idp.calls][-2:] == ["link", "linked_sub"]
    assert handover.account == plant.account_id()


def test_the_invitation_proves_the_mailbox_where_the_policy_says_so(tmp_path: Path) -> None:
    plant = Plant(tmp_path, email_verification=EmailVerification.INVITATION)
    plant.create()
    plant.worker.drain()
    assert not plant.account().email_verified
    plant.begin_handover()
    assert plant.account().email_verified
    assert plant.account().required_actions == {"UPDATE_PASSWORD"}


def test_control_o3_a_credential_older_than_the_invitation_is_removed_before_the_link(
    plant: Plant,
) -> None:
    plant.create()
    plant.worker.drain()
    plant.idp.give_credential(plant.account_id(), created_at=NOW - 1)
    plant.begin_handover()
    assert list(plant.idp.credentials(plant.account_id())) == []


def test_control_o3_an_account_without_pending_action_is_never_linked(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.idp.finish_actions(plant.account_id(), created_at=NOW + 1)
    plant.begin_handover()
    assert plant.account().required_actions & ACTIONS


def test_while_a_hand_over_is_open_nobody_puts_actions_back_or_unlinks(plant: Plant) -> None:
    plant.create()
    plant.begin_handover("7" * 32)
    plant.idp.edit(plant.account_id(), requiredActions=["UPDATE_PASSWORD"])
    plant.accounts.sync(ACME, ADA)
    assert plant.account().required_actions == {"UPDATE_PASSWORD"}
    assert plant.idp.linked_sub(plant.account_id()) == "7" * 32


def test_control_o2_a_link_whose_press_died_goes_with_the_next_look_at_the_account(plant: Plant) -> None:
    plant.create()
    handover = plant.begin_handover("7" * 32)
    with plant.store.write() as work:
        work.handovers.save(replace(handover, sub="", account=None))
    plant.accounts.sync(ACME, ADA)
    assert plant.idp.linked_sub(plant.account_id()) is None


def test_control_o14_a_resend_ends_the_hand_over_and_the_account_it_led_to(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    first = plant.begin_handover("7" * 32).account
    plant.do(c.Resend)
    plant.worker.drain()
    assert plant.account_id() != first
    assert plant.idp.linked_sub(plant.account_id()) is None
    with plant.store.read() as work:
        assert work.handovers.open_of(ACME, ADA, now=plant.clock.now()) is None


def test_control_o14_a_press_that_replaces_another_gets_a_new_account(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    first = plant.begin_handover().account
    plant.clock.move(1)
    second = plant.begin_handover().account
    assert second not in (None, first)
    plant.accounts.sync(ACME, ADA)
    assert [second] == [account.id for account in plant.idp.accounts()]


def test_control_o14_the_account_goes_when_the_hand_overs_half_hour_is_over(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    begun = plant.begin_handover()
    for at in (1799, 1800):
        assert plant.account_id() == begun.account
        plant.clock.time = begun.opened_at + at
        plant.followup.look(begun.id, request_id="request-1")
        plant.worker.drain()
    assert plant.account_id() != begun.account
    assert plant.account().required_actions == ACTIONS


def test_control_o14_a_press_after_that_half_hour_waits_for_no_worker(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    first = plant.begin_handover().account
    plant.clock.move(1801)
    assert plant.begin_handover().account != first


def test_control_o14_who_is_invited_once_more_gets_a_new_account(tmp_path: Path) -> None:
    """A page that was opened on the first way in, or afterwards, must not lead to the second."""
    plant = Plant(tmp_path, reenable=Reenable.REINVITE)
    plant.create()
    plant.worker.drain()
    activate(plant)
    first = plant.account_id()
    plant.do(c.Disable)
    plant.worker.drain()
    assert plant.account_id() == first
    plant.do(c.Enable)
    plant.worker.drain()
    assert plant.account_id() != first
    assert plant.account().required_actions == ACTIONS


def test_control_o14_a_hold_after_an_unfinished_press_takes_the_account_itself(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.begin_handover()
    first = plant.account_id()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    assert plant.idp.accounts() == []
    plant.clock.move(3600)
    plant.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    assert plant.account_id() != first


def test_control_o14_a_new_address_after_an_unfinished_press_gets_a_new_account(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    plant.begin_handover()
    first = plant.account_id()
    profile = a_profile(email="new@acme.example")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    assert plant.account_id() != first
    assert plant.account().email == "new@acme.example"


def test_a_hand_over_of_a_user_who_is_not_pending_prepares_nothing(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    handover = plant.begin_handover()
    plant.do(c.RevokeInvitation)
    plant.idp.calls.clear()
    with pytest.raises(Gone):
        plant.accounts.prepare_handover(handover, "9" * 32)
    assert plant.idp.calls == []


def test_complete_means_enabled_with_a_credential_and_no_invite_action_left(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    account, tenant = plant.account_id(), plant.service.tenant(ACME)
    assert not plant.accounts.is_complete(tenant, account)
    plant.idp.edit(account, requiredActions=["CONFIGURE_TOTP"])
    assert not plant.accounts.is_complete(tenant, account)
    plant.idp.give_credential(account)
    assert plant.accounts.is_complete(tenant, account)
    plant.idp.edit(account, enabled=False)
    assert not plant.accounts.is_complete(tenant, account)


def test_a_password_reset_is_mailed_by_keycloak_to_active_users_alone(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.do(c.ResetPassword)
    plant.worker.drain()
    assert plant.idp.resets == [plant.account_id()]


def test_the_desired_account_is_made_of_the_profile(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    assert plant.service.handle(command(c.Resend)).profile.given_name == plant.account().given_name == "Ada"


@pytest.mark.parametrize(
    "error", [Rejected("email", "missing"), Unavailable("no mail server", retry_after=3600)], ids=str
)
def test_a_password_reset_that_cannot_be_mailed_keeps_nobody_in(plant: Plant, error: OutsideError) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.idp.fail("mail_password_reset", error)
    plant.do(c.ResetPassword)
    plant.worker.drain()
    plant.do(c.Disable)
    plant.worker.drain()
    assert not plant.account().enabled


def test_a_value_that_keycloak_refuses_keeps_nobody_in(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.idp.sign_in(plant.account_id())
    taken = replace(plant.accounts._target(ACME, ADA).desired, usher_id="", user_name="eve", attributes={})  # type: ignore[union-attr]
    plant.idp.create(replace(taken, email="eve@acme.example"))
    profile = a_profile("eve", email="ada@acme.example")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.do(c.Disable)
    plant.worker.drain()
    account = plant.idp.get(plant.user().account_id or AccountId(""))
    assert (account.enabled, account.user_name) == (False, "ada@acme.example")
    assert plant.idp.sessions(account.id) == 0
    assert plant.row("sync_account").reason == "account_exists"


def test_control_o14_a_hold_that_is_lifted_before_anybody_looked_takes_the_account_all_the_same(
    plant: Plant,
) -> None:
    plant.create()
    plant.worker.drain()
    plant.begin_handover()
    first = plant.account_id()
    plant.do(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.do(c.Release, actor=SYSTEM, kind=HoldKind.SCIM)
    plant.worker.drain()
    assert plant.account_id() != first


def test_control_o14_a_press_after_a_revoked_one_gets_a_new_account(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    first = plant.begin_handover().account
    plant.do(c.RevokeInvitation)
    plant.do(c.Invite)
    plant.clock.move(1)
    assert plant.begin_handover().account != first


def test_an_account_that_vanished_while_its_user_was_off_is_not_made_anew(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.idp.delete(plant.account_id())
    plant.do(c.Disable)
    plant.worker.drain()
    assert {row.lane for row in plant.waiting()} == {Lane.CLOCK}
    plant.do(c.Enable)
    plant.worker.drain()
    assert plant.row("sync_account").reason == "account_missing"
    assert plant.idp.accounts() == []


def test_an_address_that_changed_while_its_user_was_off_must_be_proven(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    activate(plant)
    plant.do(c.Disable)
    profile = a_profile(email="new@acme.example")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    plant.do(c.Enable)
    plant.worker.drain()
    account = plant.account()
    assert account.enabled
    assert account.required_actions == {"VERIFY_EMAIL"}


def test_no_link_is_made_where_the_mapping_asks_for_nothing(plant: Plant) -> None:
    plant.create()
    plant.worker.drain()
    mapping = plant.service.mapping
    nothing = replace(mapping.rules[State.PENDING], required_actions=frozenset())
    plant.service.mapping = replace(mapping, rules={**mapping.rules, State.PENDING: nothing})
    plant.idp.edit(plant.account_id(), requiredActions=[])
    with pytest.raises(Misconfigured):
        plant.begin_handover()
    assert plant.idp.linked_sub(plant.account_id()) is None


def test_an_account_whose_creation_was_not_answered_is_found_again_by_a_user_renamed_since(
    plant: Plant,
) -> None:
    plant.create()
    plant.idp.fail("create", Unavailable("no answer"), reply_lost=True)
    plant.worker.drain()
    profile = a_profile("countess@acme.example")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    assert plant.account().user_name == "countess@acme.example"
    assert plant.user().account_id == plant.account_id()
