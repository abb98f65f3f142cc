"""Stages B1 and B2: the decoder learns the words of captions and answers."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.language.tiny_vlm.decoder import Inside
from engine.vision.language.tiny_vlm.lessons import Lessons, answering
from engine.vision.language.tiny_vlm.mixture import balance
from engine.vision.language.tiny_vlm.packed import states
from engine.vision.language.tiny_vlm.parts import Parts
from engine.vision.language.tiny_vlm.training.resting import unrest
from engine.vision.language.tiny_vlm.training.school import CaptionedScenes
from engine.vision.language.tiny_vlm.training.steps import Report, learn, rate
from engine.vision.language.tiny_vlm.training.stress import TokenLossWeights, firsts, stressed

BATCH = 16  # scenes to a step


def speak(
    parts: Parts,
    room: CaptionedScenes,
    steps: int,
    most: float,
    stress: TokenLossWeights,
    report: Report,
    *,
    warm: int = 40,
    even: float = 0.0,
    rest: float = 0.0,
) -> None:
    """Learn the answers of all texts of 16 scenes a step.

    Args:
        parts: projector and decoder are changed.
        room: scenes and texts.
        steps: how many.
        most: the highest rate.
        stress: how much the loss of each word counts.
        report: progress.
        warm: steps until the highest rate is reached.
        even: how much an uneven use of experts counts, where there are some.
        rest: how much attention counts that does not rest on a sink.
    """
    trained_modules = nn.ModuleList([parts.projector, parts.decoder]).train()
    trained_modules.requires_grad_(requires_grad=True)
    weights = list(trained_modules.parameters())
    # decay would draw the gains of norms from 1 towards 0
    plain = [weight for weight in weights if weight.dim() < 2]
    matrices = [weight for weight in weights if weight.dim() > 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        most,
        betas=(0.9, 0.98),
    )
    generator = torch.Generator().manual_seed(room.seed)
    batches = in_turn(len(room.features), generator)

    def loss() -> Tensor:
        rows = next(batches)
        return spoken_loss(parts, room.features[rows], room.said, rows, stress, even, rest)

    learn(optimizer, weights, loss, steps, lambda step: rate(step, steps, most, warm, 0.05), report)


def in_turn(scenes: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The scenes of each step; the last few of an order are left out where they are too few."""
    while True:
        order = torch.randperm(scenes, generator=generator)
        for start in range(0, max(scenes - BATCH, 0) + 1, BATCH):
            yield order[start : start + BATCH]


def spoken_loss(
    parts: Parts,
    features: Tensor,
    lessons: Lessons,
    rows: Tensor,
    stress: TokenLossWeights,
    even: float = 0.0,
    rest: float = 0.0,
) -> Tensor:
    """The weighted mean loss over the words of the answers, and what experts and looking cost."""
    image = parts.projector(features)
    taken = [lessons.captions.take(rows), lessons.short.take(rows), lessons.long.take(rows)]
    insides: list[Inside] = []
    looks: list[list[Tensor]] = []
    words = [texts.tokens for texts in taken]
    read = states(parts.decoder, image, words, insides, looks)
    result, targets, weights = [], [], []
    for texts, hidden in zip(taken, read, strict=True):
        answers = answering(texts)
        result.append(hidden[..., :-1, :][answers])
        targets.append(texts.tokens[..., 1:][answers])
        captions = texts is taken[0]
        weights.append((stressed if captions else firsts)(texts, stress)[answers])
    logits = parts.decoder.unembed(torch.cat(result), apply_norm=False)  # the norm has been applied
    losses = F.cross_entropy(logits, torch.cat(targets), reduction="none")
    weight = torch.cat(weights)
    spoken = (losses * weight).sum() / weight.sum()
    if parts.experts:
        spoken = spoken + even * balance(insides)
    return spoken + rest * unrest(looks, words) if rest else spoken
