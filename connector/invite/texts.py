"""What the pages say, and in which language. It owns the catalogue ``templates/pages/texts.yaml`` and the
words that are computed (masked addresses, times); it must not know when a page is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name
from ruamel.yaml import YAML

FALLBACK = "en"

Words = Mapping[str, Any]
"""The sentences of one page in one language; values are sentences or lists of them."""


@dataclass(frozen=True, slots=True)
class Masked:
    """An address that its owner recognises and nobody else learns: ``a••@example.com``, and how to say
    that aloud.
    """

    shown: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for people, the name of the zone it is in, and the same for machines (RFC 3339, UTC)."""

    shown: str
    zone: str
    machine: str


class Texts:
    """The catalogue: language code → page → sentences."""

    def __init__(self, catalogue: Mapping[str, Words]) -> None:
        self._catalogue = catalogue

    @classmethod
    def load(cls, folder: Path) -> "Texts":
        """Read ``texts.yaml`` of a folder."""
        return cls(YAML(typ="safe", pure=True).load(folder / "texts.yaml"))

    @property
    def languages(self) -> dict[str, str]:
        """Every language that is there, with its own name for itself."""
        return {code: words["language"] for code, words in self._catalogue.items()}

    def choose(self, *wanted: str) -> str:
        """The first wish that is there, by language alone (``de-AT`` gets ``de``), else English."""
        codes = (wish.replace("_", "-").partition("-")[0].lower() for wish in wanted)
        return next((code for code in codes if code in self._catalogue), FALLBACK)

    def common(self, language: str) -> Words:
        """What stands on more than one page."""
        return self._catalogue[language]

    def page(self, language: str, name: str) -> Words:
        """The sentences of one page."""
        words: Words = self._catalogue[language][name]
        return words

    def masked(self, language: str, address: str) -> Masked:
        """``address`` with all but its first character and its domain hidden."""
        local, _, domain = address.rpartition("@")
        spoken = self.common(language)["masked"].format(first=local[:1], domain=domain)
        return Masked(shown=f"{local[:1]}••@{domain}", spoken=spoken)

    def moment(self, language: str, at: float, zone: str) -> Moment:
        """``at`` (epoch seconds) in the IANA time zone ``zone``."""
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        locale = _locale(language)
        shown = self.common(language)["until"].format(
            date=format_date(local, "full", locale=locale),
            time=format_time(local, "short", tzinfo=local.tzinfo, locale=locale),
        )
        return Moment(
            shown=shown,
            zone=get_timezone_name(local, "long", locale=locale),
            machine=f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        )


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language)
    except (ValueError, UnknownLocaleError):
        return Locale.parse(FALLBACK)
