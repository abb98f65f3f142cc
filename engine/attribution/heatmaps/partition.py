"""A partition: the image cut into disjoint regions that are shown or hidden as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Choice, Slider
from engine.vision.case import ImageCase
from engine.vision.case.scoring import Draw, as_drawn, in_memory, laid_out

# Of SLIC, which balances color against place; the later ones for pictures so noisy that color
# alone leaves hardly a connected region.
COMPACTNESS = (10.0, 100.0, 1000.0)

REGIONS = Slider(4, 100, step=1)
REGIONS_HELP = "About how many regions the image is cut into; each is hidden as a whole."
SHAPE = Choice(("superpixels", "grid"))
SHAPE_HELP = "Regions of one color (SLIC), or equal tiles."
COVER = Choice(("mean", "black", "blur"))
COVER_HELP = "What hidden pixels become: the model's own zero, black, or the picture blurred."


@dataclass(frozen=True, eq=False)
class Partition:
    """Labels (H, W), int64, from 0 to count − 1, every one of them used."""

    labels: Tensor

    @classmethod
    def of(cls, case: ImageCase, shape: str, regions: int) -> Partition:
        """The case's image cut into about so many superpixels or tiles; the same every time."""
        return (
            superpixels(case.image, regions)
            if shape == "superpixels"
            else square_tiles(case.image, regions)
        )

    @property
    def count(self) -> int:
        """How many regions there are."""
        return int(self.labels.max()) + 1

    def values(self, regions: Tensor) -> Tensor:
        """One value a region (count,) → one value a pixel (H, W)."""
        return regions[self.labels]

    def sums(self, image: Tensor) -> Tensor:
        """Sum over each region's pixels and channels, (…, H, W) → (count,)."""
        flat = image.reshape(-1, *self.labels.shape).sum(0).flatten()
        return torch.zeros(self.count, dtype=flat.dtype).index_add_(0, self.labels.flatten(), flat)

    def places(self, case: ImageCase) -> Tensor:
        """The region of every number of a render, as they lie in memory, (3 · H · W,)."""
        return in_memory(laid_out(case, self.labels.expand(3, -1, -1)))

    def drawing(self, case: ImageCase, visible: Tensor, cover: str) -> Draw:
        """Draws the image with only the regions that are shown, (n, count) bool; else the cover."""
        places = self.places(case)
        image = in_memory(as_drawn(case, case.image))
        hidden = in_memory(as_drawn(case, case.baseline(cover)))

        def draw(index: int, out: Tensor) -> None:
            pixel_mask = visible[index].index_select(0, places)
            torch.where(pixel_mask, image, hidden, out=in_memory(out))

        return draw


def superpixels(image: Tensor, regions: int) -> Partition:
    """SLIC superpixels of an image (3, H, W), one connected region each; tiles where SLIC fails."""
    pixels = image.permute(1, 2, 0).double().contiguous().numpy()
    # as bytes, which can be a key of the cache; an array cannot
    result = segmented(pixels.tobytes(), pixels.shape, regions)
    return square_tiles(image, regions) if result is None else result


@lru_cache(maxsize=8)
def segmented(pixels: bytes, shape: tuple[int, ...], regions: int) -> Partition | None:
    """SLIC, once for the methods that share its regions; None where hardly a region connects."""
    from skimage.segmentation import slic

    image = np.frombuffer(pixels).reshape(shape)
    for compactness in COMPACTNESS:
        segments = slic(image, n_segments=regions, compactness=compactness, start_label=0)
        if 2 * len(np.unique(segments)) >= regions:
            return relabeled(segments)
    return None


def square_tiles(image: Tensor, regions: int) -> Partition:
    """Tiles, the nearest square number of them."""
    height, width = image.shape[1:]
    across = max(1, round(regions**0.5))
    rows = np.arange(height) * across // height
    columns = np.arange(width) * across // width
    return relabeled(rows[:, None] * across + columns[None, :])


def relabeled(labels: NDArray[Any]) -> Partition:
    """Any labels as 0, 1, 2, … without gaps."""
    _, dense = np.unique(labels, return_inverse=True)
    return Partition(torch.from_numpy(dense.reshape(labels.shape).astype(np.int64)))
