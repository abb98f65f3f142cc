"""Arguments of cases about normal images, data sets and studies of many images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engine import data as data_sets
from engine.anomaly import DataCase, FamiliarCase, sources
from engine.anomaly.photographs import photographs
from engine.arguments.base import Arguments
from engine.arguments.classifiers import ModelArguments, seed_argument
from engine.arguments.controls import Many, Text, argument
from engine.arguments.pictures import (
    EXAMPLE,
    SAMPLE,
    first_picture,
    picture_argument,
    pictured,
)
from engine.arguments.text import MethodsByName
from engine.arguments.trained import data_argument, learned
from engine.attribution.study import SOURCES, StudyCase, study_case, ten
from engine.attribution.study.images import DEFAULT, ERRORS, MOST
from engine.attribution.study.methods import KINDS
from engine.case import shown
from engine.data import DataSet
from engine.data.example import example
from engine.errors import BlindspotError
from engine.images import Crop
from engine.method import Choice, Slider
from engine.sparsity.subjects import data_of

NORMAL_NAMES = (sources.PHOTOGRAPHS, *data_sets.names())
EXPLAINERS = MethodsByName(KINDS)


def normal_names() -> tuple[str, ...]:
    """What can stand for normal images."""
    return NORMAL_NAMES


@dataclass(frozen=True)
class FamiliarArguments(ModelArguments[FamiliarCase]):
    """A picture among normal images."""

    unnamed: ClassVar[tuple[str, ...]] = ("image",)

    image: str | None = picture_argument()
    normal: str | None = argument(
        None, Text(off="what the model learned from", options=normal_names), "Normal images",
        "A data set by name, or photographs.",
    )  # fmt: skip
    unknown: str | None = argument(
        None, Text(off="none"), "Unknown images",
        "Images to measure by: held-out classes, a data set, photographs, or a corruption.",
    )  # fmt: skip
    seed: int = seed_argument()

    def case(self) -> FamiliarCase:
        """The case of the picture; images of its own group are left out of the normal ones."""
        model = self.classifier()
        name = self.image or first_picture(model)
        normal = sources.normal(self.normal or data_of(model) or sources.PHOTOGRAPHS)
        unknown = sources.unknown(self.unknown, normal, model, self.seed) if self.unknown else None
        pixels = shown(pictured(name), Crop(), model)
        return FamiliarCase(model, pixels, normal, unknown, group_of(name, normal), self.seed)

    @classmethod
    def named(cls, case: FamiliarCase) -> dict[str, Any]:
        """All but the picture."""
        return {"model": case.model.name, "normal": case.normal.name, "seed": case.seed}

    @classmethod
    def of(cls, case: FamiliarCase, **known: Any) -> Any:
        """As `Arguments.of`; unknown images need the name that they were chosen by."""
        if case.unknown is not None and "unknown" not in known:
            raise BlindspotError("A case does not know its unknown images: say unknown=….")
        return super().of(case, **known)


def group_of(name: str, normal: DataSet) -> int | None:
    """The group of a picture among the normal images: its photograph or its patient."""
    groups = normal.truth.get("group")
    if groups is None:
        return None
    if name.startswith(SAMPLE) and normal is photographs():
        return sources.photograph(name.removeprefix(SAMPLE))
    if name.startswith(f"{EXAMPLE}{normal.name}/"):
        return int(groups[example(name.removeprefix(EXAMPLE)).row])
    return None


@dataclass(frozen=True)
class DataArguments(ModelArguments[DataCase]):
    """All images of a data set."""

    data: str | None = data_argument(None, "A data set by name.")
    layers: tuple[str, ...] = argument(
        (), Many(), "Layers", "Layers of the model whose outputs are kept too."
    )

    def case(self) -> DataCase:
        """The case of the images."""
        model = self.classifier()
        return DataCase(model, learned(model, self.data), self.layers)

    @classmethod
    def named(cls, case: DataCase) -> dict[str, Any]:
        """Everything."""
        return {"model": case.model.name, "data": case.data.name, "layers": case.layers}


@dataclass(frozen=True)
class StudyArguments(Arguments[StudyCase]):
    """Images with known masks, and explainers that are compared on them."""

    source: str = argument(
        SOURCES[0], Choice((*SOURCES, *ERRORS)), "Images", "Where images and model come from."
    )
    count: int = argument(DEFAULT, Slider(1, MOST, 1), "How many", "Images of the study.")
    methods: tuple[str, ...] = argument(
        (), Many(lambda: EXPLAINERS.names), "Methods",
        "Explainers by name, with their settings after a colon. Left out: all ten, as the study "
        "sets them.",
    )  # fmt: skip
    seed: int = seed_argument()

    def case(self) -> StudyCase:
        """The case of the study."""
        methods = tuple(EXPLAINERS.read(one) for one in self.methods) or None
        return study_case(self.source, self.count, self.seed, methods)

    @classmethod
    def named(cls, case: StudyCase) -> dict[str, Any]:
        """Everything, of a study that `study_case` made of a model that ships."""
        usual = case.methods == ten(case.model.side)
        return {
            "source": case.source,
            "count": len(case.images),
            "methods": () if usual else tuple(EXPLAINERS.write(one) for one in case.methods),
            "seed": case.seed,
        }
