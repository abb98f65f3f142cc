"""How concentrated a map is: few strong places, or a little everywhere.

Gini: Chalasani et al. 2020 (https://arxiv.org/abs/1810.06583); entropy: Bhatt et al. 2020
(https://arxiv.org/abs/2005.00631). Both look at sizes |a|; neither says whether a map is right.
"""

import io

import numpy as np
from PIL import Image

from engine.core.errors import BlindspotError
from engine.core.result import Floats

NOTHING = 1e-12


def gini(values: Floats) -> float:
    """Sparseness, from 0 (the same everywhere) to 1 − 1/d (one place alone); NaN of all zeros.

    With |a| in ascending order, Σ (2i − d − 1) |a|_i / (d Σ |a|).
    """
    sizes = np.sort(sizes_of(values))
    total = sizes.sum()
    if total <= NOTHING:
        return float("nan")
    count = len(sizes)
    order = 2 * np.arange(1, count + 1) - count - 1
    return float(order @ sizes / (count * total))


def entropy(values: Floats) -> float:
    """Complexity in nats, from 0 (one place alone) to ln d; NaN of all zeros."""
    sizes = sizes_of(values)
    total = sizes.sum()
    if total <= NOTHING:
        return float("nan")
    # 0 ln 0 is 0, which the logarithm cannot say
    shares = sizes[sizes > 0] / total
    # + 0.0: one place alone would give −0.0
    return float(-(shares * np.log(shares)).sum()) + 0.0


def file_bytes(values: Floats) -> int:
    """Bytes of the map as an 8-bit gray PNG: small is simple to look at (Kakogeorgiou 2021)."""
    sizes = sizes_of(values).reshape(values.shape)
    span = np.ptp(sizes)
    gray = (sizes - sizes.min()) / span if span > NOTHING else np.zeros_like(sizes)
    buffer = io.BytesIO()
    Image.fromarray(np.rint(gray * 255).astype(np.uint8)).save(buffer, "PNG", compress_level=9)
    return len(buffer.getvalue())


def sizes_of(values: Floats) -> np.ndarray:
    """|a|, flat, in 64 bits. Raises BlindspotError for what is unknown."""
    sizes: np.ndarray = np.abs(values.astype(np.float64)).ravel()
    if not np.isfinite(sizes).all():
        raise BlindspotError("The map is not known everywhere: it cannot be measured.")
    return sizes
