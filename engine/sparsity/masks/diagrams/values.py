"""The weights of a layer, and how large those are that stay and those that are cut."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Floats
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks

BINS = 81  # of a histogram; odd, so that zero has a bin of its own


def weight_values(model: Classifier, name: str) -> Floats:
    """A weight as an array; shared with the model where it lies on the CPU, so only to read."""
    values: Floats = model.network.get_parameter(name).detach().cpu().numpy()
    return values


@dataclass(frozen=True, eq=False)
class Histogram:
    """A layer's weights, those that stay and those that are cut, in bins of equal width.

    Args:
        edges: (bins + 1,).
        kept, cut: how many, (bins,).
        below, above: the largest size that was cut, and the smallest that stays; NaN when there is
            none. With magnitude the cut lies between the two.
    """

    edges: Floats
    kept: NDArray[np.int64]
    cut: NDArray[np.int64]
    below: float
    above: float


def histogram(model: Classifier, masks: Masks, name: str, bins: int = BINS) -> Histogram:
    """The weights of a layer before pruning; give the dense model."""
    values, bits = weight_values(model, name).ravel(), masks.array(name).ravel()
    limit = float(np.abs(values).max()) or 1.0
    places = np.clip(((values / limit + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    sizes = np.abs(values)
    return Histogram(
        np.linspace(-limit, limit, bins + 1).astype(np.float32),
        np.bincount(places[bits], minlength=bins),
        np.bincount(places[~bits], minlength=bins),
        float(sizes[~bits].max()) if not bits.all() else float("nan"),
        float(sizes[bits].min()) if bits.any() else float("nan"),
    )
