"""What the study is asked about: a model, images with known masks for each label, explainers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.study.methods import Explainer, has_own_map
from engine.core.case_base import Case, Parts
from engine.core.errors import BlindspotError
from engine.core.method import Precision
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StudyImage:
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
class StudyCase(Case):
    """A model, images of known truth, and the explainers that are compared on them.

    Args:
        model: the classifier; each of its logits may stand for a label of its own.
        images: at least one.
        methods: at least one, each once.
        data: the data set's name, for the record.
        source: what `study_case` made it of; "" when it was made otherwise.
        seed: of every random number.
        precision: "exact" is the only one.
    """

    case_name: ClassVar[str] = "study"
    what: ClassVar[str] = "images with known masks and a set of methods"

    model: Classifier
    images: tuple[StudyImage, ...]
    methods: tuple[Explainer, ...]
    data: str = ""
    seed: int = 0
    precision: Precision = "exact"
    source: str = ""

    def __post_init__(self) -> None:
        if not self.images:
            raise BlindspotError("The study needs at least one image that the model gets right.")
        if not self.methods:
            raise BlindspotError("Choose at least one method for the study.")
        if len({method.name for method in self.methods}) < len(self.methods):
            raise BlindspotError("Each method can be in the study once.")

    def digest_parts(self) -> Parts:
        """Weights, methods with settings, seed and precision; then pixels, labels and masks."""
        methods = [
            (method.full_name(), method.revision, sorted(method.settings().items()))
            for method in self.methods
        ]
        yield f"study|{self.model.fingerprint}|{methods}|{self.seed}|{self.precision}"
        for image in self.images:
            yield image.image.contiguous().numpy().tobytes()
            yield f"{image.id}|{image.targets}{'|held against' if self.contrasts(image) else ''}"
            yield np.packbits(image.masks).tobytes()

    @property
    def pairs(self) -> int:
        """How many pairs of an image and a label there are."""
        return sum(len(image.labels) for image in self.images)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        names = [method.name for method in self.methods]
        return super().facts() | {
            "data": self.data,
            "target": f"{len(self.images)} images, {self.pairs} labels",
            "images": [image.id for image in self.images],
            "methods": names,
            "alike": f"{self.model.fingerprint}|{len(self.images)}|{','.join(names)}",
        }

    def options(self, source: str) -> tuple[str, ...]:
        """The words a setting may take that are read from the case: its images."""
        if source != "images":
            raise ValueError(f"a study has no {source}")
        return tuple(str(image.id) for image in self.images)

    def contrasts(self, question: StudyImage) -> bool:
        """Whether a class is held against another: of a model with a map of its own, if it can be.

        What the logits of all its classes share may be far larger than what tells them apart.
        """
        return question.rival is not None and has_own_map(self.model)

    def target(self, question: StudyImage, label: int) -> Target:
        """What is scored: a label, where classes are contrasted less the image's other one."""
        if not self.contrasts(question):
            return Target(label)
        return Target(
            label, versus=question.labels[0] if label == question.rival else question.rival
        )

    def question(
        self, question: StudyImage, label: int, model: Classifier | None = None
    ) -> ImageCase:
        """What an explainer is asked about one label of one image."""
        target = self.target(question, label)
        return ImageCase(model or self.model, question.image, target, self.precision, self.seed)
