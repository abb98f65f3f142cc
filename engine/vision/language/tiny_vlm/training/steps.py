"""What the stages have in common: their steps, the rate, the noise, and how far they are."""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from math import cos, pi

import torch
from torch import Tensor, nn

from engine.core.method import Progress
from engine.vision.language.decoding.noise import STEPS, noised
from engine.vision.training.descent import Loss, descend

NOISED = 0.12  # the share of scenes that are seen through noise, of a step from 300 on

Report = Callable[[float], None]


def part_of(progress: Progress, start: float, share: float, words: str) -> Report:
    """Progress of a part of the whole."""
    return lambda done: progress(min(start + share * done, 1.0), words)


def through_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Normalized images with VCD's noise of a step from 300 to 999."""
    steps = torch.randint(300, STEPS, (len(images),), generator=generator)
    return noised(images, steps, torch.randn(images.shape, generator=generator))


def rate(step: int, steps: int, most: float, warm: int, least: float) -> float:
    """A short rise, then a cosine down to a share of the most."""
    fall = least + (1 - least) * 0.5 * (1 + cos(pi * step / steps))
    return most * min(1.0, (step + 1) / warm) * fall


def learn(
    optimizer: torch.optim.Optimizer,
    weights: list[nn.Parameter],
    loss: Loss,
    steps: int,
    speed: Callable[[int], float],
    report: Report = lambda _done: None,
) -> None:
    """Take the steps at their rates, with gradients no longer than 1."""
    clip = partial(nn.utils.clip_grad_norm_, weights, 1.0)
    taken = descend(optimizer, repeat(loss, steps), rate=speed, before_step=clip)
    for done, _ in enumerate(taken, start=1):
        report(done / steps)
