"""Images are drawn: noise is taken out of noise, for one class or another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Choice, Progress, Slider, quiet, setting
from engine.unlearning.generator.diffusion import guided
from engine.unlearning.generator.model import ImageGenerator
from engine.vision.models.threads import one_thread

PARTS = 2  # of all images, each on a thread of its own: the same on every machine
SAMPLERS = ("deterministic", "ancestral")


@dataclass(frozen=True)
class SampleSettings:
    """How images are drawn: settings that drawing and forgetting share."""

    guidance: float = setting(
        2.0,
        Slider(0.0, 6.0, 0.5),
        "Guidance",
        "How strongly the class is asked for: 0 asks for none, 1 for the class, more for little "
        "else.",
    )
    sampler: str = setting(
        SAMPLERS[0],
        Choice(SAMPLERS),
        "Sampler",
        "Deterministic takes the noise out as it is found; ancestral puts some new noise in after "
        "each pass.",
    )
    passes: int = setting(
        25, Slider(5, 100, 5, "passes"), "Passes", "In how many steps the noise is taken out."
    )
    each: int = setting(
        20, Slider(4, 50, 1, "samples"), "Samples", "How many are drawn of each class."
    )


@dataclass
class HalfSheet:
    """Some of the images while they are drawn, with their own source of chance."""

    images: Tensor
    classes: Tensor
    chance: np.random.Generator

    def fresh(self) -> Tensor:
        """New noise of the images' shape."""
        drawn = self.chance.standard_normal(self.images.shape, np.float32)
        return torch.from_numpy(drawn).to(self.images.device)


def draw_images(
    generator: ImageGenerator,
    classes: Tensor,
    how: SampleSettings,
    seed: int,
    progress: Progress = quiet,
) -> Tensor:
    """One image for each of the classes (N,): (N, 1, side, side) in [0, 1], on the CPU.

    The same seed begins with the same noise, whatever the weights.

    Args:
        generator: draws.
        classes: numbers of classes.
        how: guidance, sampler and passes.
        seed: of the noise.
        progress: told after each pass; may raise.
    """
    places = list(enumerate(np.array_split(np.arange(len(classes)), PARTS)))
    halves = [start(generator, classes[rows], [seed, 41, at]) for at, rows in places if len(rows)]
    times = generator.noise.times(how.passes)
    pool = ThreadPoolExecutor(PARTS, initializer=torch.set_num_threads, initargs=(1,))
    with one_thread(), pool as threads:
        for done, (time, before) in enumerate(zip(times, [*times[1:], -1], strict=True), 1):
            list(threads.map(partial(step, generator, how, time, before), halves))
            progress(done / len(times), "drawing images")
    images = torch.cat([half.images for half in halves])
    # the last x_0 is within ±1 but for rounding
    return ((images.clamp(-1, 1) + 1) / 2).cpu()


def start(generator: ImageGenerator, classes: Tensor, seed: list[int]) -> HalfSheet:
    """Nothing but noise."""
    blank = torch.empty(len(classes), 1, generator.side, generator.side, device=generator.device)
    half = HalfSheet(blank, classes.to(generator.device), np.random.default_rng(seed))
    half.images = half.fresh()
    return half


def step(
    generator: ImageGenerator, how: SampleSettings, time: int, before: int, half: HalfSheet
) -> None:
    """Take noise out, from one time to an earlier one; −1 is clean."""
    with torch.no_grad():
        times = torch.full((len(half.images),), time, device=generator.device)
        noise = guided(generator.network, half.images, times, half.classes, how.guidance)
        clean = generator.noise.clean(half.images, time, noise)
        if how.sampler == "ancestral":
            mean, variance = generator.noise.posterior(clean, half.images, time, before)
            half.images = mean + variance.sqrt() * half.fresh()
        else:
            half.images = generator.noise.straight(clean, half.images, time, before)


def as_gray(images: Tensor) -> NDArray[np.uint8]:
    """Images in [0, 1] as bytes, (N, side, side)."""
    return np.rint(images[:, 0].clamp(0, 1).numpy() * 255).astype(np.uint8)
