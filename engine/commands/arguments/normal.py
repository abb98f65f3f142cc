"""Arguments of cases about normal images, data sets and studies of many images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.anomaly import DataCase, FamiliarCase, LesionsCase
from engine.attribution.study import SOURCES, StudyCase, study_case, ten
from engine.attribution.study.images import DEFAULT as USUAL
from engine.attribution.study.images import EVERY_SOURCE, MOST
from engine.attribution.study.methods import KINDS, TITLES, own_map_method
from engine.commands.arguments.base import Arguments
from engine.commands.arguments.classifiers import ModelArguments, model_argument
from engine.commands.arguments.pictures import EXAMPLE, SAMPLE, SquareArguments
from engine.commands.arguments.text import MethodsByName
from engine.commands.arguments.trained import training_data
from engine.core.controls import Many, OtherArguments, Text, argument
from engine.core.errors import BlindspotError
from engine.core.method import Choice, Option, Slider
from engine.evaluation.corruptions import CORRUPTIONS
from engine.evaluation.detection import sources
from engine.evaluation.detection.healthy import TWINS
from engine.evaluation.detection.photographs import photographs
from engine.vision import data as data_sets
from engine.vision.arguments import data_argument, seed_argument
from engine.vision.data import DataSet
from engine.vision.data.example import example
from engine.vision.data.nova import read_nova
from engine.vision.models.catalog import DEFAULT, data_of, load, word_of

EXPLAINERS = MethodsByName(KINDS, TITLES)
SOURCE_TITLES = {
    "scenes": "Scenes",
    "phantoms": "Brain phantoms",
    "own": "Large lesions, own map",
    "scenes-missed": "Things missed",
    "scenes-made-up": "Things made up",
    "phantoms-missed": "Lesions missed",
}


def normal_options(arguments: OtherArguments) -> Sequence[Option | str]:
    """What can stand for normal images of the model."""
    model = arguments.get("model")
    if model is None:
        return (sources.PHOTOGRAPHS, *data_sets.names())
    return sources.normal_sources(load(model) if isinstance(model, str) else model)


def unknown_options(arguments: OtherArguments) -> Sequence[Option | str]:
    """What can stand for unknown images beside the normal ones."""
    normal = arguments.get("normal")
    if normal is None:
        return (sources.HELD_OUT, sources.PHOTOGRAPHS, *data_sets.names(), *CORRUPTIONS)
    return sources.unknown_sources(sources.normal(normal) if isinstance(normal, str) else normal)


@dataclass(frozen=True)
class FamiliarArguments(SquareArguments[FamiliarCase]):
    """A picture among normal images."""

    normal: str | None = argument(
        None,
        Text(off="what the model learned from", options=normal_options),
        "Normal images",
        "What the model is to find usual. None of them was used to draw the line: the scores that "
        "count are those of images that neither the model nor the detector has learned from.",
    )
    unknown: str | None = argument(
        None,
        Text(off="none", options=unknown_options),
        "Unknown images, to measure by",
        "They show how often a detector finds what it should.",
    )
    seed: int = seed_argument()

    def case(self) -> FamiliarCase:
        """The case of the picture; images of its own group are left out of the normal ones."""
        model = self.classifier()
        name, pixels = self.square(model)
        normal = sources.normal(self.normal or data_of(model) or sources.PHOTOGRAPHS)
        unknown = sources.unknown(self.unknown, normal, model, self.seed) if self.unknown else None
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


LESIONS = "phantoms:count=400,seed=7"  # other patients than the healthy twins


def lesion_options(_arguments: OtherArguments) -> Sequence[Option]:
    """Images whose lesions are known: new phantoms, from the usual scanner and from another."""
    return (
        Option(LESIONS, "New brain phantoms"),
        Option(f"{LESIONS},shift=1", "New brain phantoms, another scanner"),
    )


@dataclass(frozen=True)
class LesionsArguments(ModelArguments[LesionsCase]):
    """Images whose lesions are known, and normal ones."""

    model: str = model_argument(DEFAULT)
    data: str = argument(
        LESIONS,
        Text(options=lesion_options),
        "Images with known lesions",
        "A data set with masks by name, or a folder or a zip in NOVA's format: a table of boxes "
        "(data/nova-v1.parquet) beside its folder of images. A folder that is called like a data "
        "set that ships is asked for as ./NAME.",
    )
    normal: str = argument(
        TWINS, Text(options=normal_options), "Normal images", "What a localizer is fitted to."
    )
    seed: int = seed_argument()

    def case(self) -> LesionsCase:
        """The case of the images."""
        model, path = self.classifier(), Path(self.data)
        ships = word_of(self.data) in data_sets.names()
        from_path = not ships and path.exists() and (path.is_dir() or path.suffix == ".zip")
        data = read_nova(path, side=model.side).data if from_path else data_sets.load(self.data)
        return LesionsCase(model, data, sources.normal(self.normal), self.seed)

    @classmethod
    def named(cls, case: LesionsCase) -> dict[str, Any]:
        """Everything, of data that have a name."""
        names = {"model": case.model.name, "data": case.data.name, "normal": case.normal.name}
        return names | {"seed": case.seed}


def group_of(name: str, normal: DataSet) -> int | None:
    """The group of a picture among the normal images: its photograph or its patient."""
    groups = normal.truth.get("group")
    if groups is None:
        return None
    if name.startswith(SAMPLE) and normal is photographs():
        return sources.photograph(name.removeprefix(SAMPLE))
    same_patients = f"{EXAMPLE}phantoms" if normal.name == TWINS else f"{EXAMPLE}{normal.name}/"
    if name.startswith(same_patients):
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
        return DataCase(model, training_data(model, self.data), self.layers)

    @classmethod
    def named(cls, case: DataCase) -> dict[str, Any]:
        """Everything."""
        return {"model": case.model.name, "data": case.data.name, "layers": case.layers}


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
