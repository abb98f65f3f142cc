"""A generator learns to tell the noise in images from the images.

    L = E ‖ε − ε_θ(x_t, t, c)‖²,  and c is left out of one image in ten

so that one network knows both what a class looks like and what any image does. What is kept is the
exponential moving average of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.method import Progress, quiet
from engine.unlearning.generator.diffusion import NoiseSchedule
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import WIDTH, Denoiser, built
from engine.vision.data import DataSet
from engine.vision.training import descend
from engine.vision.training.descent import Loss


@dataclass(frozen=True)
class GeneratorPlan:
    """How a generator is trained: what it learns, for how many steps, and by whom it is judged."""

    name: str
    title: str
    data: str
    judge: str  # a classifier that ships and reads what is drawn
    side: int = 8
    width: int = WIDTH
    steps: int = 600
    batch: int = 128
    rate: float = 1e-3
    decay: float = 1e-4
    warm: int = 100  # steps until the rate is reached; it falls as a cosine
    free: float = 0.1  # share of the images whose class is left out
    average: float = 0.995  # at most this much of the moving average stays at a step
    seed: int = 0

    @classmethod
    def read(cls, name: str, settings: Mapping[str, Any]) -> GeneratorPlan:
        """A plan from its table in a file."""
        return cls(name=name, **settings)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        # the floor of a hundredth keeps the last steps from being none
        return self.rate * min(1.0, (step + 1) / self.warm) * fall + self.rate / 100


class MovingAverage:
    """The exponential moving average of a network's weights: w̄ ← k w̄ + (1 − k) w.

    k = min(average, (n + 1) / (n + 10)) at the n-th step, so that the first weights are forgotten.
    With an average of 0.995 the fraction is the smaller of the two up to step 1790, so it alone
    decides in shorter plans.
    """

    def __init__(self, network: Denoiser, average: float) -> None:
        self.network, self.average, self.steps = deepcopy(network), average, 0

    @torch.no_grad()
    def add(self, network: Denoiser) -> None:
        """One step further."""
        self.steps += 1
        decay = min(self.average, (self.steps + 1) / (self.steps + 10))
        # parameters are all there is: GroupNorm tracks nothing, and the waves are constant
        for mean, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)


def noise_loss(
    network: Denoiser,
    noise: NoiseSchedule,
    clean: Tensor,
    classes: Tensor,
    times: Tensor,
    drawn: Tensor,
) -> Tensor:
    """Mean square of what a network does not see of the noise `drawn` in images at some times."""
    return F.mse_loss(network(noise.noised(clean, times, drawn), times, classes), drawn)


def train_generator(
    plan: GeneratorPlan, data: DataSet, progress: Progress = quiet
) -> ImageGenerator:
    """A generator of the training images of some data."""
    network = built(plan.side, len(data.classes), plan.width, plan.seed)
    average = MovingAverage(network, plan.average)
    generator = ImageGenerator(network, plan.name, plan.title, data.classes)
    network.train().requires_grad_(requires_grad=True)
    rows = data.rows("train")
    images, labels = generator.images(data, rows), data.targets(rows).to(generator.device)
    rng = np.random.default_rng([plan.seed, 43])

    def batches() -> Iterator[Loss]:
        for _ in range(plan.steps):
            chosen = torch.from_numpy(rng.integers(0, len(rows), plan.batch))
            conditions = labels[chosen].clone()
            # so that one network gives ε_c and ε_∅, which guidance subtracts
            conditions[torch.from_numpy(rng.random(plan.batch) < plan.free)] = network.none
            times = torch.from_numpy(rng.integers(0, generator.noise.steps, plan.batch))
            drawn = torch.from_numpy(rng.standard_normal(images[chosen].shape, np.float32))
            yield partial(
                noise_loss,
                network,
                generator.noise,
                images[chosen],
                conditions,
                times.to(generator.device),
                drawn.to(generator.device),
            )

    optimizer = torch.optim.AdamW(network.parameters(), plan.rate, weight_decay=plan.decay)
    clip = partial(nn.utils.clip_grad_norm_, list(network.parameters()), 1.0)
    steps = descend(optimizer, batches(), rate=plan.rate_at, before_step=clip)
    for done, _ in enumerate(steps, 1):
        average.add(network)
        progress(done / plan.steps, f"step {done} of {plan.steps}")
    return generator.other(average.network)
