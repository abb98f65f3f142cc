"""What is kept of an attack's way: some of its images with what the model says, and curves.

Step 0 is the image itself. Images on the way are kept in whole gray levels, and the model's answers
are those to the exact ones; the last is the best of them, and was asked about in whole levels.
"""

import numpy as np
import torch
from torch import Tensor

from engine.attribution.robustness.scored import Rescored
from engine.core.result import Curve, Path, Ranking, Result
from engine.evaluation.measures.levels import levels_of, levels_to_pixels

FRAMES, LARGEST = 10, 15_000_000  # images that are kept, and their bytes
TOP = 5  # classes of each


class AttackTrajectory:
    """Images and answers on the way, added step by step.

    Args:
        levels: of the image, (3, H, W) int16.
        logits: of the image, (C,).
        steps: how many there will be.
    """

    def __init__(self, levels: Tensor, logits: Tensor, steps: int) -> None:
        self.levels = levels
        # one place stays free for the image that is found in the end
        frame_count = max(2, min(FRAMES, LARGEST // (4 * levels.numel()) - 1))
        self.wanted = {int(step) for step in np.linspace(0, steps, frame_count).round()}
        self.frames: list[Tensor] = []
        self.kept: list[int] = []
        self.shares: list[Tensor] = []
        self.apart: list[float] = []
        self.add(levels_to_pixels(levels), logits)

    def note(self, image: Tensor, logits: Tensor) -> None:
        """Add a step: its image (3, H, W) in [0, 1], and logits (C,).

        An attack that begins at the image itself takes no step there.
        """
        if len(self.shares) > 1 or not torch.equal(image.cpu(), levels_to_pixels(self.levels)):
            self.add(image, logits)

    def add(self, image: Tensor, logits: Tensor) -> None:
        """Add a step, whatever it is."""
        step, exact = len(self.shares), image.detach().cpu().double()
        if step in self.wanted:
            self.kept.append(step)
            self.frames.append(levels_to_pixels(levels_of(exact)))
        self.shares.append(logits.detach().float().cpu().softmax(0))
        self.apart.append(float((exact - levels_to_pixels(self.levels)).square().mean().sqrt()))

    def views(self, rescored: Rescored, goal: int | None = None) -> Result:
        """Path and top, of the images that are kept; confidences and distance, of all steps.

        Args:
            rescored: the image that was found.
            goal: the class that was wanted; without it, the first after the change that was not
                the first before.
        """
        self.wanted.add(len(self.shares))
        self.add(levels_to_pixels(self.levels + rescored.change), rescored.logits[1])
        source_label, shares, labels = (
            int(rescored.order[0, 0]),
            torch.stack(self.shares),
            rescored.labels,
        )
        if goal is None:
            goal = next(label for label in rescored.order[1].tolist() if label != source_label)
        best = shares[self.kept].topk(min(TOP, shares.shape[1]))
        classes = best.indices.numpy()
        confidences = {
            f"{name} confidence": curve(shares[:, index].numpy(), f"confidence in {labels[index]}")
            for name, index in (("source", source_label), ("target", goal))
        }
        return {
            "path": Path(
                torch.stack(self.frames).numpy(),
                shares[self.kept, source_label].numpy(),
                "probability",
                np.array(self.kept),
            ),
            "top": Ranking(
                best.values.numpy(),
                classes,
                tuple(tuple(labels[index] for index in row) for row in classes),
                "probability",
            ),
            **confidences,
            "rmse to source": curve(
                np.array(self.apart, np.float32), "rmse to source", "pixel value"
            ),
        }


def curve(values: np.ndarray, label: str, unit: str = "probability") -> Curve:
    """A value for every step."""
    return Curve(np.arange(len(values), dtype=np.float32), values, "step", label, unit)
