"""How much each weight counts for some images: the mean square of batch gradients.

I_S[i] = (1/B) Σ_b (∂CE_mean(f(x_b), y_b) / ∂θ_i)² over the B batches of S, in eval mode: an
empirical Fisher by batches, so that its scale depends on the batch size, which is the same for both
sets. Without labels, ‖f(x)‖² of the logits stands for the loss, and sizes of gradients for squares.

Foster et al., "Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening"
(2024), https://arxiv.org/abs/2308.07707; label-free: Foster et al. 2024, arXiv:2402.19308.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BadSetting
from engine.core.method import Method, Progress, Slider, Switch, quiet, setting
from engine.core.result import Array, Field, Floats, Result, Table, WeightScores
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways import clock
from engine.unlearning.ways.network import (
    images_and_labels,
    in_parts,
    named_weights,
    own_copy,
    slopes,
)
from engine.unlearning.ways.seen import RecordedData
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import Passes, counting_passes
from engine.vision.models.threads import one_thread

SETS = ("forget", "train")
TINY = 1e-30


def batch_setting() -> int:
    """How many images a gradient is of."""
    return setting(
        64,
        Slider(1, 512, 1, log=True),
        "Batch",
        "Images to a gradient; another size gives importances of another scale.",
    )


def label_free_setting() -> bool:
    """Whether labels are looked at."""
    return setting(False, Switch(), "Label-free", "The size of the logits stands for the loss.")


@dataclass(frozen=True)
class Importance(Method[ForgetCase]):
    """How much each weight counts for the forgotten images, and for all training images.

    Both lie on scales over many decades: look at their ratio. Weights above the line of a ratio
    count for the forgotten images out of proportion, and are what SSD dampens. Computed once; the
    sliders of SSD only move lines.
    """

    name = "Importance"
    family = "unlearning"
    title = "Importance of weights"
    cost = "live"
    paper = "Foster et al. 2024, https://arxiv.org/abs/2308.07707"
    revision = 2
    proof = (
        "tests/engine/unlearning/ssd/test_ssd.py::test_importances_are_mean_squares_of_batch_means"
    )

    batch: int = batch_setting()
    label_free: bool = label_free_setting()

    def __call__(self, case: ForgetCase, progress: Progress = quiet) -> Result:
        """Views: forget and train, an importance of every weight; run, cost of each pass."""
        model, data = own_copy(case.model), RecordedData.of(case.data)
        results: dict[str, WeightScores] = {}
        seconds, samples, bills = [], [], []
        for number, name in enumerate(SETS):

            def report(
                done: float, words: str = "", partial: object = None, at: int = number
            ) -> None:
                del partial
                progress((at + done) / len(SETS), words)

            start, before = clock.now(model), int(data.seen.sum())
            # begun anew for each set: the order of one does not hang on the other having been drawn
            rng = np.random.default_rng([case.seed, 24])
            parts = in_parts(getattr(case.splits, name), self.batch, rng)
            with counting_passes(passes := Passes()):
                values = importance(model, data, parts, label_free=self.label_free, progress=report)
            bills.append(passes)
            results[name] = WeightScores(values, "" if self.label_free else "nat²", "sum")
            seconds.append(clock.now(model) - start)
            samples.append(int(data.seen.sum()) - before)
        run = {
            "seconds": (seconds, "s"),
            "samples": (samples, ""),
            "forward": ([bill.forward for bill in bills], ""),
            "backward": ([bill.backward for bill in bills], ""),
        }
        return {**results, "run": Table.of(run, SETS)}


def importance(
    model: Classifier,
    data: DataSet,
    parts: list[Rows],
    *,
    label_free: bool = False,
    progress: Progress = quiet,
) -> dict[str, Array]:
    """The importance of every weight for some batches; the model is one's own, in eval mode."""
    total = {name: torch.zeros_like(weight) for name, weight in named_weights(model).items()}
    for done, rows in enumerate(parts, start=1):
        with one_thread(), torch.enable_grad():
            pixels, targets = images_and_labels(model, data, rows)
            logits = model(pixels)
            loss = (logits**2).sum(1).mean() if label_free else F.cross_entropy(logits, targets)
            for name, slope in slopes(loss, model).items():
                # squares of batch means, as published: by image they would need a gradient of each
                total[name] += slope.abs() if label_free else slope**2
        progress(done / len(parts), f"batch {done} of {len(parts)}")
    return {name: (sums.detach() / len(parts)).cpu().numpy() for name, sums in total.items()}


def dampening(
    forget: Mapping[str, Array], train: Mapping[str, Array], ratio: float, strength: float
) -> dict[str, Tensor]:
    """β of every weight: min(λ I_D / I_f, 1) where I_f > α I_D, 1 elsewhere.

    Args:
        forget: I_f by name.
        train: I_D by name.
        ratio: α; infinite for none.
        strength: λ.
    """
    factors = {}
    for name, forget_importance in forget.items():
        chosen = above(forget_importance, train[name], ratio)
        # only where chosen, so that I_f is above 0: elsewhere this may be 0 / 0
        share = np.divide(
            strength * train[name],
            forget_importance,
            out=np.ones_like(forget_importance),
            where=chosen,
        )
        # a weight is never made larger, whatever λ
        factors[name] = torch.from_numpy(np.minimum(share, 1))
    return factors


def above(forget: Array, train: Array, ratio: float) -> NDArray[np.bool_]:
    """Where I_f > α I_D; nowhere for an infinite α."""
    # ∞ · 0 is no number
    return forget > ratio * train if isfinite(ratio) else np.zeros(forget.shape, np.bool_)


def threshold_for(forget: Mapping[str, Array], train: Mapping[str, Array], share: float) -> float:
    """The α above which that share of all weights lies, so that about as many are dampened.

    An addition of ours, where the paper's α does not fit. Raises
    BadSetting when the share is none.
    """
    if not 0 < share < 1:
        raise BadSetting(f"A share of {share:g} cannot be dampened: choose more than 0, below 1.")
    forget_values, train_values = flat(forget), flat(train)
    # without a gradient on forgotten images the ratio is 0, also where it would be 0 / 0
    has_importance = forget_values > 0
    ratios = np.zeros(len(forget_values))
    ratios[has_importance] = forget_values[has_importance] / np.maximum(
        train_values[has_importance], TINY
    )
    return float(np.quantile(ratios, 1 - share))


def plane(forget: Mapping[str, Array], train: Mapping[str, Array], bins: int = 60) -> Field:
    """How many weights have which two importances, on a grid of their decadic logarithms.

    Weights of no importance for either set are left out: they have no place on such a scale.
    """
    forget_values, train_values = flat(forget), flat(train)
    has_importance = (forget_values > 0) & (train_values > 0)
    counts, x, y = np.histogram2d(
        np.log10(train_values[has_importance]), np.log10(forget_values[has_importance]), bins=bins
    )
    return Field(
        counts.T.astype(np.float32),
        middles(x),
        middles(y),
        "log₁₀ importance for all",
        "log₁₀ importance for the forgotten",
        "weights",
    )


def middles(edges: NDArray[np.float64]) -> Floats:
    """The middle of each bin."""
    return ((edges[1:] + edges[:-1]) / 2).astype(np.float32)


def damping_table(
    forget: Mapping[str, Array], train: Mapping[str, Array], ratio: float, strength: float
) -> Table:
    """What a threshold α and a strength λ would dampen, a row for each parameter."""
    factors = dampening(forget, train, ratio, strength)
    chosen = {name: above(forget[name], train[name], ratio) for name in factors}
    mean_factors = [
        float(factor[torch.from_numpy(chosen[name])].mean()) if chosen[name].any() else 1.0
        for name, factor in factors.items()
    ]
    columns = {
        "weights": ([factor.numel() for factor in factors.values()], ""),
        "chosen": ([float(mask.mean()) for mask in chosen.values()], "share"),
        "left": (mean_factors, "share"),
    }
    return Table.of(columns, tuple(factors))


def flat(values: Mapping[str, Array]) -> NDArray[np.float64]:
    """All weights in one row, double."""
    return np.concatenate([array.ravel() for array in values.values()]).astype(np.float64)
