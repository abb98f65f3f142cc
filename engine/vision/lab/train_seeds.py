"""Training with several seeds: how much of a figure is chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.method import Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.vision.lab.case import TrainCase
from engine.vision.models.card import card_of, networks
from engine.vision.models.classifier import Classifier
from engine.vision.training import figures, fresh, train, train_stacked
from engine.vision.training.state import state_file

REVISION = 2  # at 16 px, networks with convolutions are passed by themselves
LEARNING = 0.97  # share of the progress that goes to the training itself
SMALL_SIDE = 16  # px; a step of larger images takes no longer alone: 0.8 to 0.9 × on MNIST


@dataclass(frozen=True)
class TrainSeeds(Method[TrainCase]):
    """Networks that differ in their seed alone: the case's, and those that follow it.

    The seed decides the first weights, the order of the images and what is done to them. The
    networks take their steps together where images are small, which is faster than one after
    another; each ends where a training of its own would, within rounding. On larger images, or
    where the recipe trains against attacks, they are trained one after another. The figures are
    shares of right answers of each.
    """

    name = "TrainSeeds"
    family = "lab"
    title = "Training with several seeds"
    cost = "job"
    needs = frozenset({"recipe"})
    revision = REVISION
    proof = (
        "tests/engine/vision/lab/test_train_seeds.py::test_each_network_is_that_of_a_training_alone"
    )

    networks: int = setting(4, Slider(2, 9, 1), "Networks", "How many seeds are trained with.")

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: networks; figures, shares of right answers with a row for each seed."""
        cases = [replace(case, seed=(case.seed + index) % 2**32) for index in range(self.networks)]
        models = [fresh(case.data, case.recipe, seeded.seed) for seeded in cases]
        self.learn(cases, models, part_of(progress, 0.0, LEARNING))
        results = [figures(model, case.data) for model in models]
        cards = [
            card_of(
                model,
                data=case.data.name,
                recipe=case.recipe.as_dict(),
                seed=seeded.seed,
                figures=result,
                made_by=self.full_name(),
            )
            for model, seeded, result in zip(models, cases, results, strict=True)
        ]
        progress(1.0, "measured")
        values = np.array([list(result.values()) for result in results], np.float32)
        rows, columns = [f"seed {seeded.seed}" for seeded in cases], list(results[0])
        table = Table.grid(values, rows, columns, ("share",) * len(columns))
        return {"networks": networks(models, cards), "figures": table}

    def learn(
        self, cases: Sequence[TrainCase], models: Sequence[Classifier], progress: Progress
    ) -> None:
        """Train the models in place, together where that can be; an interruption is gone on."""
        first_case, seeds = cases[0], [case.seed for case in cases]
        alone = first_case.recipe.attack is not None or first_case.regime is not None
        recipe, keep = (
            first_case.recipe,
            f"{first_case.fingerprint}-{self.networks}-seeds-{REVISION}",
        )
        if not alone and first_case.data.side <= SMALL_SIDE:
            train_stacked(
                models, first_case.data, recipe, seeds, keep=state_file(keep), progress=progress
            )
            return
        for place, (model, seed) in enumerate(zip(models, seeds, strict=True)):
            part = part_of(progress, place / len(seeds), (place + 1) / len(seeds))
            path = state_file(f"{keep}-{place}")
            train(
                model,
                first_case.data,
                recipe,
                seed,
                regime=first_case.regime,
                keep=path,
                progress=part,
            )
