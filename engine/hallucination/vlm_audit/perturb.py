"""The audit's perturbation: signed gradient steps towards a phrase, in a ball around the image.

    δ ~ U[−ε, ε];   δ ← Π( δ − α sign ∇δ L(x + δ) ),   Π keeps |δ| ≤ ε and x + δ in [0, 1]

L is a loss of what the model makes of the image, averaged over the ways in which it may get it: as
it is, or through a defense; of a phrase it is the mean negative log-likelihood of its words. Every
image is kept at the step where its L was lowest, and is then rounded to 8 bits inside the ball:
what is scored is a picture that can exist.

Qi et al., "Visual Adversarial Examples Jailbreak Aligned Large Language Models" (2023),
https://arxiv.org/abs/2306.13213
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.evaluation.measures.ball import NORMS, Ball
from engine.evaluation.measures.levels import levels_to_pixels, round_change
from engine.hallucination.vlm_audit.phrases import losses
from engine.vision.language.tiny_vlm.lessons import Texts
from engine.vision.language.tiny_vlm.model import TinyVLM

PAPER = (
    "Qi et al., Visual Adversarial Examples Jailbreak Aligned Large Language Models (2023), "
    "https://arxiv.org/abs/2306.13213"
)
FINEST = 0.25  # of ε, that a step may be long: longer ones only jump between its ends
TOGETHER = 64  # images in one pass
Pass = Callable[[Tensor], Tensor]  # from the picture's pixels to those that the model gets
Loss = Callable[[Tensor, Tensor], Tensor]  # (N,) of pixels (N, 3, H, W) and the rows that they are


@dataclass(frozen=True)
class Bound:
    """How far and in which steps an image may be moved.

    Args:
        epsilon: the furthest that any value may move, in levels of 255.
        steps: how many are taken.
        step: how far each goes, in levels of 255; a quarter of ε at most.
    """

    epsilon: int
    steps: int
    step: float

    @property
    def share(self) -> float:
        """A step's length, as a share of ε."""
        return min(self.step / self.epsilon, FINEST)


@dataclass(frozen=True)
class Perturbed:
    """Images after a perturbation, and the way there.

    Args:
        change: levels that are added to each, (N, 3, H, W) int16.
        trace: the mean loss of all images before each step and after the last, (steps + 1,).
    """

    change: Tensor
    trace: NDArray[np.float32]


def as_it_is(pixels: Tensor) -> Tensor:
    """The image without any defense."""
    return pixels


def of_phrases(vlm: TinyVLM, targets: Texts) -> Loss:
    """How unlikely the model finds the phrase of each row, in nats; nothing of it changes."""
    return lambda pixels, rows: losses(vlm, pixels, targets.take(rows))


def perturbed(
    levels: Tensor,
    loss: Loss,
    bound: Bound,
    generator: torch.Generator,
    ways: Sequence[Pass] = (as_it_is,),
    progress: Progress = quiet,
    look: Callable[[int, Tensor], None] = lambda *_: None,
    device: str = "cpu",
) -> Perturbed:
    """Images moved down a loss, from a random start of their own.

    Args:
        levels: images (N, 3, H, W) int16, in levels of 255.
        loss: of each image, by its row.
        bound: how far, and in which steps.
        generator: of the start.
        ways: what the loss looks through; several are averaged.
        progress: told after each step.
        look: shown the number of steps and the best pixels so far, after each.
        device: where the loss is computed.
    """
    center = levels_to_pixels(levels).to(device)
    ball = Ball(center, float(bound.epsilon), NORMS[0])
    # a ball of radius 0 has no step, and its share of ε would be a division by 0
    if not bound.epsilon:
        first = float(losses_and_slopes(loss, center, ways)[0].mean())
        return Perturbed(torch.zeros_like(levels), np.array([first], np.float32))
    image = best = ball.start(generator)
    lowest = center.new_full((len(center),), torch.inf)
    trace = []
    for step in range(bound.steps + 1):
        image_losses, slope = losses_and_slopes(loss, image, ways)
        # signed steps keep their length and may pass a minimum: the last one need not be the best
        better = image_losses < lowest
        lowest = torch.where(better, image_losses, lowest)
        best = torch.where(better[:, None, None, None], image, best)
        trace.append(float(image_losses.mean()))
        look(step, best)
        if step < bound.steps:
            image = ball.project(image - ball.step(slope, bound.share))
        progress((step + 1) / (bound.steps + 1), f"step {step}: {trace[-1]:.2f}")
    change = round_change(levels, best, bound.epsilon, NORMS[0])
    return Perturbed(change, np.array(trace, np.float32))


def losses_and_slopes(loss: Loss, images: Tensor, ways: Sequence[Pass]) -> tuple[Tensor, Tensor]:
    """The loss of each image, (N,), averaged over the ways to get it, and its slope.

    Images are passed some at a time, so that memory does not grow with their number.
    """
    parts = []
    for rows in torch.arange(len(images)).split(TOGETHER):
        with torch.enable_grad():
            pixels = images[rows].detach().requires_grad_()
            image_losses = torch.stack([loss(way(pixels), rows) for way in ways]).mean(0)
            # images do not meet: the sum's gradient is that of each one's own loss
            (slope,) = torch.autograd.grad(image_losses.sum(), pixels)
        parts.append((image_losses.detach(), slope))
    result, along = zip(*parts, strict=True)
    return torch.cat(result), torch.cat(along)


def noisy(levels: Tensor, epsilon: int, generator: torch.Generator) -> Tensor:
    """The control: every value moves by +ε or −ε at random, and stays in 0 to 255."""
    # the full ε everywhere: no attack in the ball moves values further
    sign = 2 * torch.randint(0, 2, levels.shape, generator=generator) - 1
    return (levels + epsilon * sign).clamp(0, 255).to(torch.int16) - levels


def block_means(trace: NDArray[np.float32], over: int) -> NDArray[np.float32]:
    """The means of successive parts of a trace, of so many steps each; a rest is left out."""
    length = len(trace) // over * over
    means: NDArray[np.float32] = trace[:length].reshape(-1, over).mean(1)
    return means
