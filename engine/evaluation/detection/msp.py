"""MSP: the model's own highest probability; the less sure, the more unusual.

    score = − max_c softmax(l / T)_c

Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in
Neural Networks" (2017), https://arxiv.org/abs/1610.02136
"""

from dataclasses import dataclass

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, softmax
from engine.evaluation.detection.detector import Detector, Fitted, Scored


@dataclass(frozen=True)
class MSP(Detector):
    """Minus the highest probability that the model gives any class; −1 is sure, near 0 is not.

    It is what everybody looks at first and the baseline that the others have to beat. A network
    can be sure of an image that is nothing it knows, and then this score finds it familiar.
    """

    name = "MSP"
    title = "MSP"
    paper = (
        "Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution "
        "Examples in Neural Networks (2017), https://arxiv.org/abs/1610.02136"
    )
    unit = "−probability"
    needs = Detector.needs | {"one of many"}
    proof = (
        "tests/engine/anomaly/test_logits.py"
        "::test_msp_is_written_again_and_does_not_move_with_the_logits_zero"
    )

    temperature: float = setting(
        1.0, Slider(0.1, 100.0, 0.1, log=True), "Temperature", "Logits are divided by it."
    )

    def fit(self, train: Bank) -> Fitted:  # noqa: ARG002
        """Nothing is fitted."""

        def rule(bank: Bank) -> Scored:
            score = -softmax(bank.logits / self.temperature).max(1)
            return Scored(score, {"probability": score})

        return Fitted(rule)
