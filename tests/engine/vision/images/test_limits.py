"""Limits, letters and pieces that are read off a file: written by hand, at a limit and beyond."""

import io
import struct
import zlib
from contextvars import copy_context
from dataclasses import astuple
from itertools import product

import numpy as np
import pytest
from pydicom import Dataset

from engine.core.errors import BadImage
from engine.vision.images import dicom_file, limits, load, reader_process, unpacking
from engine.vision.images import tiff_entries as tiff_module
from engine.vision.images.depth import span
from engine.vision.images.dicom_header import one_frame, voi_table
from engine.vision.images.dicom_limits import check_rle, end_of_meta, run_length
from engine.vision.images.dicom_pixels import fragments
from engine.vision.images.kinds import bare_dicom, nifti
from engine.vision.images.kinds import kind as file_kind
from engine.vision.images.nova_file import read_annotations
from engine.vision.images.orientation import from_cosines, from_words, letters, opposite
from engine.vision.images.scan import ScanPlane, percent_text, resized, squared
from engine.vision.images.tiff_entries import tiff_entries, whole_numbers
from engine.vision.images.tiles import TileGrid
from tests.engine.vision.data import nova_files
from tests.scans import AXIAL, CORONAL, SAGITTAL, dicom


def gif(frames, palette=True, own=False, blocks=1):
    """A GIF of so many frames; with all bits of its flags that say nothing of the palette."""
    data = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0xF1 if palette else 0x71, 0, 0)
    data += bytes(range(12)) if palette else b""  # four colors
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, 4, 4, 0xE0 if own else 0x60)
    image += bytes(range(6)) if own else b""  # two colors
    return data + (image + b"\x02" + b"\x02\x44\x01" * blocks + b"\0") * frames + b"\x3b"


@pytest.mark.parametrize("palette", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_frames_and_blocks_of_a_gif_are_counted_past_its_palettes(monkeypatch, palette, own):
    monkeypatch.setattr(limits, "MOST_PARTS", 5)
    monkeypatch.setattr(limits, "MOST_BLOCKS", 12)
    assert limits.gif(gif(5, palette, own)) == ""
    assert limits.gif(gif(5, palette, own)[:-1]) == ""  # cut off
    assert limits.gif(gif(6, palette, own)) == "more than 5 frames and notes"
    assert limits.gif(gif(4, palette, own, blocks=3)) == ""
    assert limits.gif(gif(5, palette, own, blocks=3)) == "more than 12 blocks"
    start, note = gif(0, palette)[:-1], b"\x21\xfe\x02ab\0"
    assert limits.gif(start + 5 * note + b"\x3b" + bytes(9)) == ""
    assert limits.gif(start + 6 * note + b"\x3b" + bytes(9)) == "more than 5 frames and notes"
    with pytest.raises(BadImage, match=r"“a\.gif” has more than 5 frames and notes: save it anew"):
        load(gif(6, palette, own), "a.gif")


def segment(marker, body=b""):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def test_passes_of_a_jpeg_are_its_segments_of_that_kind_up_to_its_end(monkeypatch):
    monkeypatch.setattr(limits, "MOST_SCANS", 3)
    no_segments = b"".join(bytes([0xFF, mark, 0x40, 0]) for mark in (0x00, 0x01, 0xD0, 0xD8))
    scan = segment(0xDA, b"123") + no_segments + b"\xff\xff\xff\0"  # filling, and data
    most = b"\xff\xd8" + scan + segment(0xE1, b"\xff\xda\0\2" * 99) + 2 * scan
    assert limits.jpeg(most + b"\xff\xda\0") == ""  # cut off within
    assert limits.jpeg(most + b"\xff\xda\0\2") == "more than 3 passes"
    assert limits.jpeg(most + b"\xff\xd9\0\2" + scan) == ""
    assert limits.jpeg(most + segment(0xCF) + b"\xff" + scan) == "more than 3 passes"
    with pytest.raises(BadImage, match=r"“a\.jpg” has more than 3 passes: save it anew"):
        load(most + scan, "a.jpg")


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0.01 %"), (5, "0.5 %"), (99, "9.9 %"), (104, "10 %"), (1000, "100 %")]
)
def test_a_share_has_two_digits(part, text):
    assert percent_text(part, 1000) == text


def tiff(order, big, *tags):
    """The head of a TIFF with tags of a kind and a length each."""
    mark = {"<": b"II", ">": b"MM"}[order]
    head = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    entry = order + ("HHQQ" if big else "HHII")
    return mark + head + count + b"".join(struct.pack(entry, 270, *tag, 0) for tag in tags)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_bytes_that_the_tags_of_a_tiff_point_to_are_added_up(monkeypatch, order, big):
    monkeypatch.setattr(limits, "MOST_TAGS", 3)
    full = ((4, 3_000_000), (1, 4_000_000))  # numbers of four bytes, and bytes: 16 MB
    assert limits.tiff(tiff(order, big, *full)) == ""
    assert limits.tiff(tiff(order, big, *full, (3, 250_000))) == "16 MB of tags"
    assert limits.tiff(tiff(order, big, *[(1, 1)] * 4)) == "more than 3 tags"
    with pytest.raises(BadImage, match=r"“a\.tif” has more than 3 tags: save it anew"):
        load(tiff(order, big, *[(1, 1)] * 4), "a.tif")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_values_of_a_tag_lie_in_its_entry_where_they_fit_and_elsewhere_in_the_file(
    monkeypatch, order, big
):
    first, word = (24, 8) if big else (10, 4)  # where entries begin, and bytes for values
    size, fit = 4 + 2 * word, word // 2
    data = bytearray(tiff(order, big, (3, fit), (3, fit + 1), (4, 3), (3, 1)))
    end = len(data)
    for at, place in ((1, end), (2, end + 2 * (fit + 1))):
        struct.pack_into(order + ("Q" if big else "I"), data, first + at * size + 4 + word, place)
    struct.pack_into(order + f"{fit}H", data, first + 4 + word, *range(7, 7 + fit))
    long = (70_000, 80_000, 90_000)
    data = bytes(data) + struct.pack(order + f"{fit + 1}H3I", *range(500, 501 + fit), *long)
    entries = tiff_entries(data)
    assert [tuple(entry) for entry in entries] == [
        (270, 3, fit, first + 4 + word),
        (270, 3, fit + 1, end),
        (270, 4, 3, end + 2 * (fit + 1)),
        (270, 3, 1, first + 3 * size + 4 + word),
    ]
    values = (*range(7, 7 + fit),), (*range(500, 501 + fit),), long, (0,)
    assert tuple(whole_numbers(data, entry) for entry in entries) == values
    assert whole_numbers(data[:-1], entries[2]) == long[:2]
    assert tiff_entries(data[:end]) == entries
    assert tiff_entries(data[: end - 1]) == []
    monkeypatch.setattr(tiff_module, "MOST_TAGS", 2)
    assert tiff_entries(data[: end - size]) == entries[:3]  # one more says that there are more


def test_a_coded_segment_is_added_up_and_may_be_little_longer_than_twice_its_pixels():
    """For 100 pixels 2 · 100 + 1024: nine runs of 128, and 72 bytes as they are."""
    segment = bytes([2, 7, 8, 9, 255, 5, 128, 0, 6])  # three as they are, two alike, none, one
    assert run_length(segment, 100) == 6
    head = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56)
    runs = bytes([129, 0]) * 9
    check_rle(head + runs + bytes([71]) + bytes(72), 100)
    with pytest.raises(BadImage, match="larger than it says"):
        check_rle(head + runs + bytes([72]) + bytes(73), 100)


def test_group_2_ends_where_another_begins_and_pieces_are_those_behind_the_offsets():
    short = b"\x02\0\x10\0UI\x04\0" + b"1.2\0"
    long = b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01"
    assert end_of_meta(b"1234" + short + long + b"\x08\0\x05\0CS\0\0", 4) == 4 + 12 + 14
    assert end_of_meta(b"\x08\0\x05\0CS\0\0", 0) == 0

    def piece(length):
        return b"\xfe\xff\x00\xe0" + length.to_bytes(4, "little") + bytes(length)

    assert fragments(piece(0) + piece(4) + piece(6)) == 2
    assert fragments(piece(0) + piece(4) + piece(6)[:8]) == 2
    assert fragments(piece(0) + piece(4) + piece(6)[:7]) == 1
    assert fragments(piece(8)) == 0
    assert fragments(b"") == 0


@pytest.mark.parametrize(("size", "most", "count"), [(80, 30, 30), (30, 80, 30)])
def test_a_member_has_to_have_room_packed_and_twice_unpacked(size, most, count):
    packed = np.arange(100, dtype=np.uint8)
    words = {"ask": "member", "called": "“a.zip”", "size": size, "most": most, "deflated": False}
    words |= {"crc": zlib.crc32(packed[:size].tobytes())}

    def reply(room):
        return copy_context().run(reader_process.answer, words | {"room": room}, [packed])

    _, (data,) = reply(100 + 2 * count)
    assert data.tolist() == list(range(count))
    assert reply(100 + 2 * count - 1) == ({"needs": 100 + 2 * count, "keeps": count}, [])


@pytest.mark.parametrize(("piece", "rows"), [(30, [2, 2, 1]), (13, [1] * 5), (70, [5])])
def test_an_array_of_a_zip_is_sent_in_as_many_rows_as_fit_but_one_at_least(
    monkeypatch, piece, rows
):
    monkeypatch.setattr(unpacking, "PIECE", piece)
    values, file = np.arange(35, dtype="<u2").reshape(5, 7), io.BytesIO()
    np.save(file, values)
    data = file.getvalue()
    words = {"deflated": False, "size": len(data), "crc": zlib.crc32(data)}
    _, parts = unpacking.array(words, [np.frombuffer(data, np.uint8)])
    assert [shape for _, shape in parts.kinds] == [(count, 7) for count in rows]
    assert np.array_equal(np.concatenate([*parts.arrays]), values)


@pytest.mark.parametrize(("channels", "kind"), [((), np.uint16), ((3,), np.uint8)])
def test_a_frame_has_to_have_room_by_its_stored_bytes_and_its_values(monkeypatch, channels, kind):
    asked = []
    monkeypatch.setattr(dicom_file, "require_room", lambda *room: asked.append(room))
    values = np.zeros((16, 8, *channels), kind)
    dicom_file.read_dicom(dicom(values), "a.dcm")
    copies = dicom_file.COPIES * values.nbytes
    assert asked[-1] == (copies + dicom_file.BYTES * values.size, dicom_file.FLOAT * values.size)


def test_gold_boxes_may_lie_between_pixels_and_those_of_raters_count_nowhere():
    boxes = [nova_files.box(1, 2.5, 3, 4.25), nova_files.box(0, 0, 9, 9, "rater 1")]
    rows = [nova_files.row(0, []), nova_files.row(1, boxes, kind="cyst")]
    for table_rows in (rows, nova_files.as_json(rows)):
        words, (result,) = read_annotations(nova_files.table(table_rows), "“a.parquet”")
        assert result.tolist() == [[1, 1, 2.5, 3, 4.25]]
        assert words["kinds"] == ["glioma", "cyst"]


def table(bits, data=(0, 51, 255), start=10):
    item = Dataset()
    item.add_new(0x00283002, "US", [len(data), start, bits])
    item.add_new(0x00283006, "OW", np.array(data, "<u2").tobytes())
    return voi_table(item)


def test_tables_are_windows_and_a_frame_s_numbers_are_its_own_then_those_of_all():
    result = table(8)
    assert result.table == pytest.approx((0, 0.2, 1))
    assert (result.center, result.width) == (11.5, 3)
    assert table(8, (0, 51, 300)).table == pytest.approx((0, 0.2, 1))  # more than its bits hold
    assert table(16, (0, 65535)).table == (0, 1)
    assert table(7) is table(17) is None
    none = Dataset()
    plain = one_frame(none, none, none)
    assert (plain.slope, plain.intercept, plain.spacing, plain.edges) == (1, 0, (1, 1), None)
    header, frame_group, shared = Dataset(), Dataset(), Dataset()
    header.PixelSpacing, header.RescaleSlope = [0.5, 0.25], 3
    frame_group.PixelMeasuresSequence, shared.PixelMeasuresSequence = [Dataset()], [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [4, 2]
    assert one_frame(header, none, none).spacing == (0.5, 0.25)
    assert one_frame(header, frame_group, shared).spacing == (4, 2)
    frame_group.PixelMeasuresSequence[0].PixelSpacing = [8, 6]
    assert one_frame(header, frame_group, shared).spacing == (8, 6)
    assert one_frame(header, frame_group, shared).slope == 3


@pytest.mark.parametrize(
    ("shape", "spacing", "size", "said"),
    [
        ((10, 40), (1, 1), (40, 10), ""),
        ((40, 10), (1, 1.005), (10, 40), ""),
        ((10, 40), (1, 2), (80, 10), "stretched"),
        ((10, 40), (2, 1), (40, 20), "stretched"),
        ((10, 40), (1, 21), (40, 10), "makes no sense"),
        ((10, 40), (0, 1), (40, 10), ""),
        ((6000, 6000), (1, 1), (1024, 1024), "made smaller, from 6000"),
    ],
)
def test_a_slice_gets_square_pixels_and_says_what_was_changed(shape, spacing, size, said):
    result, notes = squared(ScanPlane(np.zeros(shape), spacing))
    assert result == size
    assert len(notes) == bool(said)
    assert said in " ".join(notes)


def test_a_value_that_is_missing_is_missing_where_it_would_have_half_the_weight():
    values = np.full((4, 4), 3, np.float32)
    values[0, 0] = np.nan
    expected = np.full((8, 8), 3, np.float32)
    expected[:2, :2] = np.nan  # beyond, the others have 1 - 1/4 at least
    np.testing.assert_allclose(resized(values, (8, 8)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("cosines", "left", "right", "top", "bottom"),
    [
        (AXIAL, "R", "L", "A", "P"),
        (CORONAL, "R", "L", "H", "F"),
        (SAGITTAL, "A", "P", "H", "F"),
        ([-1, 0, 0, 0, 1, 0], "L", "R", "A", "P"),  # seen from the head
        ([1, 0, 0, 0, np.cos(0.4), -np.sin(0.4)], "R", "L", "AH", "PF"),  # tilted by 23 degrees
        ([1, 0, 0, 0, np.cos(0.2), -np.sin(0.2)], "R", "L", "A", "P"),  # by 11
    ],
)
def test_the_sides_of_the_usual_planes(cosines, left, right, top, bottom):
    assert astuple(from_cosines(cosines)) == (left, right, top, bottom)


def test_words_of_a_projection_letters_their_opposites_and_cosines_that_say_nothing():
    alike = [[number] * 6 for number in (0, 1, np.nan)]
    skew = [[1, 0, 0, down, 0, 0] for down in (1, -1)]
    for none in ([], [1, 0, 0], [2, 0, 0, 0, 2, 0], *skew, *alike):
        assert from_cosines(none) is None
    assert astuple(from_words(["P", "F"])) == ("A", "P", "H", "F")
    assert astuple(from_words(["L", "FP"])) == ("R", "L", "HA", "FP")
    for wrong in ([], ["L"], ["Doe", "Jane"], ["", ""], ["L", "F", "A"]):
        assert from_words(wrong) is None
    assert letters([0, 0.1, -0.99]) == "F"
    assert opposite("AH") == "PF"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [(4, 5), (3, 17)], ids=["tiles", "strips"])
def test_any_rectangle_is_that_of_the_image_and_batches_unpack_each_piece_once(form, packed):
    image = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)
    (high, wide), across = form, -(-17 // form[1])
    padded = np.pad(image, ((0, high if across > 1 else 0), (0, across * wide - 17), (0, 0)))
    corners = product(range(0, 13, high), range(0, 17, wide))
    pieces = [padded[y : y + high, x : x + wide].tobytes() for y, x in corners]
    bodies = dict(enumerate(map(zlib.compress, pieces) if packed else pieces))
    grid = TileGrid(13, across, form, 3, [(259, [8]), (262, [2])] if packed else [])
    for top, bottom, left, right in ((0, 13, 0, 17), (2, 11, 3, 16), (5, 6, 7, 8)):
        rectangle, covered = (top, bottom, left, right), np.zeros((13, 17), int)
        assert np.array_equal(grid.whole(rectangle, bodies), image[top:bottom, left:right])
        parts = []
        for low, high_end, first, last in grid.batches(rectangle, 2 * grid.piece_bytes):
            covered[low:high_end, first:last] += 1
            parts.append(grid.numbers((low, high_end, first, last)))
        numbers = [number for part in parts for number in part]
        assert max(map(len, parts)) == min(len(numbers), 2)
        area = (bottom - top) * (right - left)
        assert covered.sum() == covered[top:bottom, left:right].sum() == area
        assert sorted(numbers) == grid.numbers(rectangle)


def bare(group=8, length=4, after=8, kind=b"UI", order="little", size=200):
    """The first bytes of DICOM elements: a group, a kind and a length, and the next group."""
    size_bytes = length.to_bytes(2, order) if kind else length.to_bytes(4, order)
    first = group.to_bytes(2, order) + b"\0\0" + kind + size_bytes + b"x" * length
    return (first + after.to_bytes(2, order)).ljust(size, b"x")[:size]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("kind", [b"UI", b""])
def test_elements_without_a_preamble_are_known_by_their_groups_and_an_even_length(kind, order):
    for group in (2, 8):
        for length, after in ((0, group), (4, 0x10), (126, 0x7FE0)):
            assert bare_dicom(bare(group, length, after, kind, order))
    assert bare_dicom(bare(8, 10, 8, kind, order, size=20))
    for numbers in ((9, 4, 9), (8, 128, 8), (8, 5, 8), (8, 4, 2), (8, 4, 0x7FE1)):
        assert not bare_dicom(bare(*numbers, kind, order))
    for length, size in ((4, 19), (100, 109)):  # ends within the next group
        assert not bare_dicom(bare(8, length, 8, kind, order, size))


def test_text_may_be_cut_off_within_a_letter_and_a_media_file_is_known_by_its_brand():
    assert file_kind("Grüße, ".encode() * 200).name == "a text file"
    assert file_kind(b"x" * 1023 + "ü".encode()).name == "a text file"
    assert file_kind(b"x" * 1022 + b"\xc3").name == "not a picture that is known here"
    assert file_kind(b"a\tb\r\n\f\0").name == "not a picture that is known here"
    brands = {b"heix": "a HEIC picture", b"mif1": "a HEIF picture", b"mp42": "a film"}
    for brand, name in brands.items():
        assert file_kind(b"\0\0\0\x18ftyp" + brand).name.startswith(name)
    for page in (b"<HTML><p>", b"<!DOCTYPE html>\n<p>"):
        assert file_kind(page).name == "a web page"
    assert file_kind(b"RIFF\x24\0\0\0WEBPVP8 ").name == "WEBP"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_header_of_analyze_is_half_of_a_scan(order):
    header = struct.pack(order + "I", 348) + bytes(34) + b"r" + bytes(309)
    assert nifti(header) == b"p"
    assert nifti(header[:347]) == nifti(b"\1" + header[1:]) == b""
    assert nifti(header[:38] + b"s" + header[39:]) == b""
    assert nifti(b"\x1f\x8b" + bytes(600)) == b""


def test_deep_values_are_shown_on_their_range_where_they_reach_its_upper_half():
    for mode, full, half in (("F", 1, 0.5), ("I", 65535, 2**15)):
        assert span(0, full, mode) == (0, full, f"shown from 0 to {full}")
        own = (0, half, f"shown from its own darkest (0) to brightest ({half:g})")
        assert span(0, half, mode) == own
        assert span(0, full + 1, mode)[:2] == (0, full + 1)
        assert span(-1, full, mode)[:2] == (-1, full)
        assert span(-3, -3, mode) == (0, full, "the same value everywhere (-3)")


def test_both_kinds_of_nifti_are_known_by_their_magic():
    magics = {b"n": (b"n+1\0", b"n+2\0"), b"p": (b"ni1\0", b"ni2\0")}
    for kind, (first, second) in magics.items():
        for data in (bytes(344) + first + b"x" * 9, bytes(4) + second + bytes(600)):
            assert nifti(data) == nifti(zlib.compress(data, wbits=31)) == kind
    assert nifti(bytes(600)) == b""
