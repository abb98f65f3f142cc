"""How COMET is trained: the predictor to be right, the selector to leave nothing for the detector.

L_P = CE(P(m · x), y) and L_D = CE(D((1 − m) · x), y), both means over the batch. The predictor goes
down L_P. The selector goes down

    L_S = L_P + λ_c max(L_P − L_D + gap, 0) + λ_a mean over images max(mean of m − θ, 0)

so that the detector must be worse outside than the predictor inside, by `gap` nats, and the mask
may fill up to θ of an image for nothing. The detector learns whole images first and then stays.
"""

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from engine.core.method import Progress, part_of, quiet
from engine.core.result import TrainLog
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.small.comet import Comet
from engine.vision.training.asking import train
from engine.vision.training.objective import Batch, Objective, cross_entropy
from engine.vision.training.recipe import Recipe

AREA, AREA_WEIGHT = 0.15, 100.0  # θ, as a share of the image, and λ_a
WATCH, GAP = 4.0, 4.0  # λ_c, and the gap in nats
FIRST = 0.25  # share of the progress that goes to the detector


def comet_loss(
    model: Classifier,
    batch: Batch,
    *,
    watch: float = WATCH,
    gap: float = GAP,
    area: float = AREA,
    area_weight: float = AREA_WEIGHT,
) -> Tensor:
    """L_S, whose gradient reaches the predictor as that of L_P alone.

    The two are one backward pass: where the detector has a say, what L_P sends back from the
    predictor to the mask counts 1 + λ_c times, behind the predictor. Nothing goes to the detector's
    weights.

    Args:
        model: a COMET in training mode.
        batch: images with class numbers.
        watch: λ_c; 0 leaves the detector out.
        gap: how much worse the detector must be outside, in nats.
        area: θ, the share of an image that a mask may fill for nothing.
        area_weight: λ_a.
    """
    network = comet_of(model)
    images = (batch.pixels - model.mean) / model.std
    mask, selected, removed = network.split(images)
    inside = F.cross_entropy(network.predictor(selected), batch.targets)
    loss = inside + area_weight * (mask.mean((1, 2, 3)) - area).relu().mean()
    if not watch:
        return loss
    # detached weights, not no_grad: the slope must pass through the detector to the mask
    frozen_parameters = {
        name: parameter.detach() for name, parameter in network.detector.named_parameters()
    }
    logits = functional_call(network.detector, frozen_parameters, (removed,))
    # the hinge is on the batch's mean gap; one for each image would be another loss. Its L_P is
    # detached, or the predictor would be pushed by it too
    short = inside.detach() - F.cross_entropy(logits, batch.targets) + gap
    if selected.requires_grad and short > 0:
        # while the hinge is open, the mask gets (1 + λ_c) ∂L_P; the official code goes back twice
        selected.register_hook(lambda slope: (1 + watch) * slope)
    return loss + watch * short.relu()


def objective_of(model: Classifier) -> Objective:
    """What a network of this architecture is trained on: cross-entropy, but for COMET."""
    if not isinstance(model.network, Comet):
        return cross_entropy
    return comet_loss if model.network.watched else partial(comet_loss, watch=0.0)


def train_whole(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int = 0,
    *,
    objective: Objective | None = None,
    keep: Path | None = None,
    progress: Progress = quiet,
    **given: Any,
) -> TrainLog:
    """Train a fresh model as its architecture is trained: COMET's detector first, then the rest.

    Args:
        model: changed in place.
        data, recipe, seed, keep, progress: as `train` has them.
        objective: another than the architecture's own.
        given: what else `train` takes.
    """
    network = model.network
    if isinstance(network, Comet):
        detector = detector_of(model)
        keep_path = keep and keep.with_name(f"detector-{keep.name}")
        detector_progress, progress = part_of(progress, 0.0, FIRST), rest_of(progress, FIRST)
        train(detector, data, recipe, seed, keep=keep_path, progress=detector_progress)
        model.changed()
    chosen_objective = objective or objective_of(model)
    return train(
        model, data, recipe, seed, objective=chosen_objective, keep=keep, progress=progress, **given
    )


def detector_of(model: Classifier) -> Classifier:
    """A COMET's detector as a classifier of whole images; its weights are shared."""
    return Classifier(
        comet_of(model).detector,
        f"{model.name}-detector",
        f"{model.title}: detector",
        model.side,
        model.mean.flatten().tolist(),
        model.std.flatten().tolist(),
        model.labels,
        model.device,
    )


def comet_of(model: Classifier) -> Comet:
    """The model's network. Raises TypeError where it is no COMET."""
    if not isinstance(model.network, Comet):
        raise TypeError(f"{model.title} is no COMET")
    return model.network


def rest_of(progress: Progress, low: float) -> Progress:
    """Progress from a share of the whole to its end; partial results go through."""

    def report(done: float, words: str = "", partial: Any = None) -> None:
        progress(low + (1 - low) * done, words, partial)

    return report
