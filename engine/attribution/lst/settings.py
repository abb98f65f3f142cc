"""The settings that walks share, and the way from a case with settings to walks.

Images are in [0, 1] and every length is in those units. Walks ask for a class: that of the
source's target. Its reading (logit, probability, margin) changes nothing, and a contrast of two
classes is refused.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.attribution.lst.traversal import WalkRules
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.method import Choice, Cost, Method, Slider, Switch, setting
from engine.vision.case import ImageCase, PairCase

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
class Walking(Method[PairCase]):
    """Whatever is asked about a source and so many targets."""

    family = "attribution"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"class", "gradient", "one of many", "pair"})

    targets: ClassVar[tuple[int, int]] = (1, 1)  # the fewest and the most it takes

    def check_case(self, case: PairCase) -> None:
        """Raise, in a sentence, when a walk from this source to these targets makes no sense."""
        check_images(case, self.targets)
        check_class(case.source)


@dataclass(frozen=True)
class TargetedWalk(Walking):
    """A walk in steps towards the target, from a source with a little noise on it."""

    paper: ClassVar[str | None] = PAPER

    eta: float = setting(
        0.02,
        Slider(0.002, 0.1, step=0.001, log=True),
        "Step η",
        "Share of the way to the target that one step goes; the paper takes 0.01.",
    )
    steps: int = setting(200, STEPS, "Steps", STEPS_HELP)
    noise: int = setting(
        4,
        Slider(0, 8, step=1, unit="/255"),
        "Start noise",
        "Width of the uniform noise on the source: it moves off places without any slope.",
    )

    def start_noise(self, case: ImageCase) -> Tensor:
        """The noise on the source (3, H, W), the same for every walk of a case."""
        unit = torch.rand(case.image.shape, generator=case.generator())
        # moves the start off spots where the gradient is exactly zero
        return self.noise / 255 * (unit - 0.5)


@dataclass(frozen=True)
class Guarded(TargetedWalk):
    """A walk that keeps a step only when the confidence holds."""

    delta: float = setting(
        0.2,
        Slider(0.01, 0.5, step=0.01),
        "Largest fall δ",
        "How far the confidence may fall below that of the source.",
    )
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

    def rules(self) -> WalkRules:
        """The rules of the traversal: no memory here."""
        return WalkRules(self.eta, None, self.delta, self.stop, self.adaptive)


@dataclass(frozen=True)
class LevelSet(Guarded):
    """A walk by the whole algorithm, with the memory that pulls the confidence back up."""

    epsilon: float | None = setting(
        0.002,
        Slider(0.0001, 0.02, step=0.0001, log=True, off="off"),
        "Pull back ε",
        "Bound, for each pixel and step, of the push that brings a falling confidence back up.",
    )

    def rules(self) -> WalkRules:
        """The rules of the traversal."""
        return WalkRules(self.eta, self.epsilon, self.delta, self.stop, self.adaptive)


def check_images(case: PairCase, allowed: tuple[int, int]) -> None:
    """Raise when there are too few or too many images, or the same one twice at a walk's ends."""
    low, high = allowed
    if not low <= len(case.others) <= high:
        words = f"{low}" if low == high else f"{low} to {high}"
        plural = "s" if high > 1 else ""
        message = f"Choose {words} target image{plural} for this view, not {len(case.others)}."
        raise DoesNotFit(message)
    if any(torch.equal(case.source.image, other) for other in case.others):
        raise BlindspotError("Source and target are the same image: choose another target.")
    if len(case.model.labels) < 2:
        message = f"{case.model.title} has only one class, so its confidence never changes."
        raise BlindspotError(message)


def check_class(source: ImageCase) -> None:
    """Raise when the model does not see the class that is asked for in the source."""
    labels, expected = source.model.labels, source.target.index
    if source.target.versus is not None:
        raise DoesNotFit("A level set holds one class's confidence: choose a class, no contrast.")
    predicted = int(source.model.logits(source.image[None])[0].argmax())
    if predicted != expected:
        message = (
            f"{source.model.title} sees {labels[predicted]} in the source, not {labels[expected]}: "
            f"choose {labels[predicted]} as its class, or another image."
        )
        raise DoesNotFit(message)
