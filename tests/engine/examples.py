"""Three methods unlike the first: one trains, one hands over what it has so far, one takes a pair.

They show that the core carries such methods without special cases, and how they are written.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from engine.case import ImageCase, PairCase
from engine.method import Choice, Method, Progress, Slider, quiet, setting
from engine.result import Checkpoint, Curve, HeatMap, Path, Result


@dataclass(frozen=True)
class Train(Method[ImageCase]):
    """Teach a copy of the model to call noise by the target's name, for a few steps.

    The curve falls as it learns. The model that was asked about stays as it is; the new weights
    are a checkpoint with its parent's name.
    """

    name = "Train"
    family = "example"
    title = "A few steps of training"
    cost = "job"
    proof = "tests/engine/test_examples.py::test_training_lowers_the_loss_and_gives_a_checkpoint"

    steps: int = setting(5, Slider(1, 50, 1), "Steps", "How many batches it learns from.")
    rate: float = setting(
        0.05, Slider(0.001, 1.0, 0.001, log=True), "Rate", "How far one step goes."
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: model, a checkpoint; loss, before each step."""
        model = deepcopy(case.model).train().requires_grad_(requires_grad=True)
        generator = case.generator()
        side = case.model.side
        pixels = torch.rand(8, 3, side, side, generator=generator).to(case.model.device)
        target = torch.full((8,), case.target.index, device=case.model.device)
        optimizer = torch.optim.SGD(model.parameters(), lr=self.rate)
        losses = []
        for step in range(self.steps):
            loss = nn.functional.cross_entropy(model(pixels), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            progress((step + 1) / self.steps, f"step {step + 1} of {self.steps}")
        weights = {k: v.detach().cpu().numpy() for k, v in model.network.state_dict().items()}
        return {
            "model": Checkpoint(
                weights, case.model.fingerprint, self.full_name(), json.dumps(self.settings())
            ),
            "loss": Curve(
                np.arange(self.steps, dtype=np.float32),
                np.array(losses, np.float32),
                x_label="step",
                y_label="loss",
                unit="nat",
            ),
        }


@dataclass(frozen=True)
class Rows(Method[ImageCase]):
    """Brightness row by row, showing the rows done so far while it works.

    Rows that are not done are unknown (NaN) in what is handed over, and never in the answer.
    """

    name = "Rows"
    family = "example"
    title = "Row by row"
    cost = "wait"
    proof = "tests/engine/test_examples.py::test_a_partial_result_is_seen_and_never_is_the_answer"

    order: str = setting("down", Choice(("down", "up")), "Order", "Where it begins.")

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, the mean of the three colors."""
        bright = case.image.mean(0).numpy()
        values = np.full_like(bright, np.nan)
        rows = range(len(bright)) if self.order == "down" else range(len(bright))[::-1]
        for done, row in enumerate(rows, start=1):
            values[row] = bright[row]
            heat = HeatMap(values.copy(), unit="brightness", signed=False)
            progress(done / len(bright), f"row {row}", partial={"map": heat})
        return {"map": HeatMap(values, unit="brightness", signed=False)}


@dataclass(frozen=True)
class Walk(Method[PairCase]):
    """A straight walk from the source to each of the others, scored on the way.

    The score is the source's own class, in logits, so that the walk shows when it is left.
    """

    name = "Walk"
    family = "example"
    title = "Straight walk"
    cost = "wait"
    proof = "tests/engine/test_examples.py::test_a_walk_begins_at_the_source_and_ends_at_the_other"

    steps: int = setting(5, Slider(2, 50, 1), "Steps", "Images on the way, both ends included.")

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: walk_0, walk_1 …: one path to each of the others."""
        walks: dict[str, Path] = {}
        shares = torch.linspace(0, 1, self.steps)[:, None, None, None]
        for number, other in enumerate(case.others):
            frames = torch.lerp(case.source.image[None], other[None], shares)
            target = case.source.target
            scores = target.of(case.model.logits(frames))
            walks[f"walk_{number}"] = Path(frames.numpy(), scores.numpy(), unit=target.unit)
            progress((number + 1) / len(case.others), f"walk {number + 1}")
        return walks


METHODS = (Train, Rows, Walk)
