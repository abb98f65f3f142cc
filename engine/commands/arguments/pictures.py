"""Arguments of cases about a picture and a classifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor

from engine.attribution import HEATMAPS
from engine.commands.arguments.classifiers import (
    ModelArguments,
    class_number,
    class_options,
    model_argument,
)
from engine.commands.arguments.text import MethodsByName
from engine.core.controls import Many, OtherArguments, Text, argument
from engine.core.device import PRECISIONS
from engine.core.errors import BadData, BlindspotError
from engine.core.method import CaseT, Choice, Option, Precision, Slider
from engine.evaluation.trust import TrustCase
from engine.vision.arguments import seed_argument
from engine.vision.case import ImageCase, PairCase, model_input, similarity_case
from engine.vision.case.target import READINGS, Reading, SimilarityTarget, Target
from engine.vision.data import load as load_data
from engine.vision.data.example import Example, example, known_in
from engine.vision.images import Crop, Picture
from engine.vision.images.named import read_named
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import DEFAULT, data_of
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedding import SUFFIX

SAMPLE, EXAMPLE, TWIN = "sample:", "example:", "twin:"
MAPS = MethodsByName(HEATMAPS)
OF_A_CLASS = 2  # images of each other class that are offered


def picture_options(arguments: OtherArguments) -> tuple[Option, ...]:
    """The pictures that come along but for the one in hand, or what its data set has beside it."""
    name = arguments.get("image") or ""
    unlike_options = (
        partner_options(example(name.removeprefix(EXAMPLE))) if name.startswith(EXAMPLE) else ()
    )
    if options := tuple(unlike_options):
        return options
    result = (
        Option(f"{SAMPLE}{sample_picture.name}", sample_picture.title) for sample_picture in SAMPLES
    )
    return tuple(option for option in result if option.name != name)


def partner_options(source: Example) -> Iterator[Option]:
    """Its twin where it has one, and the first test images of each other class."""
    if source.twin() is not None and source.has_finding:
        yield Option(f"{TWIN}{source.name}", "Its twin without the lesion")
    data, rows = source.data, source.data.rows("test")
    others = (label for label in range(len(data.classes)) if label != data.labels[source.row])
    for label in others:
        for row in rows[data.labels[rows] == label][:OF_A_CLASS].tolist():
            word = data.classes[label]
            yield Option(f"{EXAMPLE}{Example(data, row).name}", f"{word}, id {data.ids[row]}")


def picture_argument() -> Any:
    """The picture of a case."""
    return argument(
        None,
        Text(off="one that fits the model", options=picture_options),
        "Picture",
        "A picture file, sample:NAME, or example:DATA/ID. Left out: the first test image of what "
        "the model learned from, or the first sample. Of a scan: FILE::slice=12,window=Brain.",
    )


@dataclass(frozen=True)
class SquareArguments(ModelArguments[CaseT]):
    """A picture, the square of it that the model sees, and a classifier."""

    unnamed: ClassVar[tuple[str, ...]] = ("image",)

    image: str | None = picture_argument()
    crop_x: float = argument(
        0.5,
        Slider(0.0, 1.0, 0.01),
        "Square, across",
        "Where the square that the model sees lies in a wide picture: 0 left, 1 right.",
    )
    crop_y: float = argument(
        0.5,
        Slider(0.0, 1.0, 0.01),
        "Square, down",
        "Where it lies in a tall picture: 0 top, 1 bottom.",
    )

    def square(self, model: Classifier) -> tuple[str, Tensor]:
        """The name of the picture, and what the model sees of it, (3, side, side) in [0, 1]."""
        name = self.image or first_picture(model)
        return name, model_input(open_picture(name), Crop(self.crop_x, self.crop_y), model)


@dataclass(frozen=True)
class PictureArguments(SquareArguments[CaseT]):
    """A picture, a classifier and what is scored."""

    model: str = model_argument(DEFAULT)
    target: str | None = argument(
        None,
        Text(off="the most likely class", options=class_options),
        "Ask about",
        "The class whose score is explained: its name, or its number.",
    )
    versus: str | None = argument(
        None,
        Text(off="anything else", options=class_options),
        "Rather than",
        "Explain the difference between two classes: why this rather than that.",
    )
    reading: str = argument(
        "logit",
        Choice(READINGS),
        "Read the score as",
        "Logit: the model's raw score, which keeps moving when the probability is near one. "
        "Probability: softmax, or of the finding itself where there are several. Margin: the logit "
        "less the best other class's.",
    )
    precision: str = argument(
        "exact",
        Choice(PRECISIONS),
        "Precision",
        "Exact: float32. Fast: bfloat16 for methods that only look at the model's answers; good "
        "for exploring, not for figures. Fast results are labeled and kept apart.",
    )
    seed: int = seed_argument()

    def image_case(self) -> ImageCase:
        """The case of the picture."""
        model = self.classifier()
        if self.precision == "fast" and not model.offers_fast:
            raise BlindspotError(
                "This device does not compute bfloat16 faster: use --precision exact."
            )
        _, pixels = self.square(model)
        index = (
            int(model.logits(pixels[None])[0].argmax())
            if self.target is None
            else class_number(self.target, model)
        )
        versus = None if self.versus is None else class_number(self.versus, model)
        reading: Reading = self.reading  # type: ignore[assignment]  # one of READINGS
        precision: Precision = self.precision  # type: ignore[assignment]  # one of the options
        return ImageCase(model, pixels, Target(index, versus, reading), precision, self.seed)

    @staticmethod
    def named_image(case: ImageCase) -> dict[str, Any]:
        """What can be read off the case of a picture."""
        target = case.target
        return {
            "model": case.model.name,
            "target": str(target.index),
            "versus": None if target.versus is None else str(target.versus),
            "reading": target.reading,
            "precision": case.precision,
            "seed": case.seed,
        }


@dataclass(frozen=True)
class ImageArguments(PictureArguments[ImageCase]):
    """A picture, a classifier, and a class or a second picture that it may be similar to."""

    like: str | None = argument(
        None,
        Text(off="a class is scored", options=picture_options),
        "Other image",
        "Another picture: the score is how similar the model's features of both are (cosine).",
    )

    def case(self) -> ImageCase:
        """The case of the picture."""
        image_case = self.image_case()
        if self.like is None:
            return image_case
        if self.target is not None or self.versus is not None or self.reading != "logit":
            raise BlindspotError("A similarity is not about a class: leave target and reading out.")
        other = model_input(open_picture(self.like), Crop(), image_case.model)
        return similarity_case(
            image_case.model, image_case.image, other, image_case.precision, image_case.seed
        )

    @classmethod
    def of(cls, case: ImageCase, **known: Any) -> Self:
        """As `Arguments.of`; a similarity needs the name of the second picture."""
        if isinstance(case.target, SimilarityTarget) and known.get("like") is None:
            raise BlindspotError("A case does not know its second picture: say like=….")
        return super().of(case, **known)

    @classmethod
    def named(cls, case: ImageCase) -> dict[str, Any]:
        """All but the pictures."""
        if isinstance(case.target, SimilarityTarget):
            model = case.model.name.removesuffix(SUFFIX)
            return {"model": model, "precision": case.precision, "seed": case.seed}
        return cls.named_image(case)


@dataclass(frozen=True)
class PairArguments(PictureArguments[PairCase]):
    """A picture, a classifier and other pictures."""

    unnamed: ClassVar[tuple[str, ...]] = ("image", "against")

    against: tuple[str, ...] = argument(
        ("sample:china",),
        Many(picture_options),
        "Walk to",
        "Pictures that the first is compared with or walked to.",
    )

    def case(self) -> PairCase:
        """The case of all pictures."""
        source = self.image_case()
        others = (model_input(open_picture(name), Crop(), source.model) for name in self.against)
        return PairCase(source, tuple(others))

    @classmethod
    def named(cls, case: PairCase) -> dict[str, Any]:
        """All but the pictures."""
        return cls.named_image(case.source)


@dataclass(frozen=True)
class TrustArguments(PictureArguments[TrustCase]):
    """A heat map of a picture, on trial. Its mask is that of the example, where it has one."""

    map: str = argument(
        "GradCam",
        Text(options=MAPS.options),
        "Heat map",
        "The method whose map is tried, with its settings after a colon: Occlusion:side=24.",
    )
    others: str | None = argument(
        None,
        Text(off="no other images"),
        "Others",
        "The data set with whose images it is compared, by trials that compare.",
    )

    def case(self) -> TrustCase:
        """The case of the map."""
        image_case = self.image_case()
        name = self.image or first_picture(image_case.model)
        mask = example(name.removeprefix(EXAMPLE)).mask() if name.startswith(EXAMPLE) else None
        crop = Crop(self.crop_x, self.crop_y)
        shrunk = None if mask is None else known_in(mask, crop, image_case.model.side)
        return TrustCase(image_case, MAPS.read(self.map), shrunk, self.others or "")

    @classmethod
    def named(cls, case: TrustCase) -> dict[str, Any]:
        """All but the picture."""
        others = case.others or None
        return cls.named_image(case.asked) | {"map": MAPS.write(case.method), "others": others}


def open_picture(name: str) -> Picture:
    """A sample, an image of a data set, its twin without what made its class, or a file."""
    if name.startswith(SAMPLE):
        return sample(name.removeprefix(SAMPLE))
    if name.startswith(EXAMPLE):
        return example(name.removeprefix(EXAMPLE)).picture()
    if name.startswith(TWIN):
        result = example(name.removeprefix(TWIN)).twin()
        if result is None:
            raise BadData(f"{name[:60]}: only images of data with twins have one.")
        return result
    return read_named(name)


def first_picture(model: Classifier) -> str:
    """The first test image of what a model learned from, or the first sample."""
    name = data_of(model)
    if not name:
        return f"{SAMPLE}{SAMPLES[0].name}"
    data = load_data(name)
    return f"{EXAMPLE}{name}/{data.ids[data.rows('test')[0]]}"
