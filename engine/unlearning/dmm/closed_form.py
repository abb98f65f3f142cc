"""Where forgetting has a formula: a linear layer that is told to forget, beside one retrained.

Georgiev et al., "Attribute-to-Delete" (2024), https://arxiv.org/abs/2410.23232. The block formula
is that of leaving images out of a regression (Cook and Weisberg 1982); see `heads`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BadModel, BlindspotError
from engine.core.method import Case, Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.forgetting.klom import Doubles
from engine.unlearning.case import ForgetCase
from engine.unlearning.diagnostics.base import features
from engine.unlearning.dmm.closed_claims import (
    ALONE,
    ASCENT,
    DATAMODEL,
    NEWTON,
    NOTHING,
    ORACLE,
    TOGETHER,
    TUNING,
    claims,
    percent,
)
from engine.unlearning.dmm.direct import GROUPS, images_setting, sample_groups
from engine.unlearning.dmm.heads import (
    HEADS,
    LOGISTIC,
    RIDGE,
    newton,
    remove_images,
    slope,
    train_head,
)
from engine.vision.data import DataSet
from engine.vision.models.threads import one_thread

LAYER, PIXELS = "last layer", "pixels"
SIDE = 16  # px of the pixels
MOMENTUM = 0.9
CURVE_POINTS = 40  # places of a curve
AWAY = 100.0  # times as far as nothing done: a curve ends there
FLAT = 1e-6  # a standard deviation below which a feature says nothing
MOST_WORK = 2e10  # images · features² · classes: half a minute
SOLVING = 1 / 30  # what forgotten images³ count beside that


@dataclass(frozen=True)
class ClosedForm(Method[ForgetCase]):
    """A linear layer that forgets by a formula, beside one that is trained again without it all.

    Two layers are fitted on features that stay as they are: ridge regression, and logistic
    regression of each class against the rest. What retraining would change in them can be computed.
    For ridge the formula is exact, however many images go; for logistic regression it is one step
    of Newton, and a few more are exact too. Adding up what each image does alone, as a datamodel
    does, is exact for one image and the worse the more alike the images are. Only this layer
    forgets: where its features come from a model that learned from the images, these still carry
    them; on pixels only the means and spreads do, which are those of all training images.
    """

    name = "ClosedForm"
    family = "unlearning"
    title = "Closed form: a linear layer forgets exactly"
    cost = "wait"
    revision = 2  # who is there before whom is told by the first step there
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    proof = (
        "tests/engine/unlearning/dmm/test_closed_form.py"
        "::test_its_changes_are_those_of_layers_that_are_fitted_again_by_scikit_learn"
    )

    features: str = setting(
        LAYER,
        Choice((LAYER, PIXELS)),
        "Features",
        "What the layer sees: what the model's own last layer sees, or gray pixels, at most "
        f"{SIDE} a side. Both are standardized over the training images.",
    )
    penalty: float = setting(
        10.0,
        Slider(0.01, 1000.0, 0.01, log=True),
        "Ridge",
        "How strongly weights are drawn to 0, λ.",
    )
    steps: int = setting(
        1000,
        Slider(10, 3000, 10, log=True),
        "Steps",
        "Of gradient descent, to compare with; over all images, with momentum.",
    )
    images: int = images_setting()

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        if (reason := super().unmet(case)) or not isinstance(case, ForgetCase):
            return reason
        try:
            _ = case.model.head
        except BadModel:
            return "it needs a model that ends in a linear layer, and this one does not."
        return ""

    def __call__(self, case: ForgetCase, progress: Progress = quiet) -> Result:
        """Views: images, a row for each looked at; left, a row for each way; steps, by step.

        Images: id, group (0 forgotten, 1 stays, 2 test), and of both layers the change of its
        label's score: true (trained again), together and alone (the two formulas). Left: the root
        mean square of what scores of each group are off the layer that was trained again, and the
        largest of all images. Steps: what is left of the distance on forgotten images, as a share,
        for Newton's steps, matching of the exact scores and of those of the additive formula,
        fine-tuning on what stays, and ascent; AWAY once that far. Claims: whether each is so here
        (1 or 0), with its figures as a note.
        """
        data, splits = case.data, case.splits
        check(len(splits.train), self.width(case), len(data.classes), len(splits.forget))
        x = self.inputs(case, part_of(progress, 0.0, 0.3, lead="features"))
        y = F.one_hot(data.targets(), len(data.classes)).double()
        forget_places = torch.from_numpy(np.flatnonzero(np.isin(splits.train, splits.forget)))
        rows, group = sample_groups(case, self.images)
        label_column = torch.from_numpy(data.labels[rows])[:, None]
        images: dict[str, Any] = {"id": (data.ids[rows], ""), "group": (group, "")}
        deviation_norms: dict[str, Any] = {}
        steps: dict[str, Any] = {"step": (curve_steps(self.steps), "")}
        for place, kind in enumerate(HEADS):
            low, high = (0.3 + 0.35 * (place + end) for end in (0, 1))
            done = part_of(progress, low, high, lead=kind)
            with one_thread():
                full_head = train_head(kind, x[splits.train], y[splits.train], self.penalty)
                retrained_head = train_head(kind, x[splits.retain], y[splits.retain], self.penalty)
                done(0.3, "trained twice")
                together, alone = remove_images(
                    kind, x[splits.train], y[splits.train], full_head, forget_places, self.penalty
                )
                ways = {"true": retrained_head, "together": together, "alone": alone}
                for name, weights in ways.items():
                    change = (x[rows] @ (weights - full_head)).gather(1, label_column)[:, 0]
                    images[f"{kind} {name}"] = (change.numpy(), "")
                off = {
                    NOTHING: x @ (full_head - retrained_head),
                    ALONE: x @ (alone - retrained_head),
                }
                off[TOGETHER] = x @ (together - retrained_head)
                for name in GROUPS:
                    part = getattr(splits, name)
                    sizes = [size(off[way][part]) for way in off]
                    deviation_norms[f"{kind}, {name}"] = (sizes, "")
                deviation_norms[f"{kind}, largest"] = (
                    [float(deviation.abs().max()) for deviation in off.values()],
                    "",
                )
                curves = self.curves(case, kind, x, y, full_head, retrained_head, alone, done)
            steps |= {f"{kind}, {way}": (curve, "share") for way, curve in curves.items()}
        progress(1.0, "compared")
        off_by = Table.of(deviation_norms, (NOTHING, ALONE, TOGETHER))
        by_step = Table.of(steps)
        return {
            "images": Table.of(images),
            "left": off_by,
            "steps": by_step,
            "claims": claims(off_by, by_step),
        }

    def width(self, case: ForgetCase) -> int:
        """D + 1, how many features `inputs` has of an image."""
        if self.features == LAYER:
            return case.model.head.in_features + 1
        height, width = case.data.images.shape[2:]
        return (SIDE**2 if width > SIDE else height * width) + 1

    def inputs(self, case: ForgetCase, progress: Progress) -> Tensor:
        """Features of every image, (N, D + 1), standardized, the last of them 1."""
        all_rows = np.arange(len(case.data))
        if self.features == PIXELS:
            result = gray(case.data)
        else:
            result = features(case.model, case.data, all_rows, progress).double()
        train_features = result[case.splits.train]
        # of all training images, forgotten ones too: both layers see the same inputs
        spread = train_features.std(0, correction=0)
        centered = (result - train_features.mean(0)) / spread.clamp(min=FLAT)
        # divided by FLAT, an image off the training's constant would be huge
        centered[:, spread < FLAT] = 0
        return torch.cat([centered, torch.ones(len(result), 1, dtype=torch.float64)], 1)

    def curves(
        self,
        case: ForgetCase,
        kind: str,
        x: Tensor,
        y: Tensor,
        full_head: Tensor,
        retrained_head: Tensor,
        alone: Tensor,
        progress: Progress,
    ) -> dict[str, Doubles]:
        """What is left of the distance to the retrained layer, at each place of each way."""
        reads = curve_steps(self.steps)
        forget, retain, train = (
            torch.from_numpy(split_rows)
            for split_rows in (case.splits.forget, case.splits.retain, case.splits.train)
        )
        inner = x[train].T @ x[train]
        # 1/L for ridge, and at most that for logistic regression, whose p (1 − p) is at most ¼
        pace = 1 / (torch.linalg.eigvalsh(inner)[-1] + self.penalty)
        pulls: dict[str, Callable[[Tensor], Tensor]] = {
            # slope of ½ ‖X (w − goal)‖²: scores are matched, on all training images
            ORACLE: lambda weights: inner @ (weights - retrained_head),
            DATAMODEL: lambda weights: inner @ (weights - alone),
            TUNING: lambda weights: slope(kind, x[retain], y[retain], weights, self.penalty),
            ASCENT: lambda weights: -slope(kind, x[forget], y[forget], weights, 0.0),
        }
        runs = {NEWTON: newton(kind, x[retain], y[retain], full_head, self.penalty)}
        runs |= {way: descent(pull, full_head, float(pace)) for way, pull in pulls.items()}
        before, result = size(x[forget] @ (full_head - retrained_head)), {}
        for place, (way, weights) in enumerate(runs.items()):
            off = [
                size(x[forget] @ (step_weights - retrained_head))
                for step_weights in at_places(weights, reads)
            ]
            share = np.array(off) / before if before else np.full(len(off), np.nan)
            # negated, so that it holds for no number too, which ascent comes to
            if before and len(far := np.flatnonzero(~(share < AWAY))):
                share[far[0] :] = AWAY
            result[way] = share
            progress(0.3 + 0.7 * (place + 1) / len(runs), way)
        return result

    def finding(self, case: ForgetCase, result: Mapping[str, Any]) -> str:
        """What the formulas leave, beside what each image alone leaves."""
        table: Table = result["left"]
        step, alone = remains(table, LOGISTIC, TOGETHER), remains(table, RIDGE, ALONE)
        if np.isnan(step) or np.isnan(alone):
            return f"Without {case.request.words} a linear layer on these features stays the same."
        largest = table.cell(TOGETHER, f"{RIDGE}, largest")
        return (
            f"For a ridge layer the formula is retraining itself (off by {largest:.0e} at most); "
            f"adding up single images leaves {percent(alone)} of the change. For a logistic layer "
            f"a step of Newton leaves {percent(step)}."
        )


def gray(data: DataSet) -> Tensor:
    """Gray pixels of every image, (N, pixels), at most SIDE a side."""
    images = data.pixels().mean(1, keepdim=True)
    if images.shape[-1] > SIDE:
        images = F.adaptive_avg_pool2d(images, SIDE)
    return images.flatten(1).double()


def check(images: int, width: int, classes: int, gone: int) -> None:
    """Raises BlindspotError where it would take minutes."""
    if (images * width**2 + SOLVING * gone**3) * classes > MOST_WORK:
        raise BlindspotError(
            f"The formulas take too long for {images:,} images with {width:,} features, "
            f"{classes} classes and {gone:,} images to be forgotten: choose pixels, fewer images, "
            "or a smaller model."
        )


def curve_steps(steps: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Steps at which curves are read, closer at the beginning."""
    return np.unique(np.round(np.geomspace(1, steps, CURVE_POINTS))).astype(np.int64)


def descent(pull: Callable[[Tensor], Tensor], start: Tensor, pace: float) -> Iterator[Tensor]:
    """Weights after each step against the pull, with momentum, without end."""
    weights, speed = start, torch.zeros_like(start)
    while True:
        speed = MOMENTUM * speed - pace * pull(weights)
        weights = weights + speed
        yield weights


def at_places(weights: Iterator[Tensor], step_counts: Iterable[int]) -> Iterator[Tensor]:
    """The weights after each wanted number of steps; the last there are where these are fewer."""
    current, taken = next(weights), 1
    for place in step_counts:
        while taken < place and (further := next(weights, None)) is not None:
            current, taken = further, taken + 1
        yield current


def size(off: Tensor) -> float:
    """A root mean square; NaN of nothing."""
    return float(off.square().mean().sqrt())


def remains(table: Table, kind: str, way: str, group: str = GROUPS[0]) -> float:
    """What a formula leaves of the change on a group of images, as a share; NaN without one."""
    before, after = (table.cell(row, f"{kind}, {group}") for row in (NOTHING, way))
    return after / before if before > 0 else float("nan")
