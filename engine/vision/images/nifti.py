"""NIfTI volumes: three planes through the body, upright, in the radiological convention.

The volume is turned to the closest of the patient's axes by its affine, so that x runs to the
right, y to the front and z to the head. In axial and coronal slices the patient's right is then on
the left of the picture; a sagittal slice looks to the left. Nothing but the numbers is kept: the
values, and where they lie (`affine`), so that a map can be saved as a volume that lies on the scan.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vision.images.orientation import Edges
from engine.vision.images.scan import Scan, ScanPlane
from engine.vision.images.window import FARTHEST, possible, presets
from engine.vision.images.wire import Arrays, Words

SAMPLED = 2_000_000  # values that windows are worked out from

UPRIGHT = {  # plane: the axis it is cut across, and the patient's sides at its edges
    "axial": (2, Edges("R", "L", "A", "P")),
    "coronal": (1, Edges("R", "L", "H", "F")),
    "sagittal": (0, Edges("A", "P", "H", "F")),
}
STORED = {"third axis": 2, "second axis": 1, "first axis": 0}


class NiftiScan(Scan):
    """A volume, or several; slices are views of the stored values and scaled when asked for."""

    title = "NIfTI"

    def __init__(self, called: str, said: Words, arrays: Arrays) -> None:  # noqa: ARG002
        stored = arrays[0].T  # as the file has it, the first axis next to each other
        self.slope, self.intercept = float(said["slope"]), float(said["intercept"])
        self.digest = said["digest"]
        zooms, turn = [float(zoom) for zoom in said["zooms"]], said["turn"]
        self.turn: list[list[int]] | None = turn
        self.upright = turn is not None
        self.shape = (stored.shape[0], stored.shape[1], stored.shape[2])  # as the file has it
        self.affine = np.array(said["affine"], np.float64)  # from a voxel's place in it to mm
        self.units = int(said["units"])  # of length, as the header counts them
        self.file_zooms = tuple(map(usable, zooms))  # of its axes
        if turn is not None:
            zooms = [zooms[at] for at in np.argsort([axis for axis, _ in turn])]
            stored = to_patient_axes(stored, turn)
        self.stored: NDArray[Any] = stored
        self.zooms = tuple(map(usable, zooms))
        self.volumes = stored.shape[3] if stored.ndim == 4 else 1
        axes = {name: axis for name, (axis, _) in UPRIGHT.items()} if self.upright else STORED
        flat = stored.shape[2] == 1 and min(stored.shape[:2]) > 1
        self.axes = {name: axis for name, axis in axes.items() if not flat or axis == 2}
        self.planes = tuple(self.axes)
        self.presets = () if self.is_color else self.windows(*said["shown"])
        if np.iscomplexobj(stored):
            self.notes = ("complex values: their size is shown",)

    @property
    def is_color(self) -> bool:
        return self.stored.dtype.names is not None

    def count(self, plane: str) -> int:
        """The slices across a plane's axis."""
        return int(self.stored.shape[self.axes[plane]])

    def cut(self, plane: str, index: int, volume: int) -> ScanPlane:
        """One slice, as it is looked at."""
        axis = self.axes[plane]
        block = self.stored[..., volume] if self.stored.ndim == 4 else self.stored
        flat, edges = self.looked_at(block, plane, index), None
        if self.upright:
            edges = UPRIGHT[plane][1]
        across, down = (zoom for at, zoom in enumerate(self.zooms) if at != axis)
        if self.is_color:
            color = np.stack([flat[name] for name in ("R", "G", "B")], axis=-1)
            return ScanPlane(color, (down, across), edges)
        step = abs(self.slope) if np.issubdtype(flat.dtype, np.integer) else 0.0
        return ScanPlane(self.scaled(flat), (down, across), edges, step)

    def looked_at(self, block: NDArray[Any], plane: str, index: int) -> NDArray[Any]:
        """A slice of a turned block as it is looked at, (H, W): a view of the block."""
        flat = np.moveaxis(block, self.axes[plane], 0)[index].T  # rows: the later axis
        return flat[::-1, ::-1] if self.upright else flat  # head or front on top; right on the left

    def filled(
        self, plane: str, slices: Mapping[int, NDArray[Any]], dtype: type[np.generic]
    ) -> NDArray[Any]:
        """A volume of the file's shape in which slices lie where they were cut; 0 elsewhere.

        Args:
            plane: the direction they were cut in.
            slices: by their place, as they are looked at: (H, W) like the values of `cut`.
            dtype: of the volume.
        """
        room: NDArray[Any] = np.zeros(self.shape, dtype, order="F")
        block = to_patient_axes(room, self.turn) if self.turn is not None else room
        for index, values in slices.items():
            self.looked_at(block, plane, index)[...] = values
        return room

    def scaled(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored values by slope and intercept; what is no finite number is nothing."""
        sizes = np.abs(stored) if np.iscomplexobj(stored) else stored
        with np.errstate(over="ignore", invalid="ignore"):
            values = sizes.astype(np.float64) * self.slope + self.intercept
            # not (… ≤ …), which NaN meets as well
            values[~(np.abs(values) <= FARTHEST)] = np.nan
        return np.ascontiguousarray(values, dtype=np.float32)

    def windows(self, low: float, high: float) -> tuple[Any, ...]:
        """From the header's display range, and from the values of all slices."""
        window = possible((low + high) / 2, high - low, "linear exact") if low < high else None
        file_windows = (window,) if window else ()
        # a cube root, since three axes are thinned by it
        thin = max(1, round((self.stored.size / SAMPLED) ** (1 / 3)))
        return presets(
            self.scaled(self.stored[::thin, ::thin, ::thin]), file_windows, hounsfield=False
        )


def usable(zoom: float) -> float:
    """The side of a voxel; 1 where the file has none."""
    return zoom if np.isfinite(zoom) and zoom > 0 else 1.0


def to_patient_axes(stored: NDArray[Any], turn: list[list[int]]) -> NDArray[Any]:
    """A volume with its axes in the patient's order; for each axis, which it is and its sign."""
    order = np.argsort([axis for axis, _ in turn])
    flipped = stored[tuple(slice(None, None, sign) for _, sign in turn)]
    return flipped.transpose([*order, *range(3, stored.ndim)])
