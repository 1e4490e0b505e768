"""The contracts of ``repositories.Rounds`` and ``Tallies``, over every store. Neither is a tenant's."""

from concurrent.futures import ThreadPoolExecutor

from connector.application.records import Tally
from connector.application.repositories import Store
from tests.support.builders import NOW

FIVE = 300.0


def test_a_round_has_one_winner_in_its_time(store: Store) -> None:
    with store.write() as work:
        assert work.rounds.is_due("links:main", every=FIVE, now=NOW)
        assert work.rounds.win("links:main", every=FIVE, now=NOW)
        assert not work.rounds.is_due("links:main", every=FIVE, now=NOW + FIVE - 1)
        assert not work.rounds.win("links:main", every=FIVE, now=NOW + FIVE - 1)
        assert work.rounds.win("links:other", every=FIVE, now=NOW), "each has its own time"
        assert work.rounds.is_due("links:main", every=FIVE, now=NOW + FIVE)
        assert work.rounds.win("links:main", every=FIVE, now=NOW + FIVE)


def test_of_many_workers_that_ask_at_once_one_wins_the_round(store: Store) -> None:
    def asks(_: int) -> bool:
        with store.write() as work:
            return work.rounds.win("links:main", every=FIVE, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(asks, range(8))) == 1


def test_a_round_is_not_put_off_by_a_clock_that_was_ahead(store: Store) -> None:
    with store.write() as work:
        work.rounds.win("links:main", every=FIVE, now=NOW + 8 * 86400)
        assert work.rounds.is_due("links:main", every=FIVE, now=NOW)
        assert work.rounds.win("links:main", every=FIVE, now=NOW)
        assert not work.rounds.win("links:main", every=FIVE, now=NOW)


def test_a_tally_counts_within_a_window_that_begins_with_the_first_time(store: Store) -> None:
    with store.write() as work:
        counts = [work.tallies.count("a", window=60, now=NOW + second) for second in (0, 30, 59, 60)]
        assert work.tallies.count("b", window=60, now=NOW).count == 1
    assert counts == [
        *(Tally(count=count, ends_at=NOW + 60) for count in (1, 2, 3)),
        Tally(count=1, ends_at=NOW + 120),
    ]


def test_a_tally_misses_nobody_however_many_count_at_once(store: Store) -> None:
    def counts(_: int) -> int:
        with store.write() as work:
            return work.tallies.count("a", window=60, now=NOW).count

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(counts, range(12))) == list(range(1, 13))


def test_a_tally_of_a_clock_that_was_ahead_locks_nobody_out(store: Store) -> None:
    with store.write() as work:
        work.tallies.count("a", window=60, now=NOW + 8 * 86400)
        assert work.tallies.count("a", window=60, now=NOW) == Tally(count=1, ends_at=NOW + 60)


def test_tallies_that_are_over_are_forgotten_and_no_others(store: Store) -> None:
    with store.write() as work:
        for number in range(3):
            work.tallies.count(f"old{number}", window=60, now=NOW)
        work.tallies.count("new", window=60, now=NOW + 1)
        assert work.tallies.forget(before=NOW + 60, limit=2) == 2
        assert work.tallies.forget(before=NOW + 60, limit=2) == 1
        assert work.tallies.forget(before=NOW + 60, limit=2) == 0
        assert work.tallies.count("new", window=60, now=NOW + 2).count == 2
