"""A tenant's logo: an image file goes in, a small PNG of our own making comes out. It owns which images are
taken and what is left of them; it must not know pages or mails.

What a browser or a mail program gets was written by us, pixel by pixel: nothing that stood in the file
beside its pixels (EXIF, text, profiles, a script behind the end) reaches anybody.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FILE = 512 * 1024
MAX_SIDE = 4096
MAX_PIXELS = 4_000_000
"""An image of so many takes 16 MB while it is read."""

BOX = (440, 96)
"""Width and height that every logo is shrunk to fit into: twice what mails show, for dense screens."""

PLENTY = 24 * 1024
"""A PNG of more bytes is written anew with 256 colours."""

FORMATS = ("PNG", "JPEG")


def read_logo(path: Path) -> bytes:
    """The logo in an image file, as a PNG that fits into :data:`BOX`.

    :raises ValueError: there is no such file, it is no PNG or JPEG, or it is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"the logo {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE:
        raise ValueError(f"the logo {path} is larger than {MAX_FILE // 1024} KB")
    return clean_png(data, str(path))


def clean_png(data: bytes, name: str) -> bytes:
    """The pixels of an image as a PNG with nothing else in it.

    :raises ValueError: it is no PNG or JPEG, damaged, or has too many pixels; the text says ``name``.
    """
    from PIL import Image

    with _decoding(name):
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(image.size, name)
    with _decoding(name):
        pixels = _upright_rgba(image)
    pixels.thumbnail(BOX, Image.Resampling.LANCZOS)
    return _written(pixels)


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Say in our words what Pillow stumbles over, which may be anything at all."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError:
        raise ValueError(f"the logo {name} is neither a PNG nor a JPEG file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"the logo {name} has more pixels than any logo needs") from None
    except Exception as error:
        raise ValueError(f"the logo {name} is damaged: {error}") from None


def _check_size(size: tuple[int, int], name: str) -> None:
    """Before a single pixel is unpacked."""
    width, height = size
    if min(size) < 1 or max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ValueError(
            f"the logo {name} is {width} x {height}; {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} megapixels at most"
        )


def _upright_rgba(image: "Image") -> "Image":
    """The first picture, turned as its camera says, without whatever else came with it."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I"):  # 16 bits of grey, which a plain conversion would cut off at 255
        turned = turned.convert("I").point(lambda value: value / 257, "L")
    whole = turned.convert("RGBA")
    return Image.frombytes("RGBA", whole.size, whole.tobytes())


def _written(image: "Image") -> bytes:
    from PIL import Image

    opaque = image.getchannel("A").getextrema() == (255, 255)
    plain = image.convert("RGB") if opaque else image
    data = _png(plain)
    if len(data) > PLENTY:
        data = min(data, _png(image.quantize(256, Image.Quantize.FASTOCTREE)), key=len)
    return data


def _png(image: "Image") -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
