"""What the study is asked about: a model, images with known masks for each label, explainers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.attribution.study.images import (
    DEFAULT,
    EVERY_SOURCE,
    MOST,
    SOURCES,
    StudyImage,
    data_name,
    model_of,
    sample_images,
    shipped_images,
)
from engine.attribution.study.methods import (
    EXPLAINERS,
    TITLES,
    Explainer,
    has_own_map,
    own_map_method,
    ten,
)
from engine.core.case_base import Case, Parts
from engine.core.controls import Many, argument
from engine.core.errors import BlindspotError
from engine.core.method import Choice, Precision, Slider
from engine.core.naming import named_by
from engine.vision.arguments import seed_argument
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier

SOURCE_TITLES = {
    "scenes": "Scenes",
    "phantoms": "Brain phantoms",
    "own": "Large lesions, own map",
    "scenes-missed": "Things missed",
    "scenes-made-up": "Things made up",
    "phantoms-missed": "Lesions missed",
}


def named_explainers(names: Sequence[str], model: Classifier) -> tuple[Explainer, ...]:
    """Explainers as the study sets them, and a map of the model's own where it has one."""
    usual = ten(model.side)
    return (*(EXPLAINERS.read(name, usual) for name in names), *own_map_method(model))


def explainer_names(methods: Sequence[Explainer], model: Classifier) -> tuple[str, ...]:
    """The names of those that can be chosen, each with its own settings."""
    usual = ten(model.side)
    return tuple(EXPLAINERS.write(method, usual) for method in methods if method.name in TITLES)


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

    model: Classifier = named_by(lambda arguments: model_of(arguments["source"]))
    images: tuple[StudyImage, ...] = named_by(
        lambda source, count, arguments: shipped_images(source, count, arguments["seed"]),
        lambda images, source: {"source": source, "count": len(images)},
        source=argument(
            SOURCES[0],
            Choice(EVERY_SOURCE, titles=SOURCE_TITLES),
            "Images of known truth",
            "Where images and model come from.",
        ),
        count=argument(
            DEFAULT,
            Slider(1, MOST, 1),
            "Images",
            "Test images, of which the network has learned none. More make the figures steadier "
            "and the study longer.",
        ),
    )
    methods: tuple[Explainer, ...] = named_by(
        named_explainers,
        explainer_names,
        methods=argument(
            EXPLAINERS.names,
            Many(EXPLAINERS.options),
            "Methods",
            "Explainers as the study sets them, beside a map of the model's own where it has one; "
            "on a command line by name, with other settings after a colon.",
        ),
    )
    data: str = named_by(lambda arguments: data_name(arguments["source"]), default="")
    seed: int = named_by(
        default=0,
        seed=seed_argument(
            "Another seed takes other images and shows how much of a figure is chance."
        ),
    )
    precision: Precision = "exact"
    source: str = named_by(lambda arguments: arguments["source"], default="")

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


def study_case(
    source: str = "scenes",
    count: int = DEFAULT,
    seed: int = 0,
    methods: tuple[Explainer, ...] | None = None,
    model: Classifier | None = None,
) -> StudyCase:
    """The study of so many images.

    Args:
        source: one of EVERY_SOURCE.
        count: of images.
        seed: which images, and of every random number.
        methods: the explainers; all ten when left out, and the model's own map where it has one.
        model: the one that ships when left out.

    Raises:
        BlindspotError: no such source, or too few images that the model gets right.
    """
    if source not in EVERY_SOURCE:
        known = ", ".join(EVERY_SOURCE)
        raise BlindspotError(f"A study is of one of {known}, not of {source[:40]!r}.")
    if model is None:
        model = model_of(source)
        result = shipped_images(source, count, seed)
    else:
        result = sample_images(source, count, seed, model)
    chosen_methods = (*ten(model.side), *own_map_method(model)) if methods is None else methods
    return StudyCase(model, result, chosen_methods, data_name(source), seed, source=source)
