"""The service over a real database: one commit holds a change, its timeline entry and its outbox rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.domain import commands as c
from connector.domain.effects import Lane
from connector.domain.errors import Invalid, NotFound, Refusal, Refused, Taken, VersionConflict
from connector.domain.lifecycle import allowed_actions
from connector.domain.model import HoldKind, PortalUser, State, TenantId, UserId, state_of
from connector.domain.policy import DeletePolicy, EmailChange, InvitePolicy, Sso
from connector.domain.transitions import Action
from connector.store.engine import make_engines
from connector.store.migrate import migrate
from connector.store.store import SqlStore
from connector.store.tables import metadata
from tests.support.builders import (
    ACME,
    ADA,
    NOW,
    OTHER,
    PERSON,
    SYSTEM,
    FakeClock,
    a_document,
    a_profile,
    a_service,
    a_tenant,
    command,
)

BOB = UserId("0b5c1a5e-0000-4000-8000-000000000002")


class House:
    """A service, its database and its clock."""

    def __init__(self, folder: Path, **policy: Any) -> None:
        self.clock = FakeClock()
        engines = make_engines(f"sqlite:///{folder / 'usher.db'}")
        migrate(engines.write)
        self.store = SqlStore(engines)
        tenants = (a_tenant(**policy), a_tenant(OTHER))
        self.service = a_service(self.store, *tenants, clock=self.clock)

    def create(self, user: UserId = ADA, name: str = "ada@acme.example", **values: Any) -> PortalUser:
        profile = a_profile(name)
        asked = command(
            c.Create, actor=SYSTEM, user=user, profile=profile, document=a_document(profile), **values
        )
        return self.service.handle(asked)

    def effects(self, user: UserId = ADA) -> list[tuple[str, str]]:
        with self.store.read() as work:
            return [(row.effect, row.target) for row in work.outbox.open_rows(ACME, user)]

    def timeline(self, user: UserId = ADA) -> list[tuple[str, str, str, str]]:
        with self.store.read() as work:
            return [(e.action, e.before, e.after, e.reason) for e in work.timeline.of(ACME, user)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_created_user_is_invited_in_the_same_commit(house: House) -> None:
    user = house.create()
    assert state_of(user, NOW) is State.PENDING
    assert house.effects() == [
        ("sync_account", ""),
        ("send_mail", "invitation/1"),
        ("expire_invitation", ""),
        ("remind", "1"),
    ]
    assert house.timeline() == [("create", "absent", "pending", "")]
    with house.store.read() as work:
        assert work.users.get(ACME, ADA) == user
        rows = work.outbox.open_rows(ACME, ADA)
    assert {row.request_id for row in rows} == {"request-1"}
    assert [row.sink for row in rows] == ["keycloak:main", "smtp:default", "self", "self"]


def test_a_refused_command_changes_nothing_and_is_entered_for_people(house: House) -> None:
    user = house.create()
    before = house.effects()
    with pytest.raises(Refused) as caught:
        house.service.handle(command(c.Disable))
    assert caught.value.reason is Refusal.REVOKE_INSTEAD
    with house.store.read() as work:
        assert work.users.get(ACME, ADA) == user
    assert house.effects() == before
    assert house.timeline()[-1] == ("disable", "pending", "pending", "refused: revoke_instead")


def test_what_a_system_is_refused_is_not_entered(house: House) -> None:
    house.create()
    with pytest.raises(Refused):
        house.service.handle(command(c.Expire, actor=SYSTEM))
    assert len(house.timeline()) == 1


def test_several_commands_are_one_commit_and_one_version(house: House) -> None:
    user = house.create()
    profile = replace(user.profile, given_name="Augusta")
    after = house.service.handle(
        command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile)),
        command(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM),
    )
    assert after.version == user.version + 1
    assert state_of(after, NOW) is State.DISABLED
    assert [entry[0] for entry in house.timeline()] == ["create", "edit", "hold"]


def test_if_one_of_several_commands_is_refused_none_is_done(house: House) -> None:
    user = house.create()
    profile = replace(user.profile, given_name="Augusta")
    edit = command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    with pytest.raises(Refused):
        house.service.handle(edit, command(c.Expire, actor=SYSTEM))
    with house.store.read() as work:
        assert work.users.get(ACME, ADA) == user


def test_no_change_keeps_the_version_and_enqueues_nothing(house: House) -> None:
    house.create()
    held = house.service.handle(command(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM))
    entries, effects = house.timeline(), house.effects()
    house.clock.move(60)
    assert house.service.handle(command(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM)) == held
    assert (house.timeline(), house.effects()) == (entries, effects)


def test_a_change_to_another_version_is_a_conflict(house: House) -> None:
    house.create()
    with pytest.raises(VersionConflict):
        house.service.handle(command(c.Resend, expected_version=7))


def test_a_taken_name_stores_nothing(house: House) -> None:
    house.create()
    with pytest.raises(Taken):
        house.create(BOB, "ADA@acme.example")
    assert house.effects(BOB) == []
    assert house.timeline(BOB) == []


def test_a_name_too_short_for_keycloak_is_refused_with_a_sentence(house: House) -> None:
    with pytest.raises(Invalid, match="at least 3 characters"):
        house.create(name="ab")


def test_a_name_too_long_for_keycloak_is_refused_with_a_sentence(house: House) -> None:
    with pytest.raises(Invalid, match="at most 255 characters"):
        house.create(name="a" * 256)


def test_an_address_in_another_case_is_the_same_address(house: House) -> None:
    user = house.create()
    profile = replace(user.profile, email="Ada@Acme.example")
    after = house.service.handle(
        command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile))
    )
    assert after.invitation == user.invitation
    assert after.profile.email == "Ada@Acme.example"
    assert house.timeline()[-1][0] == "edit"


def test_a_foreign_tenants_user_is_not_found(house: House) -> None:
    house.create()
    with pytest.raises(Refused) as caught:
        house.service.handle(command(c.Resend, tenant=OTHER))
    assert caught.value.reason is Refusal.NOT_FOUND
    with pytest.raises(NotFound):
        house.service.handle(command(c.Resend, tenant=TenantId("nobody")))


def test_changed_values_stand_on_the_timeline_with_their_request(house: House) -> None:
    user = house.create()
    profile = replace(user.profile, given_name="Augusta")
    house.service.handle(command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile)))
    with house.store.read() as work:
        entry = work.timeline.of(ACME, ADA)[-1]
    assert entry.changes == {"given_name": ("Ada", "Augusta")}
    assert (entry.actor, entry.source, entry.request_id) == ("scim:entra", "cli", "request-1")


def test_a_hard_delete_leaves_no_personal_data(tmp_path: Path) -> None:
    house = House(tmp_path, delete=DeletePolicy.HARD)
    user = house.create()
    profile = replace(user.profile, given_name="Augusta")
    house.service.handle(command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile)))
    house.service.handle(command(c.Delete, actor=SYSTEM))
    with house.store.read() as work:
        left = work.users.get(ACME, ADA)
        entries = work.timeline.of(ACME, ADA)
    assert left is not None
    assert "ada" not in repr(left).lower()
    assert all(not entry.changes for entry in entries)
    house.create(BOB)


def test_a_release_within_the_resend_interval_mails_when_it_is_over(house: House) -> None:
    house.create()
    house.service.handle(command(c.PutHold, actor=SYSTEM, kind=HoldKind.SCIM))
    house.clock.move(60)
    user = house.service.handle(command(c.Release, actor=SYSTEM, kind=HoldKind.SCIM))
    assert user.invitation is not None
    assert (state_of(user, house.clock.now()), user.invitation.generation) == (State.PENDING, 2)
    with house.store.read() as work:
        (mail,) = [r for r in work.outbox.open_rows(ACME, ADA) if r.target == "invitation/2"]
    assert (mail.lane, mail.due_at) == (Lane.MAIL, NOW + 900)


def test_a_draft_is_invited_later_by_an_operator(tmp_path: Path) -> None:
    house = House(tmp_path, invite=InvitePolicy.MANUAL)
    assert state_of(house.create(), NOW) is State.DRAFT
    assert house.effects() == []
    assert state_of(house.service.handle(command(c.Invite)), NOW) is State.PENDING


def test_a_person_who_begins_late_gets_the_time_to_finish(house: House) -> None:
    user = house.create()
    assert user.invitation is not None
    soon = user.invitation.expires_at - 60
    house.clock.time = soon
    house.service.extend_invitation(ACME, ADA, 1, soon + 1800)
    house.service.extend_invitation(ACME, ADA, 1, soon + 10)
    with house.store.read() as work:
        longer = work.users.get(ACME, ADA)
    assert longer is not None
    assert longer.invitation is not None
    assert longer.invitation.expires_at == soon + 1800
    assert longer.version == user.version


def test_an_accepted_invitation_is_accepted_once(house: House) -> None:
    house.create()
    house.service.handle(command(c.Accept, actor=PERSON, generation=1))
    with pytest.raises(Refused) as caught:
        house.service.handle(command(c.Accept, actor=PERSON, generation=1))
    assert caught.value.reason is Refusal.LINK_USED


@pytest.mark.parametrize("policy", [{"delete": DeletePolicy.HARD}, {"delete": DeletePolicy.SOFT}])
def test_nothing_that_is_stored_holds_the_address_of_who_was_forgotten(
    tmp_path: Path, policy: dict[str, Any]
) -> None:
    house = House(tmp_path, **policy)
    house.create()
    profile = a_profile(email="new@acme.example")
    house.service.handle(command(c.Edit, actor=SYSTEM, profile=profile, document=a_document(profile)))
    house.service.handle(command(c.Delete, actor=SYSTEM))
    if policy["delete"] is DeletePolicy.SOFT:
        house.service.handle(command(c.Purge, actor=SYSTEM))
    engines = make_engines(f"sqlite:///{tmp_path / 'usher.db'}")
    with engines.read.connect() as database:
        rows = {t.name: repr(database.execute(select(t)).all()) for t in metadata.sorted_tables}
    engines.dispose()
    assert "acme" in rows["user"]
    assert not [name for name, content in rows.items() if "acme.example" in content]


def test_who_signs_in_at_the_tenants_own_provider_is_active_when_restored(tmp_path: Path) -> None:
    house = House(tmp_path, sso=Sso(alias="corporate"))
    house.create()
    house.service.handle(command(c.Delete, actor=SYSTEM))
    assert state_of(house.service.handle(command(c.Restore)), NOW) is State.ACTIVE


def test_a_restore_whose_name_is_taken_by_now_changes_nothing(house: House) -> None:
    house.create()
    gone = house.service.handle(command(c.Delete, actor=SYSTEM))
    house.create(BOB)
    with pytest.raises(Taken):
        house.service.handle(command(c.Restore))
    with house.store.read() as work:
        assert work.users.get(ACME, ADA) == gone


def test_what_the_policy_forbids_is_not_among_the_allowed_actions(house: House) -> None:
    user = house.create()
    fixed = house.service.facts(a_tenant(email_change=EmailChange.NEVER))
    assert Action.CHANGE_EMAIL not in allowed_actions(user, fixed)
    assert Action.CHANGE_EMAIL in allowed_actions(user, house.service.facts(a_tenant()))
    house.service.handle(command(c.Delete, actor=SYSTEM))
    purged = house.service.handle(command(c.Purge, actor=SYSTEM))
    assert allowed_actions(purged, house.service.facts(a_tenant())) == set()
