"""Are the models right on the images they learned from? Without that nothing else counts."""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import (
    MODELS_READY,
    Diagnostic,
    compared_models,
    sample_rows,
)
from engine.vision.data import Rows
from engine.vision.shares import luck, majority_share, wilson
from engine.vision.training import outputs

COLUMNS = ("right", "images", "accuracy", "low", "high", "chance", "luck")


@dataclass(frozen=True)
class OwnImages(Diagnostic):
    """The share of its own training images that each model gets right.

    A network that is read in a wrong size, normalization or order of classes answers at chance, and
    looks as if it had forgotten everything. The original is asked about all its training images,
    the unlearned and the retrained model about those that stay. Chance is the share of the most
    frequent class; a model counts as right where the whole 95 % interval lies above it, and above
    what an untrained network may reach by luck.
    """

    name = "OwnImages"
    title = "Right on their own images"
    proof = "tests/engine/unlearning/test_metrics.py::test_the_shares_are_those_counted_by_hand"

    images: int = setting(
        1000, Slider(10, 10_000, 10), "Images", "At most so many of each kind, drawn by the seed."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: accuracy, a row for each model with COLUMNS."""
        models = compared_models(case, progress)
        rows = []
        for number, (name, model) in enumerate(models.items()):
            low, high = (
                MODELS_READY + (1 - MODELS_READY) * (number + offset) / len(models)
                for offset in (0, 1)
            )
            image_rows = self.own_images(case, name)
            step_progress = part_of(progress, low, high, lead=name)
            logits = outputs(model, case.case.data, image_rows, step_progress)
            predictions = logits.argmax(1).numpy()
            rows.append(figures(predictions, case.case.data.labels[image_rows], logits.shape[1]))
        progress(1.0, "asked about their own images")
        columns = {name: ([row[name] for row in rows], column_unit(name)) for name in COLUMNS}
        return {"accuracy": Table.of(columns, tuple(models))}

    def own_images(self, case: AfterCase, name: str) -> Rows:
        """Images that a model learned from, at most as many as are set."""
        splits = case.case.splits
        rows = splits.train if name == "original" else splits.retain
        return sample_rows(rows, self.images, case.case.seed)


def column_unit(column: str) -> str:
    """Of a column."""
    return "images" if column in {"right", "images"} else "share"


def figures(predictions: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, float]:
    """COLUMNS of one model."""
    right = int((predictions == labels).sum())
    low, high = wilson(right, len(labels))
    return {
        "right": float(right),
        "images": float(len(labels)),
        "accuracy": right / len(labels),
        "low": low,
        "high": high,
        "chance": majority_share(labels),
        "luck": luck(predictions, labels, classes),
    }


def is_right(accuracy: Table, name: str) -> bool:
    """Whether the whole interval of a model lies above chance and luck."""
    low, *floors = (accuracy.cell(name, column) for column in ("low", "chance", "luck"))
    return low > max(floors)


def refusal(accuracy: Table) -> str:
    """Why the models cannot be judged, or "": the original, or the retrained one, is not right."""
    for name, images in (("original", "its own training"), ("retrained", "the kept training")):
        if name in accuracy.rows and not is_right(accuracy, name):
            return (
                f"Cannot judge: the {name} gets {percent_cell(accuracy, name, 'accuracy')} of "
                f"{images} "
                f"images right{chance_note(accuracy, name)}. Check size, normalization, class "
                "order."
            )
    return ""


def broken(accuracy: Table) -> str:
    """That the unlearned model is at chance on what it should have kept, or ""."""
    if is_right(accuracy, "unlearned"):
        return ""
    return (
        f"The unlearned model gets {percent_cell(accuracy, 'unlearned', 'accuracy')} of the "
        "kept training "
        f"images right{chance_note(accuracy, 'unlearned')}: it is broken rather than unlearned."
    )


def chance_note(accuracy: Table, name: str) -> str:
    """What is reached without knowing anything, in brackets."""
    low, high = (percent_cell(accuracy, name, column) for column in ("low", "high"))
    floor = percent_cell(accuracy, name, "chance")
    by_luck = accuracy.cell(name, "luck") > max(
        accuracy.cell(name, "chance"), accuracy.cell(name, "low")
    )
    luck_note = f", by luck up to {percent_cell(accuracy, name, 'luck')}" if by_luck else ""
    return f" (95 % interval {low} to {high}; chance is {floor}{luck_note})"


def percent_cell(accuracy: Table, name: str, column: str) -> str:
    """A cell in whole percent."""
    return f"{100 * accuracy.cell(name, column):.0f} %"
