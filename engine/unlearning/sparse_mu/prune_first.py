"""Prune first, then unlearn: a model of fewer weights has fewer to forget with.

The original is pruned by magnitude and learns again with its zeros held, before anybody asks; then
any unlearner forgets, and the zeros stay. It is compared with a model that was retrained with the
same zeros: like with like. Jia et al., "Model Sparsity Can Simplify Machine Unlearning" (2023),
https://arxiv.org/abs/2304.04934

The paper prunes convolutions only; here hidden linear layers are pruned too, because small networks
have most weights there. By magnitude, the pruned model learns on from where it is (see
`engine.sparsity.RetrainPruned`). OMP and IMP go back to an early step of a training, as in the
paper, and SynFlow cuts before it (see `engine.sparsity.Rewound`): these train the original anew,
sparse.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.core.method import Choice, Progress, Slider, method_of_family, quiet, setting
from engine.core.run import answer
from engine.unlearning.case import ForgetCase
from engine.unlearning.salun.unlearner import SalUn
from engine.unlearning.sparse_mu.l1_sparse import L1Sparse
from engine.unlearning.ssd.unlearner import SSD
from engine.unlearning.ways.fine_tune import FineTune
from engine.unlearning.ways.fisher import FisherForgetting
from engine.unlearning.ways.gradient_ascent import GradientAscent
from engine.unlearning.ways.influence import IU, IUExact
from engine.unlearning.ways.neg_grad import NegGradPlus
from engine.unlearning.ways.network import own_copy, untrained
from engine.unlearning.ways.random_labels import RandomLabels
from engine.unlearning.ways.scrub import SCRUB
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.models.passes import counting_passes
from engine.vision.models.rebuild import rebuilt

THEN: dict[str, type[Unlearner]] = {
    kind.short: kind
    for kind in (
        FineTune, GradientAscent, RandomLabels, FisherForgetting, IU, IUExact, L1Sparse, SalUn, SSD,
        SCRUB, NegGradPlus,
    )
}  # fmt: skip
MAGNITUDE = "magnitude"


@dataclass(frozen=True)
class PruneFirst(Unlearner):
    """The model is pruned before it is asked to forget; then another unlearner does it.

    Its row is compared with a retrained model that has the same zeros, not with the dense one. The
    mask was found with the images that are to be forgotten, and the retrained model carries it too:
    neither row says whether the choice of zeros tells of them. What pruning costs is billed as
    seconds before. The gain in the paper is from nine tenths cut on; below, and for a whole class
    by fine-tuning, there may be none.
    """

    name = "PruneFirst"
    title = "Prune first"
    short = "Prune first"
    cost = "job"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    revision = 3  # FF draws every class of a request anew
    dial = ("ratio", (0.5, 0.8, 0.9, 0.95, 0.98))
    proof = (
        "tests/engine/unlearning/test_unlearner.py"
        "::test_the_zeros_of_sparsity_stay_in_the_unlearned_and_in_the_retrained_model"
    )

    then: str = setting("FT", Choice(tuple(THEN)), "Then", "What forgets after the pruning.")
    by: str = setting(
        MAGNITUDE,
        Choice((MAGNITUDE, "OMP", "IMP", "SynFlow")),
        "Pruned by",
        "Magnitude cuts the "
        "original, which learns on. The others train it anew with the case's recipe and seed: OMP "
        "goes back to an early step after one cut, IMP after each of many; SynFlow cuts first.",
    )
    ratio: float = setting(
        0.95,
        Slider(0.0, 0.99, 0.01),
        "Ratio",
        "The share of weights that is cut, of all but the head.",
    )
    epochs: int = setting(
        10,
        Slider(1, 50, 1),
        "Epochs",
        "How long a model pruned by magnitude learns again, on all of its data.",
    )

    def sparse(self, case: ForgetCase, progress: Progress = quiet) -> tuple[ForgetCase, float]:
        """The pruned original asked to forget, kept or made now, and the seconds it once took."""
        if self.by == MAGNITUDE:
            pruning = method_of_family("sparsity.Retrain")(ratio=self.ratio, epochs=self.epochs)
            pruned = answer(pruning, case.pruning, progress)
        else:
            initial_model = untrained(case.model, case.seed)
            initial_model.masks = {}
            pruning_case = replace(case.pruning, model=initial_model, recipe=case.recipe)
            rewound = method_of_family("sparsity.Rewound")(way=self.by, ratio=self.ratio)
            pruned = answer(rewound, pruning_case, progress)
        model = rebuilt(pruned["model"], case.model.name)
        return replace(case, model=model), float(pruned.record["seconds"])

    def reference(self, case: ForgetCase, progress: Progress = quiet) -> ForgetCase:
        """The pruned original is what forgets, and what is retrained."""
        return self.sparse(case, progress)[0]

    def change(self, work: UnlearningRun) -> None:
        """Prune, then forget."""
        work.progress(0.0, "pruning")
        with counting_passes(None):
            case, work.before = self.sparse(work.case, work.part(0.0, 0.5))
            unlearner = THEN[self.then]()
            result = answer(unlearner, case, work.part(0.5, 1.0))
        work.model = own_copy(rebuilt(result["model"], work.case.model.name))
        work.model.lineage = work.case.model.lineage
        cost = result["run"]
        work.before += float(cost["seconds before"][0])
        work.spent = float(cost["seconds"][0])
        work.passes.add(cost["forward"][0], cost["backward"][0])
        work.step, work.failed = int(cost["steps"][0]), int(cost["failed_at"][0])
        exposures = result["seen"]
        work.extra[work.case.data.places(np.asarray(exposures["id"]))] += exposures["seen"]
        # the inner run held the zeros; the tensors held here are those of the unpruned original
        work.held = {}
