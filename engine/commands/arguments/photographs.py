"""Arguments of a case about a photograph before and after a thing is taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engine.commands.arguments.base import Arguments
from engine.commands.arguments.pictures import open_picture, picture_options
from engine.commands.arguments.speech import speaking_argument
from engine.core.controls import Many, Text, argument
from engine.core.method import Slider
from engine.hallucination import PhotoPairCase
from engine.hallucination.photographs import SIDES, photo_pair
from engine.vision.images.masks import mask_of


def side_argument(name: str, first: float) -> Any:
    """One side of a rectangle on the square that the model sees."""
    return argument(
        first,
        Slider(0.0, 1.0, 0.01),
        name,
        "A side of the rectangle around the thing, as a share "
        "of the square in the middle of the photograph.",
    )


@dataclass(frozen=True)
class PhotoPairArguments(Arguments[PhotoPairCase]):
    """A photograph, a thing in it, and where it is."""

    unnamed: ClassVar[tuple[str, ...]] = ("image",)

    model: str = speaking_argument()
    image: str = argument(
        "sample:coffee",
        Text(options=picture_options),
        "Photograph",
        "The photograph before: a picture file, or sample:NAME.",
    )
    thing: str = argument(
        "cup",
        Text(),
        "What goes",
        "The thing that is taken out, by its name. TinyVLM knows sixteen things.",
    )
    others: tuple[str, ...] = argument(
        (), Many(), "Also asked for", "Other things, there or not; the answers should stay."
    )
    mask: str | None = argument(
        None,
        Text(off="the rectangle"),
        "Mask",
        "A picture of the same size in which the thing is bright: brighter than the middle between "
        "its darkest and brightest point.",
    )
    after: str | None = argument(
        None,
        Text(off="painted over"),
        "Photograph after",
        "A photograph of the same size without the thing, in the place of a mask.",
    )
    top: float = side_argument("Top", 0.02)
    left: float = side_argument("Left", 0.17)
    bottom: float = side_argument("Bottom", 0.78)
    right: float = side_argument("Right", 0.79)

    def case(self) -> PhotoPairCase:
        """The case of the photograph."""
        picture = open_picture(self.image)
        mask = None if self.mask is None else mask_of(open_picture(self.mask), None, picture)
        return photo_pair(
            self.model,
            picture,
            self.thing,
            self.others,
            sides={name: getattr(self, name) for name in SIDES},
            mask=mask,
            after=None if self.after is None else open_picture(self.after),
        )

    @classmethod
    def named(cls, case: PhotoPairCase) -> dict[str, Any]:
        """The model and the things."""
        return {"model": case.vlm.name, "thing": case.thing, "others": case.others}
