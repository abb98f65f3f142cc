"""A training as it is asked for: checked, named, run, and the model left as a model should be."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from engine.core.case_base import digest_of, value_parts
from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.core.result import Array, Floats, TrainLog
from engine.vision.data import DataSet, Rows
from engine.vision.models.bits import packed_bits
from engine.vision.models.classifier import Classifier
from engine.vision.training.batch_loss import BatchLoss
from engine.vision.training.hooks import AfterStep, Augmentation, HookWithMemory
from engine.vision.training.loop import TrainingRun
from engine.vision.training.masks import Masks, carried, multipliers, parametrized
from engine.vision.training.objective import Objective, cross_entropy
from engine.vision.training.question import as_targets, name_of, training_digest
from engine.vision.training.recipe import Recipe
from engine.vision.training.recorder import Recorder
from engine.vision.training.regime import Regime


def train(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int = 0,
    *,
    rows: Rows | None = None,
    objective: Objective = cross_entropy,
    targets: Array | None = None,
    weights: Floats | None = None,
    second_view: Augmentation | None = None,
    masks: Masks | None = None,
    regime: Regime | None = None,
    start: int = 0,
    recorder: Recorder | None = None,
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
        objective: the loss of a batch, as a function of the model and the batch.
        targets: what the objective sees of each image, (len(data),) or (len(data), k): class
            numbers, numbers, or many labels of 0 and 1; the data's labels when left out.
        weights: (len(data),), what each image's loss is multiplied with; may be negative.
        second_view: makes `batch.second`, another view of each image, for the objective.
        masks: where weights stay 0 in every forward pass; at the end they are 0 in the weights,
            and the model carries these masks. The model's own when left out, so that a pruned
            model stays so; none with an empty mapping. One of the weight's own type and device
            may be changed in place by `after_step`, and is followed from the next step on.
        regime: masks, where none are given, and what weights go through besides; zeros that it
            leaves are masks of the model, too.
        start: steps of the recipe that are left out: the model is taken to have these weights
            after so many. Order, rate and images go on from there; the optimizer begins anew.
        recorder: what is kept on the way; filled here.
        after_step: called after each step; a `HookWithMemory` is kept with the training.
        keep: the file that an interrupted training goes on from; gone when it is over.
        note: what `unfinished` tells of the kept file, as JSON has it.
        progress: told at every few batches; raising there leaves the file behind.

    Raises:
        BlindspotError: nothing to learn from, a step or target that cannot be, or the loss is no
            number any more.
    """
    rows = data.rows("train") if rows is None else rows
    if targets is not None and recipe.attack is not None:
        raise BlindspotError("An attack needs class labels: train on other targets without one.")
    check_steps(recipe, data, rows, start, recorder)
    target_tensor = data.targets() if targets is None else as_targets(targets, len(data))
    if masks is None:
        masks = carried(model) if regime is None else regime.masks(model, data, seed)
    through = {} if regime is None else regime.parametrizations(model)
    arrays = {"rows/": rows} | ({} if weights is None else {"weights/": weights})
    arrays |= {} if targets is None else {"targets/": target_tensor.numpy()}
    digest_arguments = (
        changed_arguments(objective, second_view, start, recorder, regime) if keep else {}
    )
    name = (
        training_digest(model.network, data, recipe, seed, masks, arrays, digest_arguments)
        if keep
        else ""
    )
    recorder = recorder or Recorder()
    recorder.begin(model, masks, start)
    trained = [model] if recorder.average is None else [model, recorder.average]
    model.train().requires_grad_(requires_grad=True)
    try:
        parametrizations = [*multipliers(model.network, masks), *through.items()]
        with parametrized(model.network, parametrizations):
            loss = BatchLoss(
                model,
                data,
                rows,
                recipe,
                seed,
                objective,
                target_tensor,
                weights,
                second_view,
                recorder.average,
            )
            hook = None if after_step is None else partial(after_step, model)
            stateful_hook = after_step if isinstance(after_step, HookWithMemory) else None
            run = TrainingRun(
                loss,
                recorder,
                start,
                hook,
                keep,
                name,
                note or {},
                stateful_hook,
                tuple(through.values()),
            )
            log = run.finish(progress)
        frozen = {**masks, **zeros(model, through)}
        for network, mask_set in zip(trained, (frozen, masks), strict=False):
            network.masks = packed_bits(
                {name: mask.cpu().numpy() for name, mask in mask_set.items()}
            )
        return log
    finally:
        model.eval().requires_grad_(requires_grad=False)
        for network in trained:
            network.changed()


def zeros(model: Classifier, names: Iterable[str]) -> Masks:
    """Masks of the zeros that some weights have, where they have any."""
    weights = model.network.state_dict()
    masks = {name: weights[name] != 0 for name in names}
    return {name: mask for name, mask in masks.items() if not mask.all()}


def check_steps(
    recipe: Recipe, data: DataSet, rows: Rows, start: int, recorder: Recorder | None
) -> None:
    """Raise BlindspotError without images, and for a start or a snapshot outside the training."""
    if not len(rows):
        raise BlindspotError(f"{data.card.title} has no images to train on.")
    steps = recipe.epochs * -(-len(rows) // recipe.batch)
    if not 0 <= start < steps:
        raise BlindspotError(f"This training has {steps} steps: it cannot start after {start}.")
    requested = recorder.snapshots if recorder else ()
    if odd := [step for step in requested if not start <= step <= steps]:
        message = f"Weights are kept after steps {start} to {steps} of this training, not {odd[0]}."
        raise BlindspotError(message)


def changed_arguments(
    objective: Objective,
    second_view: Augmentation | None,
    start: int,
    recorder: Recorder | None,
    regime: Regime | None,
) -> dict[str, Any]:
    """Those of these arguments that are not at their default, as JSON has it."""
    values: dict[str, Any] = {}
    if objective is not cross_entropy:
        values["objective"] = name_of(objective)
    if second_view is not None:
        values["second view"] = name_of(second_view)
    if start:
        values["start"] = start
    if recorder is not None:
        values["recorder"] = [list(recorder.snapshots), recorder.decay]
    if regime is not None:
        values["regime"] = digest_of(value_parts(regime))
    return values
