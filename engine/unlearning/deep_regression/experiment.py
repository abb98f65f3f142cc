"""Forgetting a range of a number as an experiment: does Blindspot come near a retrained network?

Tarun et al., "Deep Regression Unlearning" (ICML 2023), https://arxiv.org/abs/2210.08196
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage as ndi

from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Progress, Slider, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Scores, Table, View
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.unlearning.deep_regression.claims import (
    AIN,
    ATTACK,
    BLINDSPOT,
    CLAIMS,
    DISTANCE,
    FORGOTTEN,
    GAUSSIAN,
    MEMBERS,
    ORIGINAL,
    PAIRED,
    PROXY,
    RETAINED,
    RETRAINED,
    SECOND,
    TUNED,
    WAYS,
)
from engine.unlearning.deep_regression.drawings import DRAWINGS, PREDICTIONS
from engine.unlearning.deep_regression.figures import (
    SLACK,
    errors,
    held_out,
    membership,
    predicted_numbers,
    relearned,
    wasserstein,
)
from engine.unlearning.deep_regression.numbers import (
    LARGEST,
    SMALLEST,
    BandTask,
    ProxyLoss,
    band_task,
    further,
    noisy_targets,
    relearning,
    taught,
)
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, fresh

CM2 = "cm²"
RECIPE = Recipe(
    "phantom_cnn",
    epochs=16,
    batch=32,
    optimizer="Adam",
    rate=0.003,
    schedule="one cycle",
    shift=3,
    mirror=True,
    width=0.5,
)
PROXY_BATCH = 8  # enough steps in few epochs to predict more than one number for all
TUNED_EPOCHS = 5
AGAIN = 10  # epochs in which the band may be learned again
PICTURED_IMAGES = 8
UNSEEN = 10  # added to seeds: with 0 and 1 the proxy's epochs were chosen
OTHER, SECOND_RETRAINED = (
    1_000_003,
    2_000_003,
)  # added to the seed of the proxy, of the second retrained one
REFERENCES: Memory[Reference] = Memory(12)  # of every seed; each is asked for by every condition
PROXIES: Memory[Classifier] = Memory(12)


@dataclass(frozen=True, eq=False)
class Reference:
    """What everything of one seed is compared with.

    Args:
        task: what is learned and forgotten.
        original: learned from all images.
        retrained: learned from what stays alone.
        goal: the error on the band's held-out images at which it counts as learned again.
        steps: in which the retrained network is there; NaN where it never is, or needs none.
    """

    task: BandTask
    original: Classifier
    retrained: Classifier
    goal: float
    steps: float


@dataclass(frozen=True)
class RangeForgetting(KeptExperiment):
    """Can a network that predicts a number forget a range of it?

    A small network learns the area of a lesion in cm². Then the largest or the smallest lesions are
    to be forgotten. The yardstick is a network that was trained again without them: it guesses
    wrong about them, and so should one that forgot. How far a second such network is from it shows
    what seeds alone do. *Blindspot* learns on beside a proxy, which was trained from the start on
    what stays alone: with 8 epochs half of retraining's passes, but twice its steps, so that the
    proxy is in the table, too; *Gaussian-Amnesiac* learns on with random areas for what is to be
    forgotten; fine-tuning learns on with what stays. Distances are between predictions on the
    forgotten training images, errors are means over test images. AIN is how many steps bring the
    range back, as a share of the steps that the retrained network needs: 100 % is right. The attack
    guesses from the error whether an image was learned from; where it is right about half the time,
    what it says of forgotten images means nothing. Drawn lesions, small networks.
    """

    name = "ForgetRange"
    family = "unlearning"
    title = "Forget a range of a number (Blindspot)"
    paper = "Tarun et al., Deep Regression Unlearning (2023), https://arxiv.org/abs/2210.08196"
    revision = 4  # learned again at the published rate
    question = "Can a network that predicts a number forget a range of it?"
    proof = (
        "tests/engine/unlearning/deep_regression/test_forget_range.py"
        "::test_every_figure_is_that_of_networks_trained_and_asked_by_hand"
    )
    data = ("phantoms:side=48,contrast=1.5,size=1.6",)
    measures = (DISTANCE, PAIRED, RETAINED, FORGOTTEN, MEMBERS, ATTACK, AIN)
    units = dict.fromkeys((DISTANCE, PAIRED, RETAINED, FORGOTTEN), CM2)
    charted = (AIN, MEMBERS, ATTACK)
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS
    main_drawing = PREDICTIONS

    end: str = setting(
        LARGEST, Choice((LARGEST, SMALLEST)), "Forget the", "Which lesions are to be forgotten."
    )
    share: float = setting(
        0.3, Slider(0.1, 0.5, 0.05), "Share", "How many of the training images are forgotten."
    )
    beta: float = setting(
        50.0,
        Slider(0.0, 200.0, 5.0),
        "Attention, β",
        "How much Blindspot is to attend where the proxy does, beside predicting what it does.",
    )
    proxy: int = setting(
        8,
        Slider(0, 10, 1),
        "Proxy's epochs",
        "How long Blindspot's proxy learns from what stays. "
        "Trained to the end, it would be the retrained network; at 0 it knows nothing.",
    )
    epochs: int = setting(
        1, Slider(1, 5, 1), "Epochs", "How long Blindspot and Gaussian-Amnesiac learn on."
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """One training for all; what it learns from and what is done afterwards differ."""
        return dict.fromkeys(WAYS, TrainCase(case.data, RECIPE, case.seed + UNSEEN))

    def before(self, case: ExperimentCase) -> str:
        """What is trained, and that it is kept."""
        return (
            "A network is trained on all images, and two as the yardstick on what stays. The first "
            "then forgets in three ways, and what is forgotten is learned again to see how fast. "
            f"{super().before(case)}"
        )

    def reference(self, training: TrainCase, progress: Progress) -> Reference:
        """The original and the retrained network of a seed; the last few are held."""
        name = f"{training.fingerprint}|{training.recipe}|{self.end}|{self.share}|{AGAIN}"

        def make() -> Reference:
            task = band_task(training.data, self.end, self.share)
            untrained = fresh(task.data, training.recipe, training.seed)
            everything = task.data.rows("train")
            recipe, seed, part = training.recipe, training.seed, part_of(progress, 0.0, 0.4)
            original = taught(untrained, task, everything, recipe, seed, progress=part)
            part = part_of(progress, 0.4, 0.8)
            stays = task.rows("train", forgotten=False)
            retrained = taught(untrained, task, stays, recipe, seed, progress=part)
            # on held-out images of the band: being right on its training images may be memory
            goal = SLACK * float(errors(original, task, held_out(task)).mean())
            part = part_of(progress, 0.8, 1.0)
            steps, enough = relearned(retrained, task, relearning(recipe, AGAIN), seed, goal, part)
            relearn_steps = float(steps) if enough and steps else float("nan")
            return Reference(task, original, retrained, goal, relearn_steps)

        return REFERENCES.made(name, make)

    def network(self, name: str, training: TrainCase, progress: Progress) -> Classifier:
        """The network of one condition."""
        reference = self.reference(training, part_of(progress, 0.0, 0.6))
        task, original, seed = reference.task, reference.original, training.seed
        ready_models = {RETRAINED: reference.retrained, ORIGINAL: original}
        if name in ready_models:
            return ready_models[name]
        stays, everything = task.rows("train", forgotten=False), task.data.rows("train")
        if name == SECOND:
            second_seed, part_progress = seed + SECOND_RETRAINED, part_of(progress, 0.6, 1.0)
            first = fresh(task.data, training.recipe, second_seed)
            return taught(first, task, stays, training.recipe, second_seed, progress=part_progress)
        if name == PROXY:
            return self.proxy_network(training, task, part_of(progress, 0.6, 1.0))
        part_progress, recipe = part_of(progress, 0.8, 1.0), further(training.recipe, self.epochs)
        if name == TUNED:
            recipe = further(recipe, TUNED_EPOCHS)
            return taught(original, task, stays, recipe, seed, progress=part_progress)
        if name == GAUSSIAN:
            targets = noisy_targets(task, seed)
            return taught(original, task, everything, recipe, seed, targets, progress=part_progress)
        proxy = self.proxy_network(training, task, part_of(progress, 0.6, 0.8))
        loss = ProxyLoss(proxy.twin(), torch.from_numpy(task.forgotten), self.beta)
        return taught(
            original, task, everything, recipe, seed, objective=loss, progress=part_progress
        )

    def proxy_network(self, training: TrainCase, task: BandTask, progress: Progress) -> Classifier:
        """Blindspot's proxy: weights of its own, trained on what stays; the last few are held."""
        seed = training.seed + OTHER
        first = fresh(task.data, training.recipe, seed)
        if not self.proxy:
            return first
        recipe = replace(training.recipe, epochs=self.proxy, batch=PROXY_BATCH)
        stays = task.rows("train", forgotten=False)
        name = f"{training.fingerprint}|{recipe}|{self.end}|{self.share}"
        return PROXIES.made(
            name, lambda: taught(first, task, stays, recipe, seed, progress=progress)
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of the trained network, and its predictions."""
        training = self.conditions(case)[name]
        model = self.network(name, training, part_of(progress, 0.0, 0.8))
        task = self.reference(training, progress).task
        band = np.array([task.low, task.high], np.float32)
        views: dict[str, View] = {"band": Scores(band, ("from", "to"), CM2)}
        for view, rows in (
            ("predictions", task.data.rows("test")),
            ("forgotten", task.rows("train", forgotten=True)),
        ):
            predictions = predicted_numbers(model, task, rows).astype(np.float32)
            views[view] = Table.of({"area": (task.targets[rows], CM2), name: (predictions, CM2)})
        return self.measured(name, model, training, part_of(progress, 0.8, 1.0)), views

    def measured(
        self, name: str, model: Classifier, training: TrainCase, progress: Progress
    ) -> Figures:
        """Distances to the retrained network, errors, the attack and AIN."""
        reference, seed = self.reference(training, quiet), training.seed
        task = reference.task
        forgotten_rows = task.rows("train", forgotten=True)
        predictions, retrained_predictions = (
            predicted_numbers(network, task, forgotten_rows)
            for network in (model, reference.retrained)
        )
        members, attack_accuracy = membership(model, task, seed)
        steps = reference.steps
        if name != RETRAINED and np.isfinite(steps):
            recipe = relearning(training.recipe, AGAIN)
            steps = relearned(model, task, recipe, seed, reference.goal, progress)[0]
        return {
            DISTANCE: wasserstein(predictions, retrained_predictions),
            PAIRED: float(np.abs(predictions - retrained_predictions).mean()),
            RETAINED: float(errors(model, task, task.rows("test", forgotten=False)).mean()),
            FORGOTTEN: float(errors(model, task, task.rows("test", forgotten=True)).mean()),
            MEMBERS: members,
            ATTACK: attack_accuracy,
            AIN: steps / reference.steps,
        }

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images from the smallest lesion to the largest, and their outlines."""
        task = band_task(case.data, self.end, self.share)
        rows = task.data.rows("train")
        ordered = rows[np.argsort(task.targets[rows], kind="stable")]
        chosen = ordered[np.linspace(0, len(ordered) - 1, PICTURED_IMAGES).round().astype(int)]
        places = case.data.places(task.data.ids[chosen])
        plain = as_bytes(task.data.pixels(chosen))
        marked = plain.copy()
        for image, mask in zip(marked, case.data.truth["mask"][places], strict=True):
            image[ndi.binary_dilation(mask) & ~mask] = 230, 120, 0
        words = [f"{task.targets[row]:.1f} {CM2}" for row in chosen]
        fates = ["forgotten" if task.forgotten[row] else "stays" for row in chosen]
        edge = task.low if self.end == LARGEST else task.high
        return Pictures(
            np.stack([plain, marked]),
            ("slice", "its lesion"),
            tuple(f"{at + 1}: {fate}" for at, fate in enumerate(fates)),
            f"The {self.end} {100 * self.share:.0f} % of lesions are forgotten: those "
            f"{'above' if self.end == LARGEST else 'below'} {edge:.1f} {CM2}.",
            captions=("",) * PICTURED_IMAGES + tuple(words),
        )

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """How far Blindspot is from the retrained network, beside the original, and the claims."""
        table: Table = result["table"]
        distance, before, noise = (
            table.cell(row, DISTANCE) for row in (BLINDSPOT, ORIGINAL, SECOND)
        )
        outcome = super().finding(case, result).partition("here. ")[2]
        return (
            f"On the forgotten range, Blindspot's predictions are {distance:.1f} {CM2} from "
            "those of a "
            f"retrained network; before, they were {before:.1f} {CM2} away. Those of a second "
            f"retrained network are {noise:.1f} {CM2} away. {outcome}"
        )
