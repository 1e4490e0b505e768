"""A tenant's colours: what can be read on what. It owns these rules (WCAG 2.2) and the names of the CSS
properties; it must not know pages or mails.
"""

import re

from connector.domain.model import Brand

BLACK = "#000000"
WHITE = "#ffffff"
MIN_CONTRAST = 4.5
"""Between text and what is behind it (WCAG 2.2, success criterion 1.4.3)."""

_COLOUR = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII | re.IGNORECASE)
_SHADE_STEPS = 100


def parse_colour(text: str) -> str:
    """A colour as ``#rrggbb`` in lower case.

    :raises ValueError: it is neither ``#rgb`` nor ``#rrggbb``.
    """
    match = _COLOUR.fullmatch(text)
    if match is None:
        raise ValueError('must be a colour like "#003366", in quotes')
    digits = match[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 for black to 1 for white (WCAG 2.2)."""
    red, green, blue = (_linear(channel / 255) for channel in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 for equal ones to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour``; one of them always reaches 4.5."""
    return max(WHITE, BLACK, key=lambda text: contrast(text, colour))


def readable_shade(colour: str) -> str:
    """``colour``, darkened as little as it takes to be readable as text on white."""
    channels = bytes.fromhex(colour[1:])
    for step in range(_SHADE_STEPS, -1, -1):
        shade = "#" + bytes(channel * step // _SHADE_STEPS for channel in channels).hex()
        if contrast(shade, WHITE) >= MIN_CONTRAST:
            return shade
    return BLACK


def readable_tint(colour: str, ground: str) -> str:
    """``colour``, lightened as little as it takes to be readable as text on the dark ``ground``."""
    channels = bytes.fromhex(colour[1:])
    for step in range(_SHADE_STEPS + 1):
        tint = "#" + bytes(c + (255 - c) * step // _SHADE_STEPS for c in channels).hex()
        if contrast(tint, ground) >= MIN_CONTRAST:
            return tint
    return WHITE


def check_primary(colour: str) -> str:
    """``colour`` itself, if links and headings in it can be read on white.

    :raises ValueError: they cannot; the text names a shade that can.
    """
    ratio = contrast(colour, WHITE)
    if ratio < MIN_CONTRAST:
        raise ValueError(
            f"text in {colour} on white cannot be read (contrast {ratio:.1f}, needed {MIN_CONTRAST}); "
            f'"{readable_shade(colour)}" is the nearest shade that can'
        )
    return colour


def css_properties(brand: Brand) -> dict[str, str]:
    """CSS custom properties of a brand: its two colours and what to write on each."""
    return {
        "--brand-primary": brand.primary,
        "--brand-on-primary": text_on(brand.primary),
        "--brand-accent": brand.accent,
        "--brand-on-accent": text_on(brand.accent),
    }


def _linear(channel: float) -> float:
    """One sRGB channel without its gamma."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
