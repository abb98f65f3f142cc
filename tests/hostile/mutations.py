"""Changes to a file's bytes: at random, and where its format keeps numbers and parts.

Each takes the file, another one and a random generator, and gives the changed bytes, or None where
the file has no such place.
"""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from engine.vision.images.tiff_entries import byte_order
from tests.hostile.archives import zipped
from tests.hostile.pictures import chunk

Rng = np.random.Generator
Mutation = Callable[[bytes, bytes, Rng], bytes | None]

INTERESTING = (0, 1, 2, 127, 128, 254, 255)
INFLATED = (1_000_000, 40_000_000, 150_000_000, 300_000_000)  # bytes of zeros, packed
NIFTI_1 = (  # place and bytes of the numbers of a header
    (0, 4), (40, 2), (42, 2), (44, 2), (46, 2), (48, 2), (70, 2), (72, 2), (76, 4), (80, 4),
    (108, 4), (112, 4), (116, 4), (123, 1), (252, 2), (280, 4), (296, 4),
)  # fmt: skip
NIFTI_2 = (
    (0, 4), (12, 2), (14, 2), (16, 8), (24, 8), (32, 8), (40, 8), (104, 8), (112, 8), (168, 8),
    (176, 8), (344, 4), (400, 8),
)  # fmt: skip
GZIP, PNG, PACKED = b"\x1f\x8b", b"\x89PNG", 2_000_000


def mutant(data: bytes, rng: Rng) -> bytes:
    """Some bytes changed, a piece doubled or moved, or the end cut off; heads more often."""
    mutated = bytearray(data)
    near = min(len(mutated), 600 if rng.random() < 0.6 else len(mutated))
    match rng.integers(8):
        case 0:
            del mutated[rng.integers(len(mutated)) :]
        case 1:
            start, size = rng.integers(near), rng.integers(1, 64)
            mutated[start:start] = mutated[start : start + size] * rng.integers(1, 200)
        case 2:
            start = rng.integers(near)
            del mutated[start : start + rng.integers(1, 64)]
        case 3:
            start, size = rng.integers(near), int(rng.choice([2, 4, 8]))
            mutated[start : start + size] = int(rng.choice([0, 1, 2**15, 2**16 - 1])).to_bytes(size)
        case _:
            for place in rng.integers(0, near, rng.integers(1, 8)):
                interesting = rng.random() < 0.5
                mutated[place] = rng.choice(INTERESTING) if interesting else rng.integers(256)
    return bytes(mutated)


def inside(data: bytes, rng: Rng) -> bytes:
    """A mutant whose checksums are right again: what lies inside is changed."""
    if data[:4] == PNG:
        return mended(mutant(data, rng))
    if data[:2] == GZIP:
        return gzip.compress(mutant(gunzipped(data) or b"\0", rng), 1, mtime=0)
    if data[:2] != b"PK":
        return mutant(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
        kind = archive.infolist()[0].compress_type
    for name in rng.choice(list(files), 2):
        files[name] = mutant(files[name] or b"\0", rng)
    return zipped(files, kind)


def mended(data: bytes) -> bytes:
    """A PNG with the checksums that its parts now need."""
    mutated, at = bytearray(data), 8
    while at + 12 <= len(mutated):
        end = at + 8 + int.from_bytes(mutated[at : at + 4])
        if end + 4 > len(mutated):
            break
        mutated[end : end + 4] = zlib.crc32(mutated[at + 4 : end]).to_bytes(4)
        at = end + 4
    return bytes(mutated)


def gunzipped(data: bytes) -> bytes:
    """What a gzip file holds, up to PACKED bytes; what can be had of a damaged one."""
    try:
        return zlib.decompressobj(31).decompress(data, PACKED)
    except zlib.error:
        return b""


def extreme(size: int, rng: Rng) -> bytes:
    """A number of so many bytes: 0, 1, the highest, the lowest below 0, or nearly one of these."""
    most = 2 ** (8 * size)
    values = (0, 1, most - 1, most // 2, most // 2 - 1, most - 2, most // 4, 256, 65535)
    number = values[rng.integers(len(values))] % most
    return number.to_bytes(size, "little" if rng.random() < 0.5 else "big")


def put(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def cut_off(data: bytes, _: bytes, rng: Rng) -> bytes:
    return data[: rng.integers(len(data))]


def bits(data: bytes, _: bytes, rng: Rng) -> bytes:
    """Up to twenty bits turned over."""
    mutated = bytearray(data)
    for place in rng.integers(0, len(mutated), rng.integers(1, 20)):
        mutated[place] ^= 1 << int(rng.integers(8))
    return bytes(mutated)


def any_bytes(data: bytes, _: bytes, rng: Rng) -> bytes:
    """As files of ours are changed."""
    return mutant(data, rng)


def packed_bytes(data: bytes, _: bytes, rng: Rng) -> bytes:
    """The same below the checksums and the packing."""
    return inside(data, rng)


def number(data: bytes, _: bytes, rng: Rng) -> bytes:
    """Some numbers in the head, where they are aligned, as extreme as can be."""
    mutated = data
    for _time in range(rng.integers(1, 4)):
        size = int(rng.choice([1, 2, 4, 8]))
        at = int(rng.integers(min(len(data), 400))) // min(size, 4) * min(size, 4)
        mutated = put(mutated, at, extreme(size, rng))
    return mutated


def swapped(data: bytes, _: bytes, rng: Rng) -> bytes:
    """Two pieces of one length in each other's place; often two numbers."""
    size = int(rng.choice([2, 4, 8, 64, 1024]))
    first, second = rng.integers(0, max(1, len(data) - size), 2)
    piece, other_piece = data[first : first + size], data[second : second + size]
    return put(put(data, first, other_piece), second, piece)


def spliced(data: bytes, other: bytes, rng: Rng) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: rng.integers(1, len(data) + 1)] + other[rng.integers(len(other)) :]


def parts(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """Parts of a PNG or JPEG removed, repeated or exchanged."""
    head, pieces = segments(data)
    if len(pieces) < 3:
        return None
    at, to = rng.integers(0, len(pieces), 2)
    match rng.integers(3):
        case 0:
            del pieces[at]
        case 1:
            pieces[to:to] = [pieces[at]] * int(rng.choice([1, 3, 200]))
        case _:
            pieces[at], pieces[to] = pieces[to], pieces[at]
    return head + b"".join(pieces)


def segments(data: bytes) -> tuple[bytes, list[bytes]]:
    """How a PNG or JPEG begins, and its parts."""
    if data[:4] == PNG:
        ends = list(png_ends(data))
    elif data[:2] == b"\xff\xd8":
        ends = list(jpeg_ends(data))
    else:
        return data, []
    head = 8 if data[:4] == PNG else 2
    starts = [head, *ends]
    return data[:head], [data[at:end] for at, end in zip(starts, [*ends, len(data)], strict=True)]


def png_ends(data: bytes) -> Iterator[int]:
    at = 8
    while at + 12 <= len(data):
        at += 12 + int.from_bytes(data[at : at + 4])
        yield min(at, len(data))


def jpeg_ends(data: bytes) -> Iterator[int]:
    """Where each segment of a JPEG ends, up to its pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        yield min(at, len(data))


def sizes(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """Width, height, depth or colors of a PNG or JPEG, its checksum right."""
    if data[:4] == PNG and len(data) > 29:
        at, size = ((16, 4), (20, 4), (24, 1), (25, 1), (28, 1))[rng.integers(5)]
        return mended(put(data, at, extreme(size, rng)))
    for end in jpeg_ends(data):
        if data[end : end + 1] == b"\xff" and data[end + 1 : end + 2] in b"\xc0\xc1\xc2\xc3":
            at, size = ((4, 1), (5, 2), (7, 2), (9, 1), (11, 1))[rng.integers(5)]
            return put(data, end + at, extreme(size, rng))
    return None


def tiff_tags(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """Type, length or place of some tags of a TIFF, its first page's place, or how many it has."""
    if data[:2] not in {b"II", b"MM"}:
        return None
    order = byte_order(data)
    big = data[2:4] in {b"+\0", b"\0+"}
    word, head = (8, 8) if big else (4, 2)
    page = int.from_bytes(data[word : 2 * word], order)
    count = int.from_bytes(data[page : page + head], order)
    if not count or page + head > len(data):
        return None
    mutated = data
    for _time in range(rng.integers(1, 4)):
        entry = page + head + int(rng.integers(min(count, 100))) * (4 + 2 * word)
        value, after = (entry + 4 + word, word), (page + head + count * (4 + 2 * word), word)
        places = ((entry, 2), (entry + 2, 2), (entry + 4, word), value, value, (word, word))
        places += ((page, head), after)
        at, size = places[rng.integers(len(places))]
        new = extreme(size, rng)
        if rng.random() < 0.2:  # back to itself
            new = page.to_bytes(8, order)[:size] if order == "little" else page.to_bytes(size)
        mutated = put(mutated, at, new)
    return mutated


def dicom_elements(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """Lengths or values of elements about the pixels of a DICOM file; an item that has no end."""
    if data[128:132] != b"DICM":
        return None
    mutated = data
    for _time in range(rng.integers(1, 4)):
        group = (b"\x28\x00", b"\xe0\x7f", b"\x02\x00", b"\xfe\xff")[rng.integers(4)]
        places = [at for at in range(132, min(len(data), 200_000), 2) if data[at : at + 2] == group]
        if not places:
            continue
        at = places[rng.integers(len(places))] + int(rng.choice([2, 4, 6, 8, 8, 10, 12]))
        mutated = put(mutated, at, extreme(int(rng.choice([2, 2, 4])), rng))
    return mutated


def nifti_fields(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """Numbers of a NIfTI header; packed as before."""
    packed = data[:2] == GZIP
    plain = gunzipped(data) if packed else data
    if plain[344:347] not in {b"n+1", b"ni1"} and plain[4:7] not in {b"n+2", b"ni2"}:
        return None
    fields = NIFTI_1 if plain[344:345] == b"n" else NIFTI_2
    for _time in range(rng.integers(1, 4)):
        at, size = fields[rng.integers(len(fields))]
        floats = (np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40, 0.0)
        new = extreme(size, rng)
        if size in {4, 8} and rng.random() < 0.4:
            new = struct.pack("<f" if size == 4 else "<d", floats[rng.integers(len(floats))])
        plain = put(plain, at, new)
    return gzip.compress(plain, 1, mtime=0) if packed else plain


def inflated(data: bytes, _: bytes, rng: Rng) -> bytes | None:
    """A part that unpacks to many zeros: of a PNG, a gzip file, or a Deflate TIFF."""
    zeros = bytes(INFLATED[rng.integers(len(INFLATED))])
    if data[:2] == GZIP:
        return gzip.compress(gunzipped(data)[: rng.integers(200, PACKED)] + zeros, 1, mtime=0)
    if data[:4] == PNG:
        head, pieces = segments(data)
        packed = zlib.compress(zeros, 1)
        fronts = {b"IDAT": b"", b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}
        kind = list(fronts)[rng.integers(4)]
        return head + b"".join([*pieces[:1], chunk(kind, fronts[kind] + packed), *pieces[1:]])
    if data[:2] in {b"II", b"MM"}:
        at = data.find(b"\x78\x9c")
        return put(data, at, zlib.compress(zeros, 6)) if at > 0 else None
    return None


ANY: tuple[Mutation, ...] = (cut_off, bits, any_bytes, packed_bytes, number, swapped, spliced)
FORMAT: tuple[Mutation, ...] = (parts, sizes, tiff_tags, dicom_elements, nifti_fields, inflated)
RARE = 0.16  # how often `inflated`, which costs most, is among the changes to choose from


def changed(data: bytes, other: bytes, rng: Rng) -> tuple[str, bytes]:
    """A mutant, and the name of the change; half of them where the format keeps its numbers."""
    if not data:
        return "nothing", data
    if rng.random() < 0.5:
        fitting = [change for change in FORMAT if change is not inflated or rng.random() < RARE]
        for at in rng.permutation(len(fitting)):
            if (mutated := fitting[at](data, other, rng)) is not None:
                return fitting[at].__name__, mutated
    mutation = ANY[rng.integers(len(ANY))]
    return mutation.__name__, mutation(data, other, rng) or b""
