"""The fair share of each tenant: who asks for much at once waits behind who asks for little. It owns the
counting, for one process; what takes access away is never counted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from connector.application.records import MANY, SINGLE
from connector.domain.effects import Effect, Lane
from connector.domain.model import TenantId

_COUNTED = {Lane.ACCOUNT, Lane.MAIL}


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class FairShare:
    """A bucket of ``per_minute`` for each tenant, filled evenly (``elapsed``: seconds that never jump)."""

    def __init__(self, per_minute: int = 300, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._elapsed = elapsed
        self._buckets: dict[TenantId, _Bucket] = {}
        self._lock = Lock()

    def prio(self, tenant: TenantId, effect: Effect) -> int:
        """The priority of one more effect of the tenant's: 1 within its share, 2 beyond."""
        if effect.urgent or effect.lane not in _COUNTED:
            return SINGLE
        with self._lock:
            return SINGLE if self._taken(tenant) else MANY

    def _taken(self, tenant: TenantId) -> bool:
        now = self._elapsed()
        bucket = self._buckets.setdefault(tenant, _Bucket(left=self._per_minute, at=now))
        refill = (now - bucket.at) * self._per_minute / 60
        bucket.left, bucket.at = min(self._per_minute, bucket.left + refill), now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True
