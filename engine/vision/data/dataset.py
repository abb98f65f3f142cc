"""A data set: images with labels, splits and, where it can be had, the truth behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BadData
from engine.core.keeping.lazy import lazy
from engine.core.result import digest_arrays, read_only

SPLITS = ("train", "validation", "test")

Rows = NDArray[np.int64]  # places in a data set, not ids


@dataclass(frozen=True)
class DataCard:
    """What a data set is, in words for a person.

    Args:
        title: its name on the page.
        about: what is seen on the images and what the classes are.
        made: how it was made, or where it comes from.
        license: under which terms it may be used.
        truth: what is known beyond the labels; "" when nothing is.
    """

    title: str
    about: str
    made: str
    license: str
    truth: str = ""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images with labels, splits and truth, all in one order of rows.

    Args:
        name: how a link or the command line calls it.
        card: what it is, in words.
        classes: a word for each label.
        images: (N, 1 or 3, H, W), uint8.
        labels: (N,), int64, below `len(classes)`.
        ids: (N,), int64, unique; a variant keeps the ids of what it was made from.
        split: (N,), uint8, which of SPLITS each row belongs to.
        truth: named arrays with N rows each. Several sets and variants share these names:
            "mask" (N, H, W) bool, what makes the class; "twin" (N, C, H, W) uint8, the same image
            without it; "group" (N,), a patient or a bag; "clean_label" (N,), the right label, −1
            when its class is gone; "original_label" (N,), before classes were left out or
            merged; "class_before" (N,), its name where classes were merged; "shape", "color" and
            "texture" (N,), what classes are made of, by name; "poisoned", "marked" and "unknown"
            (N,) bool; "mark" (N, H, W) bool, where a planted mark is.

    Raises:
        BadData: the arrays do not belong together.
    """

    name: str
    card: DataCard
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    split: NDArray[np.uint8]
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[1] not in (1, 3):
            message = f"{self.card.title}: images must be (N, 1 or 3, H, W), not "
            raise BadData(f"{message}{self.images.shape}.")
        rows = len(self.images)
        named: dict[str, NDArray[Any]] = {"labels": self.labels, "ids": self.ids}
        named |= {"splits": self.split, **self.truth}
        for what, array in named.items():
            if len(array) != rows:
                message = f"{self.card.title} has {rows} images but {len(array)} {what}."
                raise BadData(message)
        if rows and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            message = f"{self.card.title}: labels must lie between 0 and {len(self.classes) - 1}."
            raise BadData(message)
        if len(np.unique(self.ids)) != rows:
            raise BadData(f"{self.card.title}: two images have one id.")
        for part in ("images", "labels", "ids", "split"):
            object.__setattr__(self, part, read_only(getattr(self, part)))
        truth = {what: read_only(array) for what, array in self.truth.items()}
        object.__setattr__(self, "truth", MappingProxyType(truth))

    @property
    def given_names(self) -> tuple[str, ...]:
        """What a visitor calls it: classes and title of pictures of their own."""
        from engine.vision.data.registry import UPLOAD

        return (*self.classes, self.card.title) if self.name.startswith(UPLOAD) else ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def side(self) -> int:
        """The longer side of its images, in pixels."""
        return max(self.images.shape[2:])

    @property
    def nbytes(self) -> int:
        """Bytes held by its arrays."""
        arrays: tuple[NDArray[Any], ...] = (self.images, self.labels, self.ids, self.split)
        return sum(array.nbytes for array in (*arrays, *self.truth.values()))

    @lazy
    def fingerprint(self) -> str:
        """A digest of images, labels, ids, splits and truth."""
        hasher = blake2b("|".join(self.classes).encode(), digest_size=16)
        arrays: dict[str, NDArray[Any]] = {"images": self.images, "labels": self.labels}
        arrays |= {
            "ids": self.ids,
            "split": self.split,
            **{f"truth/{k}": v for k, v in self.truth.items()},
        }
        hasher.update(digest_arrays(arrays).encode())
        return hasher.hexdigest()

    def rows(self, split: str) -> Rows:
        """Where the images of a split are."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def some(self, split: str, count: int, seed: int = 0) -> Rows:
        """At most so many rows of a split, drawn by a seed, as many of each class as there are.

        Splits may lie in the order of their classes, so that their first rows are of a few only.
        """
        rows = np.random.default_rng([seed, 27]).permutation(self.rows(split))
        labels = self.labels[rows]
        turn = np.empty(len(rows), np.int64)  # the how-manieth of its class a row is
        for label in np.unique(labels):
            members = labels == label
            turn[members] = np.arange(members.sum())
        return np.sort(rows[np.argsort(turn, kind="stable")[:count]])

    def places(self, ids: NDArray[np.int64]) -> Rows:
        """The rows of some ids, in their order. Raises BadData for one that is not there."""
        order = np.argsort(self.ids)
        result = np.searchsorted(self.ids, ids, sorter=order)
        rows = order[np.minimum(result, len(self) - 1)]
        if missing := ids[self.ids[rows] != ids].tolist():
            raise BadData(f"{self.card.title} has no image with id {missing[0]}.")
        return rows

    def pixels(self, rows: Rows | slice | None = None) -> Tensor:
        """Images of some rows, or of all, as a model sees them: (n, 3, H, W) in [0, 1]."""
        chosen = self.images if rows is None else self.images[rows]
        return torch.from_numpy(chosen / np.float32(255)).expand(-1, 3, -1, -1)

    def targets(self, rows: Rows | slice | None = None) -> Tensor:
        """Labels of some rows, or of all, (n,) int64."""
        return torch.from_numpy(np.array(self.labels if rows is None else self.labels[rows]))

    def class_names(self, rows: Rows) -> tuple[str, ...]:
        """The class of each of some rows."""
        return tuple(self.classes[label] for label in self.labels[rows])

    def take(self, rows: Rows) -> DataSet:
        """The data set of these rows only; ids, splits and truth go with them."""
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            ids=self.ids[rows],
            split=self.split[rows],
            truth={what: array[rows] for what, array in self.truth.items()},
        )


def split_rows(count: int, shares: tuple[float, float, float], seed: int) -> NDArray[np.uint8]:
    """A random split in exact shares (train, validation, test), the same for the same seed."""
    order = np.random.default_rng(seed).permutation(count)
    # rounded ends, not rounded parts: no image is left over
    ends = np.round(np.cumsum(shares) / sum(shares) * count).astype(int)
    split = np.empty(count, np.uint8)
    split[order] = np.searchsorted(ends, np.arange(count), side="right")
    return split


def stratified(
    labels: NDArray[np.int64], shares: tuple[float, float, float], seed: int
) -> NDArray[np.uint8]:
    """A random split that gives each class the same shares, to the image."""
    split = np.empty(len(labels), np.uint8)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        # a seed for each class: else classes of one size would be split at the same places
        split[rows] = split_rows(len(rows), shares, seed + int(label))
    return split
