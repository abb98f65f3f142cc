"""Pictures pixel by pixel against places and colors worked out by hand."""

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.core.pictures import (
    Legend,
    amplified_difference,
    as_bytes,
    captioned,
    enlarged,
    is_flat,
    labeled_grid,
    lettering,
    overlay,
    overlay_masks,
    scale_ends,
    tint,
)
from engine.core.pictures.colors import DIVERGING_LIGHT, SEQUENTIAL, from_matplotlib, through
from engine.core.result import HeatMap, Pictures

RANDOM = np.random.default_rng(0)
GRAYS = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)  # a ramp that shows its steps


def heat_of(values, *, signed=False):
    return HeatMap(np.array(values, np.float32), "logit", signed=signed)


def drawn(size, images, texts):
    """A white page with images at their places, and (place, text, size, anchor)."""
    page = Image.new("RGB", size, "white")
    for place, image in images:
        page.paste(Image.fromarray(image), place)
    for place, text, letters, anchor in texts:
        ImageDraw.Draw(page).text(place, text, (18, 23, 26), lettering(letters), anchor)
    return page


def cut(text, size, room):
    """The longest beginning that fits before an ellipsis."""
    fits = [at for at in range(len(text)) if lettering(size).getlength(text[:at] + "…") <= room]
    return text[: fits[-1]] + "…"


@pytest.mark.parametrize(
    ("channels", "tops", "tall"), [(1, (34, 34 + 162), 396), (3, (34, 34 + 186), 444)]
)
def test_a_grid_has_every_picture_and_label_at_its_place(channels, tops, tall):
    images = RANDOM.integers(0, 255, (2, 3, 8, 10, channels), np.uint8)
    captions = tuple("uvwxyz") if channels == 3 else ()
    columns, rows, unit = ("a", "m" * 30, "c"), ("row", "i" * 80), "gray " * 60
    page = labeled_grid(Pictures(images, rows, columns, "", unit, captions))
    # images of 10 × 8 pixels become 190 × 152
    large = np.broadcast_to(images, (2, 3, 8, 10, 3)).repeat(19, 2).repeat(19, 3)
    cells = [(left, top) for top in tops for left in (150, 350, 550)]
    words = [
        *zip([(left, top + 154) for left, top in cells], captions or [""] * 6, strict=True),
        *(((150, 10), "a"), ((350, 10), cut("m" * 30, 15, 190)), ((550, 10), "c")),
        *(((10, tops[0] + 76), "row"), ((10, tops[1] + 76), cut("i" * 80, 15, 130))),
        ((10, tall - 24), cut(unit, 15, 740)),
    ]
    images = zip(cells, large.reshape(6, 152, 190, 3), strict=True)
    expected = drawn((760, tall), images, [(place, text, 15, "la") for place, text in words])
    np.testing.assert_array_equal(page, expected)


def test_a_grid_of_one_narrow_picture_has_no_room_for_its_label():
    image = np.zeros((1, 1, 400, 3, 3), np.uint8)
    page, bare = (labeled_grid(Pictures(image, ("",), (name,), "")) for name in ("ab", "…"))
    assert page.shape == (72 + 410, 150 + 23, 3)
    assert (page == bare).all()


@pytest.mark.parametrize(("shape", "times"), [((400, 3, 1), 1), ((1, 2, 3), 96), ((13, 3, 3), 15)])
def test_a_small_picture_is_enlarged_by_its_longer_side(shape, times):
    image = RANDOM.integers(0, 255, shape, np.uint8)
    large = enlarged(image)
    assert large.shape == (shape[0] * times, shape[1] * times, 3)
    assert (large[times - 1 :: times, times - 1 :: times] == image).all()


def test_a_file_has_title_picture_legend_and_wrapped_lines_at_their_places():
    picture = RANDOM.integers(0, 255, (100, 450, 3), np.uint8)  # becomes 900 × 200
    ramp = RANDOM.integers(0, 255, (900, 3), np.uint8)
    room = int(900 / lettering(20).getlength("n"))
    lines = ("", "n" * room + " end", "last")
    page = captioned(picture, "m" * 90, lines, Legend(ramp, "low", "middle", "high"))
    texts = [
        ((24, 24), cut("m" * 90, 23, 900), 23, "la"),
        *(((24, 319), "low", 20, "la"), ((474, 319), "middle", 20, "ma")),
        ((924, 319), "high", 20, "ra"),
        *(((24, 390 + 30 * at), text, 20, "la") for at, text in enumerate(("n" * room, "end"))),
        ((24, 450), "last", 20, "la"),
    ]
    images = [((24, 84), picture.repeat(2, 0).repeat(2, 1)), ((24, 299), ramp[None].repeat(16, 0))]
    expected = drawn((948, 480), images, texts)
    ImageDraw.Draw(expected).rectangle((23, 298, 924, 315), outline=(18, 23, 26))
    np.testing.assert_array_equal(page, expected)


@pytest.mark.parametrize(("wide", "times"), [(481, 1), (480, 1), (479, 2)])
def test_a_file_without_words_is_the_picture_with_an_edge(wide, times):
    picture = RANDOM.integers(0, 255, (7, wide, 3), np.uint8)
    line = 22 if times == 1 else 32  # one and a half of 15 or 21
    expected = np.full((24 + 7 * times + line, wide * times + 48, 3), 255)
    expected[24 : 24 + 7 * times, 24:-24] = picture.repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(captioned(picture, ""), expected)


def test_an_image_is_rounded_to_bytes_and_cut_at_both_ends():
    image = np.array([[[-1, 0.5]], [[0.1, 1.01]], [[1, 0.2]]])
    assert as_bytes(image).tolist() == [[[0, 26, 255], [128, 255, 51]]]


def test_a_difference_is_amplified_around_gray_and_cut():
    before, after = np.array([100, 100, 100, 0], np.uint8), np.array([100, 110, 0, 255], np.uint8)
    assert amplified_difference(before, after, 3).tolist() == [128, 158, 0, 255]


def test_a_map_goes_from_its_lowest_color_to_its_highest_and_a_signed_one_has_zero_in_the_middle():
    values = [[-2, np.nan, 4], [0, np.inf, -1]]
    unsigned, signed = heat_of(values), heat_of(values, signed=True)
    assert (scale_ends(unsigned), scale_ends(signed)) == ((-2, 4), (-4, 4))
    assert scale_ends(heat_of([[-4, 2]], signed=True)) == (-4, 4)
    assert (tint(unsigned) == SEQUENTIAL[[[0, 128, 255], [85, 128, 42]]]).all()
    assert (tint(signed) == DIVERGING_LIGHT[[[64, 128, 255], [128, 128, 96]]]).all()
    assert tint(unsigned, (-1, 2), GRAYS)[:, :, 0].tolist() == [[0, 128, 255], [85, 128, 0]]


@pytest.mark.parametrize(
    ("ends", "flat"),
    [
        ((0, 0), True),
        ((1, 1 + 5e-7), True),
        ((-1 - 5e-7, -1), True),
        ((1, 1 + 2e-6), False),
        ((-1e-9, 1e-9), False),
        ((0, 1e-9), False),
    ],
)
def test_a_map_is_flat_where_its_spread_is_noise(ends, flat):
    assert is_flat(*ends) == flat


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3])
def test_a_map_of_one_value_or_of_none_is_the_middle_color(signed, value):
    heat = heat_of([[value] * 3] * 2, signed=signed)
    if not np.isfinite(value):
        assert scale_ends(heat) == (0, 0)
    middle = 255 if signed and value == 3 else 128
    assert (tint(heat, ramp=GRAYS) == np.full((2, 3, 3), middle)).all()


def test_a_map_is_mixed_with_the_image_at_the_image_s_size():
    image, heat = np.full((3, 4, 3), 100, np.uint8), heat_of([[0, 1]])
    row = [0, 64, 191, 255]  # a quarter of the way beyond each middle
    assert overlay(image, heat, 1, None, GRAYS)[..., 0].tolist() == [row] * 3
    assert overlay(image, heat, ramp=GRAYS)[..., 1].tolist() == [[45, 80, 150, 185]] * 3
    assert (overlay(image, heat, 1, (1, 2), GRAYS)[:, 3] == 0).all()


def test_masks_are_white_where_both_are_and_red_and_blue_where_one_is():
    image = np.full((1, 4, 3), 100, np.uint8)
    outline, truth = np.array([[[True, False, True, False]], [[True, True, False, False]]])
    expected = [[[191, 191, 191], [168, 78, 69], [63, 111, 154], [100, 100, 100]]]
    assert overlay_masks(image, outline, truth).tolist() == expected
    assert (image == 100).all()


def test_a_ramp_has_256_colors_through_its_stops_and_cannot_be_written_to():
    ramp = through("#000000", "#64c8ff", "#ff0080")
    colors = [[0] * 3, [40, 80, 102], [193, 80, 179], [255, 0, 128]]
    assert ramp[[0, 51, 204, 255]].tolist() == colors
    assert (ramp.shape, ramp.dtype, ramp.flags.writeable) == ((256, 3), np.uint8, False)
    shades = [mpl.colormaps["cividis"](place)[:3] for place in (0, 51, 255)]
    assert np.abs(from_matplotlib("cividis")[[0, 51, 255]] - 255 * np.array(shades)).max() <= 0.5
