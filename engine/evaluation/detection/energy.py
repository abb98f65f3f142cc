"""Energy: all logits at once; the lower their soft maximum, the more unusual.

    score = − T log Σ_c exp(l_c / T)  =  − max_c l_c  −  gap,   0 ≤ gap ≤ T log C

It moves when a constant is added to all logits, which no probability does. Liu et al.,
"Energy-based Out-of-distribution Detection" (2020), https://arxiv.org/abs/2010.03759
"""

from dataclasses import dataclass

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles, logsumexp
from engine.evaluation.detection.detector import Detector, Fitted, Scored


@dataclass(frozen=True)
class Energy(Detector):
    """Minus the soft maximum of all logits: high when no class has any evidence for it.

    Its two terms are minus the highest logit and minus what the other classes add. In logits;
    energies of two models cannot be compared.
    """

    name = "Energy"
    title = "Energy"
    paper = (
        "Liu et al., Energy-based Out-of-distribution Detection (2020), "
        "https://arxiv.org/abs/2010.03759"
    )
    unit = "logit"
    joined = "sum"
    needs = Detector.needs | {"one of many"}
    proof = (
        "tests/engine/anomaly/test_logits.py"
        "::test_energy_lies_below_the_highest_logit_by_at_most_the_log_of_the_classes"
    )

    temperature: float = setting(
        1.0, Slider(0.1, 100.0, 0.1, log=True), "Temperature", "How soft the maximum is."
    )

    def fit(self, train: Bank) -> Fitted:  # noqa: ARG002
        """Nothing is fitted."""
        return Fitted(lambda bank: energy_scores(bank.logits, self.temperature))


def energy_scores(logits: Doubles, temperature: float = 1.0) -> Scored:
    """The energy of logits (N, classes) and its two terms."""
    max_logit_term = -logits.max(1)
    # × T outside: as T falls to 0 it becomes the highest logit
    score = -temperature * logsumexp(logits / temperature)
    return Scored(score, {"highest logit": max_logit_term, "other classes": score - max_logit_term})
