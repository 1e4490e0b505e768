"""Which language a mail is in, and how a moment is written in it. It owns the order of preference and the
spelling of dates; it must not know templates.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time, get_timezone_name

DEFAULT = "en"

_NARROW_SPACE = "\u202f"  # missing in the fonts of many mail programs
_SPACE = "\u00a0"
_NO_REGION = frozenset({"001", "ZZ"})
_MOMENT = {
    "de": "{date} um {time} Uhr ({zone})",
    "en": "{date} at {time} ({zone})",
}
"""How date, time and zone stand together, where CLDR's neutral pattern can be bettered."""
_NEUTRAL_MOMENT = "{date}, {time} ({zone})"


def wanted(*preferences: str) -> Iterator[str]:
    """The language tags to try, most wanted first and in lower case: each preference, then what is left
    of it from the right (RFC 4647 §3.4). A preference may be written like ``Accept-Language``.
    """
    for preference in preferences:
        for item in preference.split(","):
            subtags = item.partition(";")[0].strip().replace("_", "-").lower().split("-")
            while subtags and subtags[0]:
                yield "-".join(subtags)
                subtags.pop()


def regional(language: str, tags: Iterable[str]) -> Locale:
    """The locale to write dates by: the most wanted one that speaks ``language``, so that a mail in
    ``de`` says Jänner to a reader in ``de-AT``.
    """
    for tag in (*tags, language):
        locale = _locale(tag)
        if locale is not None and locale.language == language.partition("-")[0].lower():
            return locale
    return Locale.parse(DEFAULT)


class Moment(str):
    """A moment in words; ``date`` is its date alone."""

    __slots__ = ("date",)
    date: str


def moment(at: float, time_zone: str, locale: Locale) -> Moment:
    """Epoch seconds as a date with weekday, a time and the name of the time zone.

    :raises LookupError: there is no such time zone. :raises ValueError: its name can be none.
    """
    zone = ZoneInfo(time_zone)
    then = datetime.fromtimestamp(at, zone)
    date = format_date(then, "full", locale=locale)
    text = _MOMENT.get(locale.language, _NEUTRAL_MOMENT).format(
        date=date,
        time=format_time(then, "short", tzinfo=zone, locale=locale),
        zone=_zone_name(zone, then, locale),
    )
    written = Moment(text.replace(_NARROW_SPACE, _SPACE))
    written.date = date.replace(_NARROW_SPACE, _SPACE)
    return written


def _zone_name(zone: ZoneInfo, then: datetime, locale: Locale) -> str:
    """The zone's name all year ("Central European Time"); zones of no country (UTC, GMT-3) have only the
    name of a season ("… Standard Time").
    """
    region = get_global("zone_territories").get(zone.key, "ZZ")
    return get_timezone_name(then if region in _NO_REGION else zone, "long", locale=locale)


def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None
