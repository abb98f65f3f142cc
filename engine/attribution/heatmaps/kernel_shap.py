"""KernelSHAP: the score shared out among the regions by Shapley's rule.

Coalitions z of shown regions are scored and g(z) = f(b) + φ·z is fitted under the Shapley kernel
π(k) = (m − 1) / (C(m, k) k (m − k)), k regions shown of m. The empty and the full coalition, whose
weight is infinite, are met exactly: Σφ = f(x) − f(b) always. Small and large coalitions weigh
most: sizes are enumerated from the ends inwards while the samples suffice, each with its
complement, and the rest is drawn at random by weight, in complementary pairs. With enough samples
for all 2^m − 2 coalitions the result is the Shapley value itself.

Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions" (2017),
https://arxiv.org/abs/1705.07874; pairs: Covert and Lee (2021), https://arxiv.org/abs/2012.01536
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from engine.attribution.heatmaps.linear_fit import fit
from engine.attribution.heatmaps.partition import (
    COVER,
    COVER_HELP,
    REGIONS,
    REGIONS_HELP,
    SHAPE,
    SHAPE_HELP,
    Partition,
)
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import HeatMap, Result, Scores
from engine.vision.case import ImageCase
from engine.vision.case.scoring import score_renders


@dataclass(frozen=True)
class KernelShap(Method[ImageCase]):
    """Each region's fair share of the score, by Shapley's rule.

    The shares add up exactly to the score of the picture less the score of the hidden picture.
    One unit is one logit (or probability): what showing the region adds, averaged over all orders
    in which regions could appear. Samples only approach that average, so another seed moves the
    values a little; and half-hidden pictures are ones the model may never have seen.
    """

    name = "KernelShap"
    family = "attribution"
    title = "KernelSHAP"
    cost = "wait"
    paper = "Lundberg & Lee 2017, https://arxiv.org/abs/1705.07874"
    proof = (
        "tests/engine/attribution/test_lime.py::test_with_all_coalitions_it_is_the_shapley_value"
    )

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(40, REGIONS, "How many regions", REGIONS_HELP)
    samples: int = setting(
        1000,
        Slider(100, 10000, step=100, log=True),
        "Samples",
        "How many coalitions of regions are looked at; more is steadier.",
    )
    cover: str = setting("mean", COVER, "Hide with", COVER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score for the region, signed; completeness, sum against difference."""
        partition = Partition.of(case, self.shape, self.regions)
        visible, weights = coalitions(partition.count, self.samples, case.generator())
        ends = torch.tensor([[False], [True]]).expand(2, partition.count)
        draw = partition.drawing(case, torch.cat([ends, visible]), self.cover)
        scores = score_renders(
            case, len(visible) + 2, draw, progress, "showing some of the regions"
        )
        nothing, everything = scores[0], scores[1]
        # scores above the hidden picture's: g(0) = f(b) then holds without an intercept
        shares = shapley_fit(visible, scores[2:] - nothing, weights, everything - nothing)
        unit = f"{case.target.unit} per region"
        sums = torch.stack([shares.sum(), everything - nothing])
        return {
            "map": HeatMap(partition.values(shares).numpy(), unit=unit, signed=True),
            "completeness": Scores(
                sums.numpy(), ("sum of the regions", "f(x) − f(hidden)"), case.target.unit
            ),
        }


def shapley_fit(visible: Tensor, gains: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """Shares φ (m,) that fit the gains (n,) of the coalitions (n, m) and add up to the total.

    The last share is eliminated through φ_m = total − Σ others, so the sum is exact.
    """
    # eliminating the only share leaves no unknown to fit
    if visible.shape[1] == 1:
        return total[None]
    z = visible.double()
    last = z[:, -1:]
    # z_m (total − Σ others) in place of z_m φ_m: z_m · total moves to the gains' side
    outputs = gains.double() - last[:, 0] * total.double()
    others = fit(z[:, :-1] - last, outputs, weights, intercept=False)
    return torch.cat([others, (total - others.sum())[None]])


def coalitions(regions: int, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which regions are shown (n, m), bool, and each coalition's weight (n,); n ≤ samples.

    Sizes k and m − k together are a shell. Shells are enumerated from the smallest k while they
    fit into the samples that are left; the remaining weight goes to random coalitions.
    """
    rows: list[Tensor] = []
    weights: list[Tensor] = []
    remaining, k = samples, 1
    while k <= regions // 2 and shell_size(regions, k) <= remaining:
        shell = enumerated(regions, k)
        rows.append(shell)
        # within a shell π is the same for every coalition
        weights.append(torch.full((len(shell),), shell_weight(regions, k) / len(shell)))
        remaining -= len(shell)
        k += 1
    open_sizes = range(k, regions // 2 + 1)
    if open_sizes and remaining >= 2:
        # in complementary pairs, hence left // 2: they lower the variance (Covert and Lee)
        visible = sample_coalitions(regions, open_sizes, remaining // 2, generator)
        rest = sum(shell_weight(regions, size) for size in open_sizes)
        rows.append(visible)
        # sizes are drawn by weight already, so draws count alike; together they weigh what is left
        weights.append(torch.full((len(visible),), rest / len(visible)))
    if not rows:  # one region: nothing lies between nothing and everything
        return torch.zeros(0, regions, dtype=torch.bool), torch.zeros(0)
    return torch.cat(rows), torch.cat(weights)


def shell_size(regions: int, k: int) -> int:
    """How many coalitions show k regions, or all but k."""
    return comb(regions, k) * (1 if 2 * k == regions else 2)


def shell_weight(regions: int, k: int) -> float:
    """The kernel's whole weight on a shell: C(m, k) π(k), for both sizes."""
    # the binomial of C(m, k) cancels that of π(k)
    return (regions - 1) / (k * (regions - k)) * (1 if 2 * k == regions else 2)


def enumerated(regions: int, k: int) -> Tensor:
    """Every coalition of a shell, (n, m)."""
    members = torch.tensor(list(combinations(range(regions), k)))
    visible = torch.zeros(len(members), regions, dtype=torch.bool)
    visible.scatter_(1, members, value=True)
    return visible if 2 * k == regions else torch.cat([visible, ~visible])


def sample_coalitions(regions: int, sizes: range, pairs: int, generator: torch.Generator) -> Tensor:
    """Random coalitions of these sizes by weight, each with its complement, (2 · pairs, m)."""

    def one() -> Iterator[Tensor]:
        chances = torch.tensor([shell_weight(regions, size) for size in sizes])
        for place in torch.multinomial(chances, pairs, replacement=True, generator=generator):
            members = torch.randperm(regions, generator=generator)[: sizes[int(place)]]
            visible = torch.zeros(regions, dtype=torch.bool)
            visible[members] = True
            yield visible

    half = torch.stack(list(one()))
    return torch.cat([half, ~half])
