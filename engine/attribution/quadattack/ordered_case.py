"""An image, and the classes that the model is to say first, in that order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from engine.attribution.one_class import refuse_one_class
from engine.core.controls import Many, argument
from engine.core.errors import BadModel, BlindspotError
from engine.core.naming import case_field, named_by
from engine.vision.arguments import class_number, class_options
from engine.vision.case import ImageCase
from engine.vision.case.wrapped import WrappedCase
from engine.vision.models.classifier import Classifier

MOST = 10  # classes in a list
USUAL = 3  # classes that are drawn where none are named


def named_order(names: Sequence[str], asked: ImageCase) -> tuple[int, ...]:
    """Classes by their names or numbers, or some by chance."""
    labels, index = asked.model.labels, asked.target.index
    order = tuple(class_number(name, asked.model) for name in names)
    return order or drawn_order(len(labels), index, seed=asked.seed)


@dataclass(frozen=True, eq=False)
class OrderedCase(WrappedCase):
    """An image and an ordered list of wrong classes.

    Args:
        asked: the image; its target is the class that must not be in the list.
        order: the classes that are to lead, the first one first.

    Raises:
        BlindspotError: the list is empty or too long, has a class twice or one that the model does
            not have, or the class that the image is asked about.
    """

    case_name: ClassVar[str] = "ordered"
    what: ClassVar[str] = "an image, a classifier and a list of classes in order"

    asked: ImageCase = case_field(ImageCase, without=("like",))
    order: tuple[int, ...] = named_by(
        named_order,
        lambda order: tuple(map(str, order)),
        order=argument(
            (),
            Many(class_options),
            "Your order",
            "Up to ten wrong classes, the one that is to come first first. Left out: three by "
            "chance.",
        ),
    )

    def __post_init__(self) -> None:
        refuse_one_class(self.asked.model)
        labels, order = self.asked.model.labels, self.order
        most = min(MOST, len(labels) - 1)
        if not 1 <= len(order) <= most:
            raise BlindspotError(
                f"Choose 1 to {most} classes for {self.asked.model.title}, not {len(order)}."
            )
        if odd := [index for index in order if not 0 <= index < len(labels)]:
            raise BlindspotError(
                f"Class {odd[0]} is unknown: {self.asked.model.title} has {len(labels)}."
            )
        if twice := [index for index in order if order.count(index) > 1]:
            raise BlindspotError(f"“{labels[twice[0]]}” is in the list twice: each class once.")
        if self.asked.target.index in order:
            raise BlindspotError(
                f"“{labels[self.asked.target.index]}” is the class of this image: the list is of "
                "other classes."
            )

    def facts(self) -> dict[str, Any]:
        """Those of the image, and how many classes are in the list."""
        return super().facts() | {"order": list(self.order)}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what an attack needs, or ""."""
        if need != "head":
            return super().lacks(need)
        return no_head(self.model)


def no_head(model: Classifier) -> str:
    """Why a model's features cannot be asked for, or "" when it ends in a linear layer."""
    try:
        model.head  # noqa: B018  # it is looked for, and may not be there
    except BadModel:
        return "it needs a model that ends in a linear layer, and this one does not."
    return ""


def drawn_order(classes: int, without: int, count: int = USUAL, seed: int = 0) -> tuple[int, ...]:
    """Distinct random classes, as many as there are at most."""
    generator = torch.Generator().manual_seed(seed)
    others = [int(index) for index in torch.randperm(classes, generator=generator)]
    return tuple(index for index in others if index != without)[: min(count, classes - 1)]


def ordered_prefix(order: Sequence[int], ranking: Sequence[int]) -> int:
    """How many classes at the head of a ranking are those of the list, in its order."""
    right = 0
    for expected, predicted in zip(order, ranking, strict=False):
        if int(expected) != int(predicted):
            break
        right += 1
    return right
