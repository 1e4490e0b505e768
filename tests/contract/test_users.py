"""The contract of ``repositories.Users``, over every store."""

from dataclasses import replace
from random import Random

import pytest
from sqlalchemy.exc import DatabaseError

from connector.application.repositories import Store, UnitOfWork
from connector.domain.errors import Taken
from connector.domain.model import (
    AccountId,
    Hold,
    HoldKind,
    InvitationStatus,
    PortalUser,
    State,
    UserId,
    state_of,
)
from connector.domain.query import And, Attribute, Compare, EmailItem, InState, Operator, Query
from tests.support.builders import (
    ACME,
    ADA,
    NOW,
    OTHER,
    a_document,
    a_profile,
    a_user,
    an_invitation,
    index,
)

BOB = UserId("0b5c1a5e-0000-4000-8000-000000000002")
SCIM_HOLD = Hold(kind=HoldKind.SCIM, source="scim:entra", since=NOW)


def test_what_is_added_comes_back_whole(store: Store) -> None:
    user = a_user(
        holds=frozenset({SCIM_HOLD}),
        invitation=an_invitation(sent_at=NOW, browser="b" * 64),
        activated_at=NOW,
        is_admin=True,
        account_id=AccountId("k1"),
    )
    with store.write() as work:
        work.users.add(user, index(user))
    with store.read() as work:
        assert work.users.get(ACME, ADA) == user


def test_a_user_is_not_found_from_another_tenant(store: Store) -> None:
    user = a_user()
    with store.write() as work:
        work.users.add(user, index(user))
    with store.read() as work:
        assert work.users.get(OTHER, ADA) is None
        assert work.users.document(OTHER, ADA) is None
        assert work.users.find(OTHER, Query()).total == 0
        assert work.users.admins(OTHER, other_than=BOB) == (0, 0)
        assert work.users.hidden(OTHER, "scim:entra", "ada@acme.example", "") is None


def test_a_user_name_is_unique_in_its_tenant_whatever_its_case(store: Store) -> None:
    first = a_user()
    second = a_user("ADA@acme.example", id=BOB, profile=a_profile("ADA@acme.example", email=""))
    with store.write() as work:
        work.users.add(first, index(first))
    with pytest.raises(Taken) as caught, store.write() as work:
        work.users.add(second, index(second))
    assert caught.value.attribute == "userName"


def test_an_address_is_unique_in_its_realm_across_tenants(store: Store) -> None:
    first = a_user()
    second = a_user("countess", tenant=OTHER, profile=a_profile("countess", email="ADA@acme.example"))
    elsewhere = replace(second, id=BOB)
    with store.write() as work:
        work.users.add(first, index(first))
    with pytest.raises(Taken) as caught, store.write() as work:
        work.users.add(second, index(second))
    assert caught.value.attribute == "emails"
    with store.write() as work:
        work.users.add(elsewhere, index(elsewhere, realm="elsewhere"))


def test_what_is_taken_is_told_whatever_the_value_is_called(store: Store) -> None:
    first = a_user("email_key", profile=a_profile("email_key", email="user_key@x"))
    same_name = a_user(id=BOB, profile=a_profile("email_key", email=""))
    same_mail = a_user(id=BOB, profile=a_profile("uq_user_user_key", email="user_key@x"))
    same_account = a_user(tenant=OTHER, id=BOB, profile=a_profile("email_key", email=""))
    with store.write() as work:
        work.users.add(first, index(first))
    for user, attribute in ((same_name, "userName"), (same_mail, "emails"), (same_account, "userName")):
        with pytest.raises(Taken) as caught, store.write() as work:
            work.users.add(user, index(user))
        assert caught.value.attribute == attribute


def test_a_deleted_user_frees_its_names_and_is_found_by_id_alone(store: Store) -> None:
    gone = a_user(removed_at=NOW, invitation=an_invitation(status=InvitationStatus.REVOKED))
    anew = a_user(id=BOB)
    with store.write() as work:
        work.users.add(gone, index(gone))
        work.users.add(anew, index(anew))
    with store.read() as work:
        assert work.users.get(ACME, ADA) == gone
        assert work.users.by_invitation("a" * 32) == gone
        assert work.users.document(ACME, ADA) is None
        assert [user.id for user in work.users.find(ACME, Query()).items] == [BOB]


def test_a_new_generation_supersedes_the_open_one(store: Store) -> None:
    user = a_user(invitation=an_invitation())
    resent = replace(user, invitation=an_invitation(2))
    with store.write() as work:
        work.users.add(user, index(user))
        work.users.save(resent, index(resent))
        work.users.mark_sent(ACME, ADA, 2, NOW + 5)
    with store.read() as work:
        found = work.users.by_invitation("a" * 32)
    assert found is not None
    assert found.invitation == an_invitation(2, sent_at=NOW + 5)


def test_a_user_is_found_by_account_within_the_realm_whatever_the_tenant(store: Store) -> None:
    ada, bob = a_user(), a_user("bob@other.example", tenant=OTHER, id=BOB)
    with store.write() as work:
        work.users.add(ada, index(ada))
        work.users.add(bob, index(bob, realm="second"))
        work.users.set_account(ACME, ADA, AccountId("k1"))
        work.users.set_account(OTHER, BOB, AccountId("k1"))
    with store.read() as work:
        assert work.users.by_account("main", AccountId("k1")) == replace(ada, account_id=AccountId("k1"))
        assert work.users.by_account("second", AccountId("k1")) == replace(bob, account_id=AccountId("k1"))
        assert work.users.by_account("main", AccountId("k2")) is None
        assert work.users.by_account("third", AccountId("k1")) is None


def test_an_account_is_remembered_for_its_user_alone(store: Store) -> None:
    user = a_user()
    with store.write() as work:
        work.users.add(user, index(user))
        work.users.set_account(OTHER, ADA, AccountId("k2"))
        work.users.set_account(ACME, ADA, AccountId("k1"))
        work.users.set_account(OTHER, ADA, AccountId("k2"))
    with store.read() as work:
        assert work.users.get(ACME, ADA) == replace(user, account_id=AccountId("k1"))


def test_lists_keep_the_order_of_creation_and_count_everybody(store: Store) -> None:
    with store.write() as work:
        for number in range(5):
            user = a_user(f"user{number}@acme.example", id=UserId(f"id-{9 - number}"))
            work.users.add(user, index(user))
    with store.read() as work:
        page = work.users.documents(ACME, Query(skip=1, count=2))
    assert [item.id for item in page.items] == ["id-8", "id-7"]
    assert page.total == 5


def test_filters_find_by_folded_keys_and_exact_ids(store: Store) -> None:
    profile = a_profile("Ada@Acme.example", external_ids={"scim": "Ext-1"})
    user = a_user(profile=profile)
    with store.write() as work:
        work.users.add(user, index(user))

    def hits(*parts: object) -> int:
        with store.read() as work:
            return work.users.find(ACME, Query(filter=And(parts))).total  # type: ignore[arg-type]

    by_name = Compare(Attribute.USER_NAME, Operator.EQ, "ada@acme.example")
    assert hits(by_name) == 1
    assert hits(Compare(Attribute.EXTERNAL_ID, Operator.EQ, "Ext-1")) == 1
    assert hits(Compare(Attribute.EXTERNAL_ID, Operator.EQ, "ext-1")) == 0
    assert hits(by_name, Compare(Attribute.ACTIVE, Operator.EQ, False)) == 0
    assert hits(by_name, Compare(Attribute.MODIFIED, Operator.GE, NOW)) == 1
    assert hits(by_name, Compare(Attribute.MODIFIED, Operator.GT, NOW)) == 0
    assert hits(EmailItem("work", "ada@acme.example")) == 1
    assert hits(EmailItem("home", "ada@acme.example")) == 0


def test_states_are_filtered_as_they_are_computed(store: Store) -> None:
    hold = frozenset({SCIM_HOLD})
    people = [
        a_user("draft@a.example"),
        a_user("pending@a.example", invitation=an_invitation(id="1")),
        a_user("expired@a.example", invitation=an_invitation(id="2", expires_at=NOW)),
        a_user("active@a.example", activated_at=NOW),
        a_user("disabled@a.example", activated_at=NOW, holds=hold),
        a_user("revoked@a.example", invitation=an_invitation(id="3", status=InvitationStatus.REVOKED)),
    ]
    with store.write() as work:
        for number, person in enumerate(people):
            user = replace(person, id=UserId(f"id-{number}"))
            work.users.add(user, index(user))
    for state in State:
        with store.read() as work:
            found = work.users.find(ACME, Query(filter=InState(frozenset({state}), NOW)))
        wanted = [user.profile.user_name for user in people if state_of(user, NOW) is state]
        assert [user.profile.user_name for user in found.items] == wanted


def test_a_hold_that_hides_does_so_from_its_source_alone(store: Store) -> None:
    hidden = replace(SCIM_HOLD, hides=True)
    profile = a_profile(external_ids={"scim": "e1"})
    user = a_user(profile=profile, holds=frozenset({hidden}))
    with store.write() as work:
        work.users.add(user, index(user))
    with store.read() as work:
        assert work.users.document(ACME, ADA, hidden_from="scim:entra") is None
        assert work.users.documents(ACME, Query(), hidden_from="scim:entra").total == 0
        assert work.users.document(ACME, ADA, hidden_from="scim:okta") is not None
        assert work.users.document(ACME, ADA) is not None
        assert work.users.hidden(ACME, "scim:entra", "ADA@acme.example", "") == ADA
        assert work.users.hidden(ACME, "scim:entra", "someone", "e1") == ADA
        assert work.users.hidden(ACME, "scim:okta", "ada@acme.example", "e1") is None


def test_administrators_are_counted_without_the_one_asked_about(store: Store) -> None:
    users = [
        a_user("a@a.example", id=UserId("1"), is_admin=True, activated_at=NOW),
        a_user("b@a.example", id=UserId("2"), is_admin=True),
        a_user("c@a.example", id=UserId("3"), is_admin=True, removed_at=NOW),
    ]
    with store.write() as work:
        for user in users:
            work.users.add(user, index(user))
    with store.read() as work:
        assert work.users.admins(ACME, other_than=UserId("9")) == (2, 1)
        assert work.users.admins(ACME, other_than=UserId("1")) == (1, 0)


def test_a_failed_unit_of_work_leaves_nothing(store: Store) -> None:
    user = a_user()
    twin = replace(user, id=BOB)
    with pytest.raises(Taken), store.write() as work:
        _add_all(work, user, twin)
    with store.read() as work:
        assert work.users.get(ACME, ADA) is None


def test_reading_units_of_work_cannot_write(store: Store) -> None:
    user = a_user()
    with pytest.raises(DatabaseError, match=r"read-?only"), store.read() as work:
        work.users.add(user, index(user))


def _add_all(work: UnitOfWork, *users: PortalUser) -> None:
    for user in users:
        work.users.add(user, index(user))


def test_the_last_removed_user_of_a_name_is_found_until_it_is_forgotten(store: Store) -> None:
    first = a_user(removed_at=NOW)
    second = a_user("ADA@acme.example", id=BOB, removed_at=NOW + 1)
    living = a_user("bob@acme.example", id=UserId("bob"))
    nameless = a_user(id=UserId("nobody"), profile=a_profile("", email=""), removed_at=NOW)
    with store.write() as work:
        _add_all(work, first, second, living, nameless)
    with store.read() as work:
        found = work.users.removed(ACME, "Ada@acme.example")
        assert found is not None
        assert found.id == BOB
        assert work.users.removed(OTHER, "ada@acme.example") is None
        assert work.users.removed(ACME, "bob@acme.example") is None
        assert work.users.removed(ACME, "") is None


def test_erasing_forgets_the_address_of_every_generation_but_no_link(store: Store) -> None:
    user = a_user(invitation=an_invitation())
    resent = replace(user, invitation=an_invitation(2))
    with store.write() as work:
        work.users.add(user, index(user))
        work.users.save(resent, index(resent))
        work.users.erase(OTHER, ADA)
        assert work.users.get(ACME, ADA) == resent
        work.users.erase(ACME, ADA)
        found = work.users.by_invitation("a" * 32)
    assert found is not None
    assert found.invitation == an_invitation(2, address="", locale="", inviter="")


def _odd(length: int) -> str:
    """Text that hardly compresses, of three bytes a character."""
    characters = [chr(code) for code in range(0x4E00, 0x9FA5)]
    return "".join(Random(length).choices(characters, k=length))  # noqa: S311 (no secret)


@pytest.mark.parametrize("length", [300, 900, 20_000])
def test_names_of_any_length_are_kept_found_and_told_apart(store: Store, length: int) -> None:
    long = _odd(length)
    profile = a_profile(
        long,
        email=f"{long}@x",
        given_name=long,
        family_name=long,
        display_name=long,
        external_ids={"scim": long},
    )
    user = a_user(profile=profile)
    longer = a_profile(f"{long}a", email=f"{long}a@x", external_ids={"scim": f"{long}a"})
    other = a_user(id=BOB, profile=longer)
    with store.write() as work:
        _add_all(work, user, other)
    with store.read() as work:
        assert work.users.get(ACME, ADA) == user
        for attribute in (Attribute.USER_NAME, Attribute.EXTERNAL_ID, Attribute.DISPLAY_NAME):
            found = work.users.find(ACME, Query(filter=Compare(attribute, Operator.EQ, long)))
            assert [one.id for one in found.items] == [ADA]
        found = work.users.find(ACME, Query(filter=EmailItem(None, f"{long}@x")))
        assert [one.id for one in found.items] == [ADA]
    again = a_user(id=UserId("again"), profile=a_profile(long, email=""))
    with pytest.raises(Taken), store.write() as work:
        work.users.add(again, index(again))


def test_parts_of_a_user_follow_every_change_of_one_unit_of_work(store: Store) -> None:
    """What is not written again because it is as it was must be as it was."""
    hold = frozenset({SCIM_HOLD})
    first = a_user(invitation=an_invitation())
    other = a_profile(email="ada@new.example")
    moved = replace(first, profile=other, document=a_document(other), holds=hold, version=2)
    back = replace(first, version=3)

    def found(value: str) -> int:
        with store.read() as reading:
            return reading.users.find(ACME, Query(filter=EmailItem("work", value))).total

    with store.write() as work:
        work.users.add(first, index(first))
    with store.write() as work:
        assert work.users.get(ACME, ADA) == first
        work.users.save(moved, index(moved))
        assert work.users.get(ACME, ADA) == moved
        work.users.save(back, index(back))
        assert work.users.get(ACME, ADA) == back
        work.users.save(moved, index(moved))
    assert (found("ada@acme.example"), found("ada@new.example")) == (0, 1)
    hidden = replace(moved, holds=frozenset({replace(SCIM_HOLD, hides=True)}))
    with store.write() as work:
        assert work.users.get(ACME, ADA) == moved
        work.users.save(hidden, index(hidden))
    with store.read() as work:
        assert work.users.hidden(ACME, SCIM_HOLD.source, first.profile.user_name, "") == ADA
    with store.write() as work:
        assert work.users.get(ACME, ADA) == moved
        work.users.mark_sent(ACME, ADA, 1, NOW + 5)
        work.users.save(replace(moved, version=4), index(moved))
        again = work.users.get(ACME, ADA)
    assert again == replace(moved, version=4, invitation=an_invitation(sent_at=NOW + 5))
