"""How far a network that predicts numbers is from one that never saw the forgotten images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress
from engine.core.result import Table
from engine.evaluation.forgetting.attack import attacker, columns
from engine.unlearning.deep_regression.numbers import BandTask
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, absolute_error, outputs, train

SLACK = 1.05  # times the original's error, at which the band counts as learned again
PLACES = 80  # at which a density is drawn

Doubles = NDArray[np.float64]


def predicted_numbers(model: Classifier, task: BandTask, rows: Rows) -> Doubles:
    """The model's numbers of some images, (n,)."""
    return outputs(model, task.data, rows)[:, 0].double().numpy()


def errors(model: Classifier, task: BandTask, rows: Rows) -> Doubles:
    """How far each of them is from the target, (n,)."""
    return np.abs(predicted_numbers(model, task, rows) - task.targets[rows])


def wasserstein(first: Doubles, second: Doubles) -> float:
    """The 1-Wasserstein distance of two samples of one size, in their unit."""
    # on a line the cheapest transport moves the k-th smallest to the k-th smallest
    return float(np.abs(np.sort(first) - np.sort(second)).mean())


def membership(model: Classifier, task: BandTask, seed: int) -> tuple[float, float]:
    """What an attacker (SVC) makes of the L1 losses: two shares.

    It is fitted to images outside the band alone, lest it tells bands from each other: to as many
    that stay as there are test images. The first share is that of forgotten images which it calls
    members, the second how many it gets right of those it was fitted to, the mean of both sides.
    """
    rng = np.random.default_rng([seed, 62])
    non_members = task.rows("test", forgotten=False)
    # as many on both sides: an attacker that knows nothing would name the larger one
    members = rng.permutation(task.rows("train", forgotten=False))[: len(non_members)]
    non_members = rng.permutation(non_members)[: len(members)]
    member_losses, non_member_losses = (
        errors(model, task, members),
        errors(model, task, non_members),
    )
    attack_model = attacker(member_losses, non_member_losses)

    def called(losses: Doubles) -> float:
        return float(attack_model.predict(columns(losses)).mean())

    forgotten_losses = errors(model, task, task.rows("train", forgotten=True))
    return called(forgotten_losses), (called(member_losses) + 1 - called(non_member_losses)) / 2


class LearnedAgain(Exception):
    """The error is as low as it was."""


@dataclass
class CountedSteps:
    """Counts a training's steps, and ends it once the error on some images is low enough."""

    task: BandTask
    rows: Rows
    goal: float
    steps: int = 0

    def __call__(self, model: Classifier, rate: float) -> None:  # noqa: ARG002
        """After each step. Raises LearnedAgain."""
        self.steps += 1
        if errors(model, self.task, self.rows).mean() <= self.goal:
            raise LearnedAgain


def relearned(
    model: Classifier, task: BandTask, recipe: Recipe, seed: int, goal: float, progress: Progress
) -> tuple[int, bool]:
    """Steps on all training images until the error on the band's validation images is `goal`.

    0 where it is so before the first. The recipe's epochs are the most.

    Args:
        model: it is left as it is.
        task: what it is to learn again.
        recipe: of the training.
        seed: of the order of images.
        goal: a mean error, in cm².
        progress: may raise to cancel.

    Returns:
        The steps, and whether they were enough; if not, they are all there were.
    """
    counted = CountedSteps(task, held_out(task), goal)
    if errors(model, task, counted.rows).mean() <= goal:
        return 0, True
    try:
        train(
            model.twin(),
            task.data,
            recipe,
            seed,
            objective=absolute_error,
            targets=task.targets,
            after_step=counted,
            progress=progress,
        )
    except LearnedAgain:
        return counted.steps, True
    return counted.steps, False


def held_out(task: BandTask) -> Rows:
    """The band's validation images, or its test images where there are none."""
    rows = task.rows("validation", forgotten=True)
    return rows if len(rows) else task.rows("test", forgotten=True)


def densities(samples: Mapping[str, Doubles], unit: str) -> Table:
    """How often each number is predicted, smoothed by a Gaussian (Silverman's width).

    Args:
        samples: by name, (n,) each.
        unit: of the numbers.

    Returns:
        A column of places, and one for each sample.
    """
    widths = {
        # a network that predicts one number for all has no spread to be smoothed by
        name: max(1.06 * float(sample.std()) * len(sample) ** -0.2, 0.05)
        for name, sample in samples.items()
    }
    margin = 3 * max(widths.values())
    all_samples = np.concatenate(list(samples.values()))
    places = np.linspace(all_samples.min() - margin, all_samples.max() + margin, PLACES)
    results: dict[str, tuple[Doubles, str]] = {"prediction": (places, unit)}
    for name, sample in samples.items():
        deviations = (places[:, None] - sample) / widths[name]
        heights = np.exp(-(deviations**2) / 2).mean(1) / (widths[name] * np.sqrt(2 * np.pi))
        results[name] = heights, f"1/{unit}"
    return Table.of(results)
