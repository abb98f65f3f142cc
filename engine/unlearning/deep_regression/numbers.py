"""Images with a number each, of which a band of numbers is to be forgotten, and how that is done.

Tarun et al., "Deep Regression Unlearning" (ICML 2023), https://arxiv.org/abs/2210.08196. Gaussian-
Amnesiac learns on with forgotten images whose numbers are drawn from a normal distribution.
Blindspot learns on beside a proxy, a network that was trained shorter on what stays alone: on
forgotten images it is to answer and to attend as the proxy does.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.vision.data import DataSet, Rows
from engine.vision.data.brain import FIELD
from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import capturing
from engine.vision.models.small.phantom import PhantomCnn
from engine.vision.training import Batch, Objective, Recipe, absolute_error, train

LARGEST, SMALLEST = "largest", "smallest"
NO_EDGE = "diffuse"  # lesions whose area nobody could tell
FEWEST = 4  # images that are forgotten, and that stay, in each split

RATE = 1e-3  # at which a trained network learns on, as in the published code
AGAIN_RATE = 1e-2  # at which it learns a range again there

Targets = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BandTask:
    """A training on numbers, and which of its images are to be forgotten.

    Args:
        data: the images; its one class stands for the network's one output.
        targets: (N,), the lesion's area in cm².
        forgotten: (N,) bool, whose target lies in the band, in all splits.
        low, high: the band's ends, in cm².
    """

    data: DataSet
    targets: Targets
    forgotten: NDArray[np.bool_]
    low: float
    high: float

    def rows(self, split: str, *, forgotten: bool) -> Rows:
        """The images of a split that are forgotten, or those that stay."""
        rows = self.data.rows(split)
        return rows[self.forgotten[rows] == forgotten]


def band_task(data: DataSet, end: str, share: float) -> BandTask:
    """The areas of the lesions as targets, of which one end is to be forgotten.

    Args:
        data: with a mask of each lesion; an image shows 204 mm from edge to edge. Images without
            a lesion, and diffuse lesions, are left out.
        end: LARGEST or SMALLEST.
        share: of the training images, how many are forgotten.

    Raises:
        BlindspotError: there are no masks, or too few images on either side.
    """
    if "mask" not in data.truth:
        raise BlindspotError(
            f"{data.card.title} has no masks of lesions, whose area is to be learned: choose brain "
            "phantoms."
        )
    areas = data.truth["mask"].sum((1, 2)) * (FIELD / 10 / data.side) ** 2
    has_edge = np.array([name != NO_EDGE for name in data.classes])[data.labels]
    rows = np.flatnonzero((areas > 0) & has_edge)
    targets = areas[rows].astype(np.float32)
    images = replace(
        data.take(rows), classes=("area (cm²)",), labels=np.zeros(len(rows), np.int64), truth={}
    )
    learned = targets[images.rows("train")]
    if not len(learned):
        raise BlindspotError(f"{data.card.title} has no image with a lesion to train on.")
    edge = float(np.quantile(learned, 1 - share if end == LARGEST else share))
    forgotten = targets >= edge if end == LARGEST else targets <= edge
    ends = (edge, float(targets.max())) if end == LARGEST else (0.0, edge)
    task = BandTask(images, targets, forgotten, *ends)
    splits = {"train": "training", "validation": "validation", "test": "test"}
    if not len(task.rows("validation", forgotten=True)):
        del splits["validation"]  # test images stand in
    for split, split_title in splits.items():
        if min(len(task.rows(split, forgotten=side)) for side in (False, True)) < FEWEST:
            raise BlindspotError(
                f"At least {FEWEST} {split_title} images must be forgotten, and as many stay: "
                "choose "
                "data with more slices."
            )
    return task


def noisy_targets(task: BandTask, seed: int) -> Targets:
    """Gaussian-Amnesiac's targets (N,): those of forgotten images drawn once from N(μ, σ²).

    μ and σ are those of all training targets, not of the band's.
    """
    learned = task.targets[task.data.rows("train")]
    rows = task.rows("train", forgotten=True)
    # of all targets: those of the band would keep it apart from the rest
    drawn = np.random.default_rng([seed, 61]).normal(learned.mean(), learned.std(), len(rows))
    targets = task.targets.copy()
    targets[rows] = drawn
    return targets


def attention(maps: Tensor) -> Tensor:
    """Where a layer is active, (N, H·W) of maps (N, C, H, W): squares, mean over channels, l2."""
    # normalized by image: where a layer attends counts, not how strongly
    return F.normalize(maps.pow(2).mean(1).flatten(1))


def predict_with_attention(model: Classifier, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The model's numbers (N, 1), and the attention of each layer of a `PhantomCnn`."""
    layers = cast("PhantomCnn", model.network).body
    with ExitStack() as hooks:
        attention_inputs = [hooks.enter_context(capturing(layer)) for layer in layers]
        answers: Tensor = model(pixels)
    return answers, [attention(maps[0]) for maps in attention_inputs]


@dataclass(frozen=True, eq=False)
class ProxyLoss:
    """Blindspot's loss of a batch in which the share c is to be forgotten:

    c · [L1(f, proxy) + β Σ mean (a − a of the proxy)²] on those, (1 − c) · L1(f, y) on the others,
    a: the attention of each layer. Validation, where the model is in eval mode, is L1 alone.

    Args:
        proxy: trained shorter on what stays; it is frozen, in eval mode.
        forgotten: (N,) bool, by row of the data.
        beta: how much attention counts.
    """

    proxy: Classifier
    forgotten: Tensor
    beta: float

    def __post_init__(self) -> None:
        self.proxy.eval().requires_grad_(requires_grad=False)

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """One number for the batch; the loss of each image, (n,), in validation."""
        if not model.training:
            return absolute_error(model, batch)
        answers, layers = predict_with_attention(model, batch.pixels)
        is_forgotten = self.forgotten[torch.from_numpy(batch.rows)].to(answers.device)
        share = is_forgotten.float().mean()
        # a 0 with the right device and type, and no number where an answer is none
        loss = answers.sum() * 0
        if is_forgotten.any():
            with torch.no_grad():
                proxy_answers, proxy_layers = predict_with_attention(
                    self.proxy, batch.pixels[is_forgotten]
                )
            distances = [
                F.mse_loss(ours[is_forgotten], theirs)
                for ours, theirs in zip(layers, proxy_layers, strict=True)
            ]
            # each part is a mean over its own images; times c or 1 − c, it is a sum by batch size
            loss = loss + share * (
                F.l1_loss(answers[is_forgotten], proxy_answers)
                + self.beta * torch.stack(distances).sum()
            )
        if not is_forgotten.all():
            retain_loss = F.l1_loss(answers[~is_forgotten], batch.targets[~is_forgotten])
            loss = loss + (1 - share) * retain_loss
        return loss


def further(recipe: Recipe, epochs: int) -> Recipe:
    """How a trained network learns on."""
    return replace(recipe, epochs=epochs, rate=RATE, schedule="cosine")


def relearning(recipe: Recipe, epochs: int) -> Recipe:
    """How a network learns the range again: as published, at a rate that stays."""
    return replace(recipe, epochs=epochs, rate=AGAIN_RATE, schedule="constant")


def taught(
    model: Classifier,
    task: BandTask,
    rows: Rows,
    recipe: Recipe,
    seed: int,
    targets: Targets | None = None,
    *,
    objective: Objective = absolute_error,
    progress: Progress = quiet,
) -> Classifier:
    """A copy of the model that learned from the rows; their own targets if none are given."""
    student = model.twin()
    target_values = task.targets if targets is None else targets
    train(
        student,
        task.data,
        recipe,
        seed,
        rows=rows,
        objective=objective,
        targets=target_values,
        progress=progress,
    )
    return student
