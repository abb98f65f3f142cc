"""A map on trial: the question, and the method that answered it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.core.case_base import Parts
from engine.core.controls import Text, argument
from engine.core.method import Case, Method, Progress, quiet
from engine.core.naming import case_field, named_by
from engine.core.result import HeatMap, Result
from engine.core.run import answer
from engine.core.texts import method_field
from engine.vision.case import ImageCase
from engine.vision.case.wrapped import WrappedCase
from engine.vision.data.example import example, known_in
from engine.vision.data.registry import UPLOAD, recipe
from engine.vision.images import Crop
from engine.vision.pictures import EXAMPLE, first_picture

BLANK = "the image is the same everywhere, so no place in it can matter more than another."
NOTHING = "it needs a finding, and the mask says that nothing is there."


def known_mask(asked: ImageCase, arguments: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """That of an image of a data set which has them, (side, side)."""
    name = arguments["image"] or first_picture(asked.model)
    mask = example(name.removeprefix(EXAMPLE)).mask() if name.startswith(EXAMPLE) else None
    crop = Crop(arguments["crop_x"], arguments["crop_y"])
    return None if mask is None else known_in(mask, crop, asked.model.side)


@dataclass(frozen=True, eq=False)
class TrustCase(WrappedCase):
    """A method's map of an image.

    Args:
        asked: the question.
        method: what answered it.
        mask: what makes the image's class, (H, W) bool, where that is known.
        others: the name of the data set with whose images it is compared, where it is.
    """

    case_name: ClassVar[str] = "trust"
    what: ClassVar[str] = "a heat map that a method has made, and none is given here"

    asked: ImageCase = case_field(ImageCase, without=("like",))
    method: Method[ImageCase] = method_field(
        "attribution.HEATMAPS",
        "map",
        "GradCam",
        "Heat map",
        "The method whose map is tried, with its settings after a colon: Occlusion:side=24.",
    )
    mask: NDArray[np.bool_] | None = named_by(known_mask, default=None)
    others: str = named_by(
        lambda name: name or "",
        lambda name: name or None,
        default="",
        others=argument(
            None,
            Text(off="no other images"),
            "Others",
            "The data set with whose images it is compared, by trials that compare.",
        ),
    )

    @property
    def heat(self) -> HeatMap:
        """The map itself; it is looked up where it is kept."""
        view = answer(self.method, self.asked)["map"]
        assert isinstance(view, HeatMap)  # noqa: S101  # every heat map method gives one
        return view

    def of(self, asked: ImageCase, progress: Progress = quiet) -> HeatMap:
        """The method's map of another question; not kept."""
        view = self.method(asked, progress)["map"]
        assert isinstance(view, HeatMap)  # noqa: S101  # as above
        return view

    def about(self, index: int) -> ImageCase:
        """The same image asked about another class."""
        return replace(self.asked, target=replace(self.asked.target, index=index, versus=None))

    def digest_parts(self) -> Parts:
        """Question, method, settings, mask, and how the others are made."""
        settings = sorted(self.method.settings().items())
        yield repr(
            (self.asked.fingerprint, self.method.full_name(), self.method.revision, settings)
        )
        if self.mask is not None:
            yield self.mask.tobytes()
        if self.others:
            recipe_text = (
                ""
                if self.others.startswith(UPLOAD)
                else recipe(self.others.partition("+")[0]).question
            )
            yield f"|{self.others}|{recipe_text}"

    @property
    def blank(self) -> bool:
        """Whether the image is one color, all black for example."""
        pixels = self.asked.image.flatten(1)
        return bool((pixels == pixels[:, :1]).all())

    def facts(self) -> dict[str, Any]:
        """What it is, for the record; trials of maps that are made alike take alike."""
        name, settings = self.method.full_name(), self.method.settings()
        return super().facts() | {
            "method": name,
            "settings": settings,
            "alike": f"{self.model.fingerprint}|{name}|{sorted(settings.items())}",
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a check needs, or ""."""
        if need == "mask":
            if self.mask is None:
                return "nobody knows where in this image the truth is."
            return "" if self.mask.any() else NOTHING
        return super().lacks(need)


class Check(Method[TrustCase]):
    """What all trials share: they are of a map, which somebody has to make first."""

    family: ClassVar[str] = "attribution"
    judges: ClassVar[bool] = True  # or only describes
    evidence: ClassVar[bool] = False  # whether passing speaks for a map, or only failing against it
    limits: ClassVar[str] = ""  # where its verdicts begin, in words
    favor: ClassVar[str] = ""  # what a verdict for the map means, in a few words
    against: ClassVar[str] = ""  # what a verdict against the map means, in a few words

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be tried, or ""."""
        if isinstance(case, TrustCase) and case.blank:
            return BLANK
        return case.lacks("class") or super().unmet(case)

    @property
    def maps(self) -> int:
        """How many more maps it makes; by them its cost is predicted."""
        return 0

    @property
    def looks(self) -> int:
        """How often it looks at an image besides, where that is to be asked for."""
        return 0


def stage(progress: Progress, number: int, of: int, what: str) -> Progress:
    """Progress of one of several maps."""

    def report(done: float, words: str = "", partial: Result | None = None) -> None:  # noqa: ARG001
        progress((number + min(done, 1.0)) / of, f"{what}: map {number + 1} of {of}")

    return report
