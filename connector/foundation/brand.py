"""A tenant's colours and logo: what can be read on what, and what may be shown at all. It owns these rules
(WCAG 2.2) and the names of the CSS properties; it must not know pages or mails.
"""

import re
import struct
import zlib
from pathlib import Path

from connector.domain.model import Brand

BLACK = "#000000"
WHITE = "#ffffff"
MIN_CONTRAST = 4.5
"""Between text and what is behind it (WCAG 2.2, success criterion 1.4.3)."""

MAX_LOGO_BYTES = 256 * 1024
MAX_LOGO_SIDE = 2048

_COLOUR = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII | re.IGNORECASE)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PNG_SMALLEST = len(_PNG_SIGNATURE) + 25 + len(_PNG_END)
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


def read_logo(path: Path) -> bytes:
    """The bytes of a logo file.

    :raises ValueError: there is none, or it is no PNG, too many bytes, or too many pixels a side.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LOGO_BYTES + 1)
    except OSError as error:
        raise ValueError(f"the logo {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_LOGO_BYTES:
        raise ValueError(f"the logo {path} is larger than {MAX_LOGO_BYTES // 1024} KB")
    check_png(data, str(path))
    return data


def check_png(data: bytes, name: str) -> None:
    """Look at a PNG's signature, header and end (PNG 1.2 §3, §11.2.2).

    :raises ValueError: it is none, or one of its sides is too long.
    """
    framed = data.startswith(_PNG_SIGNATURE) and data.endswith(_PNG_END)
    if not framed or len(data) < _PNG_SMALLEST:
        raise ValueError(f"the logo {name} is not a whole PNG file")
    header = data[8:33]
    length, kind, width, height = struct.unpack(">I4sII", header[:16])
    (checksum,) = struct.unpack(">I", header[21:25])
    if (length, kind) != (13, b"IHDR") or checksum != zlib.crc32(header[4:21]):
        raise ValueError(f"the logo {name} is a damaged PNG file")
    if not 1 <= min(width, height) <= max(width, height) <= MAX_LOGO_SIDE:
        raise ValueError(f"the logo {name} is {width} x {height}; {MAX_LOGO_SIDE} a side at most")


def _linear(channel: float) -> float:
    """One sRGB channel without its gamma."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
