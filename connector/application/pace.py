"""How a worker goes about it: its counts and times. It owns the numbers and their defaults."""

from collections.abc import Callable
from dataclasses import dataclass

from connector.domain.effects import Lane

HOUR = 3600.0
DAY = 24 * HOUR

BATCH = 20
"""Rows of one claim, and of one acknowledgement, at most."""

PRESS_LEASE = 15.0
"""Seconds for which a person's press may keep a row, and the worker off the account."""

ANY_TURN = 10
"""Every so many claims of a lane one ignores priorities, so that the last are not left for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Seconds and counts. An effect begins only while ``account_effect`` or ``mail_effect`` seconds, the
    longest it can take, are left of the row's lease.
    """

    lease: float = 90.0
    heartbeat: float = 20.0
    poll: float = 0.25
    account_slots: int = 8
    mail_slots: int = 4
    clock_slots: int = 4
    account_effect: float = 45.0
    mail_effect: float = 75.0
    group: float = 0.05
    longest_backoff: float = HOUR
    give_up_after: float = DAY
    breaker_failures: int = 5
    breaker_pause: float = 30.0
    longest_breaker_pause: float = 300.0
    grace: float = 25.0
    keep_finished: float = 7 * DAY
    keep_mails: float = 90 * DAY
    link_sweep: float = 300.0

    def slots(self, lane: Lane) -> int:
        """How many effects of a lane run at once."""
        return {
            Lane.ACCOUNT: self.account_slots,
            Lane.MAIL: self.mail_slots,
            Lane.CLOCK: self.clock_slots,
        }[lane]

    def effect(self, lane: Lane) -> float:
        """The longest an effect of a lane can take."""
        return self.mail_effect if lane is Lane.MAIL else self.account_effect


def backoff(failures: int, *, longest: float, chance: Callable[[], float]) -> float:
    """Seconds to wait after that many failures in a row: full jitter, doubling, up to ``longest``."""
    return chance() * min(longest, 2.0 ** min(failures, 30))
