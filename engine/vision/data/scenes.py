"""Shape scenes: small pictures of things whose every pixel is known, with a planted habit.

A scene has one of four themes and one to six things in a grid of 4 × 4 cells. Four pairs of things
go together (a boat and a fish, a car and a lamp …) as often as the habit says. Everything about a
thing (color, size, place, opacity) and the noise come from (seed, scene), whether it is there or
not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Choice, Progress, Slider, Switch, quiet, setting
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.layout import LOOK, Bools, Ints, Layout, Scene
from engine.vision.data.recipe import DataRecipe, seed_setting
from engine.vision.data.sprites import (
    CATEGORIES,
    COLORS,
    FAVORITES,
    HABITS,
    SIDE,
    SIZES,
    THEMES,
    UNSEEN,
)

JITTER = 2  # px
LEADER, THEME_SHARE, FOREIGN, ALONE = 0.6, 0.4, 0.06, 0.07  # how often things are there
VISIBLE = ((1.0, 0.65), (0.25, 0.22), (0.09, 0.13))  # opacity, and its share
FAVORITE = 0.3  # extra share of a category's favorite color
MOST = 6  # things in a scene; ten in a dense one
DENSE = (0.2, 0.4, 0.6)
TRIES = 8  # of the presence of things, until their number fits
SPLIT = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2], np.uint8)  # of ten scenes

N = len(CATEGORIES)
LEADERS = np.array([CATEGORIES.index(name) for name in HABITS])
FOLLOWERS = np.array([CATEGORIES.index(name) for name in HABITS.values()])


CARD = DataCard(
    "Shape scenes",
    about="Things on a background of the sea, a street, a garden or a table; the class is the "
    "theme. Some things go together by habit.",
    made="Drawn here from polygons and ovals.",
    license="of this project",
    truth="which things are there, their colors, places, opacities and exact masks; any thing can "
    "be removed with every other pixel unchanged",
)


@dataclass(frozen=True)
class Scenes(DataRecipe):
    """Scenes with a habit, without it, or against it."""

    word = "scenes"
    title = "Shape scenes"
    card = CARD

    count: int = setting(2000, Slider(10, 20000, 10), "Scenes", "How many.")
    kind: str = setting(
        "biased",
        Choice(("biased", "broken", "counter", "dense", "ood")),
        "Habit",
        "biased: they "
        "go together; broken: each as it likes; counter: never together; dense: up to ten of any; "
        "ood: biased, on a background never seen.",
    )
    habit: float = setting(
        0.9,
        Slider(0.5, 0.97, 0.01),
        "Together",
        "How often the second of a pair is there when the first is.",
    )
    clean: bool = setting(False, Switch(), "Clear", "Every thing at full opacity.")
    side: int = setting(SIDE, Slider(32, SIDE, 32, "px"), "Side", "Pixels from edge to edge.")
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The scenes, a third of a millisecond each."""
        index = np.arange(self.count)
        layout = self.layout(index)
        present = layout.present
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
                "present": present,
                "color": np.where(present, layout.color, -1).astype(np.int8),
                "cell": np.where(present, layout.cell, -1).astype(np.int8),
                "opacity": np.where(present, layout.opacity, 0).astype(np.float32),
            },
        )

    def scene(self, index: int) -> Scene:
        """The scene of that number, which is its id in the data set."""
        return self.layout(np.array([index])).scene(0)

    def layout(self, index: Ints) -> Layout:
        """What the scenes of these numbers hold."""
        drawn = np.stack([self.uniform(row) for row in index.tolist()])
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
        is_present = tries[..., 2:] < self.chances(themes, tries[..., 1])
        if self.kind != "dense":
            leading = is_present[..., LEADERS]
            is_present[..., FOLLOWERS] = tries[..., 2 + FOLLOWERS] < self.following(leading, themes)
        most = MOST if self.kind != "dense" else 10
        fits = (is_present.sum(-1) >= 1) & (is_present.sum(-1) <= most)
        rows, first = np.arange(len(tries)), fits.argmax(1)
        theme, present = themes[rows, first], is_present[rows, first]
        for row in np.flatnonzero(~fits.any(1)):  # one in millions: the theme's leader, alone
            present[row] = np.arange(N) == LEADERS[theme[row]]
        return theme, present

    def chances(self, themes: Ints, draw: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each thing is there, habits left aside."""
        if self.kind == "dense":
            levels = np.array(DENSE)[(draw * len(DENSE)).astype(np.int64)]
            return np.broadcast_to(levels[..., None], (*themes.shape, N))
        in_theme = np.arange(N) // len(THEMES) == themes[..., None]
        theme_shares = np.full(N, THEME_SHARE)
        theme_shares[LEADERS] = LEADER
        return np.where(in_theme, theme_shares, FOREIGN)

    def following(self, leading: Bools, themes: Ints) -> NDArray[np.float64]:
        """How likely the second of each pair is there."""
        match self.kind:
            case "broken":
                return np.where(LEADERS // len(THEMES) == themes[..., None], 0.5, FOREIGN)
            case "counter":
                return np.where(leading, 0, ALONE)
            case _:
                return np.where(leading, self.habit, ALONE)
