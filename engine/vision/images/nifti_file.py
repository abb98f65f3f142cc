"""NIfTI files, as the reader process opens them: the stored values and what the header says."""

import logging
import zlib
from hashlib import blake2b
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import io_orientation
from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.vision.images.room import require_room
from engine.vision.images.wire import Arrays, Words

MAX_UNPACKED = 250_000_000  # bytes; a head at half a millimeter in 16 bits has 200 million
HEADER = 540  # bytes of the longer of the two headers
MOST_SIDE = 20_000  # of a slice
GZIP = 31  # zlib's word for gzip with its header
PIECE = 2**16  # bytes of a gzip file that are looked at together
MOST_MEMBERS = 20_000  # of a gzip file; one packed in blocks of 64 kB has about 4000
LENGTH = 7  # bits of a header's units that say what lengths are counted in
RGB = {("R", "G", "B"), ("R", "G", "B", "A")}

# nibabel writes what it finds odd in a header to the console
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)

Reply = tuple[Words, Arrays]


def read_nifti(data: bytes, called: str) -> Reply:
    """All that is kept of a file, as NiftiScan takes it; BadImage when nothing can be shown."""
    try:
        return volume_reply(data)
    except BadImage as error:
        words = str(error)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - nibabel and zlib fail in a dozen ways, all for the file's sake
        words = "is damaged or cut off (its NIfTI data make no sense): save or download it again"
    raise BadImage(f"{called} {words}.")


def volume_reply(data: bytes) -> Reply:
    """The stored values, last axis first, and what the header says of them."""
    kind = nib.Nifti1Image if is_first(head(data)) else nib.Nifti2Image
    whole = decompressed_file(data, kind.header_class)
    header = kind.header_class(bytes(whole[: kind.header_class.sizeof_hdr]))
    shape = [int(side) for side in header.get_data_shape()]
    while len(shape) > 4 and shape[-1] == 1:
        shape.pop()
    shape += [1] * (3 - len(shape))
    if len(shape) > 4:
        raise BadImage("has more than four dimensions: open one volume of it")
    if 0 in shape:
        raise BadImage("holds no values: save or download it again")
    if max(shape[:3]) > MOST_SIDE:
        raise BadImage(f"has a side of more than {MOST_SIDE} voxels: save a part of it")
    start, dtype = int(header.get_data_offset()), header.get_data_dtype()
    # NIfTI's first axis runs fastest: in C order the axes are read backwards
    stored = np.frombuffer(whole, dtype, int(np.prod(shape)), start).reshape(shape[::-1])
    slope, intercept = scaling(header)
    affine = header.get_best_affine()
    low, high = float(header["cal_min"]), float(header["cal_max"])
    name = blake2b(stored.view(np.uint8).data, digest_size=16)
    name.update(f"{shape}{dtype}{slope}{intercept}{affine.tolist()}{low}{high}".encode())
    turn = orientation(header, affine)
    zooms = [*(float(zoom) for zoom in header.get_zooms()[:3]), 1.0, 1.0, 1.0][:3]
    return {
        "slope": slope,
        "intercept": intercept,
        "digest": name.hexdigest(),
        "zooms": zooms,
        "turn": None if turn is None else [[int(axis), int(sign)] for axis, sign in turn],
        "shown": [low, high],
        "affine": affine.tolist(),
        "units": int(header["xyzt_units"]) & LENGTH,
    }, [stored]


def scaling(header: Any) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 when the file has none."""
    slope, intercept = header.get_slope_inter()
    return 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)


def is_first(start: bytes) -> bool:
    """NIfTI-1, not NIfTI-2."""
    return start[344:348] == b"n+1\x00"


def head(data: bytes) -> bytes:
    """The first bytes, unpacked."""
    if data[:2] != b"\x1f\x8b":
        return data[:HEADER]
    return zlib.decompressobj(GZIP).decompress(data, HEADER)


def decompressed_file(data: bytes, kind: Any) -> bytes | bytearray:
    """The whole file, as long as its header says and not longer; checked before it is unpacked."""
    start = head(data)
    header = kind(start[: kind.sizeof_hdr], check=False)
    shape = [int(side) for side in header.get_data_shape()]
    if any(side < 0 for side in shape):
        raise BadImage("is damaged (it has a side of less than nothing): download it again")
    if header.get_data_dtype().names and header.get_data_dtype().names not in RGB:
        raise BadImage("has voxels of a rare kind: save it with plain numbers")
    size = header.get_data_dtype().itemsize
    for side in shape:
        size *= side
    offset = float(header["vox_offset"])
    if not 0 <= offset <= MAX_UNPACKED:
        raise BadImage("is damaged (its values begin nowhere): save or download it again")
    needed = int(offset) + size
    if needed > MAX_UNPACKED:
        sides = " × ".join(str(side) for side in shape)
        raise BadImage(
            f"has {sides} voxels, {size / 1e6:,.0f} MB unpacked, and at most "
            f"{MAX_UNPACKED / 1e6:.0f} MB are read: save one volume or a part of it"
        )
    require_room(needed + 2 * len(data), needed)
    whole = inflated(data, needed) if data[:2] == b"\x1f\x8b" else data
    if len(whole) < needed:
        raise BadImage("is cut off: it holds fewer values than it says; download it again")
    return whole


def inflated(data: bytes, needed: int) -> bytearray:
    """At most so many bytes of a gzip file, which may have several members."""
    room, at, members = bytearray(needed), 0, 0
    pending, place = b"", 0  # what is not yet unpacked of the bytes that were looked at
    unpacking = zlib.decompressobj(GZIP)
    while at < needed:
        if not pending:
            pending, place = data[place : place + PIECE], place + PIECE
            if not pending:
                break
        if unpacking.eof:
            members += 1
            if members > MOST_MEMBERS:
                raise BadImage(f"is packed in more than {MOST_MEMBERS:,} parts: pack it anew")
            unpacking = zlib.decompressobj(GZIP)
        out = unpacking.decompress(pending, needed - at)
        room[at : at + len(out)] = out
        at += len(out)
        pending = unpacking.unconsumed_tail or unpacking.unused_data
    del room[at:]
    return room


def orientation(header: Any, affine: NDArray[Any]) -> NDArray[Any] | None:
    """Which way each stored axis runs; None when the file does not say or says nonsense."""
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        return None
    axes = affine[:3, :3]
    if not np.isfinite(axes).all() or np.linalg.matrix_rank(axes) < 3:
        return None
    turn: NDArray[Any] = io_orientation(affine)
    return None if np.isnan(turn).any() else turn
