"""Grid: each of a few images walked to each other one, as the paper's figure has it.

Columns are sources and rows are targets: the picture in row i and column j is the end of the walk
from image j to image i, with the confidence in the class that the model sees in image j. The
diagonal holds the images themselves.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lst.distance import rmse
from engine.attribution.lst.settings import LevelSet, check_images
from engine.attribution.lst.spots import part_progress, walk_ends
from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.core.result import Path, Result, Table
from engine.vision.case import PairCase


@dataclass(frozen=True)
class Grid(LevelSet):
    """Walks between all pairs of a few images: rows look alike, columns are alike to the model.

    Every picture in a row looks like the row's image, and the model gives it the class of its
    column's image with the probability below it. The diagonal holds the images as they are. Each
    image's class is the one that the model sees in it, right or wrong.
    """

    name = "Grid"
    title = "All against all"
    cost = "job"
    targets = (1, 4)
    proof = "tests/engine/attribution/lst/test_star.py::test_each_cell_is_the_end_of_its_own_walk"

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: images (a path of n × n frames, row by row), confidence, kept and rmse."""
        images = torch.stack([case.source.image, *case.others])
        check_images(case, self.targets)
        refuse_twins(images)
        count = len(images)
        classes = case.model.logits(images).argmax(1)
        rows, columns = torch.cartesian_prod(torch.arange(count), torch.arange(count)).T
        walks = rows != columns
        cells = images[rows].clone()
        cells[walks] = walk_ends(
            self,
            case.source,
            images[columns[walks]],
            images[rows[walks]],
            classes[columns[walks]],
            part_progress(progress, 0.0, 0.95),
        )
        logits = case.model.logits(cells)
        label = classes[columns]
        confidence = logits.softmax(1).gather(1, label[:, None])[:, 0]
        progress(1.0, "looked at the ends")
        labels = tuple(case.model.labels[index] for index in classes)
        return {
            "images": Path(cells.half().numpy(), confidence.numpy(), unit="probability"),
            "confidence": square(confidence, labels, "probability"),
            "kept": square((logits.argmax(1) == label).float(), labels, "yes or no"),
            "rmse": square(rmse(cells, images[rows]), labels, "pixel value"),
        }


def square(values: Tensor, labels: tuple[str, ...], unit: str) -> Table:
    """A number for each pair, with targets as rows and sources as columns."""
    count = len(labels)
    table = values.float().view(count, count).numpy()
    return Table.grid(table, labels, labels, (unit,) * count)


def refuse_twins(images: Tensor) -> None:
    """Raise when two of the images are the same."""
    _, counts = np.unique(images.flatten(1).numpy(), axis=0, return_counts=True)
    if (counts > 1).any():
        raise BlindspotError("Two of the images are the same: choose different ones.")
