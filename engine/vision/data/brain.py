"""Healthy heads: the MNI152 average brain, bent into patients with a look of their own.

A patient is a small turn and scaling of the template, a smooth displacement, larger or smaller
ventricles, and intensities, sharpness, shading and noise of its own. Lengths are in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

FILE = Path(__file__).parents[3] / "assets" / "data" / "mni152_2mm.npz"
FIELD = 204.0  # mm seen across a slice
MIDDLE = -18.5  # mm: where the field's center lies on the axis from back to front

T1, GRAY, WHITE, FLUID, BRAIN = range(5)  # the template's maps

# The displacement's control points: how many, and where the first and the last lie.
POINTS = (7, 8, 7)
FIRST, SPAN = np.array([-98.0, -134.0, -72.0]), np.array([197.0, 233.0, 189.0])
VENTRICLES = np.array([0.0, -18.0, 14.0])
VENTRICLES_REACH = np.array([26.0, 34.0, 20.0])

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Template:
    """Maps of the average brain, channels last, so that one neighbor look-up serves all."""

    flat: Floats  # (voxels, 5)
    shape: tuple[int, int, int]
    origin: Floats
    step: float

    def at(self, points: Points) -> Floats:
        """The maps at points (3, ...), linear between voxels: (..., 5)."""
        place = (points.reshape(3, -1) - self.origin[:, None]) / self.step
        # a little below the last voxel, so that every point has a neighbor above it
        place = np.clip(place, 0, np.array(self.shape)[:, None] - 1.001).astype(np.float32)
        low = place.astype(np.int64)
        part = place - low
        weights = np.stack([1 - part, part])  # (below or above, axis, point)
        strides = (self.shape[1] * self.shape[2], self.shape[2], 1)
        first = low[0] * strides[0] + low[1] * strides[1] + low[2]
        result = np.zeros((len(first), self.flat.shape[1]), np.float32)
        for i, j, k in np.ndindex(2, 2, 2):
            weight = weights[i, 0] * weights[j, 1] * weights[k, 2]
            corner_values = self.flat.take(first + np.dot((i, j, k), strides), axis=0)
            corner_values *= weight[:, None]
            result += corner_values
        return result.reshape(*points.shape[1:], -1)


@cache
def template() -> Template:
    """The average brain, read once."""
    with np.load(FILE, allow_pickle=False) as archive:
        maps, origin, step = (
            archive["maps"] / np.float32(255),
            archive["origin"],
            float(archive["step"]),
        )
    # what of the brain is neither gray nor white matter
    fluid = np.clip(maps[3] - maps[1] - maps[2], 0, 1)
    tissues = np.stack([*maps[:3], fluid, maps[3]], axis=-1)
    return Template(np.ascontiguousarray(tissues.reshape(-1, 5)), maps.shape[1:], origin, step)


@dataclass(frozen=True, eq=False)
class AxialCut:
    """An axial cut: the x and y of its pixels, (side, side) each, front at the top."""

    x: Points
    y: Points
    z: float
    step: float  # mm from pixel to pixel

    @classmethod
    def at(cls, z: float, side: int) -> AxialCut:
        """The plane at a height, in so many pixels."""
        step = FIELD / side
        axis = (np.arange(side) - (side - 1) / 2) * step
        x, y = np.meshgrid(axis, axis[::-1] + MIDDLE)
        return cls(x, y, z, step)

    @property
    def side(self) -> int:
        """Pixels from edge to edge."""
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Patient:
    """One head and the scanner it lay in."""

    turn: Points  # (3, 3)
    shift: Points  # (3,)
    control: Points  # (3, 7, 8, 7), displacements
    ventricles: float  # above 0 larger
    levels: Floats  # brightness of gray matter, white matter, fluid
    sharpness: float  # above 1 crisper borders than the average brain's
    shading: float  # share of the template's own T1
    bias: Points  # (3, 3), logarithm of the coil's unevenness
    noise: float
    mirrored: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator, shift: float = 0.0) -> Patient:
        """A patient; `shift` moves contrast, unevenness and noise away from the usual scanner."""
        about_x, about_y, about_z = np.deg2rad(rng.normal(0, [3.5, 3.5, 4.5]))
        turned = rotation(0, about_x) @ rotation(1, about_y) @ rotation(2, about_z)
        scales = rng.normal(1, 0.045, 3)
        levels = rng.uniform([0.34, 0.50, 0.07], [0.42, 0.60, 0.15])
        return cls(
            turn=turned @ np.diag(scales),
            shift=rng.normal(0, 2.0, 3),
            control=rng.normal(0, 5.0, (3, *POINTS)),
            ventricles=rng.uniform(-0.12, 0.38),
            levels=(levels + shift * np.array([0.12, -0.10, 0.08])).astype(np.float32),
            sharpness=rng.uniform(1.6, 3.0),
            shading=rng.uniform(0.25, 0.5),
            bias=rng.normal(0, 0.10 * (1 + 1.5 * shift), (3, 3)),
            noise=rng.uniform(0.010, 0.026) * (1 + 1.5 * shift),
            mirrored=bool(rng.random() < 0.5),
        )

    def maps(self, plane: AxialCut, x: Points, y: Points, z: Points | float) -> Floats:
        """The template's maps at points of this patient, (side, side, 5).

        The points may be the plane's own, or these after something has pushed the tissue aside.
        """
        sign = -1 if self.mirrored else 1
        points = np.stack([sign * x, y, np.broadcast_to(z, x.shape)])
        points = np.tensordot(self.turn, points, 1) + self.displacement(plane)
        away = points + (self.shift - VENTRICLES)[:, None, None]
        # squares that are squared again below: an even pull inside, which ends steeply
        u, v, w = (away / VENTRICLES_REACH[:, None, None]) ** 2
        pull = self.ventricles * np.exp(-(u * u + v * v + w * w))
        # looked up nearer to the center, so that the ventricles come out larger
        return template().at(VENTRICLES[:, None, None] + away * (1 - pull))

    def displacement(self, plane: AxialCut) -> Points:
        """The smooth part of the warp on a plane, (3, side, side): cubic B-splines on each axis."""
        sign = -1 if self.mirrored else 1
        along = (sign * plane.x[0], plane.y[:, 0], np.array([plane.z]))
        bx, by, bz = (
            spline((at - first) / span * (count - 1), count)
            for at, first, span, count in zip(along, FIRST, SPAN, POINTS, strict=True)
        )
        # all of a plane has one height: that axis is summed once, and not at every pixel
        level = self.control @ bz[0]  # (3, 7, 8)
        return by @ (bx @ level).swapaxes(1, 2)

    def tissue(self, maps: Floats) -> Floats:
        """The brightness of the maps, without noise or unevenness."""
        # a floor against 0 / 0 outside of the brain; powers above 1 let the largest share win
        shares = np.clip(maps[..., GRAY : FLUID + 1], 1e-4, 1) ** np.float32(self.sharpness)
        level = shares @ self.levels / (shares @ np.ones(3, np.float32))
        mixed = (1 - self.shading) * level + 0.62 * self.shading * maps[..., T1]
        return mixed * np.clip(maps[..., BRAIN], 0, 1)


@dataclass(frozen=True, eq=False)
class Finish:
    """What the scanner adds to a slice; used twice, it gives twins with the same noise."""

    texture: Floats  # fine structure and vessels, inside the brain
    bias: Floats
    real: Floats  # the two parts of the noise
    imaginary: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator, patient: Patient, brain: Floats) -> Finish:
        """Fine structure, specks of vessels, the coil's unevenness, and noise."""
        side = len(brain)
        texture = 0.014 * cloud(rng, side, 1.0) + 0.010 * cloud(rng, side, 2.6)
        noise = rng.standard_normal((2, side, side), dtype=np.float32) * np.float32(patient.noise)
        specks = np.zeros((side, side), np.float32)
        if (inside := np.flatnonzero(brain > 0.8)).size:
            for place in rng.choice(inside, rng.integers(1, 6)):
                specks.flat[place] = rng.uniform(0.2, 0.5)
            specks = 1.6 * ndi.gaussian_filter(specks, 0.55)
        return cls(texture + specks, unevenness(patient.bias, side), *noise)

    def __call__(self, tissue: Floats, brain: Floats) -> NDArray[np.uint8]:
        """The slice as the scanner gives it."""
        image = np.clip(tissue + self.texture * np.clip(brain, 0, 1), 0, None) * self.bias
        image = ndi.gaussian_filter(image, 0.45)
        image = np.hypot(image + self.real, self.imaginary)  # a magnitude: the noise is Rician
        return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def rotation(axis: int, angle: float) -> Points:
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[[a, b], [a, b]] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def spline(at: Points, count: int) -> Points:
    """Weights of `count` control points of a cubic B-spline at coordinates, (len(at), count)."""
    low = np.floor(at).astype(int)
    t = at - low
    basis = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    weights = np.zeros((len(at), count))
    for offset, weight in enumerate(basis, start=-1):
        # clipped: beyond the grid its outermost points go on; `add.at`, as they then repeat
        np.add.at(weights, (np.arange(len(at)), np.clip(low + offset, 0, count - 1)), weight / 6)
    return weights


def unevenness(bias: Points, side: int) -> Floats:
    """A coil's smooth factor on every pixel, from nine logarithms."""
    t = np.linspace(0, 1, side)
    weights = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=1)  # Bernstein
    spread = 1.5  # such a surface is flatter than one through its nine points
    return np.exp(spread * weights @ bias @ weights.T).astype(np.float32)


def cloud(rng: np.random.Generator, side: int, width: float) -> Floats:
    """Smooth noise of unit spread; `width` in pixels."""
    noise = rng.standard_normal((side, side), dtype=np.float32)
    # wrapped, so that the spread is the same at the edges as inside
    smooth = ndi.gaussian_filter(noise, width, mode="wrap")
    return smooth / (smooth.std() + np.float32(1e-8))
