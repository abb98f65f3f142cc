"""Shape scenes: small pictures of things whose every pixel is known, with a planted habit.

A scene has one of four themes and one to six things in a grid of 4 × 4 cells. Four pairs of things
go together (a boat and a fish, a car and a lamp …) as often as the habit says. Everything about a
thing (color, size, place, opacity) and the noise come from (seed, scene), whether it is there or
not: a thing can be taken away or made fainter, and every pixel it does not touch stays the same to
the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Card, DataSet
from engine.data.recipe import Recipe, seed_setting
from engine.data.sprites import (
    CATEGORIES,
    COLORS,
    FAVORITES,
    FRAME,
    HABITS,
    PAINT,
    SIDE,
    SIZES,
    THEMES,
    UNSEEN,
    backgrounds,
    sprites,
)
from engine.errors import BadData
from engine.method import Choice, Progress, Slider, Switch, quiet, setting

CELLS, CELL = 4, 16  # cells on a side, and their side in px
PAD = 8  # px around the canvas, so that a thing may reach over the edge while it is drawn
NOISE = 0.06
JITTER = 2  # px
LEADER, OWN, FOREIGN, ALONE = 0.6, 0.4, 0.06, 0.07  # how often things are there
VISIBLE = ((1.0, 0.65), (0.25, 0.22), (0.09, 0.13))  # opacity, and its share
FAVORITE = 0.3  # extra share of a category's favorite color
MOST = 6  # things in a scene; ten in a dense one
DENSE = (0.2, 0.4, 0.6)
TRIES = 8  # of the presence of things, until their number fits
TOGETHER = 64  # scenes that are drawn at once, so that they stay in the processor's cache
SPLIT = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2], np.uint8)  # of ten scenes
LOOK, GRAIN = range(2)  # random streams of a scene

N = len(CATEGORIES)
LEADERS = np.array([CATEGORIES.index(name) for name in HABITS])
FOLLOWERS = np.array([CATEGORIES.index(name) for name in HABITS.values()])

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

CARD = Card(
    "Shape scenes",
    about="Things on a background of the sea, a street, a garden or a table; the class is the "
    "theme. Some things go together by habit.",
    made="Drawn here from polygons and ovals.",
    licence="of this project",
    truth="which things are there, their colors, places, opacities and exact masks; any thing can "
    "be removed with every other pixel unchanged",
)


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
        """Some of the scenes."""
        parts: dict[str, Any] = {
            what: held[rows] for what, held in vars(self).items() if isinstance(held, np.ndarray)
        }
        return replace(self, **parts)

    def scene(self, row: int) -> Scene:
        """One scene."""
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

    def corners(self) -> Ints:
        """Where the sprites' frames begin, (n, 16, 2), down and right."""
        cells = np.stack(np.divmod(self.cell, CELLS), axis=-1)
        return cells * CELL + CELL // 2 - FRAME // 2 + self.jitter

    def images(self, side: int = SIDE, noise: float = NOISE, progress: Progress = quiet) -> Pixels:
        """The scenes as pictures, (n, 3, side, side)."""
        made = np.empty((len(self), 3, side, side), np.uint8)
        for start in range(0, len(self), TOGETHER):
            progress(start / len(self), "drawing scenes")
            part = slice(start, start + TOGETHER)
            made[part] = self.take(part).drawn(side, noise).transpose(0, 3, 1, 2)
        return made

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
        canvas += 0.5
        return canvas.astype(np.uint8)

    def canvas(self) -> Floats:
        """The scenes without noise, (n, 64, 64, 3) in [0, 1.1]."""
        alpha, shade = sprites()
        wide = SIDE + 2 * PAD
        canvas = np.zeros((len(self), wide, wide, 3), np.float32)
        inside = canvas[:, PAD:-PAD, PAD:-PAD]
        inside[:] = backgrounds()[self.background] * self.brightness[:, None, None, None]
        corners, down = self.corners() + PAD, np.arange(FRAME)
        order = np.argsort(~self.present, axis=1, kind="stable")  # the present ones, first to last
        counts = self.present.sum(1)
        for place in range(counts.max(initial=0)):
            rows = np.flatnonzero(counts > place)
            which = order[rows, place]
            size = self.size[rows, which]
            cover = alpha[which, size] * self.opacity[rows, which, None, None]
            paint = PAINT[self.color[rows, which]][:, None, None] * shade[which, size][..., None]
            top, left = corners[rows, which].T[..., None]
            spot = (rows[:, None, None], (top + down)[:, :, None], (left + down)[:, None, :])
            under = canvas[spot]
            canvas[spot] = under + cover[..., None] * (paint - under)
        return np.ascontiguousarray(inside)

    def masks(self, category: str, side: int = SIDE) -> Bools:
        """Every pixel that a thing touches, (n, side, side); empty where it is absent."""
        which, wide, by = number(category), SIDE + 2 * PAD, SIDE // side
        touched = np.zeros((len(self), wide, wide), np.bool_)
        corners, down = self.corners()[:, which] + PAD, np.arange(FRAME)
        rows = np.flatnonzero(self.present[:, which] & (self.opacity[:, which] > 0))
        top, left = corners[rows].T[..., None]
        spot = (rows[:, None, None], (top + down)[:, :, None], (left + down)[:, None, :])
        touched[spot] = sprites()[0][which, self.size[rows, which]] > 0
        inside = touched[:, PAD:-PAD, PAD:-PAD]
        small: Bools = np.any(inside.reshape(-1, side, by, side, by), axis=(2, 4))
        return small


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene, to look at and to change."""

    layout: Layout

    @cached_property
    def image(self) -> Pixels:
        """The picture, (3, 64, 64)."""
        return self.layout.images()[0]

    @property
    def theme(self) -> str:
        """Where it plays."""
        return THEMES[self.layout.theme[0]]

    @property
    def things(self) -> tuple[Thing, ...]:
        """What is there, in the order of the categories."""
        held = self.layout
        return tuple(
            Thing(
                CATEGORIES[which],
                COLORS[held.color[0, which]],
                int(held.cell[0, which]) // CELLS,
                int(held.cell[0, which]) % CELLS,
                float(held.opacity[0, which]),
            )
            for which in np.flatnonzero(held.present[0])
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

    def needs(self, category: str) -> None:
        """Raise BadData when the thing is not there."""
        if not self.layout.present[0, number(category)]:
            there = ", ".join(thing.category for thing in self.things)
            raise BadData(f"There is no {category} in this scene; there are: {there}.")


@dataclass(frozen=True)
class Scenes(Recipe):
    """Scenes with a habit, without it, or against it."""

    word = "scenes"
    title = "Shape scenes"
    card = CARD

    count: int = setting(2000, Slider(10, 50000, 10), "Scenes", "How many.")
    kind: str = setting(
        "biased", Choice(("biased", "broken", "counter", "dense", "ood")), "Habit", "biased: they "
        "go together; broken: each as it likes; counter: never together; dense: up to ten of any; "
        "ood: biased, on a background never seen.",
    )  # fmt: skip
    habit: float = setting(
        0.9, Slider(0.5, 0.97, 0.01), "Together", "How often the second of a pair is there when "
        "the first is.",
    )  # fmt: skip
    clean: bool = setting(False, Switch(), "Clear", "Every thing at full opacity.")
    side: int = setting(SIDE, Slider(32, SIDE, 32, "px"), "Side", "Pixels from edge to edge.")
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The scenes, a third of a millisecond each."""
        index = np.arange(self.count)
        layout = self.layout(index)
        there = layout.present
        mask = np.zeros((self.count, self.side, self.side), np.bool_)
        for category in CATEGORIES:
            mask |= layout.masks(category, self.side)
        return DataSet(
            name=self.name,
            card=CARD,
            classes=THEMES,
            images=layout.images(self.side, progress=progress),
            labels=layout.theme,
            ids=index,
            split=SPLIT[index % len(SPLIT)],
            truth={
                "mask": mask,  # of all things together; Layout.masks gives each one's
                "present": there,
                "color": np.where(there, layout.color, -1).astype(np.int8),
                "cell": np.where(there, layout.cell, -1).astype(np.int8),
                "opacity": np.where(there, layout.opacity, 0).astype(np.float32),
            },
        )

    def scene(self, index: int) -> Scene:
        """The scene of that number, which is its id in the data set."""
        return self.layout(np.array([index])).scene(0)

    def layout(self, index: Ints) -> Layout:
        """What the scenes of these numbers hold."""
        drawn = np.stack([self.uniform(one) for one in index.tolist()])
        tries, looks = np.split(drawn, [TRIES * (N + 2)], axis=1)
        theme, present = self.presence(tries.reshape(len(index), TRIES, N + 2))
        cell, favorite, color, size, down, right, visible = np.split(looks[:, :-1], 7, axis=1)
        opacities, shares = np.array(VISIBLE).T
        opacity = opacities[np.minimum(np.searchsorted(shares.cumsum(), visible), len(shares) - 1)]
        span = 2 * JITTER + 1
        return Layout(
            theme=theme,
            present=present,
            cell=np.argsort(cell, axis=1),  # one thing a cell
            color=np.where(favorite < FAVORITE, FAVORITES, (color * len(COLORS)).astype(np.int64)),
            size=(size * len(SIZES)).astype(np.int64),
            jitter=(np.stack([down, right], axis=-1) * span).astype(np.int64) - JITTER,
            opacity=np.where(self.clean, 1, opacity).astype(np.float32),
            brightness=(0.9 + 0.2 * looks[:, -1]).astype(np.float32),
            background=np.full_like(theme, UNSEEN) if self.kind == "ood" else theme,
            seed=self.seed,
            index=np.asarray(index),
        )

    def uniform(self, index: int) -> NDArray[np.float64]:
        """Every random number of a scene but its noise: presence, then looks."""
        return np.random.default_rng([self.seed, LOOK, index]).random(TRIES * (N + 2) + 7 * N + 1)

    def presence(self, tries: NDArray[np.float64]) -> tuple[Ints, Bools]:
        """Themes and what is there: the first try whose number of things fits."""
        themes = (tries[..., 0] * len(THEMES)).astype(np.int64)
        there = tries[..., 2:] < self.chances(themes, tries[..., 1])
        if self.kind != "dense":
            leading = there[..., LEADERS]
            there[..., FOLLOWERS] = tries[..., 2 + FOLLOWERS] < self.following(leading, themes)
        most = MOST if self.kind != "dense" else 10
        fits = (there.sum(-1) >= 1) & (there.sum(-1) <= most)
        rows, first = np.arange(len(tries)), fits.argmax(1)
        theme, present = themes[rows, first], there[rows, first]
        for row in np.flatnonzero(~fits.any(1)):  # one in millions: the theme's leader, alone
            present[row] = np.arange(N) == LEADERS[theme[row]]
        return theme, present

    def chances(self, themes: Ints, draw: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each thing is there, habits left aside."""
        if self.kind == "dense":
            levels = np.array(DENSE)[(draw * len(DENSE)).astype(np.int64)]
            return np.broadcast_to(levels[..., None], (*themes.shape, N))
        own = np.arange(N) // len(THEMES) == themes[..., None]
        usual = np.full(N, OWN)
        usual[LEADERS] = LEADER
        return np.where(own, usual, FOREIGN)

    def following(self, leading: Bools, themes: Ints) -> NDArray[np.float64]:
        """How likely the second of each pair is there."""
        match self.kind:
            case "broken":
                return np.where(LEADERS // len(THEMES) == themes[..., None], 0.5, FOREIGN)
            case "counter":
                return np.where(leading, 0, ALONE)
            case _:
                return np.where(leading, self.habit, ALONE)


def number(category: str) -> int:
    """The place of a category among all. Raises BadData for an unknown one."""
    if category not in CATEGORIES:
        raise BadData(f"There is no “{category[:40]}” in shape scenes: {', '.join(CATEGORIES)}.")
    return CATEGORIES.index(category)
