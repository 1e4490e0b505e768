"""The contracts of ``ports.Timeline``, ``Tokens`` and ``HandOvers``, over every store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from connector.application.records import Entry, HandOver, HandOverStatus, Token
from connector.application.repositories import Store
from connector.domain.model import AccountId, State, UserId
from tests.support.builders import ACME, ADA, NOW, OTHER, a_user, index

ENTRY = Entry(
    tenant=ACME,
    user_id=ADA,
    at=NOW,
    actor="olga",
    source="cli",
    request_id="r1",
    action="edit",
    before=State.DRAFT,
    after=State.DRAFT,
    reason="as she asked",
    changes={"given_name": ("Ada", "Augusta")},
)
TOKEN = Token(
    id="t1",
    tenant=ACME,
    name="entra",
    digest="d" * 64,
    scope="scim",
    created_at=NOW,
    expires_at=NOW + 100,
)
HANDOVER = HandOver(
    id="h1",
    tenant=ACME,
    user_id=ADA,
    generation=1,
    browser="b" * 64,
    opened_at=NOW,
    link_until=NOW + 900,
    closes_at=NOW + 1800,
    sub="5" * 32,
    account=AccountId("k1"),
    code="c" * 64,
    code_until=NOW + 60,
)


def with_ada(store: Store, **values: Any) -> None:
    user = a_user(**values)
    with store.write() as work:
        work.users.add(user, index(user))


def test_a_timeline_comes_back_in_order_and_only_to_its_tenant(store: Store) -> None:
    later = replace(ENTRY, at=NOW + 1, action="disable", changes={})
    with store.write() as work:
        work.timeline.add(ENTRY)
        work.timeline.add(later)
    with store.read() as work:
        assert work.timeline.of(ACME, ADA) == [ENTRY, later]
        assert work.timeline.of(OTHER, ADA) == []


def test_an_erased_timeline_says_what_happened_but_no_value_and_not_why(store: Store) -> None:
    with store.write() as work:
        work.timeline.add(ENTRY)
        work.timeline.erase(OTHER, ADA)
        assert work.timeline.of(ACME, ADA) == [ENTRY]
        work.timeline.erase(ACME, ADA)
    with store.read() as work:
        assert work.timeline.of(ACME, ADA) == [replace(ENTRY, changes={}, reason="")]


def test_a_token_is_found_by_its_digest_within_its_tenant_alone(store: Store) -> None:
    with store.write() as work:
        work.tokens.add(TOKEN)
        work.tokens.used(ACME, "t1", at=NOW + 5)
    with store.read() as work:
        assert work.tokens.by_digest(ACME, "d" * 64) == replace(TOKEN, last_used_at=NOW + 5)
        assert work.tokens.by_digest(OTHER, "d" * 64) is None
        assert work.tokens.list(OTHER) == []
        assert len(work.tokens.list()) == 1


def test_a_token_is_revoked_once_and_by_its_tenant_alone(store: Store) -> None:
    with store.write() as work:
        work.tokens.add(TOKEN)
        assert not work.tokens.revoke(OTHER, "t1", now=NOW)
        assert work.tokens.revoke(ACME, "t1", now=NOW)
        assert not work.tokens.revoke(ACME, "t1", now=NOW)
        found = work.tokens.by_digest(ACME, "d" * 64)
    assert found is not None
    assert not found.is_live(NOW)
    assert TOKEN.is_live(NOW)
    assert not TOKEN.is_live(NOW + 100)


def test_a_user_has_at_most_one_open_hand_over(store: Store) -> None:
    with_ada(store)
    second = replace(HANDOVER, id="h2", browser="x" * 64, code="", code_until=None)
    with store.write() as work:
        work.handovers.add(HANDOVER)
        work.handovers.add(second)
    with store.read() as work:
        assert work.handovers.open_of(ACME, ADA, now=NOW) == second
        assert work.handovers.open_of(ACME, ADA, now=NOW + 1800) is None
        assert work.handovers.open_of(OTHER, ADA, now=NOW) is None
        first = work.handovers.get("h1")
        assert first is not None
        assert (first.status, first.code) == (HandOverStatus.CLOSED, "")
        assert work.handovers.of_browser("b" * 64) == first


def test_hand_overs_that_came_to_nothing_are_forgotten_unless_their_account_stands(store: Store) -> None:
    """An account whose password page may still be open somewhere must be known as such."""
    with_ada(store, account_id=AccountId("kc-2"))
    gone, standing = (replace(HANDOVER, id=f"h{n}", account=AccountId(f"kc-{n}"), code="") for n in (1, 2))
    with store.write() as work:
        for one in (gone, standing, replace(standing, id="h3", closes_at=NOW + 9000)):
            work.handovers.add(one)
        assert work.handovers.forget(before=NOW + 1800, limit=10) == 0
        assert work.handovers.forget(before=NOW + 1801, limit=0) == 0
        assert work.handovers.forget(before=NOW + 1801, limit=10) == 1
        assert work.handovers.get("h1") is None
        assert work.handovers.forget(before=NOW + 9001, limit=10) == 0


def test_control_o7_a_code_is_redeemed_once_however_many_try(store: Store) -> None:
    with_ada(store)
    with store.write() as work:
        work.handovers.add(HANDOVER)

    def redeem(_: int) -> bool:
        with store.write() as work:
            return work.handovers.redeem("c" * 64, now=NOW + 59) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(50))) == 1


def test_control_o7_a_code_dies_after_its_time(store: Store) -> None:
    with_ada(store)
    with store.write() as work:
        work.handovers.add(HANDOVER)
        assert work.handovers.redeem("c" * 64, now=NOW + 60) is None
        assert work.handovers.redeem("", now=NOW) is None


def test_an_account_remembers_what_became_of_every_hand_over_that_led_to_it(store: Store) -> None:
    account = AccountId("k1")
    with_ada(store)
    with store.write() as work:
        assert work.handovers.statuses_on(ACME, account) == frozenset()
        work.handovers.add(HANDOVER)
        assert work.handovers.statuses_on(ACME, account) == {HandOverStatus.OPEN}
        assert work.handovers.statuses_on(ACME, AccountId("k2")) == frozenset()
        assert work.handovers.statuses_on(OTHER, account) == frozenset()
        work.handovers.add(replace(HANDOVER, id="h2", code=""))
        assert work.handovers.statuses_on(ACME, account) == {HandOverStatus.CLOSED, HandOverStatus.OPEN}
        assert work.handovers.complete(OTHER, ADA) == 0
        assert work.handovers.complete(ACME, ADA) == 1
        assert work.handovers.statuses_on(ACME, account) == {HandOverStatus.CLOSED, HandOverStatus.DONE}


def test_a_hand_over_is_saved_by_its_owner_alone(store: Store) -> None:
    with_ada(store)
    with store.write() as work:
        work.handovers.add(HANDOVER)
        work.handovers.save(replace(HANDOVER, tenant=OTHER, leg=7))
        work.handovers.save(replace(HANDOVER, user_id=UserId("bob"), leg=7))
        assert work.handovers.get("h1") == HANDOVER
        work.handovers.save(replace(HANDOVER, leg=2))
        assert work.handovers.get("h1") == replace(HANDOVER, leg=2)
