"""Score-CAM: each map of a layer is used as a mask, and counts by the score its mask leaves.

H_k is map k enlarged to the picture and stretched to [0, 1]; M_k = B + H_k (x − B) shows the
picture only where the map is active, over what stands for nothing, B; S_k = f(M_k) − f(B).
L = ReLU(Σ_k α_k A_k) with α = softmax_k(S), as in the paper's Algorithm 1. The softmax makes f(B)
drop out. Maps that are the same everywhere make no mask and are left out, as in the authors' code.

Three forms are about. The paper and pytorch-grad-cam take the softmax over the maps; the authors'
code (haofanwang/Score-CAM d312f14) has no such softmax and weights with f(M_k) itself, where f is
the class's probability. "Rise" with the target read as probability is that form, less f(B).

Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks"
(2020), https://arxiv.org/abs/1910.01279
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.method import Choice, Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.class_activation import (
    LAYER,
    LAYER_HELP,
    activation_map,
    chosen_layer,
    enlarged,
)
from engine.vision.case import ImageCase
from engine.vision.case.scoring import score_renders


@dataclass(frozen=True)
class ScoreCam(Method[ImageCase]):
    """Which places of a layer hold what is enough for the score, found without gradients.

    The picture is shown through each map of the layer in turn, and a map counts by the score it
    leaves. With "softmax" the result is a weighted mean of the maps, and one unit is one unit of
    the layer's own activation: only the shape says something about the class, not the height. A
    softmax over logits is ruled by the few best maps; over probabilities, which lie close
    together, it is almost a plain mean that hardly depends on the class. With "rise" one unit is
    score times activation. No mask hides one object alone: it lets through all that excites the
    map.
    """

    name = "ScoreCam"
    family = "attribution"
    title = "Score-CAM"
    cost = "wait"
    paper = "Wang et al. 2020, https://arxiv.org/abs/1910.01279"
    needs = frozenset({"map"})
    fast = True
    proof = (
        "tests/engine/attribution/test_score_cam.py"
        "::test_it_is_the_paper_s_algorithm_written_out_map_by_map"
    )

    layer: str | None = setting(None, LAYER, "Layer", LAYER_HELP)
    cover: str = setting(
        "mean",
        Choice(("mean", "black", "blur")),
        "Hide with",
        "What the picture fades to where a map is not active.",
    )
    weights: str = setting(
        "softmax",
        Choice(("softmax", "rise")),
        "Weights",
        "Softmax over the maps' scores, or the rise of the score above the hidden picture's.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in activation (softmax) or score × activation (rise), never negative."""
        layer = chosen_layer(case, self.layer)
        maps = case.model.maps(case.image[None], layer)[0].float().cpu()  # (C, h, w)
        cells = self.joined(maps, self.rises(case, maps, progress))
        unit = "activation" if self.weights == "softmax" else f"{case.target.unit} × activation"
        return {"map": activation_map(cells, case, unit)}

    def joined(self, maps: Tensor, rise: Tensor) -> Tensor:
        """The maps (C, h, w) added under their weights, (h, w); those without a score left out."""
        has_score = rise.isfinite()
        if not has_score.any():
            return torch.zeros(maps.shape[1:])
        weights = rise[has_score].softmax(0) if self.weights == "softmax" else rise[has_score]
        return (weights[:, None, None] * maps[has_score]).sum(0)

    def rises(self, case: ImageCase, maps: Tensor, progress: Progress) -> Tensor:
        """S (C,): the score under each map's mask less the hidden picture's; NaN where flat."""
        nothing = case.baseline(self.cover)
        something = case.image - nothing
        flat = maps.flatten(1)
        # a flat map stretched to [0, 1] would be 0 / 0
        uneven = (flat.amax(1) > flat.amin(1)).nonzero()[:, 0].tolist()

        def draw(index: int, out: Tensor) -> None:
            if index == len(uneven):
                out.copy_(nothing)
            else:
                out.copy_(torch.addcmul(nothing, mask(maps[uneven[index]], case), something))

        scores = score_renders(case, len(uneven) + 1, draw, progress, "looking through the maps")
        rise = torch.full((len(maps),), torch.nan)
        rise[uneven] = scores[:-1] - scores[-1]
        return rise


def mask(cells: Tensor, case: ImageCase) -> Tensor:
    """One map (h, w), not flat, enlarged to the working size and stretched to [0, 1]."""
    grown = enlarged(cells, case)
    low, high = grown.aminmax()
    return (grown - low) / (high - low).clamp_min(torch.finfo(grown.dtype).tiny)
