"""A training as it is asked for: checked, named, run, and the model left as a model should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data import DataSet, Rows
from engine.errors import BlindspotError
from engine.method import Progress, quiet
from engine.models.bits import packed_bits
from engine.models.borrow import is_lazy
from engine.models.classifier import Classifier
from engine.result import Array, Floats, TrainLog, digest_arrays
from engine.training.batch_loss import BatchLoss
from engine.training.hooks import AfterStep
from engine.training.loop import Run
from engine.training.masks import Masks, carried, masked
from engine.training.objective import Criterion, Objective, cross_entropy
from engine.training.recipe import Recipe


def train(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int = 0,
    *,
    rows: Rows | None = None,
    weights: Floats | None = None,
    masks: Masks | None = None,
    objective: Objective = cross_entropy,
    targets: Array | None = None,
    after_step: AfterStep | None = None,
    keep: Path | None = None,
    note: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
) -> TrainLog:
    """Train a model of one's own in place; it is left in eval mode, without gradients.

    Args:
        model: changed in place: a fresh one, or a copy.
        data: where images and labels come from.
        recipe: how; its architecture is not looked at.
        seed: of the order, of what is done to images, and of attacks.
        rows: what is learned from; the train split when left out.
        weights: (len(data),), what each image's loss is multiplied with; may be negative.
        masks: where weights stay 0 in every forward pass; at the end they are 0 in the weights,
            and the model carries these masks. The model's own when left out, so that a pruned
            model stays so; none with an empty mapping.
        objective: the loss of a batch, as a function of the model and the batch.
        targets: what the objective sees of each image, (len(data),) or (len(data), k): class
            numbers, numbers, or many labels of 0 and 1; the data's labels when left out.
        after_step: called after each step.
        keep: the file that an interrupted training goes on from; gone when it is over.
        note: what `unfinished` tells of the kept file, as JSON has it.
        progress: told at every few batches; raising there leaves the file behind.

    Raises:
        BlindspotError: nothing to learn from, or the loss is no number any more.
    """
    rows = data.rows("train") if rows is None else rows
    if not len(rows):
        raise BlindspotError(f"{data.card.title} has no images to train on.")
    if targets is not None and recipe.attack is not None:
        raise BlindspotError("An attack needs class labels: train on other targets without one.")
    wanted = data.targets() if targets is None else as_targets(targets, len(data))
    masks = carried(model) if masks is None else masks
    given = {"rows/": rows} | ({} if weights is None else {"weights/": weights})
    given |= {} if targets is None else {"targets/": wanted.numpy()}
    name = named(model, data, recipe, seed, objective, masks, given) if keep else ""
    model.train().requires_grad_(requires_grad=True)
    try:
        with masked(model.network, masks):
            loss = BatchLoss(model, data, recipe, seed, objective, wanted, weights)
            log = Run(loss, rows, after_step, keep, name, note or {}).finish(progress)
        model.masks = packed_bits({name: mask.cpu().numpy() for name, mask in masks.items()})
        return log
    finally:
        model.eval().requires_grad_(requires_grad=False)
        for found in [name for name in vars(model) if is_lazy(model, name)]:
            delattr(model, found)  # what was found out about the weights it had before


def as_targets(targets: Array, count: int) -> Tensor:
    """Targets of `count` images: class numbers (N,) as int64, all others (N, k) as float32.

    Raises:
        BlindspotError: there is not one for each image, or one is not finite.
    """
    if len(targets) != count:
        raise BlindspotError(f"There are {len(targets)} targets for {count} images.")
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        return torch.from_numpy(targets.astype(np.int64))
    if not np.isfinite(targets).all():
        raise BlindspotError("A target is not a finite number.")
    return torch.from_numpy(targets.astype(np.float32).reshape(count, -1))


def named(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int,
    objective: Objective,
    masks: Masks,
    given: Mapping[str, Array],
) -> str:
    """A digest of all that a training depends on, except what its hooks do."""
    begun = {k: v.detach().cpu().numpy() for k, v in model.network.state_dict().items()}
    begun |= {f"mask/{name}": mask.cpu().numpy() for name, mask in masks.items()}
    said = [data.fingerprint, recipe.as_dict(), seed, digest_arrays({**begun, **given})]
    if objective is not cross_entropy:
        said.append(name_of(objective))
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def name_of(objective: Objective) -> str:
    """What tells objectives apart: a criterion's name, or that of the function or class."""
    if isinstance(objective, Criterion):
        return objective.name
    return str(getattr(objective, "__qualname__", type(objective).__qualname__))
