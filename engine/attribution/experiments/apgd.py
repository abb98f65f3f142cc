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
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.threads import one_thread

AHEAD = 0.75  # of a step is the gradient's, the rest goes on as before
RISES = 0.75  # share of steps that must raise the loss, or the step is halved
FIRST, LESS, LEAST = 0.22, 0.03, 0.06  # shares of all steps: to the first checkpoint, and on
Each = Callable[[Tensor, Tensor], Tensor]  # a loss for each image, of logits and targets


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of each image, (N,)."""
    return F.cross_entropy(logits, targets, reduction="none")


def dlr(logits: Tensor, targets: Tensor) -> Tensor:
    """The difference-of-logits ratio of each image, (N,); above 0 where another class leads."""
    own = logits.gather(1, targets[:, None])[:, 0]
    other = logits.scatter(1, targets[:, None], -torch.inf).amax(1)
    ordered = logits.topk(min(3, logits.shape[1]), dim=1).values
    return (other - own) / (ordered[:, 0] - ordered[:, -1] + 1e-12)


STRONG: tuple[Each, ...] = (cross_entropy, dlr)


def checkpoints(steps: int) -> list[int]:
    """After which steps the step size is looked at."""
    share, before, found = FIRST, 0.0, list[int]()
    while share < 1:
        found.append(ceil(share * steps - 1e-9))  # 0.57 is a little more as floats add up
        share, before = share + max(share - before - LESS, LEAST), share
    return list(dict.fromkeys(found))


def apgd(
    model: nn.Module, images: Tensor, targets: Tensor, epsilon: float, steps: int,
    generator: torch.Generator, raised: Each,
) -> Tensor:  # fmt: skip
    """Each image as it was first misread on the way, or else where the loss was highest.

    Args:
        model: of (N, 3, H, W) in [0, 1], in eval mode.
        images: (N, C, H, W); gray ones, C = 1, are repeated for the model.
        targets: the right classes, (N,).
        epsilon: how far each value may go, in [0, 1].
        steps: each a forward and a backward pass, and one more for the start.
        generator: of the start.
        raised: the loss.
    """
    noise = torch.empty(images.shape).uniform_(-1, 1, generator=generator).to(images.device)
    low, high = (images - epsilon).clamp_min(0), (images + epsilon).clamp_max(1)
    at = before = (images + epsilon * noise).clamp(low, high)
    loss, slope, wrong = looked(model, at, targets, raised)
    best, best_loss, best_slope = at, loss, slope
    found, done = at, wrong  # the first misread one, where there is one
    size = torch.full_like(loss, 2 * epsilon)
    rises, last, halved = torch.zeros_like(loss), best_loss, torch.ones_like(wrong)
    marks, begun = checkpoints(steps), 0
    for step in range(1, steps + 1):
        ahead = (at + wide(size, at) * slope.sign()).clamp(low, high)
        part = AHEAD if step > 1 else 1.0
        near = at + part * (ahead - at) + (1 - part) * (at - before)
        at, before, old = near.clamp(low, high), at, loss
        loss, slope, wrong = looked(model, at, targets, raised)
        found, done = torch.where(wide(wrong & ~done, at), at, found), done | wrong
        better, rises = loss > best_loss, rises + (loss > old)
        best, best_slope = (
            torch.where(wide(better, at), new, held)
            for new, held in ((at, best), (slope, best_slope))
        )
        best_loss = torch.where(better, loss, best_loss)
        if step in marks:
            slow = rises < RISES * (step - begun)
            halve = slow | (~halved & (best_loss <= last))
            size = torch.where(halve, size / 2, size)
            at, slope = (
                torch.where(wide(halve, at), held, new)
                for held, new in ((best, at), (best_slope, slope))
            )
            loss = torch.where(halve, best_loss, loss)
            rises, last, halved, begun = torch.zeros_like(rises), best_loss, halve, step
    return torch.where(wide(done, at), found, best).detach()


def strongly(
    model: nn.Module, images: Tensor, targets: Tensor, epsilon: float, steps: int, seed: int
) -> list[Tensor]:
    """Images (N, C, H, W) attacked once for each loss; arguments as those of `apgd`."""
    with one_thread():
        return [
            apgd(model, images, targets, epsilon, steps, torch.Generator().manual_seed(seed), loss)
            for loss in STRONG
        ]


def looked(
    model: nn.Module, images: Tensor, targets: Tensor, raised: Each
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of each image (N,), its slope (N, C, H, W), and whether it is misread (N,)."""
    with torch.enable_grad():
        watched = images.detach().requires_grad_()
        logits = model(watched.expand(-1, 3, -1, -1))
        loss = raised(logits, targets)
        (slope,) = torch.autograd.grad(loss.sum(), watched)
    return loss.detach(), slope, logits.argmax(1) != targets


def wide(values: Tensor, like: Tensor) -> Tensor:
    """One value for each image, as many dimensions as images have."""
    return values.view(-1, *[1] * (like.ndim - 1))
