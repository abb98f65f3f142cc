"""Blind spots: the ends of many walks, taken together, and the confidence in their source's class.

Walks go in batches: on two cores four walks together took half the time of one after the other.
Paths that another view has kept are not looked for, so that an answer never depends on what was
asked before.
"""

import torch
from torch import Tensor

from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.traversal import Traversal
from engine.core.method import Progress
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.scoring import Draw, render_logits
from engine.vision.models.pace import in_batches


def blind_spots(method: LevelSet, case: PairCase, progress: Progress) -> Tensor:
    """The ends (n, 3, H, W) of the walks from the source to each of the others."""
    count = len(case.others)
    sources = case.source.image.expand(count, -1, -1, -1)
    classes = torch.full((count,), case.source.target.index)
    return walk_ends(method, case.source, sources, torch.stack(case.others), classes, progress)


def walk_ends(
    method: LevelSet,
    case: ImageCase,
    sources: Tensor,
    targets: Tensor,
    classes: Tensor,
    progress: Progress,
) -> Tensor:
    """The end of each walk (n, 3, H, W), float32 on the CPU; model and noise are the case's."""
    result = torch.empty(targets.shape)
    count, noise = len(targets), method.start_noise(case)

    def run(start: int, end: int) -> None:
        part = slice(start, end)
        walk = Traversal(
            case.model, sources[part], targets[part], classes[part], method.rules(), noise
        )
        for step in range(method.steps):
            if walk.ended:
                break
            walk.step()
            done = (start + (end - start) * (step + 1) / method.steps) / count
            progress(done, f"walking to {count} images, step {step + 1}")
        result[part] = walk.x

    in_batches(count, case.model.pace("gradient").batch, run, case.model.title)
    return result


def confidences(
    case: ImageCase, count: int, draw: Draw, progress: Progress, words: str = "looking"
) -> Tensor:
    """Confidence in the case's class (count,) of images that are drawn, see `score_renders`."""
    logits = render_logits(case, count, draw, progress, words)
    return logits.softmax(1)[:, case.target.index]


def part_progress(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part of the work, from `start` to `end` of the whole."""

    def report(done: float, words: str = "", partial: object = None) -> None:  # noqa: ARG001
        progress(start + (end - start) * done, words)

    return report
