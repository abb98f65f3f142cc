"""NIfTI volumes: three planes through the body, upright, in the radiological convention.

The volume is turned to the closest of the patient's axes by its affine, so that x runs to the
right, y to the front and z to the head. In axial and coronal slices the patient's right is then on
the left of the picture; a sagittal slice looks to the left. Nothing but the numbers is kept.
"""

from __future__ import annotations

import logging
import zlib
from hashlib import blake2b
from io import BytesIO
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, io_orientation
from numpy.typing import NDArray

from engine.errors import BadImage
from engine.images.orientation import Edges
from engine.images.scan import Plane, Scan
from engine.images.window import FARTHEST, possible, presets

MAX_UNPACKED = 250_000_000  # bytes; a head at half a millimeter in 16 bits has 200 million
HEADER = 540  # bytes of the longer of the two headers
MOST_SIDE = 20_000  # of a slice
SAMPLED = 2_000_000  # values that windows are worked out from

UPRIGHT = {  # plane: the axis it is cut across, and the patient's sides at its edges
    "axial": (2, Edges("R", "L", "A", "P")),
    "coronal": (1, Edges("R", "L", "H", "F")),
    "sagittal": (0, Edges("A", "P", "H", "F")),
}
STORED = {"third axis": 2, "second axis": 1, "first axis": 0}
RGB = {("R", "G", "B"), ("R", "G", "B", "A")}

# nibabel writes what it finds odd in a header to the console
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)


class NiftiScan(Scan):
    """A volume, or several; slices are views of the stored values and scaled when asked for."""

    title = "NIfTI"

    def __init__(self, image: Any) -> None:
        header = image.header
        stored = image.dataobj.get_unscaled()
        while stored.ndim > 4 and stored.shape[-1] == 1:
            stored = stored[..., 0]
        stored = stored.reshape(stored.shape + (1,) * max(0, 3 - stored.ndim))
        if stored.ndim > 4:
            raise BadImage("has more than four dimensions: open one volume of it")
        if 0 in stored.shape:
            raise BadImage("holds no values: save or download it again")
        if max(stored.shape[:3]) > MOST_SIDE:
            raise BadImage(f"has a side of more than {MOST_SIDE} voxels: save a part of it")
        self.slope, self.intercept = float(image.dataobj.slope), float(image.dataobj.inter)
        said = blake2b(np.ascontiguousarray(stored.T).view(np.uint8).data, digest_size=16)
        said.update(f"{stored.shape}{stored.dtype}{self.slope}{self.intercept}".encode())
        said.update(f"{image.affine.tolist()}{header['cal_min']}{header['cal_max']}".encode())
        self.digest = said.hexdigest()
        zooms = [*(float(zoom) for zoom in header.get_zooms()[:3]), 1.0, 1.0, 1.0][:3]
        turn = orientation(image)
        self.upright = turn is not None
        if turn is not None:
            zooms = [zooms[int(np.flatnonzero(turn[:, 0] == axis)[0])] for axis in range(3)]
            stored = apply_orientation(stored, turn)
        self.stored: NDArray[Any] = stored
        self.zooms = tuple(zoom if np.isfinite(zoom) and zoom > 0 else 1.0 for zoom in zooms)
        self.volumes = stored.shape[3] if stored.ndim == 4 else 1
        axes = {name: axis for name, (axis, _) in UPRIGHT.items()} if self.upright else STORED
        flat = stored.shape[2] == 1 and min(stored.shape[:2]) > 1
        self.axes = {name: axis for name, axis in axes.items() if not flat or axis == 2}
        self.planes = tuple(self.axes)
        self.presets = () if self.is_color else self.windows(header)
        if np.iscomplexobj(stored):
            self.notes = ("complex values: their size is shown",)

    @property
    def is_color(self) -> bool:
        """Whether a voxel is a color."""
        return self.stored.dtype.names is not None

    def count(self, plane: str) -> int:
        """The slices across a plane's axis."""
        return int(self.stored.shape[self.axes[plane]])

    def cut(self, plane: str, index: int, volume: int) -> Plane:
        """One slice, as it is looked at."""
        axis = self.axes[plane]
        block = self.stored[..., volume] if self.stored.ndim == 4 else self.stored
        flat = np.moveaxis(block, axis, 0)[index].T  # rows: the later axis
        edges = None
        if self.upright:
            edges = UPRIGHT[plane][1]
            flat = flat[::-1, ::-1]  # head or front on top; right, or front, on the left
        across, down = (zoom for at, zoom in enumerate(self.zooms) if at != axis)
        if self.is_color:
            color = np.stack([flat[name] for name in ("R", "G", "B")], axis=-1)
            return Plane(color, (down, across), edges)
        step = abs(self.slope) if np.issubdtype(flat.dtype, np.integer) else 0.0
        return Plane(self.scaled(flat), (down, across), edges, step)

    def scaled(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored values by slope and intercept; what is no finite number is nothing."""
        sizes = np.abs(stored) if np.iscomplexobj(stored) else stored
        with np.errstate(over="ignore", invalid="ignore"):
            values = sizes.astype(np.float64) * self.slope + self.intercept
            values[~(np.abs(values) <= FARTHEST)] = np.nan
        return np.ascontiguousarray(values, dtype=np.float32)

    def windows(self, header: Any) -> tuple[Any, ...]:
        """From the header's display range, and from the values of all slices."""
        low, high = float(header["cal_min"]), float(header["cal_max"])
        given = possible((low + high) / 2, high - low, "linear exact") if low < high else None
        own = (given,) if given else ()
        thin = max(1, round((self.stored.size / SAMPLED) ** (1 / 3)))
        return presets(self.scaled(self.stored[::thin, ::thin, ::thin]), own, hounsfield=False)


def opened(data: bytes, called: str) -> NiftiScan:
    """A file; BadImage when it holds no volume that can be shown."""
    try:
        image = nib.Nifti1Image if is_first(head(data)) else nib.Nifti2Image
        return NiftiScan(image.from_bytes(unpacked(data, image.header_class)))
    except BadImage as error:
        words = str(error)
    except MemoryError:
        words = "needs more memory than this machine has free: save a part of it"
    except Exception:  # noqa: BLE001 - nibabel and zlib fail in a dozen ways, all for the file's sake
        words = "is damaged or cut off (its NIfTI data make no sense): save or download it again"
    raise BadImage(f"{called} {words}.")


def is_first(start: bytes) -> bool:
    """NIfTI-1, not NIfTI-2."""
    return start[344:348] == b"n+1\x00"


def head(data: bytes) -> bytes:
    """The first bytes, unpacked."""
    if data[:2] != b"\x1f\x8b":
        return data[:HEADER]
    return zlib.decompressobj(31).decompress(data, HEADER)


def unpacked(data: bytes, kind: Any) -> bytes:
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
    whole = inflated(data, needed) if data[:2] == b"\x1f\x8b" else data
    if len(whole) < needed:
        raise BadImage("is cut off: it holds fewer values than it says; download it again")
    return whole


def inflated(data: bytes, needed: int) -> bytes:
    """At most so many bytes of a gzip file, which may have several members."""
    said = BytesIO()
    while data and said.tell() < needed:
        unpacking = zlib.decompressobj(31)
        said.write(unpacking.decompress(data, needed - said.tell()))
        if not unpacking.eof:
            break
        data = unpacking.unused_data
    return said.getvalue()


def orientation(image: Any) -> NDArray[Any] | None:
    """Which way each stored axis runs; None when the file does not say or says nonsense."""
    if not (int(image.header["sform_code"]) or int(image.header["qform_code"])):
        return None
    axes = image.affine[:3, :3]
    if not np.isfinite(axes).all() or np.linalg.matrix_rank(axes) < 3:
        return None
    turn: NDArray[Any] = io_orientation(image.affine)
    return None if np.isnan(turn).any() else turn
