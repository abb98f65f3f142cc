"""MaxLogit: the highest logit; the lower, the more unusual.

    score = − max_c l_c

Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings" (2022),
https://arxiv.org/abs/1911.11132
"""

from dataclasses import dataclass

from engine.evaluation.detection.bank import Bank
from engine.evaluation.detection.detector import Detector, Fitted, Scored


@dataclass(frozen=True)
class MaxLogit(Detector):
    """Minus the model's highest score for any class, in logits, before they become probabilities.

    Unlike a probability it does not hide that all classes are unlikely alike. Logits of two models
    cannot be compared.
    """

    name = "MaxLogit"
    title = "MaxLogit"
    paper = (
        "Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World Settings (2022), "
        "https://arxiv.org/abs/1911.11132"
    )
    unit = "−logit"
    proof = (
        "tests/engine/anomaly/test_logits.py"
        "::test_energy_becomes_the_highest_logit_as_the_temperature_falls"
    )

    def fit(self, train: Bank) -> Fitted:  # noqa: ARG002
        """Nothing is fitted."""

        def rule(bank: Bank) -> Scored:
            score = -bank.logits.max(1)
            return Scored(score, {"logit": score})

        return Fitted(rule)
