"""The kinds of values a configuration is made of: durations, sizes, names, paths, colours. It owns how each
is written, its normal form and its range; it must not know which key holds one.

Every type is a plain Python type with the rule that reads it attached, so that pydantic applies the rule
and names the place when it is broken.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from connector.foundation import brand
from connector.foundation.faults import did_you_mean
from connector.foundation.logo import read_logo

_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB)", re.ASCII)
_BYTES = {"MiB": 1024**2, "KiB": 1024, "B": 1}
_KEY = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a value is checked against besides itself; pydantic's validation context. ``folder`` is the
    configuration file's, to which every path in it is relative.
    """

    folder: Path
    realms: frozenset[str] = frozenset()

    @classmethod
    def of(cls, info: ValidationInfo) -> "Surroundings":
        """The surroundings that a validation was begun with."""
        if not isinstance(info.context, Surroundings):
            raise TypeError("settings are validated with their surroundings as context")
        return info.context


# --- durations and sizes ---------------------------------------------------------------------------


def parse_duration(value: Any) -> float:
    """``15m``, ``3d``, ``250ms`` as seconds; 0 needs no unit.

    :raises ValueError: there is no whole number with one of the units.
    """
    match = _DURATION.fullmatch("0s" if value == 0 else str(value))
    if match is None:
        raise ValueError("must be a duration like 15m, 3d, 48h or 250ms")
    return int(match[1]) * _SECONDS[match[2]]


def show_duration(seconds: float) -> str:
    """Seconds in the largest unit that takes them whole."""
    milliseconds = round(seconds * 1000)
    for unit, length in _SECONDS.items():
        if milliseconds and milliseconds % round(length * 1000) == 0:
            return f"{milliseconds // round(length * 1000)}{unit}"
    return "0s"


def parse_size(value: Any) -> int:
    """``4MiB``, ``64KiB``, ``100B`` as bytes.

    :raises ValueError: there is no whole number with one of the units.
    """
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise ValueError("must be a size like 64KiB or 4MiB")
    return int(match[1]) * _BYTES[match[2]]


def show_size(size: int) -> str:
    """Bytes in the largest unit that takes them whole."""
    unit, length = next(item for item in _BYTES.items() if size % item[1] == 0)
    return f"{size // length}{unit}"


def lasting(low: str, high: str) -> AfterValidator:
    """The sane range of a duration."""
    return _between(parse_duration(low), parse_duration(high), f"{low} and {high}")


def sized(low: str, high: str) -> AfterValidator:
    """The sane range of a size."""
    return _between(parse_size(low), parse_size(high), f"{low} and {high}")


def counting(low: int, high: int) -> AfterValidator:
    """The sane range of a number."""
    return _between(low, high, f"{low} and {high}")


def _between(low: float, high: float, shown: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not low <= value <= high:
            raise ValueError(f"must be between {shown}")
        return value

    return AfterValidator(check)


def _read_duration(value: Any, info: ValidationInfo) -> float:
    """Files need a unit; Python code that fills a form itself gives seconds."""
    if info.context is None and isinstance(value, float):
        return value
    return parse_duration(value)


Duration = Annotated[
    float,
    BeforeValidator(_read_duration),
    PlainSerializer(show_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
"""Seconds."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(show_size, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"}),
]
"""Bytes."""


# --- words -----------------------------------------------------------------------------------------


def parse_key(value: str) -> str:
    """A name that stands in our URLs and in Keycloak's attributes."""
    if not _KEY.fullmatch(value):
        raise ValueError("must be 1 to 63 of a-z, 0-9 and -, neither first nor last a -")
    return value


def parse_line(value: str) -> str:
    """Text that is one line: no control characters, nothing but spaces around it cut off."""
    if _CONTROL.search(value):
        raise ValueError("must be one line without control characters")
    return value.strip()


def parse_filled_line(value: str) -> str:
    """As :func:`parse_line`, and not empty."""
    line = parse_line(value)
    if not line:
        raise ValueError("must not be empty")
    return line


def parse_locale(value: str) -> str:
    """A language tag like ``de`` or ``de-AT`` that Babel knows."""
    try:
        Locale.parse(value, sep="-")
    except (ValueError, UnknownLocaleError):
        raise ValueError("must be a language tag like de or de-AT") from None
    return value


def parse_time_zone(value: str) -> str:
    """A time zone of the IANA database, like ``Europe/Berlin``."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(value, available_timezones())
        raise ValueError(f"must be a time zone like Europe/Berlin{hint}") from None
    return value


def known_realm(value: str, info: ValidationInfo) -> str:
    """The key of a realm in the configuration."""
    realms = Surroundings.of(info).realms
    if value not in realms:
        hint = did_you_mean(value, realms)
        raise ValueError(f"there is no realm {value!r} under keycloak.realms{hint}")
    return value


def parse_path(value: Any, info: ValidationInfo) -> Path:
    """A path, relative to the configuration file's folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a path")
    return Surroundings.of(info).folder / value


def parse_sqlite_url(value: str, info: ValidationInfo) -> str:
    """``sqlite:///FILE``, made absolute (four slashes)."""
    file = value.removeprefix("sqlite:///")
    if file == value or not file or "?" in file or file == ":memory:":
        raise ValueError("must be sqlite:///FILE")
    return f"sqlite:///{parse_path(file, info)}"


class LogoFile(NamedTuple):
    """A logo that was looked at, and where it came from."""

    path: Path
    data: bytes


def read_logo_file(value: Any, info: ValidationInfo) -> LogoFile:
    """An image file, cleaned and shrunk."""
    path = parse_path(value, info)
    return LogoFile(path, read_logo(path))


Key = Annotated[str, AfterValidator(parse_key)]
Line = Annotated[str, AfterValidator(parse_line)]
FilledLine = Annotated[str, AfterValidator(parse_filled_line)]
LocaleTag = Annotated[str, AfterValidator(parse_locale)]
TimeZone = Annotated[str, AfterValidator(parse_time_zone)]
RealmKey = Annotated[str, AfterValidator(known_realm)]
FilePath = Annotated[
    Path,
    BeforeValidator(parse_path, json_schema_input_type=str),
    PlainSerializer(str, when_used="json"),
]
Logo = Annotated[
    LogoFile,
    PlainValidator(read_logo_file, json_schema_input_type=str),
    PlainSerializer(lambda logo: str(logo.path), when_used="json"),
]
Colour = Annotated[str, AfterValidator(brand.parse_colour)]
PrimaryColour = Annotated[Colour, AfterValidator(brand.check_primary)]
