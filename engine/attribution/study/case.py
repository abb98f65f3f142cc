"""What the study is asked about: a model, images with known masks for each label, explainers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.study.methods import Explainer
from engine.case import ImageCase
from engine.errors import BlindspotError
from engine.lazy import lazy
from engine.method import Precision
from engine.models.classifier import Classifier
from engine.target import Target

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Asked:
    """One image with what is asked about it.

    Args:
        id: of the image in its data set.
        image: (3, H, W) in [0, 1].
        labels: classes that are there and that the model finds, one map of each.
        masks: where each of them is, (labels, H, W).
        rival: a class to compare the map with where there is one label only: the model's
            second best; None where there are several.
    """

    id: int
    image: Tensor
    labels: tuple[int, ...]
    masks: Bools
    rival: int | None = None

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.masks) or not self.labels:
            raise BlindspotError("Every image of a study needs labels, and a mask for each.")
        if self.masks.shape[1:] != tuple(self.image.shape[1:]):
            raise BlindspotError("The masks are of another size than the image.")

    @property
    def targets(self) -> tuple[int, ...]:
        """Every class that a map is made of."""
        return self.labels if self.rival is None else (*self.labels, self.rival)


@dataclass(frozen=True, eq=False)
class StudyCase:
    """A model, images of known truth, and the explainers that are compared on them.

    Args:
        model: the classifier; each of its logits may stand for a label of its own.
        images: at least one.
        methods: at least one, each once.
        data: the data set's name, for the record.
        seed: of every random number.
        precision: "exact" is the only one.
    """

    model: Classifier
    images: tuple[Asked, ...]
    methods: tuple[Explainer, ...]
    data: str = ""
    seed: int = 0
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        if not self.images:
            raise BlindspotError("The study needs at least one image that the model gets right.")
        if not self.methods:
            raise BlindspotError("Choose at least one method for the study.")
        if len({one.name for one in self.methods}) < len(self.methods):
            raise BlindspotError("Each method can be in the study once.")

    @lazy
    def fingerprint(self) -> str:
        """Digest of weights, pixels, labels, masks, methods with settings, precision and seed."""
        said = [
            (one.full_name(), one.revision, sorted(one.settings().items())) for one in self.methods
        ]
        held = blake2b(
            f"study|{self.model.fingerprint}|{said}|{self.seed}|{self.precision}".encode(),
            digest_size=16,
        )
        for one in self.images:
            held.update(one.image.contiguous().numpy().tobytes())
            held.update(f"{one.id}|{one.targets}".encode())
            held.update(np.packbits(one.masks).tobytes())
        return held.hexdigest()

    @property
    def lane(self) -> str:
        """The device whose lane computes it."""
        return str(self.model.device)

    @property
    def pairs(self) -> int:
        """How many pairs of an image and a label there are."""
        return sum(len(one.labels) for one in self.images)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        names = [one.name for one in self.methods]
        return {
            "kind": "study",
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "data": self.data,
            "target": f"{len(self.images)} images, {self.pairs} labels",
            "images": [one.id for one in self.images],
            "methods": names,
            "alike": f"{self.model.fingerprint}|{len(self.images)}|{','.join(names)}",
            "side": self.model.side,
            "precision": self.precision,
            "seed": self.seed,
        }

    def lacks(self, need: str) -> str:
        """Why the model cannot give what an explainer needs, or ""."""
        return self.model.lacks(need)

    def at(self, precision: Precision) -> StudyCase:
        """The same study in another precision."""
        return replace(self, precision=precision)

    def options(self, source: str) -> tuple[str, ...]:
        """The words a setting may take that are read from the case: its images."""
        if source != "images":
            raise ValueError(f"a study has no {source}")
        return tuple(str(one.id) for one in self.images)

    def question(self, image: Tensor, label: int, model: Classifier | None = None) -> ImageCase:
        """What an explainer is asked: the logit of one label of one image."""
        return ImageCase(model or self.model, image, Target(label), self.precision, self.seed)


def chosen(methods: Sequence[Explainer], names: Sequence[str]) -> tuple[Explainer, ...]:
    """Those of the methods that have one of the names, in their own order."""
    return tuple(one for one in methods if one.name in names)
