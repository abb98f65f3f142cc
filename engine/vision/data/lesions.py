"""Lesions drawn into a healthy head, with their exact masks.

A lesion is a star-shaped body of irregular outline that pushes the tissue aside. Compact ones are
bright with a thin dark oedema, ring-enhancing ones have an uneven bright rim around a dark core
and a wide oedema, diffuse ones are dark, soft and follow the white matter. All lengths in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from engine.vision.data.brain import BRAIN, FLUID, WHITE, AxialCut, Floats, Patient, Points, cloud

KINDS = ("none", "compact", "ring", "diffuse")
NONE, COMPACT, RING, DIFFUSE = range(4)
RADII = {COMPACT: (5.0, 9.5), RING: (9.0, 16.0), DIFFUSE: (11.0, 21.0)}
WAVES = np.array([2, 3, 4, 5, 7])  # of the outline
ROUGH = 0.16
PUSHED = 3.0  # radii from the center, beyond which nothing moves

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion, not yet painted; every random number of it is drawn."""

    kind: int
    center: tuple[float, float, float]
    radius: float
    stretch: float
    turn: float
    waves: Points  # (5,), how far the outline leaves the circle
    phases: Points  # (5,)
    push: float  # how far tissue is moved aside, as a share
    light: float  # where in its range of brightness the lesion lies, 0 to 1
    depth: float  # the same for the oedema, or for what shows through a diffuse one
    reach: float  # the same for how far the oedema goes
    rim: float  # the same for the rim's thickness, or a diffuse one's softness
    rim_phases: Points  # (2,)
    grain: Floats  # (side, side), unevenness of the lesion itself
    fray: Floats  # (side, side), unevenness of its outer border

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, kind: int, maps: Floats, plane: AxialCut, size: float
    ) -> Lesion:
        """A lesion of a kind that starts where such a lesion may in this slice."""
        low, high = RADII[kind]
        radius = size * rng.uniform(low, high)
        column = rng.choice(np.flatnonzero(room(kind, maps, plane, radius, rng.random() < 0.1)))
        width = {COMPACT: 9.0, RING: 9.0, DIFFUSE: 8.0}[kind]
        return cls(
            kind=kind,
            center=(plane.x.flat[column], plane.y.flat[column], plane.z),
            radius=radius,
            stretch=rng.uniform(0.75, 1.3),
            turn=rng.uniform(0, np.pi),
            waves=rng.normal(0, ROUGH / WAVES**0.8),
            phases=rng.uniform(0, 2 * np.pi, len(WAVES)),
            push=rng.uniform(0, 0.10) if kind == DIFFUSE else rng.uniform(0.08, 0.28),
            light=rng.random(),
            depth=rng.random(),
            reach=rng.random(),
            rim=rng.random(),
            rim_phases=rng.uniform(0, 2 * np.pi, 2),
            grain=cloud(rng, plane.side, 1.6),
            fray=cloud(rng, plane.side, width / plane.step),
        )

    def distance(self, plane: AxialCut) -> Floats:
        """How far from the center, 1 at the outline."""
        cx, cy, cz = self.center
        dx, dy = plane.x - cx, plane.y - cy
        # stretched one way and shrunk the other: the area stays
        u = (dx * np.cos(self.turn) + dy * np.sin(self.turn)) * self.stretch
        v = (dy * np.cos(self.turn) - dx * np.sin(self.turn)) / self.stretch
        angle = np.arctan2(v, u).astype(np.float32)
        edge = np.ones_like(angle)
        for count, wave, phase in zip(WAVES, self.waves, self.phases, strict=True):
            edge += np.float32(wave) * np.cos(count * angle + np.float32(phase))
        flat = np.hypot(u, v) / np.clip(edge, 0.55, 1.6)
        return (np.hypot(flat, plane.z - cz) / self.radius).astype(np.float32)

    def moved(self, patient: Patient, plane: AxialCut) -> Floats:
        """The maps with the tissue pushed aside, up to three radii from the center."""
        cx, cy, cz = self.center
        dx, dy, dz = plane.x - cx, plane.y - cy, plane.z - cz
        share = (dx**2 + dy**2 + dz**2) / (PUSHED * self.radius) ** 2
        # looked up nearer to the center: tissue comes out further away. The power lets value and
        # slope end at 0, so that no seam is seen
        pull = 1 - self.push * np.clip(1 - share, 0, None) ** 4
        return patient.maps(plane, cx + dx * pull, cy + dy * pull, cz + dz * pull)

    def painted(
        self, patient: Patient, maps: Floats, plane: AxialCut, contrast: float
    ) -> tuple[Floats, Mask, Mask]:
        """The tissue's brightness with the lesion in it, the lesion's mask, and the oedema's."""
        far = self.distance(plane)
        tissue = patient.tissue(maps)
        brain = np.clip(maps[..., BRAIN], 0, 1)
        oedema = np.zeros_like(far)
        if self.kind == DIFFUSE:
            share = soft(far - 1 + 0.14 * self.fray, interpolate(self.rim, 0.10, 0.20))
            share *= 0.45 + 0.55 * np.clip(1.3 * maps[..., WHITE], 0, 1)
            level = patient.levels[2] + interpolate(self.light, 0.08, 0.18) + 0.03 * self.grain
            shows = interpolate(self.depth, 0.10, 0.25)
            changed = tissue * (1 - share) + share * (shows * tissue + level * brain)
            mask = largest_piece(share > 0.38)
        else:
            oedema = self.oedema(far, maps)
            fringe = (0.04, 0.11) if self.kind == COMPACT else (0.11, 0.20)
            changed = tissue - interpolate(self.depth, *fringe) * oedema * brain
            share = soft(far - 1, self.edge(plane))
            changed = changed * (1 - share) + share * self.filling(far, plane) * brain
            mask = far < 1
        inside = maps[..., BRAIN] > 0.5
        lesioned = tissue + np.float32(contrast) * (changed - tissue)
        return lesioned, mask & inside, (oedema > 0.5) & (far >= 1) & inside

    def oedema(self, far: Floats, maps: Floats) -> Floats:
        """How much water stands around the lesion: it runs along the white matter."""
        low, high = (1.15, 1.45) if self.kind == COMPACT else (1.4, 2.1)
        spread = soft(far - interpolate(self.reach, low, high) + 0.16 * self.fray, 0.10)
        return spread * (0.25 + 0.75 * np.clip(maps[..., WHITE], 0, 1))

    def filling(self, far: Floats, plane: AxialCut) -> Floats:
        """The brightness inside the outline of a compact or a ring-enhancing lesion."""
        if self.kind == COMPACT:
            return interpolate(self.light, 0.72, 0.96) + 0.06 * self.grain
        angle = np.arctan2(plane.y - self.center[1], plane.x - self.center[0])
        first, second = self.rim_phases
        uneven = 1 + 0.3 * np.cos(angle + first) + 0.15 * np.cos(3 * angle + second)
        thick = max(interpolate(self.rim, 2.8, 4.6), 1.25 * plane.step) / self.radius * uneven
        core = soft((far - (1 - thick)).astype(np.float32), self.edge(plane))
        bright = interpolate(self.light, 0.76, 1.0) + 0.08 * self.grain
        dark = interpolate(self.depth, 0.17, 0.32) + 0.03 * self.grain
        return bright * (1 - core) + dark * core

    def edge(self, plane: AxialCut) -> float:
        """Half a pixel of mixed tissue at the border, as a share of the radius."""
        return 0.3 * plane.step / self.radius


def room(kind: int, maps: Floats, plane: AxialCut, radius: float, anywhere: bool) -> Mask:
    """Where the center of a lesion of that radius may lie."""
    inside = ndi.distance_transform_edt(maps[..., BRAIN] > 0.5) * plane.step
    allowed = inside > min(0.8 * radius, 0.6 * inside.max())
    if kind != COMPACT and not anywhere:  # gliomas start in white matter
        allowed &= maps[..., WHITE] > 0.35
    if kind == DIFFUSE:  # dark on a ventricle would be no lesion
        fluid = maps[..., FLUID] * np.clip(maps[..., BRAIN], 0, 1)
        allowed &= ndi.gaussian_filter(fluid, 0.35 * radius / plane.step) < 0.12
    return allowed if allowed.any() else inside > 0.6 * inside.max()


def soft(excess: Floats, width: float) -> Floats:
    """1 inside, 0 outside, a smooth step between."""
    # beyond ± 30 nothing of the step is left to see, and exp would overflow further out
    return 1 / (1 + np.exp(np.clip(excess / np.float32(width), -30, 30)))


def interpolate(share: float, low: float, high: float) -> float:
    """A place in a range."""
    return low + share * (high - low)


def largest_piece(mask: Mask) -> Mask:
    """The largest piece of a mask; stray islands are dropped."""
    pieces, count = ndi.label(mask)
    if count < 2:
        return mask
    return pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
