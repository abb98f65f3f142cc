"""DictAS's lookup, without its training: what a dictionary of a few normal images cannot answer.

    s(x) = (1 − cos(x, Σ a_m m)) / 2,   a = sparsemax(cos(x, m) / T) over normal patches m

Qu et al., "DictAS: A Framework for Class-Generalizable Few-Shot Anomaly Segmentation via Dictionary
Lookup" (ICCV 2025), https://arxiv.org/abs/2508.13560
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.anomaly.dictas.sparsemax import sparsemax
from engine.anomaly.localizers.localizer import Localizer, NearestPatches, PatchRule, at_places
from engine.anomaly.localizers.patches import Maps, NormalPatches, concatenate_layers, patch_rows
from engine.core.method import Progress, Slider, quiet, setting
from engine.evaluation.detection.case import FamiliarCase

TOKENS = 16  # rows and columns, above which a grid is halved
LEAST = 1e-6  # spread of a feature that tells nothing
UNTRAINED = (
    "This is DictAS's lookup without the paper's training: what it finds or misses says nothing "
    "about the paper's figures."
)


class Lookup(PatchRule):
    """A dictionary of normal patches, (M, C), compared by direction once they are standardized.

    Args:
        middle, spread: of all normal patches, (C,).
        support: standardized patches of a few normal images.
        grid: rows and columns.
        heat: temperature of the lookup.
    """

    notes = (UNTRAINED,)

    def __init__(
        self, middle: Tensor, spread: Tensor, support: Tensor, grid: tuple[int, int], heat: float
    ) -> None:
        self.middle, self.spread, self.support = middle, spread, support
        self.grid, self.heat = grid, heat

    def compared(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """Patches (P, C) and their cosines with the dictionary's patches, (P, M)."""
        patches = (tokens(maps) - self.middle) / self.spread
        return patches, F.normalize(patches, dim=1) @ F.normalize(self.support, dim=1).T

    def looked_up(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """Patches (P, C) and the weights of the dictionary's patches, (P, M), 1 in sum."""
        patches, likeness = self.compared(maps)
        return patches, sparsemax(likeness / self.heat)

    def distances(self, maps: Maps) -> Tensor:
        """(1 − cos) / 2 between each patch and its answer."""
        results = []
        # image by image: the weights of all at once would be (n · P, M)
        for at in range(len(maps[0])):
            patches, weights = self.looked_up(tuple(layer[at : at + 1] for layer in maps))
            # 1 − (cos + 1)/2, with the answer in the space of the values, as the query is
            distances = (1 - F.cosine_similarity(patches, weights @ self.support, dim=1)) / 2
            results.append(distances.clamp_min(0).reshape(self.grid))
        return torch.stack(results)

    def nearest(self, maps: Maps, count: int) -> NearestPatches:
        """The patches nearest in direction; those that answer, by weight, come first."""
        # by cosine: beyond the few patches that answer, all weights are 0
        cosines, indices = self.compared(maps)[1].topk(min(count, len(self.support)), 1)
        distances = ((1 - cosines) / 2).clamp_min(0)
        return NearestPatches(*at_places(indices, self.grid[1], self.grid[0]), distances)


def tokens(maps: Maps) -> Tensor:
    """Patches below each other on a grid of at most TOKENS rows and columns, (n · h · w, C)."""
    return patch_rows(halved(concatenate_layers(maps)))


def halved(patches: Tensor) -> Tensor:
    """Patches (n, C, h, w) on half as many rows and columns, where there are many."""
    rows, columns = patches.shape[-2:]
    if max(rows, columns) <= TOKENS:
        return patches
    return F.adaptive_avg_pool2d(patches, (-(-rows // 2), -(-columns // 2)))


@dataclass(frozen=True)
class DictAS(Localizer):
    """What the patches of a few normal images cannot answer together, from 0 to 1.

    Each patch is looked up among those of a few normal images; the answer is a blend of very few of
    them, and the value is how far the patch points away from it (1 − cosine, halved). This is the
    lookup alone: in the paper, queries, keys and values are made by networks that are trained on
    other objects, on CLIP's features and with its words. Without that training it finds less than
    PatchCore on the phantoms, and says nothing about the paper's figures. The grid is coarser than
    PatchCore's; the normal patches that are shown are the nearest in direction.
    """

    name = "DictAS"
    title = "DictAS, untrained"
    revision = 3  # the named patches are the nearest in direction
    unit = "lookup error"
    paper = (
        "Qu et al., DictAS: A Framework for Class-Generalizable Few-Shot Anomaly Segmentation via "
        "Dictionary Lookup (2025), https://arxiv.org/abs/2508.13560"
    )
    proof = (
        "tests/engine/anomaly/dictas/test_dictas.py"
        "::test_the_map_is_the_lookup_written_again_patch_by_patch"
    )

    shots: int = setting(
        4,
        Slider(1, 16, 1),
        "Normal images looked up",
        "How many make the dictionary; all normal images together say which values are usual.",
    )
    heat: float = setting(
        0.05,
        Slider(0.01, 1.0, 0.01, log=True),
        "Temperature",
        "Higher ones blend more normal patches into an answer.",
    )

    def fit(
        self,
        case: FamiliarCase,  # noqa: ARG002 - no chance in it
        normal: NormalPatches,
        progress: Progress = quiet,
    ) -> PatchRule:
        """The dictionary of the first few images."""
        patches, shape = tokens(normal.fit), halved(concatenate_layers(normal.fit)).shape
        progress(0.5, "a dictionary")
        # a mean that all patches share would make all cosines alike
        middle, spread = patches.mean(0), patches.std(0, correction=0) + LEAST
        # patches of all shots side by side, not their mean: one of them may hold the answer
        support = patches[: self.shots * shape[2] * shape[3]]
        return Lookup(middle, spread, (support - middle) / spread, (shape[2], shape[3]), self.heat)
