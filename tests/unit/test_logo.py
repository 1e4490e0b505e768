"""Which logos are taken, and that people get pixels and nothing else."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from connector.foundation.logo import BOX, MAX_FILE, clean_png, read_logo

CANARY = b"<script>alert(1)</script>"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    return image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunks(png: bytes) -> list[bytes]:
    """The names of a PNG's chunks."""
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def a_header(width: int, height: int) -> bytes:
    """A PNG that claims these sides and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(b"\0")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )  # fmt: skip


SQUARE = Image.new("RGBA", (40, 40), (0, 51, 102, 255))


@pytest.mark.parametrize(
    ("size", "result"),
    [
        ((40, 40), (40, 40)),
        ((1, 1), (1, 1)),
        ((880, 192), BOX),
        ((1600, 100), (440, 28)),
        ((50, 960), (5, 96)),
    ],
)
def test_a_logo_keeps_its_shape_is_shrunk_and_never_blown_up(
    size: tuple[int, int], result: tuple[int, int]
) -> None:
    assert decoded(clean_png(encoded(Image.new("RGBA", size)), "x")).size == result


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_keeps_its_colours(mode: str) -> None:
    white = Image.new("L", (8, 8), 255)
    image = Image.new(mode, (8, 8), 65535) if mode == "I;16" else white.convert(mode)
    assert decoded(clean_png(encoded(image), "x")).convert("RGBA").getpixel((4, 4)) == (255, 255, 255, 255)


def test_grey_of_16_bits_stays_grey() -> None:
    image = Image.new("I;16", (8, 8), 128 * 257)
    assert decoded(clean_png(encoded(image), "x")).convert("L").getpixel((4, 4)) == 128


def test_what_is_transparent_stays_so() -> None:
    see_through = Image.new("RGBA", (900, 200), (10, 20, 30, 0))
    assert decoded(clean_png(encoded(see_through), "x")).convert("RGBA").getpixel((200, 40))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_becomes_a_png(mode: str) -> None:
    assert decoded(clean_png(encoded(Image.new(mode, (60, 30)), "JPEG"), "x")).size == (60, 30)


def test_a_photo_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = encoded(Image.new("RGB", (60, 30)), "JPEG", exif=exif)
    assert decoded(clean_png(data, "x")).size == (30, 60)


def test_control_t2_nothing_but_pixels_reaches_anybody() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", CANARY.decode())
    notes.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    data = encoded(SQUARE, pnginfo=notes, exif=exif, icc_profile=CANARY, dpi=(72, 72)) + CANARY
    assert data.count(CANARY) >= 3
    clean = clean_png(data, "x")
    assert CANARY not in clean
    assert set(chunks(clean)) <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def test_control_t2_of_an_animation_the_first_picture_is_left() -> None:
    second = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    clean = clean_png(encoded(SQUARE, save_all=True, append_images=[second]), "x")
    assert b"acTL" not in chunks(clean)
    assert decoded(clean).convert("RGB").getpixel((5, 5)) == (0, 51, 102)


def test_a_logo_full_of_noise_is_still_small() -> None:
    noise = Image.effect_noise((440, 96), 90).convert("RGBA")
    noise.putalpha(Image.effect_noise((440, 96), 60))
    assert len(clean_png(encoded(noise), "x")) < 48 * 1024


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"<svg onload='alert(1)'/>", "neither a PNG nor a JPEG"),
        (encoded(SQUARE, "GIF"), "neither a PNG nor a JPEG"),
        (encoded(SQUARE, "TIFF"), "neither a PNG nor a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "neither a PNG nor a JPEG"),
        (encoded(SQUARE)[:60], "damaged"),
        (a_header(9, 9), "damaged"),
        (a_header(4097, 1), "4097 x 1; 4096 a side"),
        (a_header(4000, 4000), "4000 x 4000"),
        (a_header(12_000, 8_000), "more pixels than any logo needs"),
        (a_header(2**31 - 1, 2**31 - 1), "more pixels than any logo needs"),
    ],
    ids=["empty", "svg", "gif", "tiff", "eps", "cut", "no pixels", "wide", "16 MP", "bomb", "2^62"],
)
def test_control_t2_anything_else_is_refused(tmp_path: Path, data: bytes, part: str) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"logo\.png .*{part}"):
        read_logo(path)


def test_control_t2_text_that_unpacks_to_64_megabytes_is_refused() -> None:
    packed = zlib.compress(bytes(64 * 1024 * 1024), 9)
    text = chunk(b"zTXt", b"Comment\0\0" + packed)
    data = encoded(SQUARE)
    with pytest.raises(ValueError, match="damaged"):
        clean_png(data[:33] + text + data[33:], "x")


def test_control_t2_a_large_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(encoded(SQUARE) + bytes(MAX_FILE))
    with pytest.raises(ValueError, match="larger than 512 KB"):
        read_logo(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(["PNG", "JPEG"]), st.data())
def test_control_t2_a_damaged_image_is_refused_or_comes_out_whole(kind: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(SQUARE.convert("RGB"), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        clean = clean_png(bytes(whole), "x")
    except ValueError:
        return
    decoded(clean)


def test_a_logo_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"logo\.png cannot be read: No such file"):
        read_logo(tmp_path / "logo.png")


def test_a_folder_is_no_logo(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_logo(tmp_path)
