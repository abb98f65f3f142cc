"""What the stages have in common: a step, its rate, the noise, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

import torch
from torch import Tensor, nn

from engine.hallucination.noise import STEPS, noised
from engine.method import Progress

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
    optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], loss: Tensor, speed: float
) -> None:
    """One step, with gradients no longer than 1."""
    for group in optimizer.param_groups:
        group["lr"] = speed
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
