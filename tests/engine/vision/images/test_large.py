"""Large images in pieces: the same pixels as decoded whole, in bounded memory; what is refused."""

import struct
import tracemalloc
import zlib
from contextlib import contextmanager
from hashlib import blake2b
from time import process_time

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadImage
from engine.vision.data.whole_slide import made_slide
from engine.vision.images import large, large_base
from engine.vision.images.large import PiecewiseTiff, open_large
from engine.vision.images.large_base import WholeImage
from engine.vision.images.reading import read
from engine.vision.images.turned import TURNED
from tests.in_memory import png, written

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (90, 130, 3), dtype=np.uint8)


FORMS = {7: "B", 3: "H"}


def with_tags(body, tags, order="<"):
    """A TIFF of this body and one page of tags: number, form (7 of one byte, 3 of two), values."""
    place = 8 + len(body)
    end, extra, entries = place + 2 + 12 * len(tags) + 4, b"", b""
    for tag, form, values in tags:
        data = struct.pack(f"{order}{len(values)}{FORMS.get(form, 'I')}", *values)
        if len(data) > 4:
            data, extra = struct.pack(order + "I", end + len(extra)), extra + data
        entries += struct.pack(order + "HHI", tag, form, len(values)) + data.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4) + extra


def jpeg(pixels, part):
    """The tables (1) or the scan (2) of a JPEG, as a TIFF keeps them apart."""
    return written(Image.fromarray(pixels).save, "JPEG", quality=90, streamtype=part)


@pytest.fixture
def requested(monkeypatch):
    """The numbers of the pieces that are unpacked, in their order."""
    numbers, body = [], PiecewiseTiff.body
    monkeypatch.setattr(
        PiecewiseTiff, "body", lambda file, at: numbers.append(at) or body(file, at)
    )
    return numbers


@contextmanager
def allocating_at_most(most):
    """No more bytes are held at any time by what is done inside."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most


def tiff(
    pixels, packed=False, rows=16, tile=None, order="<", predictor=1, intent=None, orientation=1
):
    """A TIFF by hand: in strips of so many rows, or in tiles of (height, width)."""
    height, width, channels = pixels.shape
    pieces = []
    high, wide = tile or (rows, width)
    for top in range(0, height, high):
        for left in range(0, width, wide):
            part = pixels[top : top + high, left : left + wide]
            if tile:
                margins = (0, high - len(part)), (0, wide - part.shape[1]), (0, 0)
                part = np.pad(part, margins, "edge")
            if predictor == 2:
                part = np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1]))
            body = part.astype(np.uint8).tobytes()
            pieces.append(
                jpeg(part, 2) if packed == "jpeg" else zlib.compress(body) if packed else body
            )
    sizes = list(map(len, pieces))
    offsets = np.cumsum([8, *sizes])[:-1].tolist()
    intent = (6 if packed == "jpeg" else 2 if channels >= 3 else 1) if intent is None else intent
    numbers = {256: width, 257: height}
    shorts = {
        259: 7 if packed == "jpeg" else 8 if packed else 1,
        262: intent,
        274: orientation,
        277: channels,
    }
    shorts |= {284: 1, 317: predictor}
    tags = [(258, 3, [8] * channels), *((tag, 4, [number]) for tag, number in numbers.items())]
    tags += [(tag, 3, [number]) for tag, number in shorts.items()]
    tags += (
        [(322, 4, [wide]), (323, 4, [high]), (324, 4, offsets), (325, 4, sizes)]
        if tile
        else [(273, 4, offsets), (278, 4, [rows]), (279, 4, sizes)]
    )
    tags += [(347, 7, jpeg(pixels, 1))] if packed == "jpeg" else []
    return with_tags(b"".join(pieces), sorted(tags), order)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"packed": True},
        {"tile": (32, 48)},
        {"packed": True, "tile": (16, 64)},
        {"order": ">"},
        {"packed": True, "predictor": 2},
        {"rows": 90},
        {"tile": (32, 48), "predictor": 2, "packed": True},
    ],
    ids=str,
)
def test_any_rectangle_of_a_tiff_has_the_pixels_of_the_whole(how):
    data = tiff(PIXELS, **how)
    image = open_large(data, "one.tif")
    assert isinstance(image, PiecewiseTiff)
    assert (image.width, image.height) == (130, 90)
    assert image.fingerprint == blake2b(data, digest_size=16).hexdigest()
    for top, bottom, left, right in ((0, 90, 0, 130), (3, 70, 40, 99), (80, 90, 120, 130)):
        piece = image.piece(top, bottom, left, right)
        assert np.array_equal(piece, PIXELS[top:bottom, left:right])
    assert np.array_equal(read(data, "one.tif").pixels, PIXELS)  # another reader sees the same


@pytest.mark.parametrize(
    ("how", "tags"),
    [
        ("jpeg", {}),
        ("jpeg", {"mode": "L"}),
        ("tiff_lzw", {317: 2}),
        ("tiff_lzw", {"mode": "L"}),
        ("tiff_lzw", {"mode": "RGBA"}),
        ("tiled", {"tile": (32, 48)}),
        ("tiled", {"tile": (16, 144)}),
    ],
    ids=str,
)
def test_pieces_packed_in_other_ways_have_the_pixels_that_another_reader_sees(how, tags):
    smooth = np.add.outer(np.arange(90), np.arange(130)) // 2
    file = Image.fromarray(np.stack([smooth, smooth + 20, 200 - smooth], 2).astype(np.uint8))
    if how == "tiled":
        data = tiff(np.asarray(file), packed="jpeg", **tags)
    else:
        file, tags = file.convert(tags.get("mode", "RGB")), {278: 16, 317: tags.get(317, 1)}
        data = written(file.save, "TIFF", compression=how, tiffinfo=tags)
    image, expected = open_large(data, "one.tif"), read(data, "one.tif").pixels
    assert isinstance(image, PiecewiseTiff)
    assert len(image.pieces) > 4
    assert np.abs(expected - np.asarray(file.convert("RGB"), float)).max() < 9
    assert np.array_equal(image.piece(0, 90, 0, 130), expected)
    assert np.array_equal(image.piece(20, 90, 50, 99), expected[20:, 50:99])
    mean = expected[2:88].reshape(43, 2, 65, 2, 3).mean((1, 3))
    assert np.abs(image.smaller(2, 2, 88, 0, 130) - mean).max() <= 0.51


def test_gray_and_alpha_are_read_and_a_smaller_rectangle_is_the_mean_of_its_squares():
    gray = PIXELS[..., :1]
    for intent, expected in ((0, 255 - gray), (1, gray)):
        image = open_large(tiff(gray, intent=intent))
        assert isinstance(image, PiecewiseTiff)
        result = image.piece(0, 90, 0, 130)
        assert np.array_equal(result, np.broadcast_to(expected, PIXELS.shape))
    alpha = np.concatenate([PIXELS, gray], 2)
    assert np.array_equal(open_large(tiff(alpha)).piece(5, 9, 2, 7), PIXELS[5:9, 2:7])
    result = open_large(tiff(PIXELS, packed=True)).smaller(4, 4, 44, 8, 108)
    expected = PIXELS[4:44, 8:108].reshape(10, 4, 25, 4, 3).mean((1, 3)).round()
    assert np.abs(result - expected).max() <= 1
    assert result.shape == (10, 25, 3)


@pytest.mark.parametrize(("most", "rows"), [(12, 12), (11, 11), (1, 1), (0.5, 1)])
def test_bands_of_rows_take_what_may_be_held_with_their_floats(monkeypatch, most, rows):
    """A row of the result: 2 rows of 30 px with 3 values, in 4 bytes each."""
    read, piece = [], WholeImage.piece
    monkeypatch.setattr(WholeImage, "piece", lambda *of: read.append(of[1:3]) or piece(*of))
    monkeypatch.setattr(large_base, "MOST_HELD", int(most * 2 * 30 * 3 * 4))
    result = WholeImage(130, 90, "", (), PIXELS).smaller(2, 5, 54, 7, 37)
    assert read == [(5 + 2 * at, 5 + 2 * min(at + rows, 24)) for at in range(0, 24, rows)]
    expected = PIXELS[5:53, 7:37].reshape(24, 2, 15, 2, 3).mean((1, 3)).round()
    assert np.array_equal(result, expected)
    assert WholeImage(130, 90, "", (), PIXELS).smaller(2, 5, 54, 7, 7).shape == (24, 0, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tile", [None, (32, 48)], ids=str)
def test_a_turned_image_is_seen_as_another_reader_shows_it(orientation, tile):
    data = tiff(PIXELS, tile=tile, orientation=orientation)
    expected = read(data, "one.tif").pixels
    image = open_large(data, "one.tif")
    assert (image.height, image.width) == expected.shape[:2]
    assert np.array_equal(image.piece(0, image.height, 0, image.width), expected)
    assert np.array_equal(image.piece(3, 70, 40, 82), expected[3:70, 40:82])
    small = image.smaller(4, 3, 70, 5, 84)  # neither end of it lies on a square's
    mean = expected[3:67, 5:81].reshape(16, 4, 19, 4, 3).mean((1, 3))
    assert np.abs(small - mean).max() <= 0.51
    assert (TURNED in image.notes) == (orientation > 1)
    lying = open_large(tiff(PIXELS, tile=tile), "one.tif")
    assert orientation == 1 or image.fingerprint != lying.fingerprint


def test_an_image_on_its_side_in_strips_is_decoded_once_or_refused(monkeypatch, requested):
    data = tiff(PIXELS, packed=True, rows=1, orientation=6)
    image = open_large(data)
    for left in range(0, 90, 10):  # each touches every strip
        image.piece(0, 130, left, left + 10)
    assert len(requested) == len(PIXELS)
    monkeypatch.setattr(large, "MOST_WHOLE", PIXELS[..., 0].size - 1)
    with pytest.raises(BadImage, match="save it upright, or in tiles"):
        open_large(data, "one.tif")
    turned = tiff(PIXELS, tile=(32, 48), orientation=6)
    assert open_large(turned).width == 90
    as_text = [struct.pack("<HHI", 274, form, 1) for form in (3, 2)]
    assert open_large(turned.replace(*as_text)).width == 130  # its orientation is no number


@pytest.mark.parametrize(
    "how", [{"rows": 7}, {"tile": (16, 48)}, {"rows": 9, "intent": 0}], ids=str
)
def test_each_piece_is_unpacked_once_however_the_squares_lie(how, monkeypatch, requested):
    pixels = PIXELS[..., :1] if "intent" in how else PIXELS
    image = open_large(tiff(pixels, packed=True, **how))
    monkeypatch.setattr(large, "BATCH", 1)  # each strip or tile is asked for by itself
    result = image.smaller(5, 2, 89, 3, 130)
    assert sorted(requested) == sorted(set(requested))
    displayed = np.broadcast_to(255 - pixels if "intent" in how else pixels, PIXELS.shape)
    expected = displayed[2:87, 3:128].reshape(17, 5, 25, 5, 3).mean((1, 3))
    assert np.abs(result - expected).max() <= 0.51
    assert image.smaller(5, 2, 4, 3, 130).shape == (0, 25, 3)


def test_differences_are_undone_only_where_a_piece_is_packed():
    data = bytearray(tiff(PIXELS))
    (place,) = struct.unpack_from("<I", data, 4)
    at = next(at for at in range(place + 2, len(data), 12) if data[at : at + 2] == b"\x3d\x01")
    data[at + 8] = 2  # a predictor, which readers leave out without compression
    assert np.array_equal(read(bytes(data), "one.tif").pixels, PIXELS)
    assert np.array_equal(open_large(bytes(data)).piece(0, 90, 0, 130), PIXELS)


def test_false_tags_and_pieces_cost_no_memory():
    many = 4_000_000
    page = struct.pack("<HHHII", 2, 324, 1, many, 8)  # and no second one
    data = b"II*\0" + struct.pack("<I", 8 + many) + bytes(many) + page
    with allocating_at_most(16_000_000), pytest.raises(BadImage):
        open_large(data)  # a number of each byte would be 32 MB
    data = tiff(PIXELS, packed=True) + bytes(50_000_000)
    image = open_large(data)
    image.__dict__["pieces"] = tuple((at, len(data)) for at, _ in image.pieces)
    with allocating_at_most(5_000_000):
        assert np.array_equal(image.piece(0, 90, 0, 130), PIXELS)


def test_a_side_is_long_by_itself_and_beside_the_other_from_one_pixel_beyond_its_bound():
    for width, height in ((250_000, 500), (1000, 2)):
        for sides in ((width, height), (height, width)):
            large.check_sides(*sides, "a.tif")
            with pytest.raises(BadImage, match="a side has 250,000 px at most"):
                large.check_sides(*(side + (side == width) for side in sides), "a.tif")


def test_another_format_is_decoded_whole_but_no_line():
    body = written(Image.new("RGB", (3000, 2)).save, "PNG")
    with pytest.raises(BadImage, match="500 times as long as the other"):
        open_large(body, "line.png")
    body = png(PIXELS)
    image = open_large(body, "one.png")
    assert isinstance(image, WholeImage)
    assert np.array_equal(image.piece(2, 50, 3, 70), PIXELS[2:50, 3:70])


def test_an_image_of_thirty_thousand_pixels_is_read_in_bounded_memory():
    height, width = 480, 30_000
    data = tiff(np.zeros((height, width, 3), np.uint8), packed=True, rows=32)
    with allocating_at_most(224 * width * 3 + large_base.MOST_HELD + 20_000_000):
        image = open_large(data)
        for top in range(0, height, 224):
            image.piece(top, min(top + 224, height), 0, width)
        image.smaller(30, 0, height, 0, width)
    assert image.notes == ("Read in strips, 30,000 × 480 px.",)


def header(**tags):
    """A tiny TIFF that claims another size."""
    data = bytearray(tiff(PIXELS[:16], packed=True))
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for at in range(place + 2, place + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, at)
        if str(tag) in tags:
            struct.pack_into("<I", data, at + 8, tags[str(tag)])
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header(**{"256": 2_000_000, "257": 2_000_000}), "the most is 1 billion"),
        (header(**{"256": 60_000, "278": 16, "257": 16_000}), "lacks some of its pieces"),
        (header(**{"256": 240_000, "278": 4_000, "257": 4_000}), "compressed in pieces of 240,000"),
        (header(**{"256": 300_000, "257": 3_000}), "a side has 250,000 px at most"),
        (header(**{"256": 200_000, "257": 300}), "500 times as long as the other"),
    ],
)
def test_a_tiff_that_claims_too_much_is_refused(data, words):
    with pytest.raises(BadImage, match=words):
        open_large(data, "one.tif")


def test_a_piece_that_is_cut_off_no_image_or_too_heavy_is_a_sentence(monkeypatch):
    data = tiff(PIXELS)
    image = open_large(data)
    image.__dict__["data"] = data[:5000]
    with pytest.raises(BadImage, match="cut off or broken"):
        image.piece(0, 90, 0, 130)
    broken = open_large(header(**{"257": 32, "278": 32}))  # twice the rows that its strip has
    with pytest.raises(BadImage, match="cut off or broken"):
        broken.piece(0, 32, 0, 130)
    with pytest.raises(BadImage):
        open_large(b"no image at all", "one.tif")
    with pytest.raises(BadImage, match="lacks some of its pieces"):
        open_large(shared(90, 90, 32, lacking=1))
    monkeypatch.setattr(large, "MAX_MB", 0)
    with pytest.raises(BadImage, match="the most is 0 MB"):
        open_large(tiff(PIXELS), "one.tif")


def test_a_made_slide_is_the_same_however_it_is_cut():
    image = made_slide(700, 500, seed=3)
    whole, mask = image.piece(0, 500, 0, 700), image.mask(0, 500, 0, 700)
    assert np.array_equal(image.piece(130, 300, 200, 333), whole[130:300, 200:333])
    assert np.array_equal(image.mask(130, 300, 200, 333), mask[130:300, 200:333])
    assert 0.01 < mask.mean() < 0.2
    assert whole[mask].mean() < whole[~mask].mean() - 15
    assert made_slide(700, 500, seed=4).fingerprint != image.fingerprint


def shared(width, height, side, lacking=0):
    """A TIFF all of whose tiles are one and the same packed piece of the file."""
    zeros = zlib.compress(bytes(side * side * 3), 9)
    count = -(-width // side) * -(-height // side)
    numbers = {256: [width], 257: [height], 258: [8] * 3, 259: [8], 262: [2], 277: [3], 284: [1]}
    numbers |= {322: [side], 323: [side], 324: [8] * count, 325: [len(zeros)] * (count - lacking)}
    return with_tags(zeros, [(tag, 4, values) for tag, values in numbers.items()])


def test_a_small_file_of_endless_tiles_is_stopped_by_what_all_of_them_took(monkeypatch):
    data = shared(30_000, 30_000, 512)
    assert len(data) < 60_000
    monkeypatch.setattr(large, "CPU_FIRST", 0.3)
    image, begun = open_large(data), process_time()
    reasons = []
    for row in range(30):  # one strip of the image after the other, as a page or a method asks
        try:
            image.smaller(30, row * 990, (row + 1) * 990, 0, 30_000)
        except BadImage as error:
            reasons.append(str(error))
    assert len(reasons) > 10
    assert all("more than a file of its size may" in reason for reason in reasons)
    assert image.cpu.spent < image.cpu.allowed + 1  # what has run out is not tried again
    assert process_time() - begun < 0.5 * image.cpu.spent  # it is the reader that computes


def test_each_batch_that_is_refused_costs_no_more_than_itself():
    cpu = large.CpuAllowance(10_000_000)
    cpu.charge(large.CPU_FIRST + 10 * large.CPU_BY_MB - 0.1)
    with pytest.raises(BadImage, match="has 10"):
        cpu.charge(1.0)
    cpu.begun -= 3600  # an hour later it may be looked at again
    cpu.charge(100.0)
