"""PatchCore: how far each patch is from the nearest normal patch.

    s(x) = min_{m in M} ‖x − m‖₂,   M a coreset of the normal patches

Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (2022),
https://arxiv.org/abs/2106.08265
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.localizers.localizer import Localizer, NearestPatches, PatchRule, at_places
from engine.anomaly.localizers.nearest_rows import KnownRows
from engine.anomaly.localizers.patches import Maps, NormalPatches, concatenate_layers, patch_rows
from engine.core.method import Progress, Slider, quiet, setting
from engine.evaluation.detection.case import FamiliarCase

NEIGHBORHOOD = 3  # patches on a side whose mean stands for the one in the middle
PROJECTED = 128  # dimensions in which the coreset is chosen, at most


class NearestPatch(PatchRule):
    """A coreset of normal patches, (m, C), with the number of each among all of them."""

    def __init__(self, known: Tensor, index: Tensor, grid: tuple[int, int], others: int) -> None:
        self.known, self.index = KnownRows.of(known), index
        self.grid, self.others = grid, others

    def distances(self, maps: Maps) -> Tensor:
        return self.judged(maps)[0]

    def judged(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """To the nearest normal patch; and of each image the highest distance, reweighted."""
        patches = concatenate_layers(maps, NEIGHBORHOOD)
        rows = patch_rows(patches)
        near, indices = self.known.nearest(rows)
        near, indices = near.reshape(len(patches), -1), indices.reshape(len(patches), -1)
        worst, place = near.max(1)
        if self.others > 1:
            images = torch.arange(len(patches))
            queries = rows.reshape(len(patches), -1, rows.shape[1])[images, place]  # (n, C)
            worst = self.reweighted(worst, queries, indices[images, place])
        return near.reshape(len(patches), *patches.shape[-2:]), worst

    def reweighted(self, worst: Tensor, queries: Tensor, answer: Tensor) -> Tensor:
        """The highest distance, less where the normal patches around its answer are as far.

        (1 − exp d(x*, m*) / Σ_{m in N_b(m*)} exp d(x*, m)) · d(x*, m*), x* the oddest patch, m* the
        normal one nearest to it, and N_b(m*) the b normal ones nearest to that, itself among them.

        Args:
            worst: d(x*, m*) of each image, (n,).
            queries: x*, (n, C).
            answer: which normal patch is m*, (n,).
        """
        _, around = self.known.several(self.known.rows[answer], self.others)
        distances = (queries[:, None] - self.known.rows[around]).norm(dim=2)  # (n, b)
        share = (
            # m* is the nearest, so powers are at least 1; one that overflows makes the share 0
            (distances - worst[:, None]).exp().sum(1).reciprocal()
        )  # of exp d(x*, m*) in the sum
        return worst * (1 - share)

    def nearest(self, maps: Maps, count: int) -> NearestPatches:
        near, indices = self.known.several(
            patch_rows(concatenate_layers(maps, NEIGHBORHOOD)), count
        )
        return NearestPatches(*at_places(self.index[indices], self.grid[1], self.grid[0]), near)


@dataclass(frozen=True)
class PatchCore(Localizer):
    """How far each patch of the image is from the nearest patch of normal images, anywhere in them.

    Distances are Euclidean, between outputs of the chosen layers; each patch is the mean of its
    3 × 3 neighborhood. The map is enlarged to the image and blurred. Zero means that a normal image
    has the very same patch. Parts that no normal image has are far, whether or not anything is
    wrong with them; and something odd that resembles a normal part of another place stays near.
    """

    name = "PatchCore"
    title = "PatchCore"
    paper = (
        "Roth et al., Towards Total Recall in Industrial Anomaly Detection (2022), "
        "https://arxiv.org/abs/2106.08265"
    )
    proof = (
        "tests/engine/anomaly/localizers/test_patchcore.py"
        "::test_with_all_patches_kept_the_map_is_a_plain_search"
    )

    coreset: int | None = setting(
        1000,
        Slider(50, 5000, 50, log=True, off="all patches", start=1000),
        "Patches kept",
        "Normal patches that are compared with, chosen so that every other one is near one of "
        "them. The published share is 10 %.",
    )
    neighbors: int = setting(
        9,
        Slider(1, 20, 1),
        "Reweighting",
        "Normal patches around the answer that the image's "
        "score is weighed by; 1 is the highest distance. The map does not depend on it.",
    )

    def fit(
        self, case: FamiliarCase, normal: NormalPatches, progress: Progress = quiet
    ) -> PatchRule:
        patches = concatenate_layers(normal.fit, NEIGHBORHOOD)
        rows, grid = patch_rows(patches), (patches.shape[-2], patches.shape[-1])
        if self.coreset is None or self.coreset >= len(rows):
            index = torch.arange(len(rows))
        else:
            index = centers(rows, self.coreset, case.generator(), progress)
        return NearestPatch(rows[index], index, grid, min(self.neighbors, len(index)))


def centers(rows: Tensor, count: int, generator: np.random.Generator, progress: Progress) -> Tensor:
    """Greedy k-center: again and again the row (N, C) that is farthest from those chosen, (count,).

    Distances are measured after a random projection, where there are many dimensions.
    """
    width = rows.shape[1]
    if width > PROJECTED:
        # this variance keeps squared distances in the mean (Johnson and Lindenstrauss)
        mix = torch.from_numpy(generator.normal(0, PROJECTED**-0.5, (width, PROJECTED)))
        rows = rows @ mix.to(rows.dtype)
    # no distance changes, and squares lose less to the common part in float32
    rows = rows - rows.mean(0)
    squares = (rows**2).sum(1)
    chosen = [int(generator.integers(len(rows)))]
    distances = torch.full((len(rows),), torch.inf)
    for step in range(1, count):
        last = chosen[-1]
        # squared, the farthest is the same; only the last center can have come nearer
        torch.minimum(distances, squares - 2 * (rows @ rows[last]) + squares[last], out=distances)
        distances[last] = -torch.inf  # nobody is chosen twice
        chosen.append(int(distances.argmax()))
        if step % 100 == 0:
            progress(step / count, "choosing patches")
    return torch.tensor(chosen)
