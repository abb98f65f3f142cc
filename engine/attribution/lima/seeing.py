"""Looks at an image with some of its regions shown, and what makes such looks worthless."""

from math import log, pi

import torch
from torch import Tensor

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lima.search import Terms
from engine.core.errors import BadModel, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import quiet
from engine.vision.case import ImageCase
from engine.vision.case.scoring import render_logits

TINY = 1e-7
SAME = 1 / 512  # half a step of an 8-bit color


class Seeing:
    """Looks at an image with some regions shown."""

    def __init__(self, case: ImageCase, partition: Partition, cover: str) -> None:
        self.case, self.partition, self.cover = case, partition, cover

    def probabilities(self, visible: Tensor) -> Tensor:
        """Of all classes, with only those regions shown, (n, K)."""
        draw = self.partition.drawing(self.case, visible, self.cover)
        return render_logits(self.case, len(visible), draw, quiet).softmax(-1)

    @lazy
    def ends(self) -> Tensor:
        """Of all classes, with nothing shown and with everything, (2, K)."""
        visible = torch.tensor([[False], [True]]).expand(2, self.partition.count)
        return self.probabilities(visible)

    @lazy
    def first(self) -> int:
        """The class that the model sees in the whole image."""
        return int(self.ends[1].argmax())

    def __call__(self, sets: Tensor) -> Terms:
        """The terms of some sets: each is shown alone, and hidden alone."""
        result = self.probabilities(torch.cat([sets, ~sets]))
        visible_probabilities, hidden = result.chunk(2)
        target = self.case.target.index
        # TINY inside the logarithm, as the authors have it: 0 · log 0 would be NaN
        entropy = -(visible_probabilities * (visible_probabilities + TINY).log()).sum(-1)
        # of one class the entropy is 0, and so would be its maximum ln 1
        largest_entropy = log(max(visible_probabilities.shape[-1], 2))
        first_probabilities = torch.stack(
            [visible_probabilities[:, self.first], hidden[:, self.first]], 1
        )
        return Terms(
            visible_probabilities[:, target],
            1 - hidden[:, target],
            1 - entropy / largest_entropy,
            first_probabilities,
        )

    def distances(self) -> Tensor:
        """δ between what the head sees of single regions, (m, m), from 0 to 1."""
        alone = torch.eye(self.partition.count, dtype=torch.bool)
        draw = self.partition.drawing(self.case, alone, self.cover)
        pace = self.case.model.pace(self.case.precision)
        pixels = torch.empty(self.partition.count, *self.case.image.shape, dtype=pace.dtype)
        pixels = pixels.contiguous(memory_format=pace.memory_format)
        for region in range(self.partition.count):
            draw(region, pixels[region])
        embeddings = torch.cat([self.encoded(part.float()) for part in pixels.split(pace.batch)])
        unit = torch.nn.functional.normalize(embeddings.flatten(1).double(), dim=1)
        # arccos is infinitely steep at 1: hence float64, and a clamp against rounding beyond it
        return ((unit @ unit.T).clamp(-1, 1).arccos() / pi).float()

    def encoded(self, pixels: Tensor) -> Tensor:
        """What the head sees of images; their logits where the model has no linear head."""
        try:
            return self.case.model.features(pixels).cpu()
        except BadModel:
            return self.case.model.logits(pixels)


def segment_image(case: ImageCase, shape: str, regions: int, cover: str) -> Seeing:
    """The image cut into regions, ready to be looked at.

    Raises:
        BlindspotError: there is one region only, or hiding changes nothing.
    """
    partition = Partition.of(case, shape, regions)
    if partition.count < 2:
        raise BlindspotError(
            "The image is one single region, so there is nothing to put in order: choose equal "
            "tiles, or more regions."
        )
    if (case.image - case.baseline(cover)).abs().max() < SAME:
        raise BlindspotError(
            f"The image is the same as what hides its regions ({cover}), so hiding them changes "
            "nothing: hide with something else, or choose another image."
        )
    return Seeing(case, partition, cover)
