"""Rows with a task and a group that is to be hidden: a drawn table, or measured phantom slices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BadData
from engine.vision.data import SPLITS, DataSet, split_rows

COUNT = 2000  # rows of the drawn table
MOST = {"train": 1200, "validation": 400, "test": 400}  # rows taken from images
SHARES = (0.6, 0.2, 0.2)  # of the drawn table
TIED, STEEP = 1.0, 3.0  # distance of the groups in a tied column; slope of the task's law
FEW = 5  # rows of each kind that are needed to learn or to judge
CATEGORIES = 10  # values that a column has at most to be one
DRAWN = (
    *(f"tied {number}" for number in (1, 2, 3)),
    *(f"task {number}" for number in (1, 2, 3, 4)),
    *(f"free {number}" for number in (1, 2, 3)),
    *(f"category {number}" for number in (1, 2)),
)
LEVELS = (0.5, 0.75, 0.9, 0.98)  # quantiles of brightness
MEASURED = (
    "mean brightness",
    "spread",
    *(f"{100 * level:.0f} % level" for level in LEVELS),
    "size of the head",
    "bright area",
    "dark area",
    "left against right",
    "front against back",
    "edges",
)
HEAD, DARK, BRIGHT = 0.08, 0.3, 0.75  # gray levels: of air, of dark and of bright tissue
WITH_RIM = ("compact", "ring")  # lesions that are bright

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FairRows:
    """Rows of one split, or more; numbers are in standard deviations of training rows.

    Args:
        values: (n, D), float64.
        task, group: (n,), float64, 0 or 1.
    """

    values: Tensor
    task: Tensor
    group: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.int64]) -> FairRows:
        """Some of the rows, each as often as it is named."""
        return FairRows(
            *(tensor[torch.from_numpy(rows)] for tensor in (self.values, self.task, self.group))
        )

    def joined(self, other: FairRows) -> FairRows:
        """These rows, and then the other ones."""
        pairs = ((self.values, other.values), (self.task, other.task), (self.group, other.group))
        return FairRows(*(torch.cat(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class FairTable:
    """Rows by split, and what is known of their columns.

    Args:
        columns: D names.
        train, validation, test: the rows.
        numeric: (D,), bool; columns of a few values only are categories, which nobody may shift.
        about: what the groups and the task are, in words.
    """

    columns: tuple[str, ...]
    train: FairRows
    validation: FairRows
    test: FairRows
    numeric: Tensor
    about: str

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest value of each column among training rows, (D,) each."""
        return self.train.values.amin(0), self.train.values.amax(0)


def drawn_table(share: float, seed: int) -> FairTable:
    """Three columns tied to the group, four to the task, three to nothing, two categories.

    Task and group are independent: nothing about the task is lost where the group is hidden.

    Args:
        share: of rows that are of group 1.
        seed: draws them.
    """
    rng = np.random.default_rng([seed, 61])
    group = rng.permutation(np.arange(COUNT) < round(share * COUNT))
    values = rng.normal(size=(COUNT, 10))
    values[:, :3] += TIED * group[:, None]
    # from the untied columns only: the task can be told without the group
    logit = STEEP * values[:, 3:7].sum(1) / 2  # the sum of four has a spread of 2
    task = rng.random(COUNT) < 1 / (1 + np.exp(-logit))
    values = np.column_stack([values, rng.integers(0, 2, (COUNT, 2))])
    split = split_rows(COUNT, SHARES, seed)
    return standardized(
        DRAWN,
        values,
        task,
        group,
        split,
        "a drawn table, three of whose columns are tied to the group",
    )


def measured_slices(data: DataSet, share: float, seed: int) -> FairTable:
    """Twelve measures of each phantom slice; the group is its height, the task a bright lesion.

    Args:
        data: phantoms.
        share: of training slices that are of group 1, the upper ones.
        seed: draws the slices, where there are more than needed.

    Raises:
        BadData: other images than phantoms, or too few of them.
    """
    if "height" not in data.truth:
        raise BadData(
            f"{data.card.title}: the height of each slice must be known. Choose Brain phantoms, or "
            "the drawn table."
        )
    chosen = [data.some(split, MOST[split], seed) for split in SPLITS]
    rows = np.concatenate(chosen)
    split = np.repeat(
        np.arange(len(SPLITS), dtype=np.uint8), [len(chosen_rows) for chosen_rows in chosen]
    )
    height = data.truth["height"][rows]
    if not len(chosen[0]):
        raise BadData(f"{data.card.title} has no training images. Choose other data.")
    group = height > np.quantile(height[split == 0], 1 - share)
    task = np.isin(np.array(data.classes)[data.labels[rows]], WITH_RIM)
    values = attributes(data.images[rows].mean(1) / 255.0)
    about = "upper and lower slices of drawn heads; the task is to find bright lesions"
    return standardized(MEASURED, values, task, group, split, about)


def attributes(images: Doubles) -> Doubles:
    """Measures of gray images (n, H, W) in [0, 1], (n, 12); see MEASURED."""
    flat = images.reshape(len(images), -1)
    half = images.shape[1] // 2
    gradients = [abs(np.diff(images, axis=axis)).mean((1, 2)) for axis in (1, 2)]
    return np.column_stack(
        [
            flat.mean(1),
            flat.std(1),
            np.quantile(flat, LEVELS, axis=1).T,
            (flat > HEAD).mean(1),
            (flat > BRIGHT).mean(1),
            ((flat > HEAD) & (flat < DARK)).mean(1),
            abs(images - images[:, :, ::-1]).mean((1, 2)),
            images[:, :half].mean((1, 2)) - images[:, half:].mean((1, 2)),
            gradients[0] + gradients[1],
        ]
    )


def standardized(
    columns: tuple[str, ...],
    values: Doubles,
    task: Flags,
    group: Flags,
    split: NDArray[np.uint8],
    about: str,
) -> FairTable:
    """The table in standard deviations of its training rows. Raises BadData: too few rows."""
    is_train = split == SPLITS.index("train")
    for place, name in enumerate(SPLITS):
        kinds = 2 * task[split == place] + group[split == place]
        fewest = np.bincount(kinds, minlength=4).min()
        if fewest < FEW:
            raise BadData(
                f"Both groups need at least {FEW} {name} rows with and without the task's class; "
                f"here the fewest are {fewest}. Choose more data or groups of more even size."
            )
    # by training rows alone: nothing of the test is known to whoever trains
    spread = values[is_train].std(0)
    scaled = (values - values[is_train].mean(0)) / np.where(spread > 0, spread, 1)
    parts = {
        name: FairRows(
            *(
                torch.from_numpy(array[split == place].astype(np.float64))
                for array in (scaled, task, group)
            )
        )
        for place, name in enumerate(SPLITS)
    }
    numeric = [len(np.unique(column)) > CATEGORIES for column in values[is_train].T]
    return FairTable(columns, **parts, numeric=torch.tensor(numeric), about=about)


def shifted(rows: FairRows, delta: Tensor) -> FairRows:
    """The rows with their values moved by δ (n, D)."""
    return replace(rows, values=rows.values + delta)
