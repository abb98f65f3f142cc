"""Training: a small network learns a data set from its first weights."""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Method, Progress, quiet
from engine.core.result import Result, Scores
from engine.vision.lab.case import TrainCase
from engine.vision.models.card import card_of, checkpoint
from engine.vision.training import Pgd, figures, fresh, train_whole
from engine.vision.training.state import state_file

REVISION = 1
LEARNING = 0.97  # share of the progress that goes to the training itself
STEPS = 20  # of the attack that a model trained against attacks is measured by


@dataclass(frozen=True)
class Train(Method[TrainCase]):
    """A small network learns the train images of a data set, from random first weights.

    The curves show, for each epoch, the loss in nats and the share that is right: on the images
    it learns from as it met them, and on validation images it never learns from. Where the two
    part, it learns by heart. The figures are shares of right answers of the finished model. The
    same data, recipe and seed give the same weights on one kind of processor; another seed shows
    how much of a figure is chance.
    """

    name = "Train"
    family = "lab"
    title = "Training"
    cost = "job"
    needs = frozenset({"recipe"})
    revision = REVISION
    proof = "tests/engine/vision/lab/test_train.py::test_a_killed_training_goes_on_to_the_same_bits"

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: model, a checkpoint; log, the curves; figures, shares of right answers."""

        def learning(done: float, words: str = "", partial: Result | None = None) -> None:
            progress(LEARNING * done, words, partial)

        recipe = case.recipe
        model = fresh(case.data, recipe, case.seed)
        keep = state_file(f"{case.fingerprint}-{REVISION}")
        log = train_whole(
            model,
            case.data,
            recipe,
            case.seed,
            regime=case.regime,
            keep=keep,
            note=case.facts(),
            progress=learning,
        )
        attack = Pgd(recipe.epsilon, STEPS, recipe.epsilon / 8) if recipe.epsilon else None
        result = figures(model, case.data, attack)
        card = card_of(
            model,
            data=case.data.name,
            recipe=recipe.as_dict(),
            seed=case.seed,
            figures=result,
            made_by=self.full_name(),
            settings=None if case.regime is None else {"regime": repr(case.regime)},
        )
        progress(1.0, "measured")
        values = np.array(list(result.values()), np.float32)
        return {
            "model": checkpoint(model, card),
            "log": log,
            "figures": Scores(values, tuple(result), unit="share"),
        }
