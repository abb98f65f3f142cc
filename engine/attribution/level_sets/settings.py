"""The settings that walks share, and the way from a case with settings to walks.

Images are in [0, 1] and every length is in those units. Walks ask for a class: that of the
source's target. Its reading (logit, probability, margin) changes nothing, and a contrast of two
classes is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.attribution.level_sets.traversal import Rules, Traversal
from engine.case import ImageCase, PairCase
from engine.errors import BlindspotError, DoesNotFit
from engine.method import Choice, Method, Progress, Slider, Switch, setting
from engine.models.classifier import Classifier
from engine.models.pace import in_batches

PAPER = "Balasubramanian et al. 2023, https://arxiv.org/abs/2310.19889"
PUBLISHED: dict[str, Any] = {
    "eta": 0.01,
    "steps": 400,
    "epsilon": 0.002,
    "delta": 0.2,
    "noise": 4,
    "stop": "retry",
    "adaptive": False,
}
STEPS = Slider(20, 600, step=20)
STEPS_HELP = "How many steps the walk takes; each shortens what is left of the way by η."


@dataclass(frozen=True)
class Stepping(Method[PairCase]):
    """A walk in steps towards the target, from a source with a little noise on it."""

    family = "attribution"
    cost = "wait"
    paper = PAPER
    needs = frozenset({"gradient"})

    eta: float = setting(
        0.02,
        Slider(0.002, 0.1, step=0.001, log=True),
        "Step η",
        "Share of the way to the target that one step goes; the paper takes 0.01.",
    )
    steps: int = setting(200, STEPS, "Steps", STEPS_HELP)
    delta: float = setting(
        0.2,
        Slider(0.01, 0.5, step=0.01),
        "Largest fall δ",
        "How far the confidence may fall below that of the source.",
    )
    noise: int = setting(
        4,
        Slider(0, 8, step=1, unit="/255"),
        "Start noise",
        "Width of the uniform noise on the source: it moves off places without any slope.",
    )

    def start_noise(self, case: ImageCase) -> Tensor:
        """The noise on the source (3, H, W), the same for every walk of a case."""
        unit = torch.rand(case.image.shape, generator=case.generator())
        return self.noise / 255 * (unit - 0.5)


@dataclass(frozen=True)
class Guarded(Stepping):
    """A walk that keeps a step only when the confidence holds."""

    stop: str = setting(
        "retry",
        Choice(("retry", "first")),
        "After a rejected step",
        "Stay and try again, as the authors' code does, or end there, as the paper says.",
    )
    adaptive: bool = setting(
        False,
        Switch(),
        "Adaptive step",
        "Longer steps while the confidence holds easily, shorter ones after a rejected step.",
    )

    def rules(self) -> Rules:
        """The rules of the traversal: no memory here."""
        return Rules(self.eta, None, self.delta, self.stop, self.adaptive)


@dataclass(frozen=True)
class LevelSet(Guarded):
    """A walk by the whole algorithm, with the memory that pulls the confidence back up."""

    epsilon: float | None = setting(
        0.002,
        Slider(0.0001, 0.02, step=0.0001, log=True, off="off"),
        "Pull back ε",
        "Bound, for each pixel and step, of the push that brings a falling confidence back up.",
    )

    def rules(self) -> Rules:
        """The rules of the traversal."""
        return Rules(self.eta, self.epsilon, self.delta, self.stop, self.adaptive)

    def ends(self, case: PairCase, progress: Progress, share: float) -> Tensor:
        """The blind spots (n, 3, H, W) on the way to each target, walked a batch at a time.

        Args:
            case: the source and its targets.
            progress: told up to `share`.
            share: what part of the whole work this is.
        """
        check_pair(case)
        count = len(case.others)
        sources = case.source.image.expand(count, -1, -1, -1)
        classes = torch.full((count,), case.source.target.index)
        return self.end_images(case.source, sources, torch.stack(case.others), classes)(
            progress, share
        )

    def end_images(
        self, case: ImageCase, sources: Tensor, targets: Tensor, classes: Tensor
    ) -> Walks:
        """Walks of any pairs, all with the case's model and noise."""
        return Walks(case.model, sources, targets, classes, self, self.start_noise(case))


@dataclass(frozen=True, eq=False)
class Walks:
    """Many walks of which only the ends matter."""

    model: Classifier
    sources: Tensor
    targets: Tensor
    classes: Tensor
    method: Guarded
    noise: Tensor

    def __call__(self, progress: Progress, share: float) -> Tensor:
        """The end of each walk (n, 3, H, W), float32 on the CPU."""
        ends = torch.empty(self.targets.shape)
        count = len(ends)

        def run(start: int, end: int) -> None:
            walk = Traversal(
                self.model,
                self.sources[start:end],
                self.targets[start:end],
                self.classes[start:end],
                self.method.rules(),
                self.noise,
            )
            for step in steps_of(walk, self.method.steps):
                done = (start + (end - start) * step / self.method.steps) / count
                progress(done * share, f"walking to {end - start} of {count}, step {step}")
            ends[start:end] = walk.x

        in_batches(count, self.model.pace("gradient").batch, run, self.model.title)
        progress(share, "walked")
        return ends


def steps_of(walk: Traversal, steps: int) -> Iterator[int]:
    """Take the steps one by one, until none can move anything; their numbers."""
    for step in range(1, steps + 1):
        if walk.ended:
            return
        walk.step()
        yield step


def check_pair(case: PairCase) -> None:
    """Raise, in a sentence, when walks from this source to these targets make no sense."""
    source, labels = case.source, case.model.labels
    if len(labels) < 2:
        message = f"{case.model.title} has only one class, so its confidence never changes."
        raise BlindspotError(message)
    if source.target.versus is not None:
        raise DoesNotFit("A level set holds one class's confidence: choose a class, no contrast.")
    if any(torch.equal(source.image, other) for other in case.others):
        raise BlindspotError("Source and target are the same image: choose another target.")
    asked = source.target.index
    seen = int(case.model.logits(source.image[None])[0].argmax())
    if seen != asked:
        message = (
            f"{case.model.title} sees {labels[seen]} in the source, not {labels[asked]}: "
            f"choose {labels[seen]} as its class, or another image."
        )
        raise DoesNotFit(message)
