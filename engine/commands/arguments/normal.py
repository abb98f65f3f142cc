"""Arguments of cases about normal images, data sets and studies of many images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.attribution.study import SOURCES, StudyCase, study_case, ten
from engine.attribution.study.images import DEFAULT as USUAL
from engine.attribution.study.images import EVERY_SOURCE, MOST
from engine.attribution.study.methods import KINDS, TITLES, own_map_method
from engine.commands.arguments.base import Arguments
from engine.commands.arguments.text import MethodsByName
from engine.core.controls import Many, argument
from engine.core.method import Choice, Slider
from engine.vision.arguments import seed_argument

EXPLAINERS = MethodsByName(KINDS, TITLES)
SOURCE_TITLES = {
    "scenes": "Scenes",
    "phantoms": "Brain phantoms",
    "own": "Large lesions, own map",
    "scenes-missed": "Things missed",
    "scenes-made-up": "Things made up",
    "phantoms-missed": "Lesions missed",
}


@dataclass(frozen=True)
class StudyArguments(Arguments[StudyCase]):
    """Images with known masks, and explainers that are compared on them."""

    source: str = argument(
        SOURCES[0],
        Choice(EVERY_SOURCE, titles=SOURCE_TITLES),
        "Images of known truth",
        "Where images and model come from.",
    )
    count: int = argument(
        USUAL,
        Slider(1, MOST, 1),
        "Images",
        "Test images, of which the network has learned none. More make the figures steadier and "
        "the study longer.",
    )
    methods: tuple[str, ...] = argument(
        EXPLAINERS.names,
        Many(EXPLAINERS.options),
        "Methods",
        "Explainers as the study sets them, beside a map of the model's own where it has one; on a "
        "command line by name, with other settings after a colon.",
    )
    seed: int = seed_argument(
        "Another seed takes other images and shows how much of a figure is chance."
    )

    def case(self) -> StudyCase:
        """The case of the study."""
        study = study_case(self.source, self.count, self.seed)
        explainers = tuple(EXPLAINERS.read(method, study.methods) for method in self.methods)
        return replace(study, methods=(*explainers, *own_map_method(study.model)))

    @classmethod
    def named(cls, case: StudyCase) -> dict[str, Any]:
        """Everything, of a study that `study_case` made of a model that ships."""
        usual, chosen = (
            ten(case.model.side),
            [method for method in case.methods if method.name in TITLES],
        )
        return {
            "source": case.source,
            "count": len(case.images),
            "methods": tuple(EXPLAINERS.write(explainer, usual) for explainer in chosen),
            "seed": case.seed,
        }
