"""Images whose lesions are known, and normal ones to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine.core.case_base import Case, Precision
from engine.core.controls import Option, OtherArguments, Text, argument
from engine.core.naming import named_by
from engine.evaluation.detection import sources
from engine.evaluation.detection.case import mapless
from engine.evaluation.detection.healthy import TWINS
from engine.vision import data as data_sets
from engine.vision.arguments import classifier_field, name_of, seed_argument
from engine.vision.data import DataSet
from engine.vision.data.nova import read_nova
from engine.vision.models.catalog import DEFAULT, word_of
from engine.vision.models.classifier import Classifier

LESIONS = "phantoms:count=400,seed=7"  # other patients than the healthy twins


def lesion_options(_arguments: OtherArguments) -> Sequence[Option]:
    """Images whose lesions are known: new phantoms, from the usual scanner and from another."""
    return (
        Option(LESIONS, "New brain phantoms"),
        Option(f"{LESIONS},shift=1", "New brain phantoms, another scanner"),
    )


def lesion_data(name: str, model: Classifier) -> DataSet:
    """A data set that ships, or a folder or a zip in NOVA's format."""
    path = Path(name)
    ships = word_of(name) in data_sets.names()
    from_path = not ships and path.exists() and (path.is_dir() or path.suffix == ".zip")
    return read_nova(path, side=model.side).data if from_path else data_sets.load(name)


@dataclass(frozen=True, eq=False)
class LesionsCase(Case):
    """Images whose lesions are known, as masks or as boxes, and normal ones to compare with.

    Args:
        model: the classifier whose layers are compared.
        data: its test images are asked about; its truth has "mask" or "boxes".
        normal: what a localizer is fitted to, and what its threshold comes from.
        seed: of every draw.
        precision: "exact" only.
    """

    case_name: ClassVar[str] = "lesions"
    what: ClassVar[str] = "images with known lesions, a classifier and normal images"

    model: Classifier = classifier_field(DEFAULT)
    data: DataSet = named_by(
        lesion_data,
        name_of,
        data=argument(
            LESIONS,
            Text(options=lesion_options),
            "Images with known lesions",
            "A data set with masks by name, or a folder or a zip in NOVA's format: a table of "
            "boxes (data/nova-v1.parquet) beside its folder of images. A folder that is called "
            "like a data set that ships is asked for as ./NAME.",
        ),
    )
    normal: DataSet = named_by(
        sources.normal,
        name_of,
        normal=argument(
            TWINS,
            Text(options=sources.normal_options),
            "Normal images",
            "What a localizer is fitted to.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        alike = f"{self.model.fingerprint}|{len(self.data)}"  # in seconds
        return super().facts() | {"normal": self.normal.name, "alike": alike}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "patches":
            return mapless(self.model)
        if need == "lesions":
            has_outlines = {"mask", "boxes"} & self.data.truth.keys() and len(
                self.data.rows("test")
            )
            reason = "it needs test images with masks or boxes of lesions, and these have none."
            return "" if has_outlines else reason
        return super().lacks(need)
