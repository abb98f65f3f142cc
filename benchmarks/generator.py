"""How long a generator takes for a sheet of samples, and for a step of forgetting."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.timing import timed
from engine.unlearning import Samples
from engine.unlearning.generator import weights
from engine.unlearning.generator.forgetting import ForgetImages, chance_scores, saliency, unlearn
from engine.unlearning.generator.sampling import draw_images
from engine.unlearning.ways.saliency import salient

SAMPLES, STEPS = 200, 10


def told() -> Iterator[str]:
    """Lines of text: absolute figures, told and not judged."""
    classes = torch.arange(10).repeat_interleave(SAMPLES // 10)
    for name in weights.names():
        drawing = weights.load(name)
        seconds = min(
            timed(lambda g=drawing: draw_images(g, classes, Samples(), 0)) for _ in range(3)
        )
        yield f"{drawing.title}: {SAMPLES} samples in {seconds:.1f} s (goal ≤ 3 s)."
        case = weights.shipped_case(name)
        rows = case.data.rows("train")
        images = drawing.images(case.data, rows)
        asked = ForgetImages(drawing, 3, images, case.data.targets(rows))
        masks = salient(chance_scores(saliency(asked, 0), 0), 0.5)
        seconds = timed(lambda a=asked, m=masks: unlearn(a, m, STEPS, 3.0, 0)) / STEPS
        yield f"{drawing.title}: a step of forgetting takes {seconds:.3f} s."
