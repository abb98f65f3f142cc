"""FGSM and PGD: steps along the gradient that stay in a ball around the image.

    x ← Π_ball( x − α step(∇m(x)) ),   m = z_y − log Σ_{j≠y} exp z_j   for the class y said first

∇m is parallel to the gradient of the cross-entropy, which becomes zero in float32 once p_y is near
1. The step is the sign in L∞, and the gradient over its length in L2. The L2 ball has the radius
ε/255 · √(3HW): the root mean square of the change is at most ε/255, so that one ε serves both.

Goodfellow, Shlens and Szegedy 2015, https://arxiv.org/abs/1412.6572; Madry et al. 2018,
https://arxiv.org/abs/1706.06083.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.attribution.one_class import refuse_one_class
from engine.attribution.robustness.scored import Rescored, seen_words
from engine.attribution.robustness.way import AttackTrajectory
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.method import Choice, Cost, Method, Progress, Slider, quiet, setting
from engine.core.result import Curve, Result
from engine.evaluation.measures.ball import NORMS, Ball
from engine.evaluation.measures.levels import levels_of, levels_to_pixels, round_change
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.differentiated import differentiated

FAR = 2.5  # times ε that all steps together can go, as Madry et al. have it


@dataclass(frozen=True, eq=False)
class MarginSlope:
    """What a model says of an image, with the margin of a class and its gradient.

    Args:
        image: (1, 3, H, W).
        logits: (C,).
        margin: m; below 0 it says only that all other classes together are likelier.
        slope: its gradient, of the image's shape.
        another: whether another class leads.
    """

    image: Tensor
    logits: Tensor
    margin: float
    slope: Tensor
    another: bool


Note = Callable[[int, MarginSlope], None]


def margin_slope(model: Classifier, images: Tensor, label: int) -> MarginSlope:
    """Of one image (1, 3, H, W), with m of the class `label`.

    Raises:
        DoesNotFit: the model gives no gradient.
        BlindspotError: the gradient is no number.
    """
    with torch.enable_grad():
        pixels = images.detach().requires_grad_()
        with differentiated(no_gradients(model)):
            logits = model.differentiable(1)(pixels)
        if not logits.requires_grad:
            raise no_gradients(model)
        others = torch.cat([logits[:, :label], logits[:, label + 1 :]], 1)
        margin = logits[0, label] - others.logsumexp(1)[0]
        (slope,) = torch.autograd.grad(margin, pixels)
        # m < 0 does not say so: all other classes together may outweigh one that still leads
        another = bool(others.amax(1)[0] > logits[0, label])
    if not bool(torch.isfinite(slope).all()):
        raise BlindspotError(
            f"The gradients of {model.title} are no numbers here: choose another image or model."
        )
    return MarginSlope(images, logits.detach()[0], float(margin.detach()), slope, another)


def descend(
    model: Classifier, ball: Ball, label: int, start: Tensor, steps: int, share: float, note: Note
) -> Tensor:
    """The image with the lowest margin among the start and so many steps from it.

    Those of which another class is said come first: with many classes a low margin may be without.
    """
    image, best, lowest = start, start, (True, np.inf)
    for step in range(steps + 1):
        current = margin_slope(model, image, label)
        note(step, current)
        # as pairs: False comes before True, and the margin decides among equals
        if (not current.another, current.margin) < lowest:
            best, lowest = image, (not current.another, current.margin)
        if step < steps:
            image = ball.project(image - ball.step(current.slope, share))
    return best


@dataclass(frozen=True)
class GradientAttack(Method[ImageCase]):
    """What FGSM and PGD share: the ball, and what is said of the image that was found."""

    family = "attribution"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"class", "gradient", "one of many"})
    revision = 2

    epsilon: int = setting(
        2,
        Slider(0, 64, 1, unit="/255"),
        "Largest change ε",
        "How far each value of each pixel may be from the original; 0 changes nothing. In L2 the "
        "root mean square of the change is bounded instead.",
    )
    norm: str = setting(
        "L∞",
        Choice(NORMS),
        "Norm",
        "L∞ bounds every value alike; L2 bounds their squares together, so that some may change "
        "more.",
    )

    @abstractmethod
    def found(self, case: ImageCase, ball: Ball, label: int, note: Note) -> Tensor:
        """The attacked image, (1, 3, H, W), before it is rounded."""

    @property
    @abstractmethod
    def passes(self) -> int:
        """How many forward and backward passes it takes."""

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: pictures, classes, figures, margin by step, and the way (`way.AttackTrajectory`).

        Raises:
            BlindspotError: the model has one class only, or no gradient here.
        """
        refuse_one_class(case.model)
        levels, margins = levels_of(case.image), []
        first_logits = case.model.logits(levels_to_pixels(levels)[None])[0]
        trajectory = AttackTrajectory(levels, first_logits, self.passes if self.epsilon else 0)

        def note(step: int, current: MarginSlope) -> None:
            margins.append(current.margin)
            trajectory.note(current.image[0], current.logits)
            progress(
                min(step / (self.passes + 1), 1.0), f"step {step}: margin {current.margin:.2f}"
            )

        form = case.model.pace("gradient").memory_format
        # the 8-bit image, so that rounding the result to levels need not leave the ball
        center = levels_to_pixels(levels)[None].to(case.model.device, memory_format=form)
        label = int(first_logits.argmax())
        ball = Ball(center, float(self.epsilon), self.norm)
        if self.epsilon:
            image = self.found(case, ball, label, note)[0]
        else:
            image = center[0]
            note(0, margin_slope(case.model, center, label))
        rescored = Rescored.of(case, levels, round_change(levels, image, self.epsilon, self.norm))
        progress(1.0, "asked again about the rounded image")
        steps = np.arange(len(margins), dtype=np.float32)
        curve = Curve(steps, np.array(margins, np.float32), "step", "margin", "logit")
        return {**rescored.views(), "margin": curve, **trajectory.views(rescored)}

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What the model says after the change, and whether it can be seen."""
        return attack_words(self, result)


@dataclass(frozen=True)
class FGSM(GradientAttack):
    """One step against the class that the model says, of the largest size allowed.

    Every value of the image moves by ε in the direction that lowers the model's first class most,
    as far as one look at the gradient tells. The changed image is rounded to 8 bits and the model
    is asked again. Where FGSM fails, PGD may still succeed: a failure here is no proof of safety.
    """

    name = "FGSM"
    title = "FGSM (one step)"
    paper = "Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572"
    proof = (
        "tests/engine/attribution/robustness/test_gradient_steps.py"
        "::test_on_a_linear_model_one_step_is_the_worst_change_there_is"
    )

    @property
    def passes(self) -> int:
        """The one for the step, and one that looks where it led."""
        return 2

    def found(self, case: ImageCase, ball: Ball, label: int, note: Note) -> Tensor:
        """One step from the image, wherever it leads."""
        center = margin_slope(case.model, ball.center, label)
        note(0, center)
        image = ball.project(ball.center - ball.step(center.slope, 1.0))
        note(1, margin_slope(case.model, image, label))
        return image


@dataclass(frozen=True)
class PGD(GradientAttack):
    """Many small steps against the class that the model says, none of them out of the ball.

    From a random start in the ball, each step lowers the margin of the model's first class over
    all others, and the ball keeps every value within ε of the original. The best image on the way
    is rounded to 8 bits, is still in the ball, and is asked about again in the exact model: only
    that answer counts. A class that survives may still fall to another attack.
    """

    name = "PGD"
    title = "PGD (many steps)"
    paper = "Madry et al. 2018, https://arxiv.org/abs/1706.06083"
    proof = (
        "tests/engine/attribution/robustness/test_gradient_steps.py"
        "::test_pgd_ends_where_a_plain_loop_of_the_formula_ends"
    )

    steps: int = setting(
        20, Slider(1, 100, 1), "Steps", "Each costs a forward and a backward pass."
    )

    @property
    def passes(self) -> int:
        """One for each step, and one that looks where the last led."""
        return self.steps + 1

    def found(self, case: ImageCase, ball: Ball, label: int, note: Note) -> Tensor:
        """So many steps from a random start, together 2.5 ε long."""
        start = ball.start(case.generator())
        return descend(case.model, ball, label, start, self.steps, FAR / self.steps, note)


def attack_words(method: GradientAttack, result: Mapping[str, Any]) -> str:
    """What an attack with a bound found, in a sentence or two."""
    figures, pictures = result["figures"], result["pictures"]
    before, after = pictures.caption(0, 0), pictures.caption(0, 2)
    bound = f"{method.epsilon}/255" + ("" if method.norm == NORMS[0] else " in the mean")
    if not method.epsilon:
        return f"Nothing is changed: it says {before}."
    if figures["another class"][0]:
        words = f"With changes of at most {bound} it says {after} instead of {before}."
    else:
        words = f"Changes of at most {bound} did not make it say another class: {after}."
    return words + seen_words(result)


def no_gradients(model: Classifier) -> DoesNotFit:
    """Why an attack that follows gradients cannot be asked of a model, and what can be."""
    return DoesNotFit(
        f"{model.title} gives no gradients, and this attack needs them: choose another model, or "
        "the feature-guided search, which only asks."
    )
