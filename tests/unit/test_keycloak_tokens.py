"""When a token is fetched, and for whom."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from connector.domain.errors import Unavailable
from connector.keycloak.tokens import Token, Tokens


class Endpoint:
    """Gives t1, t2, … of 100 seconds each, or ``error``; waits for ``open`` first."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.open = Event()
        self.open.set()

    def __call__(self) -> Token:
        self.asked += 1
        assert self.open.wait(10)
        if self.error:
            raise self.error
        return Token(value=f"t{self.asked}", seconds=100)


class Elapsed:
    """A clock that is set by hand. ``enough`` happens when it has been read so often."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.left = 0
        self.enough = Event()

    def __call__(self) -> float:
        self.left -= 1
        if self.left == 0:
            self.enough.set()
        return self.seconds


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def tokens(endpoint: Endpoint, elapsed: Elapsed) -> Tokens:
    return Tokens(endpoint, elapsed)


def test_keycloak_a2_a_token_is_renewed_at_four_fifths_of_its_life(
    tokens: Tokens, endpoint: Endpoint, elapsed: Elapsed
) -> None:
    assert tokens.newest == ""
    assert tokens.current() == "t1"
    elapsed.seconds += 79.9
    assert tokens.current() == "t1"
    elapsed.seconds += 0.1
    assert tokens.current() == tokens.newest == "t2"
    assert endpoint.asked == 2


def test_the_time_that_fetching_took_is_part_of_a_tokens_life(elapsed: Elapsed) -> None:
    asked: list[float] = []

    def slow() -> Token:
        asked.append(elapsed.seconds)
        elapsed.seconds += 50
        return Token(value=f"t{len(asked)}", seconds=100)

    tokens = Tokens(slow, elapsed)
    assert tokens.current() == "t1"
    elapsed.seconds += 30
    assert tokens.current() == "t2"


def test_a_refused_token_is_replaced_once_however_many_were_refused(
    tokens: Tokens, endpoint: Endpoint
) -> None:
    first = tokens.current()
    assert tokens.instead_of(first) == "t2"
    assert tokens.instead_of(first) == "t2"
    assert tokens.current() == "t2"
    assert endpoint.asked == 2


def test_after_an_error_the_next_one_asks_again(tokens: Tokens, endpoint: Endpoint) -> None:
    endpoint.error = Unavailable("not now")
    with pytest.raises(Unavailable):
        tokens.current()
    endpoint.error = None
    assert tokens.current() == "t2"


@pytest.mark.parametrize("error", [None, Unavailable("not now")], ids=["token", "error"])
def test_keycloak_a2_threads_that_wait_share_one_answer(
    tokens: Tokens, endpoint: Endpoint, elapsed: Elapsed, error: Exception | None
) -> None:
    """Whoever comes reads the clock with the lock held, so all ten are in when it was read eleven times:
    once more by the one who fetches.
    """
    tokens.current()
    elapsed.seconds += 100
    elapsed.left = 11
    endpoint.error = error
    endpoint.open.clear()
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(tokens.current) for _ in range(10)]
        assert elapsed.enough.wait(10)
        endpoint.open.set()
        assert [future.exception() for future in futures] == [error] * 10
    assert endpoint.asked == 2
