"""What units of work that run side by side see of each other, over every store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest

from connector.application.records import HandOver
from connector.application.repositories import Store, UnitOfWork
from connector.domain.commands import Accept
from connector.domain.effects import Lane, SyncAccount
from connector.domain.errors import Refused
from connector.domain.model import Actor, ActorKind, PortalUser, State, UserId
from connector.domain.query import Query
from tests.support.builders import ACME, ADA, NOW, OTHER, a_service, a_user, an_invitation, command, index

T = TypeVar("T")
BOB = UserId("bob")
INVITED = Actor(kind=ActorKind.USER, name="user")


def a_hand_over(handover: str) -> HandOver:
    return HandOver(
        id=handover,
        tenant=ACME,
        user_id=ADA,
        generation=1,
        browser="b" * 64,
        opened_at=NOW,
        link_until=NOW + 900,
        closes_at=NOW + 1800,
    )


def add(store: Store, *users: PortalUser) -> None:
    with store.write() as work:
        for user in users:
            work.users.add(user, index(user))


def waited(store: Store, first: Callable[[UnitOfWork], object], second: Callable[[UnitOfWork], T]) -> T:
    """What ``second`` comes to in a unit of work that is begun before ``first``'s ends: it must wait."""

    def later() -> T:
        with store.write() as work:
            return second(work)

    with ThreadPoolExecutor(1) as pool:
        with store.write() as work:
            first(work)
            running = pool.submit(later)
            with pytest.raises(TimeoutError):
                running.result(timeout=0.3)
        return running.result(timeout=10)


def renamed(work: UnitOfWork, name: str = "Augusta") -> None:
    user = work.users.get(ACME, ADA)
    assert user is not None
    profile = replace(user.profile, display_name=name)
    changed = replace(user, profile=profile, invitation=an_invitation(2), version=user.version + 1)
    work.users.save(changed, index(changed))


def test_database_d1_who_reads_a_user_to_change_it_sees_the_last_change(store: Store) -> None:
    add(store, a_user(invitation=an_invitation()))
    user = waited(store, renamed, lambda work: work.users.get(ACME, ADA))
    assert user is not None
    assert (user.profile.display_name, user.version) == ("Augusta", 2)
    assert user.invitation is not None
    assert user.invitation.generation == 2


def test_a_locked_user_is_waited_for(store: Store) -> None:
    add(store, a_user())
    waited(store, lambda work: work.users.lock(ACME, ADA), lambda work: work.users.lock(ACME, ADA))
    waited(store, lambda work: work.users.get(ACME, ADA), lambda work: work.users.lock(ACME, ADA))


def test_whoever_counts_administrators_waits_for_others_who_did(store: Store) -> None:
    olga, oskar = (
        a_user(f"{name}@acme.example", id=UserId(name), is_admin=True, activated_at=NOW)
        for name in ("olga", "oskar")
    )
    add(store, olga, oskar)

    def revoke(work: UnitOfWork, one: PortalUser) -> bool:
        """As the rule of the last administrator does it."""
        _, others = work.users.admins(ACME, other_than=one.id)
        if others:
            changed = replace(one, is_admin=False, version=2)
            work.users.save(changed, index(changed))
        return bool(others)

    assert not waited(store, lambda work: revoke(work, olga), lambda work: revoke(work, oskar))


def test_places_in_the_list_rise_in_the_order_of_the_commits(store: Store) -> None:
    first, second = (a_user(f"{n}@acme.example", id=UserId(n)) for n in ("zoe", "ann"))
    waited(
        store,
        lambda work: work.users.add(first, index(first)),
        lambda work: work.users.add(second, index(second)),
    )
    with store.read() as work:
        assert [user.id for user in work.users.find(ACME, Query()).items] == ["zoe", "ann"]


def test_of_two_hand_overs_opened_at_once_the_second_closes_the_first(store: Store) -> None:
    add(store, a_user())
    waited(
        store,
        lambda work: work.handovers.add(a_hand_over("h1")),
        lambda work: work.handovers.add(a_hand_over("h2")),
    )
    with store.read() as work:
        found = work.handovers.open_of(ACME, ADA, now=NOW)
    assert found is not None
    assert found.id == "h2"


def test_who_redeems_a_code_waits_for_who_has_its_user_as_everybody_does(store: Store) -> None:
    """Users before their hand-overs, always: the other way round two could wait for each other."""
    add(store, a_user())
    with store.write() as work:
        work.handovers.add(replace(a_hand_over("h1"), code="c" * 64, code_until=NOW + 60))
    found = waited(
        store,
        lambda work: work.users.lock(ACME, ADA),
        lambda work: work.handovers.redeem("c" * 64, now=NOW),
    )
    assert found is not None
    assert found.id == "h1"


def test_queue_q1_a_lost_row_is_enqueued_anew_behind_the_changes_of_its_user(store: Store) -> None:
    add(store, a_user())
    with store.write() as work:
        work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
        (lost,) = work.outbox.claim(Lane.ACCOUNT, 1, 1, lease=90, now=NOW)
        work.outbox.acknowledge([(lost.id, lost.attempt)], now=NOW)
    waited(
        store,
        lambda work: work.users.lock(ACME, ADA),
        lambda work: work.outbox.renew(lost, now=NOW),
    )
    with store.read() as work:
        assert [row.id > lost.id for row in work.outbox.open_rows(ACME, ADA)] == [True]


def test_queue_q1_a_change_that_is_rolled_back_leaves_no_row(store: Store) -> None:
    add(store, a_user())

    def fail() -> None:
        with store.write() as work:
            work.outbox.enqueue(ACME, ADA, SyncAccount(), sink="s", request_id="r", now=NOW)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.read() as work:
        assert work.outbox.open_rows(ACME, ADA) == []


def test_a_reading_unit_of_work_sees_one_moment_throughout(store: Store) -> None:
    add(store, a_user())
    with store.read() as work:
        before = work.users.get(ACME, ADA)
        with store.write() as other:
            renamed(other)
        assert work.users.get(ACME, ADA) == before
    with store.read() as work:
        assert work.users.get(ACME, ADA) != before


def test_users_of_another_tenant_are_not_waited_for(store: Store) -> None:
    add(store, a_user())
    with store.write() as work:
        work.users.lock(OTHER, ADA)
        assert work.users.get(OTHER, ADA) is None


def test_control_i3_of_fifty_completions_at_once_one_is_acceptance(store: Store) -> None:
    add(store, a_user(invitation=an_invitation()))
    service = a_service(store)

    def complete(_: int) -> None:
        with suppress(Refused):
            service.handle(command(Accept, actor=INVITED, generation=1))

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(complete, range(50)))
    with store.read() as work:
        told = [entry.before for entry in work.timeline.of(ACME, ADA) if entry.after is State.ACTIVE]
    assert told.count(State.PENDING) == 1


def test_control_i3_an_older_generation_is_no_acceptance(store: Store) -> None:
    add(store, a_user(invitation=an_invitation(2)))
    with pytest.raises(Refused, match="link_dead"):
        a_service(store).handle(command(Accept, actor=INVITED, generation=1))
