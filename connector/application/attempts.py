"""Makes one try at a row: performs its effect, and says what came of it. It owns that nothing an effect
raises gets lost; writing it down is ``endings``'s.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from connector.application.pace import WorkerSettings
from connector.application.performers import Again, Performers
from connector.application.records import OutboxRow
from connector.domain.errors import Busy, Refused, Unavailable, UsherError
from connector.foundation.contact import listening
from connector.foundation.deadline import within

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What came of one try: None is done. ``was_answered``: the sink itself answered something.
    ``seconds`` it took.
    """

    row: OutboxRow
    outcome: Again | UsherError | None
    was_answered: bool
    seconds: float


class Attempts:
    """Tries at rows; ``elapsed`` gives seconds that never jump."""

    def __init__(
        self, performers: Performers, settings: WorkerSettings, elapsed: Callable[[], float]
    ) -> None:
        self._performers = performers
        self._settings = settings
        self._elapsed = elapsed

    def make(self, row: OutboxRow) -> Ending:
        """Perform the row's effect; every line logged meanwhile names the row's user and request."""
        began = self._elapsed()
        limit = within(self._settings.effect(row.lane))
        with structlog.contextvars.bound_contextvars(**names_of(row)), limit, listening() as contact:
            outcome = self._outcome(row)
        return Ending(
            row=row, outcome=outcome, was_answered=contact.was_made, seconds=self._elapsed() - began
        )

    def _outcome(self, row: OutboxRow) -> Again | UsherError | None:
        try:
            return self._performers.perform(row)
        except (Busy, Refused) as error:
            # The database was busy, or the user changed between the look and the command: look again.
            return _own_failure(str(error))
        except UsherError as error:
            return error
        except Exception:
            log.exception("effect_crashed")
            return _own_failure("Usher failed on this effect; see the log of this time.")


def _own_failure(text: str) -> Unavailable:
    """Nobody's fault but ours, so it says nothing of the sink; and what was done by then stays unknown."""
    return Unavailable(text, sink_wide=False, unsure=True)


def names_of(row: OutboxRow) -> dict[str, str]:
    """What log lines about a row carry."""
    return {
        "request_id": row.request_id,
        "tenant": row.tenant,
        "user_id": row.user_id,
        "effect": row.effect,
    }
