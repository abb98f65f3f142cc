"""What shape scenes hold, and their pictures: many at once, or one to look at and to change.

Things have a look whether they are there or not, and noise hangs on a scene's number alone: a thing
can be taken away or made fainter, and every pixel it does not touch stays the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.keeping.lazy import lazy
from engine.core.method import Progress, quiet
from engine.vision.data.sprites import (
    CATEGORIES,
    COLORS,
    FRAME,
    PAINT,
    SIDE,
    THEMES,
    backgrounds,
    sprites,
)

CELLS, CELL = 4, 16  # cells on a side, and their side in px
PAD = 8  # px around the canvas, so that a thing may reach over the edge while it is drawn
NOISE = 0.06
TOGETHER = 64  # scenes that are drawn at once, so that they stay in the processor's cache
LOOK, GRAIN = range(2)  # random streams of a scene

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Thing:
    """What a person would say of one thing in a scene."""

    category: str
    color: str
    row: int  # of the 4 × 4 cells, from the top
    column: int
    opacity: float


@dataclass(frozen=True, eq=False)
class Layout:
    """What many scenes hold. Things that are absent have a look all the same."""

    theme: Ints  # (n,)
    present: Bools  # (n, 16)
    cell: Ints  # (n, 16)
    color: Ints  # (n, 16)
    size: Ints  # (n, 16)
    jitter: Ints  # (n, 16, 2), down and right
    opacity: Floats  # (n, 16)
    brightness: Floats  # (n,)
    background: Ints  # (n,)
    seed: int
    index: Ints  # (n,), the scenes' numbers: their noise hangs on these

    def __len__(self) -> int:
        return len(self.theme)

    def take(self, rows: Ints | slice) -> Layout:
        parts: dict[str, Any] = {
            what: variable[rows]
            for what, variable in vars(self).items()
            if isinstance(variable, np.ndarray)
        }
        return replace(self, **parts)

    def scene(self, row: int) -> Scene:
        return Scene(self.take(slice(row, row + 1)))

    def without(self, category: str) -> Layout:
        """The same scenes without a thing."""
        present = self.present.copy()
        present[:, number(category)] = False
        return replace(self, present=present)

    def with_opacity(self, category: str, opacity: float) -> Layout:
        """The same scenes with a thing at that opacity, where it is."""
        changed = self.opacity.copy()
        changed[:, number(category)] = opacity
        return replace(self, opacity=changed)

    def moved(self, category: str, row: int, column: int) -> Layout:
        """The same scenes with a thing in another cell; what was there takes the thing's cell."""
        index, cell = number(category), self.cell.copy()
        target_cell = row * CELLS + column
        source_cell = cell[:, index].copy()
        rows, other = np.nonzero(cell == target_cell)
        cell[rows, other] = source_cell[rows]
        cell[:, index] = target_cell
        return replace(self, cell=cell)

    def corners(self) -> Ints:
        """Where the sprites' frames begin, (n, 16, 2), down and right."""
        cells = np.stack(np.divmod(self.cell, CELLS), axis=-1)
        return cells * CELL + CELL // 2 - FRAME // 2 + self.jitter

    def images(self, side: int = SIDE, noise: float = NOISE, progress: Progress = quiet) -> Pixels:
        """The scenes as pictures, (n, 3, side, side)."""
        images = np.empty((len(self), 3, side, side), np.uint8)
        for start in range(0, len(self), TOGETHER):
            progress(start / len(self), "drawing scenes")
            part = slice(start, start + TOGETHER)
            images[part] = self.take(part).drawn(side, noise).transpose(0, 3, 1, 2)
        return images

    def drawn(self, side: int, noise: float) -> Pixels:
        """The pictures, channels last."""
        canvas = self.canvas()
        if side != SIDE:
            by = SIDE // side
            canvas = canvas.reshape(-1, side, by, side, by, 3).mean((2, 4))
        if noise:
            for row, index in enumerate(self.index.tolist()):
                rng = np.random.default_rng([self.seed, GRAIN, index])
                grain = rng.standard_normal(canvas.shape[1:], dtype=np.float32)
                canvas[row] += np.float32(noise) * grain
        np.clip(canvas, 0, 1, out=canvas)
        canvas *= 255
        # with the truncation of astype this rounds, in place
        canvas += 0.5
        return canvas.astype(np.uint8)

    def canvas(self) -> Floats:
        """The scenes without noise, (n, 64, 64, 3) in [0, 1.1]."""
        alpha, shade = sprites()
        padded_side = SIDE + 2 * PAD
        canvas = np.zeros((len(self), padded_side, padded_side, 3), np.float32)
        inside = canvas[:, PAD:-PAD, PAD:-PAD]
        inside[:] = backgrounds()[self.background] * self.brightness[:, None, None, None]
        corners, offsets = self.corners() + PAD, np.arange(FRAME)
        order = np.argsort(~self.present, axis=1, kind="stable")  # the present ones, first to last
        counts = self.present.sum(1)
        for place in range(counts.max(initial=0)):
            rows = np.flatnonzero(counts > place)
            index = order[rows, place]
            size = self.size[rows, index]
            cover = alpha[index, size] * self.opacity[rows, index, None, None]
            paint = PAINT[self.color[rows, index]][:, None, None] * shade[index, size][..., None]
            top, left = corners[rows, index].T[..., None]
            spot = (rows[:, None, None], (top + offsets)[:, :, None], (left + offsets)[:, None, :])
            background = canvas[spot]
            canvas[spot] = background + cover[..., None] * (paint - background)
        return np.ascontiguousarray(inside)

    def masks(self, category: str, side: int = SIDE) -> Bools:
        """Every pixel that a thing touches, (n, side, side); empty where it is absent."""
        index, padded_side, by = number(category), SIDE + 2 * PAD, SIDE // side
        painted = np.zeros((len(self), padded_side, padded_side), np.bool_)
        corners, offsets = self.corners()[:, index] + PAD, np.arange(FRAME)
        rows = np.flatnonzero(self.present[:, index] & (self.opacity[:, index] > 0))
        top, left = corners[rows].T[..., None]
        spot = (rows[:, None, None], (top + offsets)[:, :, None], (left + offsets)[:, None, :])
        painted[spot] = sprites()[0][index, self.size[rows, index]] > 0
        inside = painted[:, PAD:-PAD, PAD:-PAD]
        small: Bools = np.any(inside.reshape(-1, side, by, side, by), axis=(2, 4))
        return small


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene, to look at and to change."""

    layout: Layout

    @lazy
    def image(self) -> Pixels:
        """The picture, (3, 64, 64)."""
        return self.layout.images()[0]

    @property
    def theme(self) -> str:
        return THEMES[self.layout.theme[0]]

    @property
    def things(self) -> tuple[Thing, ...]:
        """What is there, in the order of the categories."""
        layout = self.layout
        return tuple(
            Thing(
                CATEGORIES[index],
                COLORS[layout.color[0, index]],
                int(layout.cell[0, index]) // CELLS,
                int(layout.cell[0, index]) % CELLS,
                float(layout.opacity[0, index]),
            )
            for index in np.flatnonzero(layout.present[0])
        )

    def mask(self, category: str) -> Bools:
        """Every pixel that the thing touches, (64, 64)."""
        self.needs(category)
        return self.layout.masks(category)[0]

    def remove(self, category: str) -> Scene:
        """The scene without the thing; every pixel outside its mask is the same."""
        self.needs(category)
        return Scene(self.layout.without(category))

    def with_opacity(self, category: str, opacity: float) -> Scene:
        """The scene with the thing at that opacity; every pixel outside its mask is the same."""
        self.needs(category)
        return Scene(self.layout.with_opacity(category, opacity))

    def moved(self, category: str, row: int, column: int) -> Scene:
        """The scene with the thing in an empty cell.

        Raises:
            BadData: the thing is not there, there is no such cell, or another thing is in it.
        """
        self.needs(category)
        if not (0 <= row < CELLS and 0 <= column < CELLS):
            raise BadData(f"There is no cell {row}, {column}: rows and columns go from 0 to 3.")
        for scene_object in self.things:
            if (scene_object.row, scene_object.column) == (
                row,
                column,
            ) and scene_object.category != category:
                raise BadData(
                    f"There is a {scene_object.category} in that cell: choose an empty one."
                )
        return Scene(self.layout.moved(category, row, column))

    def needs(self, category: str) -> None:
        """Raise BadData when the thing is not there."""
        if not self.layout.present[0, number(category)]:
            present = ", ".join(scene_object.category for scene_object in self.things)
            raise BadData(f"There is no {category} in this scene; there are: {present}.")


def number(category: str) -> int:
    """The place of a category among all. Raises BadData for an unknown one."""
    if category not in CATEGORIES:
        raise BadData(f"There is no “{category[:40]}” in shape scenes: {', '.join(CATEGORIES)}.")
    return CATEGORIES.index(category)
