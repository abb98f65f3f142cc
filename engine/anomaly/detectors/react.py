"""ReAct: the energy after very high activations are cut off.

    score = − log Σ exp(min(z, τ) Wᵀ + b),   τ = the p-th percentile of all normal activations

Sun, Guo and Li, "ReAct: Out-of-distribution Detection With Rectified Activations" (2021),
https://arxiv.org/abs/2111.12797
"""

from dataclasses import dataclass

import numpy as np

from engine.anomaly.detectors.vim import require_head
from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, logsumexp
from engine.evaluation.detection.detector import Detector, Fitted, Scored

NEGATIVE = 0.05  # share of negative activations from which on a note is due


@dataclass(frozen=True)
class ReAct(Detector):
    """The energy after activations above what is common are cut off, in logits.

    Unusual images are said to owe their high logits to a few runaway activations. Its two terms are
    the plain energy and what the cut adds. It means little for networks whose last features can
    be negative.
    """

    name = "ReAct"
    title = "ReAct"
    paper = (
        "Sun, Guo and Li, ReAct: Out-of-distribution Detection With Rectified Activations (2021), "
        "https://arxiv.org/abs/2111.12797"
    )
    needs = frozenset({"normal", "head", "one of many"})
    unit = "logit"
    joined = "sum"
    proof = "tests/engine/anomaly/test_logits.py::test_without_a_cut_it_is_the_energy"

    percentile: float = setting(
        90.0,
        Slider(50.0, 100.0, 1.0, "%"),
        "Kept",
        "Share of all normal activations that lies below the cut.",
    )

    def fit(self, train: Bank) -> Fitted:
        require_head(train)
        negative = float((train.features < 0).mean())
        notes = (
            (f"{100 * negative:.0f} % of the features are negative; ReAct is made for rectifiers.",)
            if negative > NEGATIVE
            else ()
        )
        return Fitted(cut_at(float(np.percentile(train.features, self.percentile))).rule, notes)


def cut_at(level: float) -> Fitted:
    """ReAct with its cut at a level; at infinity it is the energy."""

    def rule(bank: Bank) -> Scored:
        head = require_head(bank)
        # one level for all dimensions, as published
        cut = logsumexp(np.minimum(bank.features, level) @ head.weight.T + head.bias)
        return Scored(-cut, {"energy": -bank.energy, "the cut": bank.energy - cut})

    return Fitted(rule)
