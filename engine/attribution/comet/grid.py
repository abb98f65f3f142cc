"""What COMET's two numbers decide: how large a mask may be, and how much completeness counts.

Zhang et al., "Comprehensive Attribution: Inherently Explainable Vision Model with Feature Detector"
(ECCV 2024), https://arxiv.org/abs/2407.19308
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from engine.attribution.comet.experiment import (
    BOTH,
    DICE,
    FILLED,
    NATS_GAP,
    RANK,
    RECALL,
    REST,
    RIGHT,
    SHAPE,
    WHOLE,
    WITH,
    CometExperiment,
    kept_figures,
    learned,
    masks_of,
)
from engine.core.charts.drawing import Drawing
from engine.core.method import Progress, Slider, setting
from engine.core.pictures import Pixels, as_bytes, overlay_masks
from engine.core.result import Pictures, Result, Table, View
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, Value
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.outlines import HALF
from engine.vision.data import DataSet
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier

EMPTY = 128  # gray level of a cell that is not trained yet
AREAS, WEIGHTS = (0.05, 0.15, 0.3), (0.0, 1.0, 4.0)  # θ, λ_c


def condition_name(area: float, weight: float) -> str:
    """The name of a condition."""
    return f"θ {area:g}, λ_c {weight:g}"


CELLS = {condition_name(area, weight): (area, weight) for area in AREAS for weight in WEIGHTS}


def gained(of: Value) -> float:
    """How much more of the evidence the heaviest weight keeps than none, at the least."""
    least, *_, most = WEIGHTS
    return min(
        of(condition_name(area, most), RECALL) - of(condition_name(area, least), RECALL)
        for area in AREAS
    )


CLAIMS = (
    Claim(
        "The more completeness counts, the more of the evidence is kept",
        f"at every bound at least 10 points more with λ_c = {WEIGHTS[-1]:g} than without",
        lambda of: gained(of) - 0.1,
    ),
    Claim(
        "A wider bound keeps more of the evidence",
        f"with λ_c = {WEIGHTS[-1]:g} at least 10 points more at the widest than at the narrowest",
        lambda of: (
            of(condition_name(AREAS[-1], WEIGHTS[-1]), RECALL)
            - of(condition_name(AREAS[0], WEIGHTS[-1]), RECALL)
            - 0.1
        ),
    ),
    Claim(
        "Somewhere on the grid a mask keeps the evidence",
        "at least 85 % of it in one cell",
        lambda of: max(of(name, RECALL) for name in CELLS) - 0.85,
    ),
    Claim(
        "No choice costs accuracy",
        "in no cell more than one point less right than on whole images",
        lambda of: min(of(name, RIGHT) - of(name, WHOLE) for name in CELLS) + 0.01,
    ),
)


@dataclass(frozen=True)
class CometGrid(KeptExperiment):
    """How far does a mask follow its two numbers, the bound and the weight of completeness?

    Nine trainings on the images of *A mask that keeps all the evidence*, in which the two copies of
    a shape fill about a tenth. θ is the share of an image that the mask may keep for nothing; λ_c
    is how much it counts that the detector can still read the class from the rest, and nothing at
    0. Data, networks and first weights are the same in all nine.
    """

    name = "COMETGrid"
    family = "attribution"
    title = "Bound and completeness of a mask (COMET)"
    paper = "Zhang et al. 2024, https://arxiv.org/abs/2407.19308"
    question = "How large may a mask be, and how much must completeness count, to keep everything?"
    proof = (
        "tests/engine/attribution/comet/test_comet_experiment.py"
        "::test_every_cell_is_a_network_trained_and_asked_by_hand"
    )
    data = CometExperiment.data
    measures = (RECALL, DICE, RIGHT, FILLED, BOTH, RANK, WHOLE, REST, SHAPE, NATS_GAP)
    charted = (RECALL, DICE, RIGHT, FILLED)
    units = {NATS_GAP: "nat"}  # noqa: RUF012 - read only
    axis = "%"
    claims = CLAIMS
    main_drawing = Drawing("found")

    seeds: int = setting(
        1,
        Slider(1, 10, 1),
        "Seeds",
        "How often each cell is trained. One seed decides nothing: a "
        "claim is judged by its spread over seeds.",
    )
    epochs: int = setting(10, Slider(1, 60, 1), "Epochs", "How often each image is seen.")

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The same training in every cell; what it minimizes differs."""
        training = CometExperiment(epochs=self.epochs).conditions(case)[WITH]
        return dict.fromkeys(CELLS, training)

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """What the masks of a cell keep, and what the parts make of it; its square."""
        model = learned(self.conditions(case)[name], *CELLS[name], progress)
        masks = masks_of(model, case.data, case.data.rows("test"))
        tile = Pictures(kept_tile(model, case.data)[None, None], ("",), (name,), "")
        return kept_figures(model, case.data, masks, case.seed), {"found": tile}

    def picture(self, case: ExperimentCase) -> Pictures:
        """Images, and the pixels that the class can be read from."""
        return CometExperiment().picture(case)

    def figures(
        self,
        condition: str,
        what: TrainCase,
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """Those of a cell, whose square of the picture is filled in."""
        cell: dict[str, View] = {}
        measured = super().figures(condition, what, case, progress, cell)
        before = cast("Pictures", views.get("found", unfilled(case.data)))
        tile = cast("Pictures", cell["found"]).images[0, 0]
        views["found"] = add_cell(before, condition, tile, measured)
        return measured

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """Where most of the evidence is kept, and how little without the detector."""
        table: Table = result["table"]
        recalls = {name: 100 * table.cell(name, RECALL) for name in CELLS}
        most = max(recalls, key=lambda name: recalls[name])
        alone = [recalls[condition_name(area, WEIGHTS[0])] for area in AREAS]
        words = (
            f"Most of the evidence is kept at {most}: {recalls[most]:.0f} %, with "
            f"{100 * table.cell(most, FILLED):.0f} % of the image. Without the detector it is "
            f"{min(alone):.0f} to {max(alone):.0f} %. "
        )
        return words + super().finding(case, result)


def kept_tile(model: Classifier, data: DataSet) -> Pixels:
    """A test image of each class, with what the mask keeps of it held against the truth."""
    rows = data.some("test", len(data.classes))
    images = as_bytes(data.pixels(rows))
    masks, truth = masks_of(model, data, rows) > HALF, data.truth["mask"][rows]
    return tiled([overlay_masks(*triple) for triple in zip(images, masks, truth, strict=True)])


def tiled(images: Sequence[Pixels]) -> Pixels:
    """Images (H, W, 3) side by side in two rows; what is left over stays gray."""
    wide = -(-len(images) // 2)
    spare = [np.full_like(images[0], EMPTY)] * (2 * wide - len(images))
    tiles = [*images, *spare]
    return np.concatenate([np.concatenate(tiles[:wide], 1), np.concatenate(tiles[wide:], 1)])


def unfilled(data: DataSet) -> Pictures:
    """The grid before any of its cells is trained."""
    height, width = data.images.shape[2:]
    wide = -(-len(data.classes) // 2)
    return Pictures(
        np.full((len(AREAS), len(WEIGHTS), 2 * height, wide * width, 3), EMPTY, np.uint8),
        tuple(f"θ {area:g}" for area in AREAS),
        tuple(f"λ_c {weight:g}" for weight in WEIGHTS),
        "White is evidence that is kept, red is left out, blue is kept beside it, in a test image "
        "of each class; below, of all test images.",
        captions=("",) * len(CELLS),
    )


def add_cell(grid: Pictures, condition: str, tile: Pixels, measured: Figures) -> Pictures:
    """The grid with one more cell."""
    place = list(CELLS).index(condition)
    images, captions = grid.images.copy(), list(grid.captions)
    images[divmod(place, len(WEIGHTS))] = tile
    captions[place] = (
        f"{100 * measured[RECALL]:.0f} % kept, Dice {measured[DICE]:.2f}, "
        f"{100 * measured[RIGHT]:.0f} % right, mask {100 * measured[FILLED]:.0f} %"
    )
    return replace(grid, images=images, captions=tuple(captions))
