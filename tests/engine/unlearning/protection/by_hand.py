"""What the experiments with victims are compared with: the same, written out for a tiny network."""

from collections.abc import Callable

import numpy as np

from engine.evaluation.experiment import ExperimentCase
from engine.unlearning.protection.protection import Protection
from engine.unlearning.protection.victims import LEARNED, RIGHT
from engine.vision.data import DataSet
from engine.vision.data.protect import convolved, draw_filters, legacy
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, fresh, outputs, train
from tests import tiny

SEED = 3
QUICK = {"seeds": 1, "epochs": 2, "victim": "MLP", "rounds": 1}
RECIPE = {"optimizer": "AdamW", "rate": 0.003, "decay": 0.01, "schedule": "one cycle"}


def small_case() -> ExperimentCase:
    """Gray noise with a bright column that says the class."""
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")), SEED)


def with_images(data: DataSet, images: dict[int, np.ndarray]) -> DataSet:
    """The data with other images in some rows."""
    changed = data.images.copy()
    for row, image in images.items():
        changed[row] = image
    return DataSet(data.name, data.card, data.classes, changed, data.labels, data.ids, data.split)


def noisy(data: DataSet, method: Protection, order: np.ndarray | None = None) -> DataSet:
    """The data with the noise of a method on its training images, one by one."""
    surrogate = Recipe("phantom_cnn", batch=32, optimizer="Adam", rate=0.001)
    levels = method.noise(TrainCase(data, surrogate, SEED + 1_000_003)).astype(int)
    rows = data.rows("train")
    level = levels if order is None else levels[order]
    return with_images(
        data,
        {
            row: np.clip(data.images[row].astype(int) + noise, 0, 255)
            for row, noise in zip(rows, level, strict=True)
        },
    )


def filtered(data: DataSet, split: str, label_of: Callable[[int], int]) -> DataSet:
    """The data with the filter of `label_of(label)` on every image of a split, one by one."""
    kernels = draw_filters(legacy(SEED), len(data.classes), 0.3, 3)
    return with_images(
        data,
        {
            row: convolved(data.images[row][None], kernels[label_of(data.labels[row])])[0]
            for row in data.rows(split)
        },
    )


def shares(table, row: str) -> list[float]:
    """What an experiment's table has beside `right`."""
    return [table.cell(row, column) for column in (RIGHT, LEARNED)]


def right(data: DataSet, clean: DataSet, epochs: int = 2, **changes: float) -> list[float]:
    """Shares that are right of a network trained on data: clean test images, training images."""
    model = trained(data, epochs, **changes)
    return [share(model, clean, "test"), share(model, data, "train")]


def trained(data: DataSet, epochs: int, **changes: float) -> Classifier:
    recipe = Recipe("mlp", epochs=epochs, batch=32, **(RECIPE | changes))
    model = fresh(data, recipe, SEED)
    train(model, data, recipe, SEED)
    return model


def share(model: Classifier, data: DataSet, split: str, shift: int = 0) -> float:
    """The share of a split that is called its label, or the class so many later."""
    rows = data.rows(split)
    predictions = outputs(model, data, rows).argmax(1).numpy()
    return float((predictions == (data.labels[rows] + shift) % len(data.classes)).mean())
