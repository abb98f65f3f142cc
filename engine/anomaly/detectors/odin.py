"""ODIN: the highest probability at a high temperature, after a small step that makes it higher.

    score = − max_c softmax(f(x̂) / T)_c,   x̂ = x − ε sign ∇ₓ CE(f(x) / T, ĉ)

Familiar images are said to gain more from the step than others. See `nudge` for the step.
"""

from dataclasses import dataclass

from engine.core.errors import BlindspotError
from engine.evaluation.detection.bank import Bank, softmax
from engine.evaluation.detection.detector import Detector, Fitted, Scored
from engine.evaluation.detection.nudge import PAPER, epsilon_setting, temperature_setting


@dataclass(frozen=True)
class ODIN(Detector):
    """Minus the highest probability at a high temperature, after a step that makes it higher.

    Its two terms are the score before the step and what the step changes. It needs a way back
    through the network for every normal image, so it is the slowest here; the others only read
    what the last layer sees. At temperature 1000 all probabilities lie near one over the number of
    classes, and only their order says something.
    """

    name = "ODIN"
    title = "ODIN"
    cost = "wait"
    paper = PAPER
    unit = "−probability"
    joined = "sum"
    needs = Detector.needs | {"one of many"}
    proof = (
        "tests/engine/anomaly/test_logits.py::test_without_a_step_odin_is_msp_at_its_temperature"
    )

    temperature: float = temperature_setting(1000.0)
    epsilon: float = epsilon_setting(0.0014)

    def fit(self, train: Bank) -> Fitted:  # noqa: ARG002
        """Nothing is fitted; ε is the paper's."""

        def rule(bank: Bank) -> Scored:
            if bank.nudge is None:
                raise BlindspotError("ODIN needs the images themselves, not only their features.")
            before = -softmax(bank.logits / self.temperature).max(1)
            after = -softmax(bank.nudge(self.temperature, self.epsilon) / self.temperature).max(1)
            return Scored(after, {"before the step": before, "the step": after - before})

        return Fitted(rule)
