"""APGD: projected ascent whose steps shrink by themselves, on cross-entropy or the DLR loss.

    z = Π(x + η sign ∇f(x)),   x⁺ = Π(x + ¾ (z − x) + ¼ (x − x⁻)),   η = 2ε at first

At checkpoints, which come ever closer, an image whose f rose in fewer than ¾ of the steps, or whose
best f and η are those of the checkpoint before, goes back to its best place with half the step. The
DLR loss −(z_y − max_{j≠y} z_j) / (z_(1) − z_(3)) changes neither with a shift nor with a scale of
the logits, so that no model is spared by being sure.

Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks" (2020), https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.threads import at_once

AHEAD = 0.75  # of a step is the gradient's, the rest goes on as before
RISES = 0.75  # share of steps that must raise the loss, or the step is halved
FIRST, LESS, LEAST = 0.22, 0.03, 0.06  # shares of all steps: to the first checkpoint, and on
LossPerImage = Callable[[Tensor, Tensor], Tensor]  # a loss for each image, of logits and targets


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of each image, (N,)."""
    return F.cross_entropy(logits, targets, reduction="none")


def dlr(logits: Tensor, targets: Tensor) -> Tensor:
    """The difference-of-logits ratio of each image, (N,); above 0 where another class leads."""
    target_logits = logits.gather(1, targets[:, None])[:, 0]
    other = logits.scatter(1, targets[:, None], -torch.inf).amax(1)
    ordered = logits.topk(min(3, logits.shape[1]), dim=1).values
    # of two classes the last is the second: the ratio is ± 1 there, and has no slope
    return (other - target_logits) / (ordered[:, 0] - ordered[:, -1] + 1e-12)


STRONG: tuple[LossPerImage, ...] = (cross_entropy, dlr)


def checkpoints(steps: int) -> list[int]:
    """After which steps the step size is looked at."""
    share, before, result = FIRST, 0.0, list[int]()
    while share < 1:
        result.append(ceil(share * steps - 1e-9))  # 0.57 is a little more as floats add up
        share, before = share + max(share - before - LESS, LEAST), share
    # of few steps, neighboring checkpoints are the same one
    return list(dict.fromkeys(result))


def apgd(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    epsilon: float,
    steps: int,
    generator: torch.Generator,
    raised: LossPerImage,
) -> Tensor:
    """Each image as it was first misread on the way, or else where the loss was highest.

    Args:
        model: of (N, 3, H, W) in [0, 1], in eval mode.
        images: (N, C, H, W); gray ones, C = 1, are repeated for the model.
        targets: the right classes, (N,).
        epsilon: how far each value may go, in [0, 1].
        steps: each a forward and a backward pass, and one more for the start. Images that are
            misread take no more of them, so that passes grow smaller; their last bits may differ.
        generator: of the start.
        raised: the loss.
    """
    noise = torch.empty(images.shape).uniform_(-1, 1, generator=generator).to(images.device)
    low, high = (images - epsilon).clamp_min(0), (images + epsilon).clamp_max(1)
    start = (images + epsilon * noise).clamp(low, high)
    loss, slope, wrong = losses_and_slopes(model, start, targets, raised)
    result, rows = start.clone(), (~wrong).nonzero()[:, 0]  # those that are not misread yet
    ascent = Ascent(
        low, high, targets, start, start, loss, slope, start, loss, slope,
        torch.full_like(loss, 2 * epsilon), torch.zeros_like(loss), loss, torch.ones_like(wrong),
    ).of(~wrong)  # fmt: skip
    marks, last_checkpoint = checkpoints(steps), 0
    for step in range(1, steps + 1):
        if not len(rows):
            break
        # no momentum at first: there is no step before it
        ascent.step(AHEAD if step > 1 else 1.0)
        wrong = ascent.look(model, raised)
        if wrong.any():  # found: steps after this one would change nothing
            result[rows[wrong]] = ascent.at[wrong]
            ascent, rows = ascent.of(~wrong), rows[~wrong]
        if step in marks:
            ascent.checkpoint(step - last_checkpoint)
            last_checkpoint = step
    result[rows] = ascent.best
    return result


@dataclass
class Ascent:
    """Images that are not misread yet, on their way up; the first dimension of all is theirs.

    Args:
        low, high: the ends of the box.
        targets: the right classes.
        at, before: where each is, and was a step before.
        loss, slope: there.
        best, best_loss, best_slope: where the loss was highest.
        size: of a step.
        rises: in how many steps the loss rose since the checkpoint.
        last, halved: the best loss at the checkpoint, and whether the step was halved there.
    """

    low: Tensor
    high: Tensor
    targets: Tensor
    at: Tensor
    before: Tensor
    loss: Tensor
    slope: Tensor
    best: Tensor
    best_loss: Tensor
    best_slope: Tensor
    size: Tensor
    rises: Tensor
    last: Tensor
    halved: Tensor

    def of(self, rows: Tensor) -> Ascent:
        """Some of the images."""
        return Ascent(*(getattr(self, field.name)[rows] for field in fields(self)))

    def step(self, part: float) -> None:
        """A step along the gradient's sign, of which so large a part is new."""
        ahead = (self.at + wide(self.size, self.at) * self.slope.sign()).clamp(self.low, self.high)
        near = self.at + part * (ahead - self.at) + (1 - part) * (self.at - self.before)
        self.at, self.before = near.clamp(self.low, self.high), self.at

    def look(self, model: nn.Module, raised: LossPerImage) -> Tensor:
        """Loss and slope where they are now; which are misread, (N,)."""
        previous_loss = self.loss
        self.loss, self.slope, wrong = losses_and_slopes(model, self.at, self.targets, raised)
        improved, self.rises = self.loss > self.best_loss, self.rises + (self.loss > previous_loss)
        self.best, self.best_slope = (
            torch.where(wide(improved, self.at), new, best)
            for new, best in ((self.at, self.best), (self.slope, self.best_slope))
        )
        self.best_loss = torch.where(improved, self.loss, self.best_loss)
        return wrong

    def checkpoint(self, steps: int) -> None:
        """Halve the steps of those that were slow in so many, and send them back to their best."""
        slow = self.rises < RISES * steps
        # the paper's second condition: the step was kept at the last checkpoint, and f's best too
        halve = slow | (~self.halved & (self.best_loss <= self.last))
        self.size = torch.where(halve, self.size / 2, self.size)
        # the slope at the best place is known, so that going back takes no pass
        self.at, self.slope = (
            torch.where(wide(halve, self.at), best, new)
            for best, new in ((self.best, self.at), (self.best_slope, self.slope))
        )
        self.loss = torch.where(halve, self.best_loss, self.loss)
        self.rises, self.last, self.halved = torch.zeros_like(self.rises), self.best_loss, halve


def strongly(
    model: nn.Module, images: Tensor, targets: Tensor, epsilon: float, steps: int, seed: int
) -> list[Tensor]:
    """Images (N, C, H, W) attacked once for each loss; arguments as those of `apgd`."""
    return at_once([
        partial(apgd, model, images, targets, epsilon, steps,
                torch.Generator().manual_seed(seed), loss)
        for loss in STRONG
    ])  # fmt: skip


def losses_and_slopes(
    model: nn.Module, images: Tensor, targets: Tensor, raised: LossPerImage
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of each image (N,), its slope (N, C, H, W), and whether it is misread (N,)."""
    with torch.enable_grad():
        leaf = images.detach().requires_grad_()
        logits = model(leaf.expand(-1, 3, -1, -1))
        loss = raised(logits, targets)
        (slope,) = torch.autograd.grad(loss.sum(), leaf)
    return loss.detach(), slope, logits.argmax(1) != targets


def wide(values: Tensor, like: Tensor) -> Tensor:
    """One value for each image, as many dimensions as images have."""
    return values.view(-1, *[1] * (like.ndim - 1))
