"""A training as it is asked for: checked, named, run, and the model left as a model should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from engine.data import DataSet, Rows
from engine.errors import BlindspotError
from engine.method import Progress, quiet
from engine.models.bits import packed_bits
from engine.models.borrow import is_lazy
from engine.models.classifier import Classifier
from engine.result import Floats, TrainLog, digest_arrays
from engine.training.hooks import AfterStep, ExtraLoss
from engine.training.loop import Run
from engine.training.masks import Masks, carried, masked
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
    extra_loss: ExtraLoss | None = None,
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
        extra_loss: a term added to every batch's loss.
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
    masks = carried(model) if masks is None else masks
    name = named(model, data, recipe, seed, rows, weights, masks) if keep else ""
    model.train().requires_grad_(requires_grad=True)
    try:
        with masked(model.network, masks):
            run = Run(
                model, data, recipe, seed, rows, weights, extra_loss, after_step, keep, name,
                note or {},
            )  # fmt: skip
            log = run.finish(progress)
        model.masks = packed_bits({name: mask.cpu().numpy() for name, mask in masks.items()})
        return log
    finally:
        model.eval().requires_grad_(requires_grad=False)
        for found in [name for name in vars(model) if is_lazy(model, name)]:
            delattr(model, found)  # what was found out about the weights it had before


def named(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int,
    rows: Rows,
    weights: Floats | None,
    masks: Masks,
) -> str:
    """A digest of all that a training depends on, except what its hooks do."""
    begun = {k: v.detach().cpu().numpy() for k, v in model.network.state_dict().items()}
    begun |= {f"mask/{name}": mask.cpu().numpy() for name, mask in masks.items()}
    begun |= {"rows/": rows} | ({} if weights is None else {"weights/": weights})
    said = [data.fingerprint, recipe.as_dict(), seed, digest_arrays(begun)]
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()
