"""Training with N of every M weights: how the forward and the backward pass see a weight.

Mishra et al. 2021 (the pattern), Zhou et al. 2021, https://arxiv.org/abs/2102.04010 (SR-STE), and
Bambhaniya et al. 2024, https://arxiv.org/abs/2402.04744 (decay of the mask or of the pattern).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import BadSetting, DoesNotFit
from engine.sparsity.masks.units import fits_pattern
from engine.vision.models.classifier import Classifier
from engine.vision.training import Regime, Scheduled
from engine.vision.weights.parts import PrunableWeight, prunable_parts

Pattern = tuple[int, int]  # N, M
LINEAR, EXPONENTIAL = "linear", "exponential"


def largest_weights(weight: Tensor, pattern: Pattern) -> Tensor:
    """True at the N largest |w| of every M consecutive inputs; of equal ones, N exactly.

    Args:
        weight: (out, in), or (out, in, height, width): there groups run over the input channels.
        pattern: N and M; M divides the inputs.
    """
    n, m = pattern
    # kernels' places outside, input channels last: groups never mix places of a kernel
    rows = weight.detach().movedim(1, -1)
    groups = rows.reshape(-1, m).abs()
    keep = torch.zeros_like(groups, dtype=torch.bool)
    # by index, not by a threshold: ties would keep more than n
    keep.scatter_(1, groups.topk(n, dim=1).indices, value=True)
    return keep.view(rows.shape).movedim(-1, 1)


class GatedWeights(torch.autograd.Function):
    """Forward w ⊙ gate; backward G ⊙ passed + pull ⊙ w, whatever the gate."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, gate: Tensor, passed: Tensor, pull: Tensor) -> Tensor:
        """The weight as the network uses it."""
        ctx.save_for_backward(weight, passed, pull)
        return weight * gate

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient of the weight that the optimizer moves."""
        weight, passed, pull = ctx.saved_tensors
        # SR-STE: G + λ (1 − m) ⊙ w; the mask itself counts as constant
        return slopes[0] * passed + pull * weight, None, None, None


@dataclass(frozen=True)
class NMRegime(Regime):
    """A way to N of every M: how much of what is cut is still seen, and what gradient it gets.

    With none of the settings it is STE: what is cut counts nothing and gets the whole gradient.
    Times are shares of the training. The mask is found anew from all weights at every forward pass.

    Args:
        pattern: N and M in the end.
        pull: λ of SR-STE: what is cut is drawn to 0 by λ w, added to its gradient.
        fade: how β falls, by which what is cut is multiplied: LINEAR, EXPONENTIAL, or "" for 0
            from the beginning.
        half_life: when β is one half; 0 is none from the beginning, infinity never cuts anything.
        straight: what is cut gets the whole gradient, as in the published code; else β of it,
            which is the derivative.
        frames: the patterns before the last, for equally long.
        dense: how long nothing is cut, at the beginning.
        tune: how long β is 0 and the pattern is the last one, in the end.

    Raises:
        BadSetting: no such pattern, or the two phases leave no time between them.
    """

    pattern: Pattern
    pull: float = 0.0
    fade: str = ""
    half_life: float = 0.0
    straight: bool = True
    frames: tuple[Pattern, ...] = ()
    dense: float = 0.0
    tune: float = 0.0

    def __post_init__(self) -> None:
        for n, m in (*self.frames, self.pattern):
            if not 1 <= n <= m:
                raise BadSetting(f"{n}:{m} is no pattern: keep at least 1 and at most {m} of {m}.")
        if not (self.dense >= 0 and self.tune >= 0 and self.dense + self.tune < 1):
            raise BadSetting(
                "The dense phase and the fine-tuning fill the whole training: shorten one of them."
            )

    def parametrizations(self, model: Classifier) -> Mapping[str, Scheduled]:
        """Each weight that the pattern fits, under this regime."""
        return {part.name: NMWeight(self, part.shape[1]) for part in split(model, self.pattern)[0]}

    def beta(self, done: float) -> float:
        """How much of what is cut is seen, from 1 to 0."""
        since = done - self.dense
        if since < 0 or self.half_life == inf:
            return 1.0
        if done >= 1 - self.tune or not self.fade or not self.half_life:
            return 0.0
        if self.fade == LINEAR:
            # linear: one half after a half-life means 0 after two
            return max(0.0, 1 - since / (2 * self.half_life))
        return float(0.5 ** (since / self.half_life))

    def pattern_at(self, done: float, inputs: int) -> Pattern:
        """The pattern of a weight with so many inputs; a frame that does not fit is left out.

        The one after it then begins earlier.
        """
        steps = [*self.frames, self.pattern]
        # the last pattern is a frame as long as the others, before fine-tuning
        place = int((done - self.dense) / (1 - self.dense - self.tune) * len(steps))
        left = steps[min(max(place, 0), len(steps) - 1) :]
        return next(pattern for pattern in left if inputs % pattern[1] == 0)


class NMWeight(Scheduled):
    """One weight under an NMRegime."""

    def __init__(self, regime: NMRegime, inputs: int) -> None:
        super().__init__()
        self.regime, self.inputs = regime, inputs
        self.at(0.0)

    def at(self, done: float) -> None:
        """Set β, the pattern and λ for the next step."""
        regime = self.regime
        self.beta = regime.beta(done)
        self.pattern = regime.pattern_at(done, self.inputs)
        # in the dense phase nothing is pruned that could be drawn to 0
        self.pull = regime.pull if done >= regime.dense else 0.0

    def forward(self, weight: Tensor) -> Tensor:
        """The weight as the network sees it."""
        mask = largest_weights(weight, self.pattern).to(weight)
        cut = 1 - mask
        gate = mask + self.beta * cut
        # the derivative of w ⊙ gate is the gate; the published code passes the whole gradient
        passed = torch.ones_like(gate) if self.regime.straight else gate
        gated_weight: Tensor = GatedWeights.apply(weight, gate, passed, self.pull * cut)  # type: ignore[no-untyped-call]
        return gated_weight


def split(
    model: Classifier, pattern: Pattern
) -> tuple[tuple[PrunableWeight, ...], tuple[PrunableWeight, ...]]:
    """The weights that the pattern is meant for: those that it fits, and those that stay dense.

    They are the linear layers of a transformer's feed-forward blocks, or else all convolutions.

    Raises:
        DoesNotFit: there are none, or it fits none of them.
    """
    parts = prunable_parts(model)
    eligible = [part for part in parts if ".mlp." in f".{part.name}"]
    eligible = eligible or [part for part in parts if part.is_conv]
    fits = tuple(part for part in eligible if fits_pattern(part, pattern[1]))
    if not fits:
        raise DoesNotFit(
            f"No layer of {model.title} has inputs in groups of {pattern[1]}: choose a smaller M."
        )
    return fits, tuple(part for part in eligible if not fits_pattern(part, pattern[1]))


def stepwise(pattern: Pattern) -> tuple[Pattern, ...]:
    """M−1:M, M/2:M, M/4:M …, before N:M."""
    n, m = pattern
    result, count = [(m - 1, m)], m // 2
    while count > n:
        result.append((count, m))
        count //= 2
    return tuple(pattern for pattern in result if pattern[0] > n)


def geometric(pattern: Pattern) -> tuple[Pattern, ...]:
    """8N:8M, 4N:4M and 2N:2M before N:M: the same share in ever smaller groups."""
    n, m = pattern
    return tuple((n * times, m * times) for times in (8, 4, 2))
