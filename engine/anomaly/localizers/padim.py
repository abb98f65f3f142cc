"""PaDiM: how far each patch is from what normal images have at the same place.

    s(x) = √((x − μ)ᵀ Σ⁻¹ (x − μ)),   μ and Σ of the normal patches at that place

Defard et al., "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
Localization" (2021), https://arxiv.org/abs/2011.08785
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.localizers.localizer import Localizer, NearestPatches, PatchRule
from engine.anomaly.localizers.patches import Maps, NormalPatches, concatenate_layers
from engine.core.method import Progress, Slider, quiet, setting
from engine.evaluation.detection.case import FamiliarCase

FLOOR = 1e-6  # variance that is added at least


class GaussianPlaces(PatchRule):
    """A Gaussian at each place of the grid.

    Args:
        channels: those that are compared, (c,).
        normal: what normal images have there, (places, n, c).
        shrinkage: of the covariance, as a share of its mean variance.
    """

    def __init__(self, channels: Tensor, normal: Tensor, shrinkage: float) -> None:
        self.channels, self.middle = channels, normal.mean(1)
        centered = normal - self.middle[:, None]
        # ÷ (n − 1): the mean is of the same few images
        spread = centered.mT @ centered / max(normal.shape[1] - 1, 1)  # (places, c, c)
        # FLOOR is for places where all normal images are alike, such as air
        added = shrinkage * spread.diagonal(dim1=1, dim2=2).mean(1) + FLOOR
        spread.diagonal(dim1=1, dim2=2).add_(added[:, None])
        # Σ = LLᵀ, so ‖L⁻¹ d‖² = dᵀ Σ⁻¹ d: no inverse is formed
        self.factor = torch.linalg.cholesky(spread)
        self.normal = normal
        if normal.shape[1] <= len(channels):
            self.notes = (
                f"There are {normal.shape[1]} normal images for {len(channels)} dimensions: the "
                "covariance leans on its shrinkage.",
            )

    def at_places(self, maps: Maps) -> Tensor:
        """The compared channels, (places, n, c)."""
        return select_channels(maps, self.channels)

    def lengths(self, differences: Tensor) -> Tensor:
        """Mahalanobis lengths (places, n) of differences (places, n, c)."""
        return torch.linalg.solve_triangular(self.factor, differences.mT, upper=False).norm(dim=1)

    def distances(self, maps: Maps) -> Tensor:
        """To the mean at each place."""
        result = self.lengths(self.at_places(maps) - self.middle[:, None])
        return result.T.reshape(len(maps[0]), *maps[0].shape[-2:])

    def nearest(self, maps: Maps, count: int) -> NearestPatches:
        """The normal images that are nearest at the same place."""
        distances = self.lengths(self.normal - self.at_places(maps))  # (places, n)
        near = distances.topk(min(count, distances.shape[1]), 1, largest=False)
        place = torch.arange(len(distances))[:, None].expand_as(near.indices)
        columns = maps[0].shape[-1]
        return NearestPatches(near.indices, place // columns, place % columns, near.values)


def select_channels(maps: Maps, channels: Tensor) -> Tensor:
    """Some channels of the layers as one, (places, n, c)."""
    result = concatenate_layers(maps, mode="nearest")[:, channels]
    return result.flatten(2).permute(2, 0, 1).contiguous()


@dataclass(frozen=True)
class PaDiM(Localizer):
    """How far each patch is from the normal patches of the same place, in their own spread.

    One unit is one standard deviation in the direction in which the patch differs (Mahalanobis
    distance); a random part of the dimensions is compared. It expects images that lie on each
    other, as slices of heads do: where normal images differ at a place, nothing is odd there. The
    map is enlarged to the image and blurred.
    """

    name = "PaDiM"
    title = "PaDiM"
    unit = "standard deviations"
    paper = (
        "Defard et al., PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and "
        "Localization (2021), https://arxiv.org/abs/2011.08785"
    )
    proof = (
        "tests/engine/anomaly/localizers/test_padim.py"
        "::test_the_map_is_the_mahalanobis_distance_written_again_at_each_place"
    )

    dimensions: int = setting(
        100, Slider(2, 200, 1), "Dimensions", "How many are compared, drawn at random."
    )
    shrinkage: float = setting(
        0.01,
        Slider(0.001, 1.0, 0.001, log=True),
        "Shrinkage",
        "Share of the mean variance "
        "that is added to every variance. As published, 0.01 is added whatever the features are.",
    )

    def fit(
        self, case: FamiliarCase, normal: NormalPatches, progress: Progress = quiet
    ) -> PatchRule:
        """A Gaussian at each place."""
        width = sum(layer.shape[1] for layer in normal.fit)
        count = min(self.dimensions, width)
        # the same channels at all places: only then are distances on one scale
        channels = torch.from_numpy(np.sort(case.generator().permutation(width)[:count]))
        progress(0.5, "covariances")
        return GaussianPlaces(channels, select_channels(normal.fit, channels), self.shrinkage)
