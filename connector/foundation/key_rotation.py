"""How one key takes another's place. It owns the steps of a rotation, all of which are files made and files
removed; what each key does by then is ``key_lives.py``'s.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from connector.domain.errors import UsherError
from connector.foundation.key_lives import KeyLife, Stage, Use, lives
from connector.foundation.keys import create_link_key, create_signing_key

LEAD = 600.0
"""Seconds from a new key's publication to its first use. Keycloak looks for keys it does not know, but not
more often than every ten seconds, and it may have looked a moment ago.
"""


class RotationUnderWay(UsherError):
    """A new key waits for its time already."""


def rotate(folder: Path, use: Use, *, now: float, lead: float = LEAD, stolen: bool = False) -> KeyLife:
    """Make the key that takes the current one's place ``lead`` seconds from now, and remove what is
    retired; the new key. ``stolen``: all others are removed and the new one counts at once.

    Two at the same moment make two keys, both published before they are used, which harms nothing.

    :raises RotationUnderWay: there is a next key already. :raises ConfigError: as the files say.
    """
    before = [life for life in lives(folder, now=now) if life.use is use]
    if not stolen:
        _check_none_is_next(before, now)
    new = _MAKERS[use](folder, since=int(now + (0.0 if stolen else lead)))
    for life in before:
        if stolen or life.stage is Stage.RETIRED:
            life.file.unlink(missing_ok=True)
    (made,) = (life for life in lives(folder, now=now) if life.file == new)
    return made


_MAKERS = {Use.TOKENS: create_signing_key, Use.LINKS: create_link_key}


def _check_none_is_next(found: Sequence[KeyLife], now: float) -> None:
    coming = next((life for life in found if life.stage is Stage.NEXT), None)
    if coming is not None:
        begins = datetime.fromtimestamp(coming.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise RotationUnderWay(
            f"A rotation is under way: {coming.name} takes over at {begins}, "
            f"in {max(1, round((coming.since - now) / 60))} minutes. Rotate again after that."
        )
