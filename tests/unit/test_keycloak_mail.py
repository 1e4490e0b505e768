"""Invitations that Keycloak mails: one way at a time into an account, its end seen without a callback."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.application.keycloak_post import FINISHING
from connector.application.quarantine import Quarantine, Who
from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Refusal, Refused, Rejected, Unavailable
from connector.domain.lifecycle import allowed_actions
from connector.domain.model import Handover, HoldKind, State, state_of
from connector.domain.policy import DAY, InvitePolicy
from connector.domain.transitions import Action
from tests.support.builders import NOW, ORG_ADMIN, SYSTEM, a_document, a_profile, a_tenant, facts
from tests.support.plant import Plant

HOUR = 3600.0
EVERYTHING = frozenset({"VERIFY_EMAIL", "UPDATE_PASSWORD"})


def mailed_by_keycloak(folder: Path, **policy: Any) -> Plant:
    """A plant whose tenant cannot send: its invitations are Keycloak's."""
    plant = Plant(folder)
    tenant = replace(a_tenant(**policy), handover=Handover.KEYCLOAK_MAIL, portal_client="portal")
    plant.tenants.put(replace(tenant, can_send=False))
    return plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    plant = mailed_by_keycloak(tmp_path)
    plant.create()
    plant.worker.drain()
    return plant


def state(plant: Plant) -> State:
    return state_of(plant.user(), plant.clock.now())


def later(plant: Plant, seconds: float) -> None:
    plant.clock.move(seconds)
    plant.worker.drain()


def move_to(plant: Plant, address: str) -> None:
    profile = a_profile(email=address)
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))


# --- one mail --------------------------------------------------------------------------------------


def test_keycloak_mails_the_invitation_and_we_mail_nothing(plant: Plant) -> None:
    account = plant.account_id()
    portal = "https://portal.example.com/acme"
    assert plant.idp.invitations == [(account, EVERYTHING, 7 * DAY, "portal", portal)]
    assert plant.post.tries == 0
    (mail,) = plant.mails()
    assert (mail.template, mail.outcome, mail.answer) == ("invitation", "sent", "handed to Keycloak")
    assert [row.effect for row in plant.waiting()] == ["expire_invitation", "check_handover"]


def test_the_account_is_ready_and_never_linked(plant: Plant) -> None:
    account = plant.account()
    assert (account.enabled, account.required_actions) == (True, EVERYTHING)
    assert account.attributes["locale"] == ("en",)
    assert "link" not in [call for call, _ in plant.idp.calls]


def test_who_opens_the_link_at_its_end_has_half_an_hour_to_finish(plant: Plant) -> None:
    assert plant.user().invitation.expires_at == NOW + 7 * DAY + FINISHING  # type: ignore[union-attr]


def test_without_a_portal_client_keycloak_leads_nowhere(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.tenants.put(replace(a_tenant(), handover=Handover.KEYCLOAK_MAIL))
    plant.create()
    plant.worker.drain()
    assert plant.idp.invitations[0][3:] == ("", "")


def test_the_address_is_proven_though_the_mapping_does_not_ask(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path, email_verification="invitation")
    plant.create()
    plant.worker.drain()
    assert plant.idp.invitations[0][1] == EVERYTHING


def test_keycloaks_mail_is_a_row_of_the_mail_lane_that_needs_keycloak(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.create()
    row = plant.row("mail_invitation")
    assert (row.lane, row.sink, row.target) == (Lane.MAIL, "keycloak:main", "1")


# --- seen by looks alone ---------------------------------------------------------------------------


def test_the_end_is_seen_by_a_look(plant: Plant) -> None:
    plant.idp.finish_actions(plant.account_id(), created_at=NOW + 60)
    later(plant, 119)
    assert state(plant) is State.PENDING
    later(plant, 1)
    assert state(plant) is State.ACTIVE
    assert [row.effect for row in plant.waiting()] == ["expire_invitation"]


def test_looks_grow_rarer_and_never_end_before_the_invitation(plant: Plant) -> None:
    looks = []
    while (due := plant.row("check_handover").due_at) is not None and due < NOW + DAY:
        looks.append(due - NOW)
        later(plant, due - plant.clock.now())
    half_day = 12 * HOUR
    assert looks[:8] == [120, 600, 1800, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, half_day]
    assert len(looks) == 10


def test_a_look_at_somebody_who_has_done_nothing_is_one_read(plant: Plant) -> None:
    plant.idp.calls.clear()
    later(plant, 120)
    assert plant.idp.calls == [("get", plant.account_id())]


def test_what_was_done_just_before_the_end_is_seen_at_the_end(plant: Plant) -> None:
    plant.clock.time = plant.user().invitation.expires_at - 1  # type: ignore[union-attr]
    plant.worker.drain()
    plant.idp.finish_actions(plant.account_id(), created_at=plant.clock.now())
    later(plant, 1)
    assert state(plant) is State.ACTIVE


def test_after_the_end_the_account_is_gone_and_with_it_every_open_page(plant: Plant) -> None:
    plant.clock.time = plant.user().invitation.expires_at  # type: ignore[union-attr]
    plant.worker.drain()
    assert state(plant) is State.EXPIRED
    assert not plant.account().enabled
    later(plant, 60)
    assert plant.idp.accounts() == []


# --- one way at a time -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", [c.Resend, "an organisation's administrator"])
def test_while_the_mail_is_live_nobody_gets_another(plant: Plant, who: Any) -> None:
    actor = {} if who is c.Resend else {"actor": ORG_ADMIN}
    plant.clock.move(DAY)
    with pytest.raises(Refused) as caught:
        plant.do(c.Resend, **actor)
    assert caught.value.reason is Refusal.TOO_SOON
    tenant = plant.service.tenant(plant.user().tenant)
    assert Action.RESEND not in allowed_actions(plant.user(), facts(tenant, now=plant.clock.now()))


def test_what_was_never_mailed_may_be_sent_anew(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.create()
    plant.do(c.Resend)
    plant.worker.drain()
    assert len(plant.idp.invitations) == 1
    assert [mail.outcome for mail in plant.mails()] == ["skipped", "sent"]


def test_once_expired_a_fresh_account_gets_a_fresh_mail(plant: Plant) -> None:
    first = plant.account_id()
    later(plant, 8 * DAY)
    plant.do(c.Resend)
    plant.worker.drain()
    assert state(plant) is State.PENDING
    assert plant.account_id() != first
    assert [mailed[0] for mailed in plant.idp.invitations] == [first, plant.account_id()]


def test_revoking_and_inviting_anew_gives_another_mail_at_once(plant: Plant) -> None:
    first = plant.account_id()
    plant.do(c.RevokeInvitation)
    plant.worker.drain()
    assert plant.idp.accounts() == []
    plant.do(c.Invite)
    plant.worker.drain()
    assert [mailed[0] for mailed in plant.idp.invitations] == [first, plant.account_id()]


@pytest.mark.parametrize(
    "asked", [(c.PutHold, {"kind": HoldKind.SECURITY}), (c.RevokeInvitation, {}), (c.Delete, {})]
)
def test_control_o14_whoever_is_kept_out_loses_the_account_and_so_the_link(
    plant: Plant, asked: tuple[type[c.Command], dict[str, Any]]
) -> None:
    kind, values = asked
    plant.do(kind, **values)
    plant.worker.drain()
    assert plant.idp.accounts() == []


def test_control_o14_a_new_address_gets_a_new_account_and_the_only_mail_that_works(plant: Plant) -> None:
    first = plant.account_id()
    move_to(plant, "new@acme.example")
    plant.worker.drain()
    assert first not in [account.id for account in plant.idp.accounts()]
    assert plant.account().email == "new@acme.example"
    assert plant.idp.invitations[-1][0] == plant.account_id()


def test_a_change_of_name_keeps_the_account_and_puts_no_action_back(plant: Plant) -> None:
    account = plant.account_id()
    plant.idp.edit(account, requiredActions=[], emailVerified=True)  # in the very moment of the last step
    profile = a_profile(given_name="Augusta")
    plant.do(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    plant.worker.drain()
    after = plant.account()
    assert (after.id, after.given_name) == (account, "Augusta")
    assert after.required_actions == frozenset()


# --- when it goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("reply_lost", [False, True])
def test_a_try_without_an_answer_is_repeated_on_a_fresh_account_alone(
    tmp_path: Path, reply_lost: bool
) -> None:
    plant = mailed_by_keycloak(tmp_path)
    away = Unavailable("no answer", sink_wide=False, unsure=True)
    plant.idp.fail("mail_invitation", away, reply_lost=reply_lost)
    plant.create()
    plant.worker.drain()
    first = plant.account_id()
    for _ in range(4):
        later(plant, 10)
    assert plant.account_id() != first
    assert plant.idp.invitations[-1][0] == plant.account_id()
    assert plant.user().invitation.sent_at is not None  # type: ignore[union-attr]
    assert plant.idp.called("mail_invitation") == [first, plant.account_id()]


def test_whoever_came_by_a_mail_whose_answer_got_lost_keeps_the_account(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    away = Unavailable("no answer", sink_wide=False, unsure=True)
    plant.idp.fail("mail_invitation", away, reply_lost=True)
    plant.create()
    plant.worker.drain()
    account = plant.account_id()
    plant.idp.finish_actions(account, created_at=NOW + 1)
    later(plant, 10)
    assert plant.account_id() == account
    assert [(mail.outcome, mail.answer) for mail in plant.mails()] == [
        ("sent", "unanswered, but its person came")
    ]
    later(plant, 110)
    assert state(plant) is State.ACTIVE


def test_a_mail_that_an_operator_gives_up_is_on_record(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.idp.fail("mail_invitation", Rejected("", "Invalid redirect uri."))
    plant.create()
    plant.worker.drain()
    olga = Quarantine(plant.service, Who(actor="olga", source="cli", request_id="request-9"))
    olga.skip(plant.row("mail_invitation").id, because="wrong portal")
    (mail,) = plant.mails()
    assert (mail.template, mail.generation, mail.answer) == ("invitation", 1, "given up: wrong portal")


def test_after_three_tries_without_an_answer_somebody_must_look(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.idp.fail("mail_invitation", Unavailable("no answer", sink_wide=False, unsure=True), times=99)
    plant.create()
    plant.worker.drain()
    for _ in range(12):
        later(plant, 600)
    assert len(plant.idp.called("mail_invitation")) == 3
    row = plant.row("mail_invitation")
    assert (row.state, row.reason) == ("quarantined", "delivery_unknown")


def test_keycloaks_own_mail_server_being_away_holds_nobody_elses_account_up(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.idp.fail("mail_invitation", Unavailable("could not send", sink_wide=False), times=99)
    plant.create()
    plant.worker.drain()
    for _ in range(12):
        later(plant, 600)
    row = plant.row("mail_invitation")
    assert (row.state, row.reason) == ("ready", "unavailable")
    with plant.store.read() as work:
        assert work.sinks.all() == []


def test_a_client_that_does_not_lead_to_the_portal_waits_for_somebody(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.idp.fail("mail_invitation", Rejected("", "Invalid redirect uri."))
    plant.create()
    plant.worker.drain()
    row = plant.row("mail_invitation")
    assert (row.state, row.detail) == ("quarantined", "request: Invalid redirect uri.")


def test_where_people_come_through_our_provider_by_now_keycloak_mails_nothing(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path)
    plant.create()
    plant.tenants.put(a_tenant())
    plant.worker.drain()
    assert plant.idp.invitations == []
    assert [mail.outcome for mail in plant.mails()] == ["skipped"]


def test_where_keycloak_mails_by_now_ours_is_not_sent(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.create()
    plant.tenants.put(replace(a_tenant(), handover=Handover.KEYCLOAK_MAIL))
    plant.worker.drain()
    assert plant.post.tries == 0
    assert [mail.outcome for mail in plant.mails()] == ["skipped"]


def test_a_tenant_without_a_sender_invites_all_the_same(tmp_path: Path) -> None:
    plant = mailed_by_keycloak(tmp_path, invite=InvitePolicy.MANUAL)
    plant.create()
    plant.do(c.Invite)
    assert state(plant) is State.PENDING
