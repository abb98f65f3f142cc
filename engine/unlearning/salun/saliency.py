"""Which weights the forgotten images pull on: the size of their summed gradient.

s = |Σ_b ∇θ CE_mean(f(x_b), y_b)| over the batches b of what is to be forgotten, in eval mode. The
signs are kept in the sum and dropped once at the end. Fan et al., "SalUn" (2024), equation 4,
https://arxiv.org/abs/2310.12508
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Array, Result, Table, WeightScores
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways import clock
from engine.unlearning.ways.network import in_parts, mean_slopes, named_weights, own_copy
from engine.unlearning.ways.seen import RecordedData
from engine.vision.models.passes import Passes, counting_passes


@dataclass(frozen=True)
class Saliency(Method[ForgetCase]):
    """How strongly the forgotten images together pull on each weight.

    One unit is nats of loss by unit of weight, summed over batches. It is a map over the weights as
    a heat map is one over pixels. Weights on which the images pull in opposite directions score
    low.
    """

    name = "Saliency"
    family = "unlearning"
    title = "Saliency of weights"
    cost = "live"
    paper = "Fan et al. 2024, https://arxiv.org/abs/2310.12508"
    revision = 2
    proof = (
        "tests/engine/unlearning/salun/test_salun.py"
        "::test_masks_are_those_of_a_slow_derivation_from_single_images"
    )

    batch: int = setting(64, Slider(1, 512, 1, log=True), "Batch", "Images to a gradient.")

    def __call__(self, case: ForgetCase, progress: Progress = quiet) -> Result:
        """Views: scores, of every weight; run, seconds, samples and passes."""
        start = clock.now(case.model)
        model, data = own_copy(case.model), RecordedData.of(case.data)
        parts = in_parts(case.splits.forget, self.batch, np.random.default_rng([case.seed, 22]))
        total = {name: torch.zeros_like(weight) for name, weight in named_weights(model).items()}
        with counting_passes(passes := Passes()):
            for done, mean_slope in enumerate(mean_slopes(model, data, parts), start=1):
                for name, slope in mean_slope.items():
                    # with its sign: sizes summed by batch would be a map like Fisher's, not Eq. 4
                    total[name] += slope
                progress(done / len(parts), f"batch {done} of {len(parts)}")
        scores = {name: gradient.detach().abs().cpu().numpy() for name, gradient in total.items()}
        return {
            "scores": WeightScores(scores, "nat per unit of weight", "l2"),
            "run": Table.of(
                {
                    "seconds": ([clock.now(model) - start], "s"),
                    "samples": ([int(data.seen.sum())], ""),
                    "forward": ([passes.forward], ""),
                    "backward": ([passes.backward], ""),
                }
            ),
        }


def salient(scores: Mapping[str, Array], share: float) -> dict[str, Tensor]:
    """Masks, True for the top share of all weights together; of equal ones those that come first.

    Args:
        scores: of every weight, by name.
        share: of all entries of all weights, over the whole network.
    """
    # one ranking over the whole network, as published; a share by layer is another mask
    flat = np.concatenate([score.ravel() for score in scores.values()])
    count = round(share * len(flat))
    bits = np.zeros(len(flat), np.bool_)
    bits[np.argsort(-flat, kind="stable")[:count]] = True
    sizes = [score.size for score in scores.values()]
    parts = np.split(bits, np.cumsum(sizes)[:-1])
    return {
        name: torch.from_numpy(part.reshape(array.shape))
        for (name, array), part in zip(scores.items(), parts, strict=True)
    }
