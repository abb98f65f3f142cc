"""SSD: weights that count for the forgotten images out of proportion are made smaller.

θ_i ← min(λ I_D / I_f, 1) θ_i where I_f > α I_D; nothing is trained. I_D is over all training
images, the forgotten ones among them, and can be had before anybody asks. Foster et al., "Fast
Machine Unlearning Without Retraining Through Selective Synaptic Dampening" (2024),
https://arxiv.org/abs/2308.07707

The paper's α is 10 for a ResNet-18; which α fits depends on network, request and batch. The usual
setting here, an addition of ours, is the α above which a share of all weights lies. No one share
fits either: what one network needs takes another with it, so that it is searched for (`search`).
"""

from dataclasses import dataclass
from math import inf, isinf

import torch

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Table, WeightScores
from engine.core.run import answer
from engine.unlearning.case import ForgetCase
from engine.unlearning.ssd.importance import (
    SETS,
    Importance,
    above,
    batch_setting,
    dampening,
    label_free_setting,
    threshold_for,
)
from engine.unlearning.ways import clock
from engine.unlearning.ways.network import named_weights, own_copy, settled
from engine.unlearning.ways.search import UNCHANGED, best_strength
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier

SHARES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)


LOWEST, HIGHEST = 0.1, 1e6  # of the threshold α


@dataclass(frozen=True)
class SSD(Unlearner):
    """Weights that are much more important to the forgotten images than to all are dampened.

    One pass over the forgotten images and no training. The threshold must fit: a low one destroys
    the model, a high one forgets nothing. Here it is set so that a share of the weights is
    dampened, and the share is searched for, both additions of ours; the paper sets the threshold
    itself. It fits a class well; wrong
    labels that are spread over all classes have no weights of their own, and there it fails
    honestly.
    """

    name = "SSD"
    title = "Selective synaptic dampening"
    short = "SSD"
    cost = "live"
    paper = "Foster et al. 2024, https://arxiv.org/abs/2308.07707"
    revision = 3
    dial = ("ratio", (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0))
    proof = (
        "tests/engine/unlearning/ssd/test_ssd.py"
        "::test_weights_are_dampened_by_the_formula_on_a_line"
    )

    ratio: float | None = setting(
        None,
        Slider(LOWEST, HIGHEST, 0.1, log=True, off="by share", start=10.0),
        "Threshold",
        "A weight is dampened when it counts so many times more for the forgotten images (α). A "
        "number, at first the paper's 10, is as published.",
    )
    share: float | None = setting(
        None,
        Slider(0.01, 0.5, 0.01, off="searched", start=0.1),
        "Share",
        "Of all weights, those with the largest ratio that are dampened, where the threshold is "
        "set by share. Searched: the share at which the forgotten images' loss, counted up to a "
        "guess's, is farthest above that of what stays, counted twice; none, where no share is "
        "better than that. Additions of ours.",
    )
    strength: float = setting(
        1.0,
        Slider(0.01, 100.0, 0.01, log=True),
        "Strength",
        "What is left of a dampened weight, times the ratio of importances (λ).",
    )
    batch: int = batch_setting()
    label_free: bool = label_free_setting()

    def importances(
        self, case: ForgetCase, progress: Progress = quiet
    ) -> tuple[WeightScores, WeightScores, Table]:
        """I_f, I_D and their cost, kept or computed now."""
        result = answer(Importance(self.batch, self.label_free), case, progress)
        return result["forget"], result["train"], result["run"]

    def threshold(
        self,
        case: ForgetCase,
        model: Classifier,
        data: DataSet,
        forget: WeightScores,
        train: WeightScores,
    ) -> float:
        """α: as it was chosen, or that of the share, which is searched for with the model's help.

        Infinite, so that no weight is dampened, where each share loses more than it forgets.

        Args:
            case: what is to be forgotten.
            model: a copy of the original; it stays as it is.
            data: the case's, as it may be looked at.
            forget, train: I_f and I_D.
        """
        if self.ratio is not None:
            return self.ratio

        def of(share: float) -> float:
            return threshold_for(forget.values, train.values, share)

        def change(share: float) -> None:
            dampen(model, forget, train, of(share), self.strength)

        # by share, which has no scale; which α fits hangs on network, request and batch
        share = self.share or best_strength(case, model, data, SHARES, change)
        return inf if share is None else of(share)

    def change(self, work: UnlearningRun) -> None:
        """Dampen."""
        forget, train, cost = self.importances(work.case, work.part(0.0, 0.9))
        start = clock.now(work.model)
        ratio = self.threshold(work.case, work.model, work.data, forget, train)
        work.marked = dampen(work.model, forget, train, ratio, self.strength)
        work.step, work.note = (0, UNCHANGED) if isinf(ratio) else (1, "")
        for part in SETS:
            work.passes.add(cost.cell(part, "forward"), cost.cell(part, "backward"))
        work.spent = clock.now(work.model) - start + cost.cell("forget", "seconds")
        work.before = cost.cell("train", "seconds")
        work.extra[work.forget] += 2  # once for I_f, once in I_D
        work.extra[work.retain] += 1
        work.progress(1.0, "dampened")


@torch.no_grad()
def dampen(
    model: Classifier, forget: WeightScores, train: WeightScores, ratio: float, strength: float
) -> dict[str, torch.Tensor]:
    """Multiply in place; for each weight, in the network's order, which entries were chosen."""
    chosen, factors = {}, dampening(forget.values, train.values, ratio, strength)
    for name, weight in named_weights(model).items():  # importances from a file have another order
        weight.mul_(factors[name].to(weight))
        chosen[name] = torch.from_numpy(above(forget.values[name], train.values[name], ratio))
    return chosen


def dampened(case: ForgetCase, method: SSD) -> Classifier:
    """The model at once, for a slider: importances are computed only the first time."""
    forget, train, _ = method.importances(case)
    model_copy = own_copy(case.model)
    ratio = method.threshold(case, model_copy, case.data, forget, train)
    dampen(model_copy, forget, train, ratio, method.strength)
    return settled(model_copy)
