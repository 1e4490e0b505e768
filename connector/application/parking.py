"""What was put off for a sink that is away, taken up again before its time. It owns that rows and sink move
together: rows are found again by the very time to which they were parked.
"""

from connector.application.records import Sink
from connector.application.repositories import UnitOfWork


def try_now(work: UnitOfWork, sink: Sink, *, now: float) -> None:
    """Have a sink that is away tried at once, with what waits for it."""
    work.outbox.unpark(sink.name, parked_until=sink.waits_until, now=now)
    work.sinks.hurry(now=now, name=sink.name)
