"""Every sort of picture file against pixel values worked out by hand, and every sort of bad one."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from contextvars import copy_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from engine.core.errors import BadImage, BlindspotError
from engine.vision.images import MAX_BYTES, MAX_KEPT, Crop, picture, read, room, square
from engine.vision.images.kinds import kind
from engine.vision.images.picture import decode_picture
from engine.vision.images.samples import SAMPLES, sample
from tests.engine.vision.images.outcome import is_read, refusal
from tests.in_memory import written

ROOT = Path(__file__).parents[3]
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)
PLACES = ((0, 0), (24, 0), (0, 16), (24, 16))
LONG = zlib.compress(bytes(20_000_000))


def saved(image, form, **options):
    return written(image.save, form, **options)


def corners():
    """Red and green above blue and gray: turning it any way gives another picture."""
    image = Image.new("RGB", (48, 32))
    for place, color in zip(PLACES, (RED, GREEN, BLUE, GREY), strict=True):
        image.paste(color, (*place, place[0] + 24, place[1] + 16))
    return image


def noise(width, height):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(values, color_type, bits=16, extra=b"", size=None):
    """A PNG written by hand, since Pillow writes no color of 16 bits."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), bits, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
@given(pixels=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(max_examples=25, deadline=None)
def test_lossless_formats_give_back_the_pixels_they_were_given(form, pixels):
    picture = read(saved(Image.fromarray(pixels), form))
    assert np.array_equal(picture.pixels, pixels)
    assert picture.size == (pixels.shape[1], pixels.shape[0])
    assert picture.notes == ()


def test_webp_gives_back_its_pixels_gif_its_palette_and_jpeg_a_few_levels_beside():
    image = noise(31, 17)
    assert np.array_equal(read(saved(image, "WEBP", lossless=True)).pixels, np.asarray(image))
    pixels = read(saved(corners().quantize(4), "GIF")).pixels
    assert tuple(pixels[0, 0]) == RED
    assert tuple(pixels[31, 0]) == BLUE
    picture = read(saved(corners(), "JPEG", quality=95, subsampling=0))
    assert picture.pixels[4, 4] == pytest.approx(RED, abs=4)
    assert picture.pixels[28, 44] == pytest.approx(GREY, abs=4)


def test_a_path_is_read_like_bytes_and_gives_its_name_to_errors(tmp_path):
    path = tmp_path / "corners.png"
    path.write_bytes(saved(corners(), "PNG"))
    assert read(path).digest == read(path.read_bytes()).digest
    path.write_bytes(b"")
    with pytest.raises(BadImage, match=r"“corners\.png” is empty"):
        read(path)
    with pytest.raises(BadImage, match=r"“gone\.png” cannot be opened"):
        read(tmp_path / "gone.png")


def test_pixels_cannot_be_written_to():
    pixels = read(saved(corners(), "PNG")).pixels
    assert pixels.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 1
    data = saved(corners(), "PNG")
    assert not decode_picture(data, kind(data), "x").pixels.flags.writeable


def test_the_digest_is_of_pixels_and_shape_not_of_the_file():
    flat = Image.new("RGB", (6, 2), GREY)
    wide, again = read(saved(flat, "PNG"), "a.png"), read(saved(flat, "BMP"), "b.bmp")
    tall = read(saved(flat.resize((2, 6)), "PNG"))
    assert wide.digest == again.digest
    assert len({wide.digest, tall.digest, read(saved(corners(), "PNG")).digest}) == 3


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [  # upper left, upper right, lower left, lower right, from the table in the EXIF standard
        (1, (RED, GREEN, BLUE, GREY)),
        (2, (GREEN, RED, GREY, BLUE)),
        (3, (GREY, BLUE, GREEN, RED)),
        (4, (BLUE, GREY, RED, GREEN)),
        (5, (RED, BLUE, GREEN, GREY)),
        (6, (BLUE, RED, GREY, GREEN)),
        (7, (GREY, GREEN, BLUE, RED)),
        (8, (GREEN, GREY, RED, BLUE)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_camera_orientation_is_turned_upright(form, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    picture = read(saved(corners(), form, exif=exif, **options.get(form, {})))
    height, width = picture.pixels.shape[:2]
    assert picture.size == (width, height) == ((48, 32) if orientation < 5 else (32, 48))
    results = [picture.pixels[y, x] for y in (4, height - 5) for x in (4, width - 5)]
    assert np.array(results).astype(int) == pytest.approx(np.array(expected), abs=5)
    assert picture.notes == (("turned as the camera noted",) if orientation > 1 else ())


NO_ORIENTATION = Image.Exif()
NO_ORIENTATION[0x0112] = 99


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", NO_ORIENTATION.tobytes()],
)
def test_broken_exif_leaves_the_picture_as_it_lies(exif):
    picture = read(saved(corners(), "JPEG", exif=exif))
    assert (picture.size, picture.notes) == ((48, 32), ())
    assert read(saved(corners(), "PNG", exif=NO_ORIENTATION)).notes == ()


def test_single_bits_are_black_and_white_and_gray_is_repeated_to_three_channels():
    image = Image.fromarray(np.array([[True, False], [False, True]]))
    for form in ("PNG", "TIFF", "BMP"):
        assert read(saved(image, form)).pixels[..., 1].tolist() == [[255, 0], [0, 255]]
    gray = read(saved(Image.fromarray(np.array([[0, 7, 200]], np.uint8)), "PNG"))
    assert gray.pixels.tolist() == [[[shade] * 3 for shade in (0, 7, 200)]]


SHADES = {  # the file's numbers, and those that are shown
    "16 bits": (np.uint16, [0, 257, 25700, 32896, 65535], [0, 1, 100, 128, 255]),
    "12 of 16 bits": (np.uint16, [100, 1100, 2100, 4100], [0, 64, 128, 255]),  # 63.75, 127.5, 255
    "signed 32 bits": (np.int32, [-1000, 0, 1000], [0, 128, 255]),
    "shares": (np.float32, [0.2, 0.4, 0.8], [51, 102, 204]),
    "no finite numbers among them": (
        np.float32,
        [np.nan, -2.0, 0.0, 2.0, np.inf, -np.inf],
        [0, 0, 128, 255, 255, 0],
    ),
}


@pytest.mark.parametrize("kind", SHADES)
def test_deep_gray_is_shown_on_the_scale_that_a_note_says(kind, snapshot):
    dtype, values, shown = SHADES[kind]
    for form in ("PNG", "TIFF") if dtype == np.uint16 else ("TIFF",):
        picture = read(saved(Image.fromarray(np.array([values], dtype)), form))
        assert picture.pixels.tolist() == [[[shade] * 3 for shade in shown]]
        assert picture.notes == snapshot(name="notes")


def test_big_endian_sixteen_bits_are_the_same_numbers():
    tags = {256: 2, 257: 2, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: 8}
    entries = b"".join(struct.pack(">HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    values = struct.pack(">4H", 0, 25700, 32896, 65535)  # the strip, at byte 8
    data = b"MM\0*" + struct.pack(">I", 16) + values + b"\0\x09" + entries + bytes(4)
    assert read(data).pixels[..., 0].tolist() == [[0, 100], [128, 255]]


def test_a_radiograph_whose_small_values_are_white_is_shown_so():
    data = bytearray(saved(Image.fromarray(np.array([[0, 25700, 65535]], np.uint16)), "TIFF"))
    place = data.find(struct.pack("<HHI", 262, 3, 1)) + 8
    assert data[place] == 1
    data[place] = 0
    assert read(bytes(data)).pixels[0, :, 0].tolist() == [255, 155, 0]


def test_every_row_of_a_tall_deep_image_is_shown():
    values = np.linspace(0, 65535, 600).astype(np.uint16)[:, None]
    pixels = read(saved(Image.fromarray(values), "PNG")).pixels
    assert np.array_equal(pixels[:, 0, 0], np.rint(values[:, 0] / 257))


@pytest.mark.parametrize("value", [0, 1, 3000, 65535])
def test_a_constant_sixteen_bit_image_stays_flat(value):
    pixels = read(saved(Image.fromarray(np.full((3, 4), value, np.uint16)), "PNG")).pixels
    assert np.unique(pixels).tolist() == [round(value / 257)]


def test_floats_without_any_number_are_black_and_those_at_the_ends_of_their_range_do_not_overflow():
    picture = read(saved(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"))
    assert picture.pixels.max() == 0
    assert "no value is a finite number" in picture.notes[0]
    ends = np.finfo(np.float32)
    values = np.array([[ends.min, 0, ends.max]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = read(saved(Image.fromarray(values), "TIFF")).pixels
    assert pixels[0, :, 0].tolist() == [0, 128, 255]


@given(arrays(np.uint16, st.tuples(st.integers(1, 6), st.integers(1, 6))))
@settings(max_examples=40, deadline=None)
def test_deep_grey_keeps_the_order_of_its_values(values):
    pixels = read(saved(Image.fromarray(values), "PNG")).pixels[..., 0].astype(int)
    assert (np.diff(pixels.ravel()[np.argsort(values, axis=None)]) >= 0).all()


def test_color_of_sixteen_bits_shows_its_upper_eight_or_is_stretched_alike_where_it_is_dark():
    values = np.array([[[65535, 32768, 0], [256, 25700, 51400]]], np.uint16)
    picture = read(png(values, color_type=2))
    assert picture.pixels.tolist() == [[[255, 128, 0], [1, 100, 200]]]
    assert picture.notes == ("16 bits a color: the upper 8 are shown",)
    values = np.array([[[0, 1024, 2048], [4096, 3072, 0]]], np.uint16)
    picture = read(png(values, color_type=2))
    assert picture.pixels.tolist() == [[[0, 64, 128], [255, 191, 0]]]
    assert "their own darkest to brightest" in picture.notes[0]


def test_sixteen_bit_alpha_is_kept_as_alpha():
    values = np.array([[[65535, 0, 0, 65535], [65535, 0, 0, 0]]], np.uint16)
    assert read(png(values, color_type=6)).pixels.tolist() == [[[255, 0, 0], [255, 255, 255]]]
    gray = np.array([[[0, 65535], [0, 0]]], np.uint16)
    assert read(png(gray, color_type=4)).pixels[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_lie_on_white(mode):
    black = (0, 0, 0) if mode == "RGBA" else (0,)
    image = Image.new(mode, (3, 1))
    for x, alpha in enumerate((255, 102, 0)):
        image.putpixel((x, 0), (*black, alpha))
    for form in ("PNG", "TIFF"):
        picture = read(saved(image, form))
        assert picture.pixels[0, :, 0].tolist() == [0, 153, 255]
        assert picture.notes == ("transparent parts shown on white",)


def test_an_opaque_alpha_channel_is_not_worth_a_note_and_a_color_key_lies_on_white():
    picture = read(saved(Image.new("RGBA", (2, 2), (1, 2, 3, 255)), "PNG"))
    assert picture.pixels[0, 0].tolist() == [1, 2, 3]
    assert picture.notes == ()
    pixels = read(saved(corners(), "PNG", transparency=RED)).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 47].tolist() == [*GREEN]


@pytest.mark.parametrize(
    ("transparency", "first"),
    [(1, RED), (b"\xff\x00\xff", RED), (b"\x66\x00\xff", (255, 153, 153))],
)
def test_a_palette_with_transparent_colors_lies_on_white(transparency, first):
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    pixels = read(saved(image, "PNG", transparency=transparency)).pixels
    assert pixels.tolist() == [[[*first], [255, 255, 255], [*BLUE]]]


def test_hidden_color_under_transparent_pixels_does_not_bleed_when_shrunk():
    image = Image.new("RGBA", (2100, 2100), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (1050, 0, 2100, 2100))
    pixels = read(saved(image, "PNG", compress_level=1)).pixels.astype(int)
    assert pixels.shape == (1024, 1024, 3)
    assert (abs(pixels[..., 0] - pixels[..., 1]) <= 1).all()  # white to blue never passes by red
    assert pixels[500, 100].tolist() == [255, 255, 255]
    assert pixels[500, 900].tolist() == [*BLUE]


@pytest.mark.parametrize(("form", "off"), [("TIFF", 0), ("JPEG", 2)])
def test_cmyk_and_lab_are_turned_to_rgb(form, off):
    """Pillow writes a CMYK JPEG as Adobe does, inverted, so a wrong sign would show black."""
    inks = {(0, 255, 255, 0): RED, (255, 0, 255, 0): GREEN, (0, 0, 0, 127): GREY}
    for ink, color in inks.items():
        picture = read(saved(Image.new("CMYK", (16, 16), ink), form))
        assert picture.pixels[8, 8].astype(int) == pytest.approx(color, abs=off)
        assert picture.notes == ("CMYK turned to RGB without a profile: colors are a guess",)
    picture = read(saved(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF"))
    assert picture.pixels[0, 0] == pytest.approx((255, 255, 255), abs=1)
    assert picture.notes == ("Lab colors turned to sRGB",)


def adobe_rgb_as_srgb(color):
    """From the two standards' primaries and curves, both with the white point D65."""
    linear = (np.array(color) / 255) ** (563 / 256)
    linear = np.clip([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]] @ linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * curved


@pytest.mark.parametrize("color", [(200, 100, 100), (128, 128, 128), (90, 160, 60), (0, 200, 0)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_adobe_rgb_is_turned_to_srgb(mode, color):
    with Image.open(next(entry for entry in SAMPLES if entry.name == "rocket").path()) as rocket:
        adobe = rocket.info["icc_profile"]
    image = Image.new("RGB", (2, 2), color)
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    picture = read(saved(image, "PNG", icc_profile=adobe))
    assert picture.pixels[0, 0].astype(int) == pytest.approx(adobe_rgb_as_srgb(color), abs=2)
    assert picture.notes == ("colors turned to sRGB from the file's profile (Adobe RGB (1998))",)


def test_a_profile_that_says_srgb_or_is_for_other_colors_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = noise(16, 16)
    picture = read(saved(image, "PNG", icc_profile=srgb))
    assert np.array_equal(picture.pixels, np.asarray(image))
    assert picture.notes == ()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = read(saved(Image.new("L", (2, 2), 77), "PNG", icc_profile=lab))
    assert picture.pixels[0, 0].tolist() == [77, 77, 77]


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_broken_profile_is_ignored(mode, profile):
    image = Image.new(mode, (2, 2), 77 if mode == "L" else tuple([77] * len(mode)))
    with_profile = read(saved(image, "TIFF", icc_profile=profile))
    assert np.array_equal(with_profile.pixels, read(saved(image, "TIFF")).pixels)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_shown_and_noted(form):
    later = [Image.new("RGB", (8, 8), (0, 0, 20 * n)) for n in range(1, 12)]
    options = {"lossless": True} if form == "WEBP" else {}
    data = saved(Image.new("RGB", (8, 8), RED), form, save_all=True, append_images=later, **options)
    picture = read(data)
    assert picture.pixels[4, 4].tolist() == [*RED]
    assert picture.notes == (f"first of 12 {'pages' if form == 'TIFF' else 'frames'}",)


def test_counting_pages_stops_at_a_thousand(monkeypatch):
    assert picture.MANY == 1000
    monkeypatch.setattr(picture, "MANY", 20)
    for count, words in ((19, "first of 19 pages"), (30, "first of 20 or more pages")):
        pages = [Image.new("1", (1, 1))] * count
        data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        assert decode_picture(data, kind(data), "x").notes == (words,)


def test_a_telephones_jpeg_with_a_second_picture_is_a_jpeg():
    data = saved(corners(), "MPO", save_all=True, append_images=[noise(48, 32)], quality=95)
    picture = read(data)
    assert picture.pixels[4, 4].astype(int) == pytest.approx(RED, abs=5)
    assert picture.notes == ()


def test_one_pixel_is_enough():
    for form in ("PNG", "TIFF", "BMP", "GIF"):
        picture = read(saved(Image.new("RGB", (1, 1), GREY), form))
        assert picture.pixels.tolist() == [[[*GREY]]]
        assert picture.size == (1, 1)


def test_a_very_wide_image_keeps_every_pixel_while_they_are_few():
    image = noise(20_000, 30)
    picture = read(saved(image, "PNG", compress_level=1))
    assert picture.size == (20_000, 30)
    assert np.array_equal(picture.pixels, np.asarray(image))


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((1024, 3000), (1024, 3000)),
        ((1025, 1025), (1024, 1024)),
        ((20_000, 500), (12_649, 316)),
        ((500, 20_000), (316, 12_649)),
        ((20_000, 4000), (4472, 894)),
        ((60_000, 1), (60_000, 1)),
    ],
)
def test_a_large_image_is_kept_within_both_bounds(size, kept):
    picture = read(saved(Image.new("L", size, 9), "PNG", compress_level=1))
    assert picture.size == size
    assert picture.pixels.shape == (kept[1], kept[0], 3)
    assert kept[0] * kept[1] <= MAX_KEPT
    assert any("made smaller" in note for note in picture.notes) == (size != kept)


def test_shrinking_averages_and_does_not_pick():
    board = (np.indices((2048, 2048)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = read(saved(Image.fromarray(board), "PNG")).pixels
    assert np.abs(pixels[100:-100, 100:-100] - 127.5).max() <= 2


def test_a_jpeg_decoded_small_is_the_picture_decoded_whole():
    rng = np.random.default_rng(3)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    data = saved(smooth.resize((4000, 3000), Image.Resampling.BICUBIC), "JPEG", quality=95)
    picture = read(data)
    assert picture.size == (4000, 3000)
    whole = np.asarray(Image.open(io.BytesIO(data)).resize((1365, 1024), Image.Resampling.BICUBIC))
    assert picture.pixels.shape == whole.shape
    assert np.abs(picture.pixels.astype(int) - whole).mean() < 1.0


PEAK = """
import sys
from pathlib import Path
from engine.vision.images.kinds import kind
from engine.vision.images.picture import decode_picture
def peak():  # of this program alone; getrusage would hand on the peak of the one that started it
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
data = Path(sys.argv[1]).read_bytes()
small = Path(sys.argv[2]).read_bytes()
decode_picture(small, kind(small), "x")
before = peak()
assert max(decode_picture(data, kind(data), "x").size) == 6000
print(peak() - before)
"""


SMALL = 4.5  # MB: the picture of 1500 x 1000 px that is kept


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts peak memory there")
@pytest.mark.parametrize(
    ("form", "options", "low", "high"),
    [
        ("JPEG", {}, 4, 72),  # decoded to a quarter of each side
        ("JPEG", {"progressive": True}, 72, 2 * 72),  # libjpeg keeps all coefficients, in 16 bits:
        ("JPEG", {"progressive": True, "subsampling": 0}, 100, 2 * 72 + SMALL),  # two copies
        ("PNG", {"compress_level": 1}, 80, 2 * 72),  # decoded whole, by Pillow at 4 bytes a pixel
    ],
    ids=["baseline", "progressive", "progressive-444", "png"],
)
def test_24_megapixels_never_hold_more_than_two_full_size_copies(
    tmp_path, form, options, low, high
):
    large, small = tmp_path / "large", tmp_path / "small"
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    large.write_bytes(saved(coarse.resize((6000, 4000)), form, **options))
    small.write_bytes(saved(coarse, form, **options))
    program = [sys.executable, "-c", PEAK, str(large), str(small)]
    output = subprocess.run(program, cwd=ROOT, capture_output=True, check=True).stdout
    assert low < float(output) < high  # the lower end shows that something was measured


def test_a_jpeg_in_several_passes_is_held_whole_and_has_a_limit_of_its_own(monkeypatch):
    image = noise(100, 100)
    plain, passes = saved(image, "JPEG"), saved(image, "JPEG", progressive=True)
    monkeypatch.setattr(picture, "MAX_WHOLE", 100 * 100 * picture.PROGRESSIVE // picture.PLAIN)
    assert decode_picture(passes, kind(passes), "x").size == (100, 100)
    monkeypatch.setattr(picture, "MAX_WHOLE", picture.MAX_WHOLE - 1)
    assert decode_picture(plain, kind(plain), "x").size == (100, 100)
    with pytest.raises(BadImage, match="100 × 100"):
        decode_picture(passes, kind(passes), "x")


@pytest.mark.parametrize(
    ("mode", "form", "options", "pixel_bytes"),
    [
        ("RGB", "PNG", {}, 4),
        ("P", "PNG", {}, 5),
        ("RGBA", "PNG", {}, 8),
        ("RGB", "WEBP", {"lossless": True}, 8),
        ("RGB", "JPEG", {}, 4),
        ("RGB", "JPEG", {"progressive": True}, 7),
    ],
)
def test_decoding_needs_room_for_all_pixels_the_steps_of_those_kept_and_the_file_twice(
    mode, form, options, pixel_bytes
):
    """Kept: 160 × 100 px, all of them, with 12 bytes each in the steps and 3 in the end."""
    data = saved(noise(160, 100).convert(mode), form, **options)
    needs = 160 * 100 * (pixel_bytes + 12) + 2 * len(data)

    def decoded(most):
        room.room.set(most)
        return decode_picture(data, kind(data), "x").size

    assert copy_context().run(decoded, needs) == (160, 100)
    with pytest.raises(room.NeedsMemory) as caught:
        copy_context().run(decoded, needs - 1)
    assert (caught.value.needs, caught.value.keeps) == (needs, 3 * 160 * 100)


@pytest.mark.parametrize(
    ("crop", "size", "box"),
    [
        (Crop(), (451, 300), (75.5, 0, 375.5, 300)),
        (Crop(x=0), (451, 300), (0, 0, 300, 300)),
        (Crop(x=1), (451, 300), (151, 0, 451, 300)),
        (Crop(x=0, y=0.25), (300, 500), (0, 50, 300, 350)),
        (Crop(x=0.1, y=0.9), (7, 7), (0, 0, 7, 7)),
    ],
)
def test_the_crop_is_the_largest_square_at_its_place(crop, size, box):
    assert crop.box(*size) == pytest.approx(box)


def test_a_crop_outside_the_picture_is_refused():
    for place in (-0.1, 1.1, float("nan")):
        with pytest.raises(BlindspotError, match="between 0 and 1"):
            Crop(x=place)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 30_000), st.integers(1, 30_000))
@settings(max_examples=200, deadline=None)
def test_the_crop_never_leaves_the_picture(x, y, width, height):
    left, top, right, bottom = Crop(x, y).box(width, height)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    assert right - left == pytest.approx(min(width, height))


def test_the_square_at_its_own_size_is_the_pixels_over_255():
    picture = read(saved(noise(40, 24), "PNG"))
    out = square(picture, Crop(x=0), 24)
    assert out.shape == (3, 24, 24)
    assert out.dtype == np.float32
    assert out == pytest.approx(picture.pixels[:, :24].transpose(2, 0, 1) / 255, abs=1e-7)


def test_the_square_of_the_cat_is_pillows_bicubic_of_its_centre():
    cat = sample("chelsea")
    whole = Image.fromarray(cat.pixels)
    expected = whole.resize((224, 224), Image.Resampling.BICUBIC, box=(75.5, 0, 375.5, 300))
    out = square(cat, Crop(), 224)
    assert out == pytest.approx(np.asarray(expected).transpose(2, 0, 1) / 255, abs=1e-7)


def test_moving_the_crop_moves_what_is_seen():
    picture = read(saved(corners().resize((64, 16)), "PNG"))
    left, right = square(picture, Crop(x=0), 8), square(picture, Crop(x=1), 8)
    assert left[:, 1, 1] == pytest.approx([1, 0, 0], abs=0.02)
    assert right[:, 1, 6] == pytest.approx([0, 1, 0], abs=0.02)
    whole = square(read(saved(Image.new("RGB", (1, 1), (51, 102, 204)), "PNG")), Crop(), 16)
    assert whole[:, 7, 9] == pytest.approx([0.2, 0.4, 0.8])
    assert whole.std(axis=(1, 2)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", "“a.png” is empty: save or download it again."),
        ("", "This file is empty"),
        ("a\nb" + "x" * 100 + ".png", "“a b" + "x" * 56 + "…” is empty"),
        ("<b>x</b>.png", "“<b>x</b>.png” is empty"),
    ],
)
def test_a_name_is_in_the_sentence_as_text_on_one_line(name, shown):
    with pytest.raises(BadImage) as caught:
        read(b"", name)
    assert str(caught.value).startswith(shown)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n", "a PDF document: export"),
        (b"PK\x03\x04" + b"x" * 50, "a zip archive or an office document: unpack"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page: save the picture"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<SVG onload=alert(1)>", "an SVG drawing: export"),
        ("Grüße, dies ist kein Bild".encode(), "a text file: open a PNG"),
        (b"import os\nos.system('true')\n", "a text file: open a PNG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture, which is not read here: save"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture, which is not read here"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", "a film"),
        (b"8BPS\x00\x01", "a Photoshop document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript document"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a sound or a film"),
        (b"\x1f\x8b\x08\x00abc", "a gzip archive"),
        (b"\x80\x04\x95pickle\x00\xff\xfe", "not a picture that is known here"),
        (bytes(500), "blank"),
        (b"   \n  ", "blank"),
        (bytes(128) + b"DICM" + bytes(40), "a DICOM file without an image"),
        (bytes(344) + b"n+1\0" + bytes(40), "damaged or cut off (its NIfTI data make no sense)"),
        (b"\x1c\x02\0\0n+2\0\r\n\x1a\n" + bytes(600), "damaged or cut off"),
        (zlib.compress(bytes(344) + b"n+1\0" + bytes(999), wbits=31), "damaged or cut off"),
        (bytes(344) + b"ni1\0" + bytes(40), "the header of a scan in two files"),
    ],
)
def test_a_renamed_file_is_called_what_it_is(data, said):
    assert refusal(data).startswith(f"“a.png” is {said}")


def test_a_refused_format_of_pillow_stays_refused():
    Image.init()  # so that it knows all formats that it writes: AVIF from 11.3 on
    for form in {"PPM", "TGA", "ICO", "PCX", "JPEG2000", "AVIF"} & Image.SAVE.keys():
        assert "“a.png” is" in refusal(saved(Image.new("RGB", (32, 32), RED), form))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
def test_only_the_one_decoder_that_fits_is_ever_tried(form, monkeypatch):
    tried, real = [], Image.open
    data = saved(corners(), form)
    monkeypatch.setattr(
        Image, "open", lambda file, formats=None: tried.append(formats) or real(file, "r", formats)
    )
    decode_picture(data, kind(data), "x")
    assert set(tried) == {(form,)}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_file_cut_off_says_so(form, share):
    data = saved(noise(200, 200), form)
    message = refusal(data[: max(12, int(share * len(data)))], "photo")
    assert "damaged" in message
    assert form in message
    assert "save" in message


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
@given(st.lists(st.tuples(st.integers(8, 2000), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_give_a_picture_or_a_sentence(form, flips):
    data = bytearray(saved(noise(24, 20), form))
    for place, value in flips:
        data[place % len(data)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on broken tags
        is_read(bytes(data), "x")  # or refused, in a sentence


def test_too_many_bytes_are_refused_unread(tmp_path):
    message = refusal(bytes(MAX_BYTES + 100_000))
    assert message.startswith("“a.png” has 50.1 MB and at most 50 MB are read")
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(BadImage, match=r"has 1000000\.0 MB"):
        read(path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"size": (50_000, 50_000)}, "has 50000 × 50000 px, 2,500 million, and at most 200"),
        ({"size": (12_000, 12_000)}, "has 12000 × 12000 px, 144 million, and at most 100 million"),
        ({"size": (9000, 12_000)}, "has 9000 × 12000 px, 108 million, and at most 100 million"),
        ({"size": (2**31 - 1, 2**31 - 1)}, "and at most 200 million are read"),
        ({"size": (0, 10)}, "has no pixels"),
        ({"extra": chunk(b"zTXt", b"Comment\0\0" + LONG)}, "unpacks to a huge size"),
        ({"extra": chunk(b"iTXt", b"Comment\0\1\0\0\0" + LONG)}, "unpacks to a huge size"),
        ({"extra": chunk(b"iCCP", b"name\0\0" + LONG)}, "unpacks to a huge size"),
    ],
    ids=["2500", "144", "108", "most", "none", "zTXt", "iTXt", "iCCP"],
)
def test_a_bomb_and_a_picture_without_pixels_are_refused_by_the_header_without_a_warning(
    header, said
):
    bomb = png(np.zeros((1, 1), np.uint8), color_type=0, bits=8, **header)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert said in refusal(bomb)


def test_webp_is_limited_earlier_since_its_decoder_holds_more_copies():
    message = refusal(saved(Image.new("L", (8000, 8000)), "WEBP", quality=1, method=0))
    assert "has 8000 × 8000 px, 64 million, and at most 50 million are read" in message


def test_pillows_own_pixel_limit_is_left_as_it_was():
    before = Image.MAX_IMAGE_PIXELS
    read(saved(corners(), "PNG"))
    refusal(b"\x89PNG\r\n\x1a\nrubbish")
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_film_behind_a_phone_s_picture_does_not_count_as_passes():
    picture = saved(Image.new("RGB", (64, 64), RED), "JPEG")
    film = np.random.default_rng(0).integers(0, 256, 12_000_000, dtype=np.uint8).tobytes()
    assert film.count(b"\xff\xda") > 100
    assert read(picture + film).pixels.shape == (64, 64, 3)
