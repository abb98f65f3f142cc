"""Arguments of cases that are attacked: an image with classes in order, and many images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.attribution.robustness import AttackedImagesCase, OrderedCase, drawn_order
from engine.attribution.robustness.many_images import MOST
from engine.commands.arguments.classifiers import ModelArguments, class_number, class_options
from engine.commands.arguments.pictures import PictureArguments
from engine.core.controls import Many, argument
from engine.core.method import Slider
from engine.evaluation.detection import sources
from engine.vision.arguments import data_argument, seed_argument
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier


@dataclass(frozen=True)
class OrderedArguments(PictureArguments[OrderedCase]):
    """A picture, a classifier, and the classes that it is to say first."""

    order: tuple[str, ...] = argument(
        (),
        Many(class_options),
        "Your order",
        "Up to ten wrong classes, the one that is to come first first. Left out: three by chance.",
    )

    def case(self) -> OrderedCase:
        """The case of the picture and the list."""
        image_case = self.image_case()
        model = image_case.model
        order = tuple(class_number(name, model) for name in self.order)
        return OrderedCase(
            image_case,
            order or drawn_order(len(model.labels), image_case.target.index, seed=self.seed),
        )

    @classmethod
    def named(cls, case: OrderedCase) -> dict[str, Any]:
        """All but the picture."""
        return cls.named_image(case.asked) | {"order": tuple(str(index) for index in case.order)}


@dataclass(frozen=True)
class AttackedImagesArguments(ModelArguments[AttackedImagesCase]):
    """Test images that a classifier gets right."""

    data: str | None = data_argument(
        None, "A data set by name. Left out: what the model learned from, or the photographs."
    )
    count: int = argument(
        20, Slider(1, MOST, 1), "Images", "How many are attacked; more make the figures steadier."
    )
    seed: int = seed_argument()

    def case(self) -> AttackedImagesCase:
        """The case of the images."""
        return self.about(self.classifier())

    def about(self, model: Classifier) -> AttackedImagesCase:
        """The case of the images for a model in hand."""
        data = sources.normal(usual_data(self.data, model))
        return AttackedImagesCase(model, data, self.count, self.seed)

    @classmethod
    def named(cls, case: AttackedImagesCase) -> dict[str, Any]:
        """Everything."""
        return {
            "model": case.model.name,
            "data": case.data.name,
            "count": case.count,
            "seed": case.seed,
        }


def usual_data(name: str | None, model: Classifier) -> str:
    """The data set of that name, or what the model learned from, or the photographs."""
    return name or data_of(model) or sources.PHOTOGRAPHS
