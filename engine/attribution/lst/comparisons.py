"""Other ways to the target, to hold the level-set walk against. None of them is the paper's."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.lst.method import FRAMES, FRAMES_HELP, batch_of_one, logged
from engine.attribution.lst.settings import STEPS, Guarded, TargetedWalk, Walking
from engine.attribution.lst.traversal import Traversal, Walk, margin
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result
from engine.vision.case import PairCase
from engine.vision.models.classifier import Classifier

PROOF = "tests/engine/attribution/lst/test_comparisons.py::"


@dataclass(frozen=True)
class StraightLine(Walking):
    """For comparison: the source is faded into the target, pixel by pixel, in equal steps.

    Nothing holds the confidence here, so it shows what a walk along the level set avoids: on the
    straight line the model soon sees something else. The confidence is a probability, distances
    are root mean squares of pixel values from 0 to 1.
    """

    name = "StraightLine"
    title = "Straight line (comparison)"
    proof = PROOF + "test_the_straight_line_is_the_line"

    steps: int = setting(200, STEPS, "Steps", "How many equal steps lead to the target.")
    frames: int = setting(24, FRAMES, "Frames", FRAMES_HELP)

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: those of the level-set walk."""
        self.check_case(case)
        return logged(
            Line(case.model, *batch_of_one(case), self.steps),
            case,
            self.steps,
            self.frames,
            progress,
        )


class Line(Walk):
    """The straight walk in so many steps."""

    def __init__(
        self, model: Classifier, source: Tensor, target: Tensor, own: Tensor, steps: int
    ) -> None:
        super().__init__(model, source, target, own)
        self.steps, self.taken = steps, 0

    def step(self) -> Tensor:
        """One more share of the way."""
        self.taken += 1
        self.x = torch.lerp(self.sources, self.targets, self.taken / self.steps)
        self.stand(self.x, slopes=False)
        return self.going


@dataclass(frozen=True)
class ConfidencePenalty(TargetedWalk):
    """For comparison: small steps that please the target image and the model's confidence at once.

    This is what one would try first: gradient descent on half the squared distance to the target
    plus λ times the cross-entropy of the source's class. Every step is kept. A small λ lets the
    confidence go, a large one stops the walk before the target. Units are those of the level-set
    walk: probability, and root mean squares of pixel values.
    """

    name = "ConfidencePenalty"
    title = "Confidence as a penalty (comparison)"
    paper = None
    proof = PROOF + "test_a_penalty_of_nothing_goes_to_the_target_and_a_large_one_stays"

    penalty: float = setting(
        10.0,
        Slider(0.1, 1000.0, step=0.1, log=True),
        "Penalty λ",
        "Weight of the confidence against the distance to the target.",
    )
    frames: int = setting(24, FRAMES, "Frames", FRAMES_HELP)

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: those of the level-set walk."""
        self.check_case(case)
        noise = self.start_noise(case.source)
        walk = Penalized(case.model, *batch_of_one(case), self.eta, self.penalty, noise)
        return logged(walk, case, self.steps, self.frames, progress)


class Penalized(Walk):
    """Gradient descent on ½ ‖x − x_t‖² + λ CE(f(x), y), within [0, 1]."""

    def __init__(
        self,
        model: Classifier,
        source: Tensor,
        target: Tensor,
        own: Tensor,
        eta: float,
        penalty: float,
        noise: Tensor | float = 0.0,
    ) -> None:
        super().__init__(model, source, target, own, noise)
        self.eta, self.penalty = eta, penalty

    def step(self) -> Tensor:
        """One step of the descent, always kept."""
        # −∇CE = (1 − p_y) ∇m; 1 − p_y as sigmoid(−m), since 1 − sigmoid(m) cancels near p_y = 1
        doubt = torch.sigmoid(-margin(self.logits, self.classes)).view(-1, 1, 1, 1)
        descent = self.targets - self.x + self.penalty * doubt * self.slopes()
        self.x = (self.x + self.eta * descent).clamp(0, 1)
        self.stand(self.x)
        return self.going


@dataclass(frozen=True)
class ProjectionOnly(Guarded):
    """For comparison: the level-set walk without its memory, by projection alone (ε = 0).

    Each step goes along the tangent of the level set, and since the set is curved the confidence
    slips a little each time. Nothing pulls it back: once a step would fall below the bound, the
    walk is stuck. Units are those of the level-set walk.
    """

    name = "ProjectionOnly"
    title = "Projection only (comparison)"
    proof = PROOF + "test_projection_only_is_the_walk_without_memory"

    frames: int = setting(24, FRAMES, "Frames", FRAMES_HELP)

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: those of the level-set walk."""
        self.check_case(case)
        noise = self.start_noise(case.source)
        walk = Traversal(case.model, *batch_of_one(case), self.rules(), noise)
        retries = self.stop == "retry"
        return logged(walk, case, self.steps, self.frames, progress, stays=retries)
