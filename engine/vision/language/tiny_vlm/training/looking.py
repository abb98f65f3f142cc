"""Stage A: the encoder learns to see."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES, COLORS
from engine.vision.language.tiny_vlm.encoder import Encoder, Naming, normalized
from engine.vision.language.tiny_vlm.lessons import EMPTY, cell_contents
from engine.vision.language.tiny_vlm.training.plan import TrainingPlan
from engine.vision.language.tiny_vlm.training.steps import (
    NOISED,
    Report,
    learn,
    rate,
    through_noise,
)
from engine.vision.models.small import init_weights as draw_usual


def teach_looking(encoder: Encoder, plan: TrainingPlan, report: Report) -> None:
    """Cross-entropy over what lies in each cell, and a third as much over its color."""
    layout = Scenes(plan.dense, "dense", seed=plan.seed * 10 + 1).layout(np.arange(plan.dense))
    images = torch.from_numpy(layout.images())
    targets, colors = cell_contents(layout)
    generator = torch.Generator().manual_seed(plan.seed)
    with torch.random.fork_rng(devices=[]):
        naming = Naming(len(CATEGORIES), len(COLORS))
    draw_usual(naming, generator)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
    encoder.train().requires_grad_(requires_grad=True)
    weights = [*encoder.parameters(), *naming.parameters()]
    optimizer = torch.optim.AdamW(weights, 1e-3, weight_decay=0.02)
    rare = torch.ones(EMPTY + 1)
    # most cells are empty, even of crowded scenes
    rare[EMPTY] = 0.3

    def loss() -> Tensor:
        rows = torch.randint(len(images), (64,), generator=generator)
        pixels = normalized(images[rows].float() / 255)
        hidden = round(64 * NOISED)
        # rows are drawn at random: the first are as good as any
        pixels[:hidden] = through_noise(pixels[:hidden], generator)
        logits, paints = naming(encoder(pixels))
        noun_loss = F.cross_entropy(logits.flatten(0, 1), targets[rows].flatten(), weight=rare)
        paint = F.cross_entropy(paints.flatten(0, 1), colors[rows].flatten(), ignore_index=-1)
        return noun_loss + 0.3 * paint

    learn(
        optimizer,
        weights,
        loss,
        plan.looks,
        lambda step: rate(step, plan.looks, 3e-3, 30, 0.02),
        report,
    )
