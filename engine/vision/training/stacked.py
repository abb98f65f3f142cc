"""K small networks trained at once: the weights of K trainings in less time.

Most of a small network's step is overhead. Here all networks take each step together
(`engine.vision.models.stack`), each with its own first weights, seed, images and masks. Every batch
is that of `train` with this seed, and the loop is the same, so that it resumes after an
interruption. Sums are added in another order than in a single network: weights agree within
rounding, which grows over many steps, and not to the bit. On a CPU, networks with convolutions are
passed in parts, two at a time: this training alone has both cores, and each part its one thread, so
that the bits stay the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.core.result import Array, TrainLog
from engine.vision.data import DataSet, Rows
from engine.vision.models.bits import packed_bits
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import counting_passes, note_both
from engine.vision.models.stack import Stack
from engine.vision.training.asking import check_steps
from engine.vision.training.figures import LOOK
from engine.vision.training.images import augmented, batch_generator
from engine.vision.training.loop import TrainingRun
from engine.vision.training.masks import Masks, carried
from engine.vision.training.objective import Criterion, cross_entropy
from engine.vision.training.question import as_targets, training_digest
from engine.vision.training.recipe import Recipe
from engine.vision.training.recorder import Recorder


class WithGradients(torch.autograd.Function):
    """A loss whose gradients are known already."""

    @staticmethod
    def forward(
        ctx: Any,
        loss: Tensor,
        gradients: Sequence[Tensor],
        *weights: Tensor,  # noqa: ARG004
    ) -> Tensor:
        """The loss as it is; the gradients are of the weights."""
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Any:
        """The gradients, times that of whatever the loss became part of."""
        return None, None, *(outer * gradient for gradient in ctx.gradients)


@dataclass(frozen=True)
class StackedLoss:
    """The loss of batches of K networks: the sum of theirs, so that none feels the others."""

    stack: Stack
    data: DataSet
    rows: Rows  # (K, n)
    recipe: Recipe
    seeds: tuple[int, ...]
    objective: Criterion
    targets: Tensor  # of the whole data set

    @property
    def network(self) -> nn.Module:
        """The network whose weights, (K, *shape) each, are trained."""
        return self.stack.network

    def parts(self, epoch: int) -> list[Rows]:
        """The rows of each batch of an epoch, (K, n) each."""
        orders = [
            np.random.default_rng([seed, epoch]).permutation(model_rows)
            for seed, model_rows in zip(self.seeds, self.rows, strict=True)
        ]
        batches = math.ceil(self.rows.shape[1] / self.recipe.batch)
        return np.array_split(np.stack(orders), batches, axis=1)

    def __call__(self, rows: Rows, place: tuple[int, int]) -> tuple[Tensor, float, float]:
        """Sum of the networks' losses of a batch, sum of its images' losses, how many are right."""
        images = torch.from_numpy(self.data.images[rows] / np.float32(255))
        if self.recipe.shift or self.recipe.mirror:
            views = [
                augmented(image, batch_generator(seed, *place), self.recipe)
                for seed, image in zip(self.seeds, images, strict=True)
            ]
            images = torch.stack(views)
        if len(self.stack.parts) > 1:
            return self.in_parts(images, rows)
        logits, targets = self.answers(images, rows)
        losses = self.objective.each(logits, targets)
        # a sum over networks: the gradient of each is that of its own mean, whatever K is
        loss = losses.view(rows.shape).mean(1).sum()
        return loss, losses.detach().sum().item(), self.objective.right(logits, targets)

    def in_parts(self, images: Tensor, rows: Rows) -> tuple[Tensor, float, float]:
        """The same where the networks are passed in parts.

        A part's gradient is computed right after its loss, in its thread, while its maps are in the
        processor's cache.
        """
        named = dict(self.network.named_parameters())
        separate_weights = self.stack.weights_apart(
            {n: weight.detach() for n, weight in named.items()}
        )
        pixels = images.to(self.stack.device).expand(-1, -1, 3, -1, -1)

        def learned(place: int) -> tuple[Tensor, float, tuple[Tensor, ...]]:
            part, weights = rows[self.stack.parts[place]], separate_weights[place]
            leaves = {n: weight.requires_grad_() for n, weight in weights.items()}
            logits = self.stack.of(place, leaves, pixels[self.stack.parts[place]]).flatten(0, 1)
            targets = self.targets[torch.from_numpy(part).flatten()].to(logits.device)
            image_losses = self.objective.each(logits, targets).view(part.shape)
            gradients = torch.autograd.grad(image_losses.mean(1).sum(), list(leaves.values()))
            return image_losses.detach(), self.objective.right(logits, targets), gradients

        result = self.stack.each(learned)
        note_both(rows.size)
        losses = torch.cat([part_losses for part_losses, _, _ in result])
        gradients = [
            torch.cat(part_gradients)
            for part_gradients in zip(
                *(model_gradients for _, _, model_gradients in result), strict=True
            )
        ]
        summed_loss = losses.mean(1).sum()
        # so that the loop's one backward call serves here too
        loss: Tensor = WithGradients.apply(summed_loss, gradients, *named.values())  # type: ignore[no-untyped-call]
        return loss, losses.sum().item(), sum(right for _, right, _ in result)

    def answers(self, images: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """Logits of images (K, n, C, H, W) and their targets, network after network."""
        pixels = images.to(self.stack.device).expand(-1, -1, 3, -1, -1)
        targets = self.targets[torch.from_numpy(rows).flatten()].to(self.stack.device)
        return self.stack(pixels).flatten(0, 1), targets

    def validated(self) -> tuple[float, float]:
        """Mean loss and share of right answers over all networks; NaN without images."""
        loss, right = self.validated_each()
        return loss.mean().item(), right.mean().item()

    def validated_each(self) -> tuple[Tensor, Tensor]:
        """The validation images' loss and share of right answers of each network: see `each_on`."""
        return self.each_on(self.data.rows("validation"))

    def each_on(self, eval_rows: Rows) -> tuple[Tensor, Tensor]:
        """Loss and share of right answers of each network, (K,) float64; NaN without images."""
        count = len(self.seeds)
        loss, right = torch.zeros(2, count, dtype=torch.float64)
        self.stack.train(mode=False)
        try:
            with torch.no_grad(), counting_passes(None):
                for part in (
                    np.array_split(eval_rows, -(-len(eval_rows) // LOOK)) if len(eval_rows) else ()
                ):
                    rows = np.broadcast_to(part, (count, len(part))).copy()
                    images = self.data.pixels(part).expand(count, -1, -1, -1, -1)
                    logits, targets = self.answers(images, rows)
                    loss += self.objective.each(logits, targets).view(rows.shape).sum(1).cpu()
                    pairs = zip(logits.split(len(part)), targets.split(len(part)), strict=True)
                    right += torch.tensor([self.objective.right(*pair) for pair in pairs])
        finally:
            self.stack.train()
        image_count = len(eval_rows) or math.nan
        return loss / image_count, right / image_count


@dataclass
class StackRecorder(Recorder):
    """What to keep of several networks that are trained at once; `train_stacked` fills it.

    A snapshot has the weights of all, (K, *shape). No average is kept.

    Args:
        looks: the steps after which each network is asked about the validation images; `weights`
            then has "validation loss" and "validation accuracy" of that step, (K,) each, NaN
            without images.
    """

    looks: tuple[int, ...] = ()
    loss: StackedLoss | None = field(default=None, init=False)

    def snapshot(self, network: nn.Module, step: int) -> None:
        """Keep the weights and ask the networks, if this is one of the steps."""
        super().snapshot(network, step)
        if self.loss and step in self.looks:
            loss, right = self.loss.validated_each()
            results = {"validation loss": loss, "validation accuracy": right}
            self.weights[step] = self.weights.get(step, {}) | results


def train_stacked(
    models: Sequence[Classifier],
    data: DataSet,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    rows: Sequence[Rows] | None = None,
    objective: Criterion = cross_entropy,
    targets: Array | None = None,
    masks: Sequence[Masks] | None = None,
    start: int = 0,
    recorder: StackRecorder | None = None,
    keep: Path | None = None,
    note: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
) -> TrainLog:
    """Train K models of one's own at once; each ends as `train` with its seed would leave it.

    Args:
        models: of one form, changed in place at the end; an interruption leaves them as they were.
        data: where images and labels come from.
        recipe: of all of them; without an attack.
        seeds: of each, K.
        rows: what each learns from, as many images each; the train split when left out.
        objective: a loss of outputs and targets.
        targets: as for `train`, the same for all.
        masks: of each, where its weights stay exactly 0 from the first step on; each model carries
            its own afterwards. Those that the models carry when left out.
        start: steps of the recipe that are left out, as for `train`.
        recorder: what is kept on the way; filled here.
        keep: the file that an interrupted training goes on from; gone when it is over.
        note: what `unfinished` tells of the kept file, as JSON has it.
        progress: told at every few batches; raising there leaves the file behind.

    Returns:
        Curves that are means over the networks, and how often each image was shown to any.

    Raises:
        BlindspotError: they cannot be trained together, or a loss is no number any more.
        BadModel: the models differ in form or normalization, or a mask does not fit.
    """
    row_sets = [data.rows("train")] * len(models) if rows is None else list(rows)
    mask_sets = [carried(model) for model in models] if masks is None else list(masks)
    check(models, data, recipe, seeds, row_sets, mask_sets)
    stack, stacked = Stack(models, mask_sets), np.stack(row_sets)
    check_steps(recipe, data, row_sets[0], start, recorder)
    target_tensor = data.targets() if targets is None else as_targets(targets, len(data))
    recorder = recorder or StackRecorder()
    if recorder.decay is not None:
        raise BlindspotError("An average is kept of a network that is trained alone.")
    name = ""
    if keep:
        arrays = {"rows/": stacked} | (
            {} if targets is None else {"targets/": target_tensor.numpy()}
        )
        digest_arguments: dict[str, Any] = {"seeds": list(seeds), "objective": objective.name}
        if len(stack.parts) > 1:
            digest_arguments["parts"] = len(
                stack.parts
            )  # other bits than in one pass: neither goes on
        if start or recorder.snapshots or recorder.looks:
            digest_arguments |= {
                "start": start,
                "steps": [list(recorder.snapshots), list(recorder.looks)],
            }
        name = training_digest(
            stack.network, data, recipe, seeds[0], stack.masks, arrays, digest_arguments
        )
    stack.train()
    loss = StackedLoss(stack, data, stacked, recipe, tuple(seeds), objective, target_tensor)
    recorder.begin(models[0], {}, start)
    recorder.loss = loss
    run = TrainingRun(loss, recorder, start, keep=keep, question=name, note=note or {})
    log = run.finish(progress)
    stack.write_to(models)
    for model, model_masks in zip(models, mask_sets, strict=True):
        model.masks = packed_bits({name: mask.cpu().numpy() for name, mask in model_masks.items()})
    return log


def check(
    models: Sequence[Classifier],
    data: DataSet,
    recipe: Recipe,
    seeds: Sequence[int],
    rows: Sequence[Rows],
    masks: Sequence[Masks],
) -> None:
    """Raise BlindspotError for what cannot be trained together."""
    if not len(models) == len(seeds) == len(rows):
        counts = f"{len(models)} networks, {len(seeds)} seeds and {len(rows)} lists of images"
        raise BlindspotError(f"Each network needs a seed and images: there are {counts}.")
    if len(masks) != len(models):
        raise BlindspotError(f"There are masks of {len(masks)} networks for {len(models)}.")
    if len({len(model_rows) for model_rows in rows}) > 1:
        raise BlindspotError("Networks that are trained together need as many images each.")
    if not all(len(model_rows) for model_rows in rows):
        raise BlindspotError(f"{data.card.title} has no images to train on.")
    if recipe.attack is not None:
        raise BlindspotError("Networks cannot be trained together against attacks: set it to 0.")
