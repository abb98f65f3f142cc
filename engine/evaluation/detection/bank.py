"""What detectors work on: features, logits, labels and the head, for a number of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.result import Array

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[Any]  # places, or a mask

Nudge = Callable[[float, float], Doubles]  # (temperature, epsilon) → logits of nudged images


@dataclass(frozen=True, eq=False)
class Head:
    """The last linear layer: weight (classes, D), bias (classes,), float64."""

    weight: Doubles
    bias: Doubles


@dataclass(frozen=True, eq=False)
class Bank:
    """What a model makes of N images.

    Args:
        features: what the head sees, (N, D), float64; D is 0 without a linear head.
        logits: (N, classes), float64.
        head: the last linear layer, where there is one.
        labels: the right class of each, (N,); None when the model's classes are not the images'.
        groups: such as the patient of each, (N,).
        ids: of the images in their data set, (N,).
        keys: a digest of each image's pixels, (N,).
        maps: outputs of layers, (N, C, h, w) each.
        nudge: logits of the same images after ODIN's step, (N, classes); None without pixels.
    """

    features: Doubles
    logits: Doubles
    head: Head | None = None
    labels: Ints | None = None
    groups: Ints | None = None
    ids: Ints | None = None
    keys: Ints | None = None
    maps: Mapping[str, Array] = field(default_factory=dict)
    nudge: Nudge | None = None
    model_id: str = ""
    data_id: str = ""

    def __post_init__(self) -> None:
        if self.logits.ndim != 2 or len(self.features) != len(self.logits):
            raise BlindspotError(
                f"Features {self.features.shape} and logits {self.logits.shape} do not belong "
                "together."
            )

    def __len__(self) -> int:
        return len(self.logits)

    @lazy
    def predicted(self) -> Ints:
        """The class of the highest logit, (N,)."""
        return np.asarray(self.logits.argmax(1), np.int64)

    @lazy
    def energy(self) -> Doubles:
        """log Σ exp of the logits, (N,)."""
        return logsumexp(self.logits)

    @lazy
    def directions(self) -> Doubles:
        """The features at length 1, (N, D); zero stays zero."""
        return unit_rows(self.features)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the model is right, (N,); without labels everything counts as right."""
        if self.labels is None:
            return np.ones(len(self), np.bool_)
        return np.asarray(self.labels == self.predicted)

    def take(self, rows: Rows) -> Bank:
        """The bank of these rows only."""

        def some(values: Any) -> Any:
            return None if values is None else values[rows]

        nudge = self.nudge
        return replace(
            self,
            features=self.features[rows],
            logits=self.logits[rows],
            labels=some(self.labels),
            groups=some(self.groups),
            ids=some(self.ids),
            keys=some(self.keys),
            maps={name: values[rows] for name, values in self.maps.items()},
            nudge=None if nudge is None else lambda heat, step: nudge(heat, step)[rows],
        )


def logsumexp(logits: Doubles) -> Doubles:
    """log Σ exp over the classes, (N,), without overflow."""
    top = logits.max(1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(1)))


def softmax(logits: Doubles) -> Doubles:
    """Probabilities (N, classes)."""
    # a shift changes no probability, and the largest power is then 1
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))


def unit_rows(vectors: Doubles) -> Doubles:
    """Rows at length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0))
