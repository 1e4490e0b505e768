"""What can be read on a tenant's colours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.model import Brand
from connector.foundation.brand import (
    BLACK,
    MIN_CONTRAST,
    WHITE,
    check_primary,
    contrast,
    css_properties,
    parse_colour,
    readable_shade,
    text_on,
)

colours = st.binary(min_size=3, max_size=3).map(lambda channels: f"#{channels.hex()}")


@pytest.mark.parametrize(
    ("text", "colour"), [("#036", "#003366"), ("#FFCC00", "#ffcc00"), ("#abC", "#aabbcc")]
)
def test_a_colour_is_three_or_six_hex_digits(text: str, colour: str) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text", ["", "red", "036", "#12", "#1234", "#12345", "#1234567", "#00336g", "#036;", "#٣٣٣"]
)
def test_anything_else_is_no_colour(text: str) -> None:
    with pytest.raises(ValueError, match='"#003366"'):
        parse_colour(text)


# Ratios as the Web Content Accessibility Guidelines' own formula gives them.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        (BLACK, WHITE, 21.0),
        (WHITE, WHITE, 1.0),
        ("#777777", WHITE, 4.48),
        ("#767676", WHITE, 4.54),
        ("#ff0000", WHITE, 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@given(colours)
def test_text_on_any_colour_can_be_read(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= MIN_CONTRAST


def test_text_is_white_on_dark_and_black_on_bright() -> None:
    assert (text_on("#003366"), text_on("#ffcc00")) == (WHITE, BLACK)


@given(colours)
def test_a_readable_shade_can_be_read_on_white(colour: str) -> None:
    shade = readable_shade(colour)
    assert contrast(shade, WHITE) >= MIN_CONTRAST
    assert check_primary(shade) == shade


@given(colours)
def test_a_colour_that_can_be_read_is_its_own_shade(colour: str) -> None:
    if contrast(colour, WHITE) >= MIN_CONTRAST:
        assert readable_shade(colour) == colour


def test_a_primary_colour_that_cannot_be_read_is_refused_with_one_that_can() -> None:
    with pytest.raises(ValueError, match=r"contrast 1\.5, needed 4\.5.*#[0-9a-f]{6}") as caught:
        check_primary("#ffcc00")
    assert readable_shade("#ffcc00") in str(caught.value)


def test_the_style_names_both_colours_and_what_to_write_on_them() -> None:
    assert css_properties(Brand(primary="#003366", accent="#ffcc00")) == {
        "--brand-primary": "#003366",
        "--brand-on-primary": "#ffffff",
        "--brand-accent": "#ffcc00",
        "--brand-on-accent": "#000000",
    }
