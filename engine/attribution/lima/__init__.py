"""LiMA: the regions of an image in the order in which they make the prediction, from both ends.

    F(S) = λ_con p(x_S) + λ_col (1 − p(x without S)) + λ_conf (1 − H(x_S) / ln K) + λ_eff s_eff(S)
    s_eff(S) = Σ_{i in S} min_{j in S, j ≠ i} arccos(cos(φ_i, φ_j)) / π,   0 for one region

The greedy search grows the important set S⁺ by the region with the highest F. From the p regions
that look least promising, by the same numbers, it also takes the one with the lowest F into the
unimportant set S⁻: so two regions find their place for n + p pairs of looks. With p ≥ m it is the
plain greedy search. φ_i is what the model's head sees when only region i is shown.

Chen et al. 2025, Less is More: Efficient Black-box Attribution via Minimal Interpretable Subset
Selection, https://arxiv.org/abs/2504.00470, equations 4 to 9 and algorithm 1; weights as in the
authors' scripts. Regions here are superpixels by SLIC (there SEEDS or SAM); curves are drawn over
the regions' area, where the authors count pixels that are not black.
"""

from engine.attribution.lima.method import LiMA
from engine.attribution.lima.other_maps import OtherMaps
from engine.attribution.lima.random_order import RandomOrder
from engine.attribution.lima.search import (
    SubsetSearch,
    Terms,
    Weights,
    effectiveness,
    naive_looks,
    search,
)
from engine.attribution.lima.seeing import Seeing

__all__ = [
    "LiMA",
    "OtherMaps",
    "RandomOrder",
    "Seeing",
    "SubsetSearch",
    "Terms",
    "Weights",
    "effectiveness",
    "naive_looks",
    "search",
]
