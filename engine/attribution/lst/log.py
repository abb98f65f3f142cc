"""What is kept of one walk: a number for every step, and some of its images.

Everything is only ever added to, so that a partial result handed over at a step is a view of what
is there and never changes under the eyes of who looks at it.
"""

from math import nan

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lst.distance import largest_change, rmse
from engine.attribution.lst.traversal import Walk
from engine.core.result import Curve, Path, Ranking, Result, Table
from engine.evaluation.measures.likeness import ssim
from engine.vision.case import PairCase

LARGEST = 15_000_000  # bytes of the images kept of a walk
TOP = 5
CURVES = {
    "source confidence": "probability",
    "target confidence": "probability",
    "rmse to target": "pixel value",
    "rmse to source": "pixel value",
    "accepted": "yes or no",
}
FIGURES = {
    "source's confidence": "probability",
    "end's confidence": "probability",
    "lowest confidence": "probability",
    "end's confidence in the target's class": "probability",
    "RMSE to target": "pixel value",
    "RMSE to source": "pixel value",
    "L∞ to target": "pixel value",
    "L∞ to source": "pixel value",
    "SSIM to target": "",
    "SSIM to source": "",
    "accepted steps": "share",
    "first rejected step": "step",
    "steps": "step",
}


class Log:
    """The log of a walk of one pair.

    Args:
        case: the source and its target, the first of the others.
        walk: a batch of one.
        steps: how many it will take.
        frames: how many of its images are kept, ends included, as far as they find room.
    """

    def __init__(self, case: PairCase, walk: Walk, steps: int, frames: int) -> None:
        self.case, self.walk = case, walk
        image = case.source.image
        frame_count = max(2, min(frames, LARGEST // (2 * image.numel())))
        self.wanted = {int(step) for step in np.linspace(0, steps, frame_count).round()}
        self.target_class = int(case.model.logits(case.others[0][None])[0].argmax())
        self.rows = np.full((len(CURVES), steps + 1), nan, np.float32)
        self.frames = np.empty(
            (frame_count, *image.shape), np.float16
        )  # the last may be an early end
        self.kept: list[int] = []
        self.ranked: list[tuple[Tensor, Tensor]] = []
        self.step = -1
        self.note(moved=True)

    def note(self, *, moved: bool) -> None:
        """Add where the walk stands now; the start counts as moved."""
        walk, self.step = self.walk, self.step + 1
        probabilities = walk.logits[0].softmax(0)
        self.rows[:, self.step] = [
            float(walk.confidence[0]),
            float(probabilities[self.target_class]),
            float(rmse(walk.x, walk.targets)),
            float(rmse(walk.x, walk.sources)),
            float(moved),
        ]
        if self.step in self.wanted:
            self._keep()

    def _keep(self) -> None:
        self.frames[len(self.kept)] = self.walk.x[0].float().cpu().numpy()
        self.kept.append(self.step)
        probabilities = self.walk.logits[0].softmax(0)
        best = probabilities.topk(min(TOP, len(probabilities)))
        self.ranked.append((best.values.float().cpu(), best.indices.cpu()))

    def stay(self, steps: int) -> None:
        """The walk is stuck: every step to come is a rejected one."""
        while self.step < steps:
            self.note(moved=False)

    def result(self) -> Result:
        """Views so far: path, top and the curves."""
        confidence, noted_steps = self.rows[0], slice(self.step + 1)
        values, classes = (torch.stack(part).numpy() for part in zip(*self.ranked, strict=True))
        labels = self.case.model.labels
        return {
            "path": Path(
                self.frames[: len(self.kept)],
                confidence[self.kept],
                unit="probability",
                steps=np.array(self.kept),
            ),
            "top": Ranking(
                values,
                classes,
                tuple(tuple(labels[index] for index in row) for row in classes),
                unit="probability",
            ),
            **{
                name: Curve(
                    np.arange(self.step + 1, dtype=np.float32),
                    row[noted_steps],
                    x_label="step",
                    y_label=self._label(name),
                    unit=unit,
                )
                for row, (name, unit) in zip(self.rows, CURVES.items(), strict=True)
            },
        }

    def _label(self, name: str) -> str:
        labels = self.case.model.labels
        match name:
            case "source confidence":
                return f"confidence in {labels[self.case.source.target.index]}"
            case "target confidence":
                return f"confidence in {labels[self.target_class]}"
        return name

    def whole(self) -> Result:
        """All views: those of `result`, the end's image in full and the figures."""
        if self.kept[-1] != self.step:
            self._keep()
        end, confidence = (part.numpy() for part in self.walk.snapshot())
        return {
            **self.result(),
            "end": Path(end, confidence, unit="probability", steps=np.array([self.step])),
            "figures": self.figures(),
        }

    def figures(self) -> Table:
        """The numbers of the walk in one row."""
        walk = self.walk
        end, target, source = walk.x[0], walk.targets[0], walk.sources[0]
        rows = {name: row[: self.step + 1] for name, row in zip(CURVES, self.rows, strict=True)}
        moved = rows["accepted"][1:] > 0
        values = [
            float(walk.reference[0]),
            float(rows["source confidence"][-1]),
            float(rows["source confidence"].min()),
            float(rows["target confidence"][-1]),
            float(rows["rmse to target"][-1]),
            float(rows["rmse to source"][-1]),
            largest_change(end, target),
            largest_change(end, source),
            ssim(end, target),
            ssim(end, source),
            float(moved.mean()),
            nan if moved.all() else int(moved.argmin()) + 1,
            self.step,
        ]
        return Table.grid(
            np.array([values], np.float32), ("walk",), tuple(FIGURES), tuple(FIGURES.values())
        )
