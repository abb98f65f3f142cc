"""Arguments of a case about prototypes: what they are learned from, and the image they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.attribution.prototypes import PrototypeCase, about_picture
from engine.commands.arguments.base import Arguments
from engine.commands.arguments.pictures import EXAMPLE, open_picture
from engine.core.controls import Text, argument
from engine.core.errors import BlindspotError
from engine.vision import data as data_sets
from engine.vision.arguments import data_options, seed_argument
from engine.vision.data import DataSet
from engine.vision.images import Crop


@dataclass(frozen=True)
class PrototypeArguments(Arguments[PrototypeCase]):
    """A data set, and an image that is like those in it."""

    data: str = argument("digits", Text(options=data_options), "Data", "A data set by name.")
    image: str | None = argument(
        None,
        Text(off="the first test image"),
        "Picture",
        "A picture file, sample:NAME, or example:DATA/ID. Dark strokes on light paper are inverted "
        "where the data has light strokes on a dark ground.",
    )
    seed: int = seed_argument("Of the training.")

    def case(self) -> PrototypeCase:
        """The case of data and image."""
        data = data_sets.load(self.data)
        result, _ = about_picture(
            data, open_picture(self.image or first_image(data)), Crop(), self.seed
        )
        return result

    @classmethod
    def named(cls, case: PrototypeCase) -> dict[str, Any]:
        """Everything, of an image of the data set."""
        known = {"data": case.data.name, "seed": case.seed}
        row = case.row
        return known if row is None else known | {"image": example_of(case.data, row)}

    @classmethod
    def of(cls, case: PrototypeCase, **known: Any) -> Any:
        """As `Arguments.of`; an image of one's own needs its name."""
        if case.row is None and not known.get("image"):
            raise BlindspotError("A case does not know where its image is from: say image=….")
        return super().of(case, **known)


def first_image(data: DataSet) -> str:
    """The first test image. Raises BlindspotError where there is none."""
    if not len(rows := data.rows("test")):
        raise BlindspotError(f"{data.card.title} has no test images: name an image.")
    return example_of(data, int(rows[0]))


def example_of(data: DataSet, row: int) -> str:
    """An image of a data set by its name."""
    return f"{EXAMPLE}{data.name}/{data.ids[row]}"
