"""Where in an image something stands out: SIFT key points, and a mixture of Gaussians over pixels.

    G(p) = Σ_i λ_i N(p; (y_i, x_i), s_i² I),   λ_i = η_i / Σ η,   s_i = ρ_i + 15

η is the size of the difference of Gaussians at the key point, ρ its scale in pixels. An image below
50 px is first enlarged 15 times, as in the authors' code, and places and widths are divided again.
The authors divide a place by 15 and no more; then a point in the middle of an enlarged pixel comes
to lie 7/15 px too far to the lower right, for pixel p of the image is 15 p to 15 p + 14 there. Ours
is (p + 0.5) / 15 - 0.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
SMALL, INFLATION = 50, 15  # px; times
WIDER = 15.0  # added to ρ, in the pixels of the enlarged image
MOST = 40  # key points; the strongest are kept
LEVELS = 4  # of scale in an octave, at which η is read


@dataclass(frozen=True)
class KeyPoints:
    """Places (n, 2) as row and column, widths s (n,) and weights λ (n,) that add up to 1, in px."""

    places: Doubles
    widths: Doubles
    weights: Doubles

    def __len__(self) -> int:
        return len(self.places)

    def saliency(self, weights: Doubles, shape: tuple[int, int]) -> NDArray[np.float32]:
        """G at every pixel, (H, W), for weights λ (n,)."""
        rows, columns = (np.arange(length, dtype=np.float64) for length in shape)
        result = np.zeros(shape)
        for (row, column), width, weight in zip(self.places, self.widths, weights, strict=True):
            down = np.exp(-((rows - row) ** 2) / (2 * width**2))
            across = np.exp(-((columns - column) ** 2) / (2 * width**2))
            result += weight * np.outer(down, across) / (2 * np.pi * width**2)
        return result.astype(np.float32)


def key_points(gray: Doubles) -> KeyPoints:
    """The key points of a gray image (H, W) in [0, 1]; its grid points where it has none."""
    from skimage.transform import resize

    factor = INFLATION if min(gray.shape) < SMALL else 1
    large = resize(gray, [factor * length for length in gray.shape]) if factor > 1 else gray
    places, scales = detected(large)
    if not len(places):
        return uniform_grid(gray.shape)
    response = responses(large, places, scales)
    order = response.argsort()[::-1][:MOST]
    weights = response[order] / response[order].sum()
    middle = (places[order] + 0.5) / factor - 0.5  # where a pixel's whole number is its middle
    return KeyPoints(middle, (scales[order] + WIDER) / factor, weights)


def detected(gray: Doubles) -> tuple[Doubles, Doubles]:
    """Places (n, 2) and scales (n,) of SIFT key points, each once whatever its orientations."""
    from skimage.feature import SIFT

    finder = SIFT(upsampling=1)
    try:
        finder.detect(gray)
    except RuntimeError:  # it has found none
        return np.zeros((0, 2)), np.zeros(0)
    places, scales = np.asarray(finder.positions), np.asarray(finder.sigmas)
    # SIFT gives a place again for each of its orientations
    points = np.unique(np.column_stack([places, scales]).round(3), axis=0)
    return points[:, :2], points[:, 2]


def responses(gray: Doubles, places: Doubles, scales: Doubles) -> Doubles:
    """η: the size of the difference of Gaussians at each place, at about its scale."""
    from scipy.ndimage import gaussian_filter

    steps = np.rint(LEVELS * np.log2(scales)).astype(int)
    rows, columns = (
        np.clip(np.rint(places[:, axis]).astype(int), 0, gray.shape[axis] - 1) for axis in (0, 1)
    )
    result = np.zeros(len(places))
    for step in np.unique(steps):
        sigma = 2 ** (step / LEVELS)
        band = gaussian_filter(gray, 2 ** (1 / LEVELS) * sigma) - gaussian_filter(gray, sigma)
        at_step = steps == step
        result[at_step] = np.abs(band[rows[at_step], columns[at_step]])
    # weights are shares of their sum, which must not be 0
    return result + 1e-6


def uniform_grid(shape: tuple[int, ...]) -> KeyPoints:
    """Four by four places of one weight, for an image in which nothing stands out."""
    side = min(4, *shape)
    rows, columns = ((np.arange(side) + 0.5) * length / side - 0.5 for length in shape[:2])
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    count = len(places)
    return KeyPoints(places, np.full(count, max(shape) / 8), np.full(count, 1 / count))
