"""Times as SCIM writes them (RFC 7643 §2.3.5) and as Usher keeps them, epoch seconds. It owns the two
conversions and that neither loses the order of two times.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_MICRO = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,20}))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)


def text_of(seconds: float) -> str:
    """``seconds`` in UTC with microseconds, never later than it is: who asks for what changed since
    then misses nothing.
    """
    micros = round(seconds * _MICRO)
    if micros / _MICRO > seconds:
        micros -= 1
    whole, fraction = divmod(micros, _MICRO)
    return f"{_whole_text(whole)}.{fraction:06d}Z"


@lru_cache(maxsize=4096)
def _whole_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def seconds_of(text: str) -> float:
    """The instant of a time with any fraction and any offset; without one it is UTC.

    :raises ValueError: ``text`` is no time.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("no time")
    day, clock, fraction, _, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset)
    moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone)
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    scale: int = 10 ** len(fraction or "")
    return (whole * scale + int(fraction or 0)) / scale
