"""GEN: the generalized entropy of the model's highest probabilities; the higher, the more unusual.

    score = Σ_m p_m^γ (1 − p_m)^γ   over the M highest probabilities p_1 ≥ p_2 ≥ …

Liu et al., "GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection" (CVPR 2023),
https://openaccess.thecvf.com/content/CVPR2023/html/Liu_GEN_Pushing_the_Limits_of_Softmax-Based_Out-of-Distribution_Detection_CVPR_2023_paper.html
"""

from dataclasses import dataclass

import numpy as np

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles, softmax
from engine.evaluation.detection.detector import Detector, Fitted, Scored


@dataclass(frozen=True)
class GEN(Detector):
    """How far the highest probabilities are from 0 and 1; 0 when one class has all of it.

    A small γ makes small probabilities count: a sure answer with a little left over for other
    classes scores visibly higher than one with nothing left. The rarest classes are left out,
    because their probabilities are mostly noise. Scores of models with different numbers of classes
    cannot be compared.
    """

    name = "GEN"
    title = "GEN"
    paper = (
        "Liu et al., GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection "
        "(CVPR 2023), https://openaccess.thecvf.com/content/CVPR2023/html/"
        "Liu_GEN_Pushing_the_Limits_of_Softmax-Based_Out-of-Distribution_Detection_CVPR_2023_"
        "paper.html"
    )
    unit = "generalized entropy"
    needs = Detector.needs | {"one of many"}
    proof = "tests/engine/anomaly/test_logits.py::test_it_is_the_sum_written_out_by_hand"

    gamma: float = setting(
        0.1, Slider(0.05, 1.0, 0.05), "γ", "The lower, the more small probabilities count."
    )
    top: int = setting(
        100,
        Slider(1, 1000, 1, log=True),
        "Classes M",
        "How many of the highest probabilities count; all where the model has fewer classes.",
    )

    def fit(self, train: Bank) -> Fitted:  # noqa: ARG002
        """Nothing is fitted."""

        def rule(bank: Bank) -> Scored:
            score = generalized_entropy(softmax(bank.logits), self.gamma, self.top)
            return Scored(score, {"entropy": score})

        return Fitted(rule)


def generalized_entropy(probabilities: Doubles, gamma: float, top: int) -> Doubles:
    """The sum over the `top` highest of the probabilities (N, classes), (N,)."""
    ordered = np.sort(probabilities, axis=1)[:, ::-1]
    # p₂ and smaller are at most ½, where this difference is exact enough
    rest = 1 - ordered
    rest[:, 0] = ordered[:, 1:].sum(1)  # 1 − p_1 without cancellation, for a very sure network
    return np.asarray(((ordered * rest)[:, :top] ** gamma).sum(1))
