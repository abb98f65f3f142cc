"""A cohort of invented patients in a table whose causes are known.

Three hidden processes of loss (atrophy) shrink groups of brain volumes together, so that columns
are strongly correlated; four columns alone drive who converts, through a logistic law. Training
and validation come from one hospital, the test from another whose scanner and patients differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Slider, setting
from engine.core.result import digest_arrays, read_only
from engine.vision.data.dataset import SPLITS, DataCard, Rows
from engine.vision.data.recipe import Named, seed_setting

# Regions by the hidden process that shrinks them most, with their usual volume in ml a side.
REGIONS: tuple[dict[str, float], ...] = (
    {"hippocampus": 3.5, "amygdala": 1.6, "entorhinal": 1.8, "parahippocampal": 2.1},
    {"precuneus": 9.5, "inferior parietal": 13.0, "cingulate": 3.2, "supramarginal": 10.5},
    {"superior frontal": 22.0, "middle frontal": 15.0, "insula": 6.8, "caudate": 3.6},
)
SIDES = ("left", "right")
SCORES = ("recall", "naming", "fluency", "orientation")
OTHERS = ("age", "head size", "risk gene")
LATENT = len(REGIONS)
COUNTS = (600, 300, 300)
DRIVERS = {"left amygdala": -0.9, "recall": -1.3, "left precuneus": -0.8, "risk gene": 0.8}
SCORE_WEIGHTS = np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.7], [0.3, 0.6, 0.2]])

Floats = NDArray[np.float64]

CARD = DataCard(
    "Memory clinic cohort",
    about="1200 invented patients: 24 brain volumes, four test scores, age, head size and a risk "
    "gene; the class is whether the patient converts to dementia.",
    made="Drawn from three hidden processes and a logistic law; no patient is real.",
    license="of this project",
    truth="the four columns that drive the class, with their weights; the hidden processes; each "
    "patient's true chance",
)


@dataclass(frozen=True, eq=False)
class LabeledTable:
    """Rows of numbers with labels and splits, as a DataSet has images.

    Args:
        name: how a link or the command line calls it.
        card: what it is, in words.
        columns: the columns' names.
        values: (N, columns).
        classes: a word for each label.
        labels: (N,), int64.
        ids: (N,), int64, unique.
        split: (N,), uint8, which of SPLITS each row belongs to.
        drivers: the columns that cause the label, with the weight of a standard deviation.
        origin: for each column, the hidden process behind it, −1 for none.
        truth: named arrays with N rows: "latent", "site", "chance".
    """

    name: str
    card: DataCard
    columns: tuple[str, ...]
    values: Floats
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    split: NDArray[np.uint8]
    drivers: Mapping[str, float]
    origin: NDArray[np.int64]
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("values", "labels", "ids", "split", "origin"):
            object.__setattr__(self, part, read_only(getattr(self, part)))
        truth = {what: read_only(array) for what, array in self.truth.items()}
        object.__setattr__(self, "truth", MappingProxyType(truth))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def fingerprint(self) -> str:
        """A digest of all that is in it."""
        arrays: dict[str, NDArray[Any]] = {"values": self.values, "labels": self.labels}
        arrays |= {"ids": self.ids, "split": self.split}
        return digest_arrays({**arrays, **{f"truth/{k}": v for k, v in self.truth.items()}})

    def rows(self, split: str) -> Rows:
        return np.flatnonzero(self.split == SPLITS.index(split))

    def column(self, name: str) -> Floats:
        return self.values[:, self.columns.index(name)]


@dataclass(frozen=True)
class Cohort(Named):
    """The cohort; how far its two hospitals differ, and how much its columns hang together."""

    word = "cohort"
    title = "Memory clinic cohort"
    card = CARD

    shift: float = setting(
        0.5, Slider(0.0, 2.0, 0.1), "Hospital shift", "How far the test's hospital differs."
    )
    tie: float = setting(
        0.8,
        Slider(0.0, 0.95, 0.05),
        "Tie",
        "Share of a volume's spread that its hidden process "
        "gives: columns of one process are that strongly correlated.",
    )
    seed: int = seed_setting()

    def make(self) -> LabeledTable:
        rng = np.random.default_rng([self.seed, 3])
        count = sum(COUNTS)
        split = np.repeat(np.arange(len(SPLITS), dtype=np.uint8), COUNTS)
        site = (split == SPLITS.index("test")).astype(np.int64)
        moved = self.shift * site
        age = rng.normal(72 + 3 * moved, 7)
        head = rng.normal(1500, 130, count)  # ml inside the skull
        gene = rng.binomial(2, 0.22, count).astype(float)
        latent = rng.normal(size=(count, LATENT)) + 0.03 * (age - 72)[:, None]
        volumes, origin, names = self.volumes(rng, latent, head, moved)
        scores = 25 - 3 * (latent @ SCORE_WEIGHTS.T) + rng.normal(0, 2, (count, len(SCORES)))
        values = np.column_stack([volumes, scores, age, head, gene])
        columns = (*names, *SCORES, *OTHERS)
        conversion_odds = converts(values, columns, site == 0)
        return LabeledTable(
            name=self.name,
            card=CARD,
            columns=columns,
            values=values,
            classes=("stable", "converts"),
            labels=(rng.random(count) < conversion_odds).astype(np.int64),
            ids=np.arange(count),
            split=split,
            drivers=DRIVERS,
            origin=np.array([*origin, *[-1] * (len(columns) - len(origin))]),
            truth={"latent": latent, "site": site, "chance": conversion_odds},
        )

    def volumes(
        self, rng: np.random.Generator, latent: Floats, head: Floats, moved: Floats
    ) -> tuple[Floats, list[int], list[str]]:
        """Brain volumes in ml, the hidden process behind each, and their names."""
        volumes, origin, names = [], [], []
        for process, regions in enumerate(REGIONS):
            for region, usual in regions.items():
                for side in SIDES:
                    noise = rng.normal(size=len(head))
                    # the variances add up to 1: two columns of a process correlate by about `tie`
                    loss = np.sqrt(self.tie) * latent[:, process] + np.sqrt(1 - self.tie) * noise
                    scanner = 1 + 0.04 * moved * rng.normal()
                    volumes.append(usual * (head / 1500) * scanner * (1 - 0.12 * loss))
                    origin.append(process)
                    names.append(f"{side} {region}")
        return np.column_stack(volumes), origin, names


def converts(values: Floats, columns: tuple[str, ...], usual: NDArray[np.bool_]) -> Floats:
    """Each patient's chance: logistic in the drivers, scaled by their spread at the first site."""
    logit = np.full(len(values), -0.3)
    for name, weight in DRIVERS.items():
        column = values[:, columns.index(name)]
        # by the first site's mean and spread: what differs at the second moves the chance there
        logit += weight * (column - column[usual].mean()) / column[usual].std()
    return 1 / (1 + np.exp(-logit))
