"""A tenant's look on the pages: its stylesheet, its icon, and where both are found. It owns what is made of
the brand's colours; it must not know what a page says.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment

from connector.domain.model import Brand, Tenant
from connector.foundation.brand import contrast, css_properties, readable_tint, text_on
from connector.invite.addresses import BRAND

NEUTRAL = "_"
"""In place of a tenant's id where none is known; no tenant can be called so."""
_NEUTRAL_BRAND = Brand(primary="#334155", accent="#94a3b8")
_VISIBLE = 1.5
"""Contrast from which on a shape without meaning is worth drawing."""
_NIGHT = "#1f2937"
"""The lightest ground of the dark form of the pages, as in ``style.css``."""
_KEPT = 256
"""Looks kept ready: making one takes longer than all the rest of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a page needs to know of the brand it is in. ``style``, ``icon`` and ``logo`` are addresses that
    change with their content; ``logo`` is empty where there is none.
    """

    name: str
    initial: str
    style: str
    icon: str
    logo: str
    footer: str


class Looks:
    """Makes looks from ``style.css`` and ``icon.svg`` in ``folder``."""

    def __init__(self, folder: Path, templates: Environment) -> None:
        self._sheet = (folder / "style.css").read_text(encoding="utf-8")
        self._icon = templates.get_template("icon.svg")
        self._made = lru_cache(maxsize=_KEPT)(self._make)

    def of(self, tenant: Tenant | None) -> Look:
        """A tenant's, or the neutral one."""
        if tenant is None:
            return self._made(NEUTRAL, "", _NEUTRAL_BRAND)
        return self._made(tenant.id, tenant.name, tenant.brand)

    def style(self, tenant: Tenant | None) -> str:
        """The stylesheet in a brand's colours."""
        return self._style(tenant.brand if tenant else _NEUTRAL_BRAND)

    def icon(self, tenant: Tenant | None) -> str:
        """What a browser shows beside the title where there is no logo: the first letter of the name."""
        name, brand = (tenant.name, tenant.brand) if tenant else ("", _NEUTRAL_BRAND)
        return self._drawn(name, brand)

    def _make(self, tenant: str, name: str, brand: Brand) -> Look:
        place = f"{BRAND}/{tenant}"
        logo = f"{place}/logo.png?v={_version(brand.logo)}" if brand.logo else ""
        icon = f"{place}/icon.svg?v={_version(self._drawn(name, brand).encode())}"
        return Look(
            name=name,
            initial=_initial(name),
            style=f"{place}/style.css?v={_version(self._style(brand).encode())}",
            icon=logo or icon,
            logo=logo,
            footer=brand.footer,
        )

    def _style(self, brand: Brand) -> str:
        at_night = readable_tint(brand.primary, _NIGHT)
        properties = css_properties(brand) | {
            "--mark": _mark_colour(brand),
            "--brand-night": at_night,
            "--brand-on-night": text_on(at_night),
        }
        colours = "".join(f"{name}:{value};" for name, value in properties.items())
        return f":root{{{colours}}}\n{self._sheet}"

    def _drawn(self, name: str, brand: Brand) -> str:
        return self._icon.render(
            initial=_initial(name), colour=brand.primary, on_colour=text_on(brand.primary)
        )


def _mark_colour(brand: Brand) -> str:
    """What a mark on the primary colour is drawn in: the accent, if it can be told from it."""
    told_apart = contrast(brand.accent, brand.primary) >= _VISIBLE
    return brand.accent if told_apart else text_on(brand.primary)


def _initial(name: str) -> str:
    return name[:1].upper()


def _version(content: bytes) -> str:
    """What tells two versions of a file apart in its address."""
    return sha256(content).hexdigest()[:12]
