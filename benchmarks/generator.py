"""How long a generator takes for a sheet of samples, and for a step of forgetting."""

from collections.abc import Iterator

import torch

from benchmarks.table import BenchmarkRow
from benchmarks.timing import within
from engine.unlearning import GeneratorCase, Samples
from engine.unlearning.generator import weights
from engine.unlearning.generator.sampling import draw_images
from engine.unlearning.salun.generator_steps import ForgetImages, chance_scores, saliency, unlearn
from engine.unlearning.salun.saliency import salient

SAMPLES, STEPS = 200, 10
SHEET = 3.0  # seconds


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """A sheet of samples, and a step of forgetting, of each generator that ships."""
    classes = torch.arange(10).repeat_interleave(SAMPLES // 10)
    for name in weights.names():
        generator = weights.load(name)
        yield within(
            f"{generator.title}: {SAMPLES} samples",
            lambda g=generator: draw_images(g, classes, Samples(), 0),
            SHEET,
            rounds,
        )
        case = GeneratorCase.from_arguments(model=name)
        train_rows = case.data.rows("train")
        images = generator.images(case.data, train_rows)
        forget_images = ForgetImages(generator, 3, images, case.data.targets(train_rows))
        masks = salient(chance_scores(saliency(forget_images, 0), 0), 0.5)
        yield within(
            f"{generator.title}: {STEPS} steps of forgetting",
            lambda a=forget_images, m=masks: unlearn(a, m, STEPS, 3.0, 0),
            None,
            rounds,
        )
