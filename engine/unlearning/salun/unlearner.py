"""SalUn: random labels, but only the weights that the forgotten images pull on may move.

θ_u = m ⊙ (θ_o + Δθ) + (1 − m) ⊙ θ_o, with m = 1 for the top share of all weights by saliency, and
Δθ learned with random labels. After every step the others are put back, because momentum and weight
decay would move them without any gradient. Fan et al., "SalUn: Empowering Machine Unlearning via
Gradient-based Weight Saliency" (2024), https://arxiv.org/abs/2310.12508
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.method import Choice, Slider, setting
from engine.core.run import answer
from engine.unlearning.salun.saliency import Saliency, salient
from engine.unlearning.ways import clock
from engine.unlearning.ways.descend import GradientUnlearner, Stage, descend, learning
from engine.unlearning.ways.network import named_weights
from engine.unlearning.ways.random_labels import keep_setting, never_setting, random_stages
from engine.unlearning.ways.unlearner import UnlearningRun


@dataclass(frozen=True)
class SalUn(GradientUnlearner):
    """Random labels that may move only the most salient weights; all others stay to the bit.

    With a share of 1 it is plain random labels. On networks and data as small as ours it comes out
    about as good as those, not better; the gain in the paper is at a larger scale. The running
    statistics of BatchNorm are not masked.
    """

    name = "SalUn"
    title = "SalUn"
    short = "SalUn"
    cost = "wait"
    paper = "Fan et al. 2024, https://arxiv.org/abs/2310.12508"
    dial = ("share", (0.02, 0.05, 0.1, 0.3, 0.5, 1.0))
    revision = 3  # of a pruned model, its mask is the weights that were chosen
    proof = (
        "tests/engine/unlearning/salun/test_salun.py"
        "::test_a_mask_of_everything_gives_random_labels_bit_for_bit"
    )

    share: float = setting(
        0.5, Slider(0.01, 1.0, 0.01), "Share", "Of all weights, the most salient that may move."
    )
    steps: str = setting(
        "random labels",
        Choice(("random labels", "fine-tuning", "ascent")),
        "Steps",
        "What moves the salient weights: SalUn's random labels, or another unlearner's steps.",
    )
    mask: str = setting(
        "saliency",
        Choice(("saliency", "chance")),
        "Mask",
        "Chance draws as many weights at random: the control that saliency must beat.",
    )
    keep: float = keep_setting()
    never: bool = never_setting()

    def change(self, work: UnlearningRun) -> None:
        """Find the mask, hold the others, and take the steps."""
        start, paused = clock.now(work.model), work.paused
        if self.mask == "chance":
            rng = np.random.default_rng([work.case.seed, 23])
            scores = {n: rng.random(tuple(w.shape)) for n, w in named_weights(work.model).items()}
            seconds = 0.0
        else:
            result = answer(Saliency(self.batch), work.case, work.part(0.0, 0.1))
            scores = dict(result["scores"].values)
            seconds = float(result["run"]["seconds"][0])
            work.passes.add(result["run"]["forward"][0], result["run"]["backward"][0])
            work.extra[work.forget] += 1
            start = clock.now(work.model)
        # in the network's order, which decides between equal scores
        masks = salient({name: scores[name] for name in named_weights(work.model)}, self.share)
        work.hold(masks)
        work.marked = masks
        descend(self, work, work.part(0.1, 1.0))
        work.spent = clock.now(work.model) - start + seconds - (work.paused - paused)

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """By the steps that were chosen."""
        del epoch
        match self.steps:
            case "fine-tuning":
                return [(work.retain, learning(work))]
            case "ascent":
                return [(work.forget, learning(work, -1.0))]
            case _:
                return random_stages(work, self.keep, self.never)
