"""The image as d features that can be moved: the ground on which local models are fitted.

A feature is a pixel (all channels together) or a region. Moved by ξ, (d,), the image is

    x + Pξ (added),   or   b + (x − b) ⊙ Pξ (multiplied: 1 keeps a feature, 0 takes it away)

where P gives every pixel its feature's number and b is the model's own zero, the mean color.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.heatmaps.partition import Partition
from engine.core.keeping.lazy import lazy
from engine.core.method import Progress, quiet
from engine.vision.case import ImageCase

TOGETHER = 256  # images that are held at once
NOTHING = 1e-6  # a feature so near the baseline's color cannot be turned from × into +


@dataclass(frozen=True, eq=False)
class Ground:
    """An image case and its features."""

    case: ImageCase
    partition: Partition

    @property
    def count(self) -> int:
        """d, the number of features."""
        return self.partition.count

    @lazy
    def baseline(self) -> Tensor:
        """b, (3, H, W)."""
        return self.case.baseline("mean")

    @lazy
    def contrast(self) -> Tensor:
        """x − b, (3, H, W)."""
        return self.case.image - self.baseline

    @lazy
    def feature(self) -> Tensor:
        """The mean of c = x − b over each feature's pixels and channels, (d,) float64.

        What a + weight is as a × weight: moved alike, n numbers have the slope A/n each, and
        Σ c A/n is A times the mean of c.
        """
        return self.partition.sums(self.contrast.double()) / self.sizes

    @lazy
    def restored(self) -> Tensor:
        """Σc / Σc² over each feature's pixels and channels, (d,) float64; 0 where c is 0.

        What a × weight is as a + weight. Many slopes g give Σ g c = W; the smallest of them are
        g = W c / Σc², and moved alike their pixels add up to W Σc / Σc².
        """
        sums = self.partition.sums(self.contrast.double())
        squares = self.partition.sums(self.contrast.double() ** 2)
        # by the mean square: below NOTHING², Σc / Σc² is made of rounding
        has_contrast = squares > NOTHING**2 * self.sizes
        return torch.where(has_contrast, sums / squares, 0.0)

    @lazy
    def sizes(self) -> Tensor:
        """How many numbers each feature has, pixels times channels, (d,) float64."""
        return self.partition.sums(torch.ones_like(self.contrast, dtype=torch.float64))

    def moved(self, by: Tensor, *, multiplied: bool) -> Tensor:
        """Images (n, 3, H, W) moved by ξ (n, d)."""
        spread = by[:, self.partition.labels][:, None]  # (n, 1, H, W)
        if multiplied:
            return self.baseline + self.contrast * spread
        return self.case.image + spread

    def pulled(self, slopes: Tensor, *, multiplied: bool) -> Tensor:
        """Slopes of pixels (n, 3, H, W) as slopes of ξ, (n, d)."""
        if multiplied:
            # chain rule: ∂(b + (x − b) ⊙ Pξ)/∂ξ brings x − b, where adding brings 1
            slopes = slopes * self.contrast
        flat = slopes.sum(1).flatten(1)
        sums = torch.zeros(len(flat), self.count, dtype=flat.dtype)
        return sums.index_add_(1, self.partition.labels.flatten(), flat)

    def scores(self, by: Tensor, *, multiplied: bool, progress: Progress = quiet) -> Tensor:
        """f of the moved images, (n,), float64."""

        def look(part: Tensor) -> tuple[Tensor, ...]:
            return (self.case.score(self.moved(part, multiplied=multiplied)),)

        return in_parts(by, look, progress)[0].double()

    def slopes(
        self, by: Tensor, *, multiplied: bool, progress: Progress = quiet
    ) -> tuple[Tensor, Tensor]:
        """f (n,) and ∇_ξ f (n, d) of the moved images, float64."""

        def look(part: Tensor) -> tuple[Tensor, ...]:
            scores, slopes = self.case.gradient(self.moved(part, multiplied=multiplied))
            return scores, self.pulled(slopes, multiplied=multiplied)

        scores, slopes = in_parts(by, look, progress)
        return scores.double(), slopes.double()

    def distances(self, by: Tensor) -> Tensor:
        """‖x − x_ξ‖ of multiplied images as a share of ‖x − b‖, (n,)."""
        # features are disjoint, so their squared distances add up: no image is drawn
        squares = self.partition.sums(self.contrast**2).double()
        away = ((1 - by.double()) ** 2 @ squares).sqrt()
        return away / squares.sum().sqrt().clamp(min=1e-12)


def in_parts(
    by: Tensor, look: Callable[[Tensor], tuple[Tensor, ...]], progress: Progress
) -> list[Tensor]:
    """What is seen of some rows at a time, put together."""
    results: list[tuple[Tensor, ...]] = []
    for start in range(0, len(by), TOGETHER):
        results.append(look(by[start : start + TOGETHER]))
        progress(min((start + TOGETHER) / len(by), 1.0), "moving the image")
    return [torch.cat(parts) for parts in zip(*results, strict=True)]
