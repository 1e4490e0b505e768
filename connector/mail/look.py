"""What a tenant's brand comes to in a mail: colours that can be read, the logo's place and size. It owns
these choices; colour arithmetic is the foundation's.
"""

import struct
from dataclasses import dataclass
from typing import Any

from connector.domain.model import Brand
from connector.foundation.brand import WHITE, contrast, readable_shade, readable_tint, text_on

LOGO_MAX_WIDTH = 220
LOGO_MAX_HEIGHT = 48

BRAND = (
    *("primary", "on_primary", "accent", "on_accent", "ink", "ink_at_night", "tint", "edge"),
    *("support", "footer", "logo", "logo_width", "logo_height"),
)
"""The names of :func:`brand_variables`."""

_WASH = "#f6f7f9"
_NIGHT = "#1a212b"  # behind the words of a mail in the dark
_TINT = 0.05
_VISIBLE = 1.6
_GREY = "#8a919c"
_SIZE = struct.Struct(">II")
_SIZE_OFFSET = 16  # behind signature, length and name of the header (PNG 1.2 §3, §4.1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """A brand's logo as a part of the mail; ``content_id`` without angle brackets, sides in CSS pixels."""

    png: bytes
    content_id: str
    width: int
    height: int


def logo_of(brand: Brand, content_id: str) -> Logo | None:
    """The brand's logo, shrunk to fit over the mail; None if it has none."""
    if brand.logo is None:
        return None
    width, height = _SIZE.unpack_from(brand.logo, _SIZE_OFFSET)
    scale = min(1.0, LOGO_MAX_WIDTH / width, LOGO_MAX_HEIGHT / height)
    return Logo(
        png=brand.logo,
        content_id=content_id,
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
    )


def brand_variables(brand: Brand, logo: Logo | None) -> dict[str, Any]:
    """The ``brand`` of the templates. ``ink`` is the primary colour, dark enough for text on white,
    ``ink_at_night`` light enough for text in the dark; ``tint`` a ground with a touch of it; ``edge`` shows
    where a pale button ends; ``logo`` is a URL, empty without one.
    """
    return {
        "primary": brand.primary,
        "on_primary": text_on(brand.primary),
        "accent": brand.accent,
        "on_accent": text_on(brand.accent),
        "ink": readable_shade(brand.primary),
        "ink_at_night": readable_tint(brand.primary, _NIGHT),
        "tint": _mixed(brand.primary, _WASH, _TINT),
        "edge": brand.primary if contrast(brand.primary, WHITE) >= _VISIBLE else _GREY,
        "support": brand.support,
        "footer": brand.footer,
        "logo": f"cid:{logo.content_id}" if logo else "",
        "logo_width": logo.width if logo else 0,
        "logo_height": logo.height if logo else 0,
    }


def _mixed(colour: str, other: str, share: float) -> str:
    """``share`` of ``colour`` in ``other``."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(a * share + b * (1 - share)) for a, b in pairs).hex()
