"""The end that is set for the work at hand."""

import math
from threading import Thread

from connector.foundation.deadline import seconds_left, within


def test_without_an_end_there_is_all_the_time() -> None:
    assert seconds_left() == math.inf


def test_the_time_left_shrinks_to_nothing_and_the_end_goes_with_its_block() -> None:
    now = [100.0]
    with within(45, lambda: now[0]):
        assert seconds_left() == 45
        now[0] += 40
        assert seconds_left() == 5
        now[0] += 40
        assert seconds_left() == 0
    assert seconds_left() == math.inf


def test_an_end_is_one_threads_own() -> None:
    seen: list[float] = []
    with within(45):
        other = Thread(target=lambda: seen.append(seconds_left()))
        other.start()
        other.join()
    assert seen == [math.inf]
