"""Certificates by radius: the robust network is smoothed by Gaussian noise, and then mixed.

Bai et al., "Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing"
(2023), https://arxiv.org/abs/2301.12554; bounds as in Cohen et al. (2019),
https://arxiv.org/abs/1902.02918
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.attribution.adasmooth.mixture import smoothed_radius
from engine.core.result import Table
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread

RADII = np.linspace(0, 1, 41)  # L2, in pixels of [0, 1]
SIGMA, DRAWS, RISK = 0.25, 500, 0.001  # of the noise; how often; how often a bound may be wrong
CHOSEN = 50  # other draws, by which the class is chosen that is then certified


def certified(
    normal: Classifier,
    robust: Classifier,
    data: DataSet,
    alphas: Sequence[float],
    count: int,
    seed: int,
) -> Table:
    """The share of test images that are right and cannot change within a radius, for each α.

    Args:
        normal: plays no part in a certificate, which holds whatever it says.
        robust: is smoothed.
        data: whose test images are certified.
        alphas: the shares of the smoothed network; each is a column.
        count: of images.
        seed: of images and noise.
    """
    del normal
    rows = data.some("test", count, seed)
    images, labels = data.pixels(rows), data.labels[rows]
    noise = torch.Generator().manual_seed(seed)
    radii = np.array(
        [
            radii_of(robust, image, int(label), alphas, noise)
            for image, label in zip(images, labels, strict=True)
        ]
    )
    columns: dict[str, tuple[object, str]] = {"radius": (RADII, "")}
    columns |= {
        f"α = {alpha:g}": ((radii[:, at] > RADII[:, None]).mean(1), "share")
        for at, alpha in enumerate(alphas)
    }
    return Table.of(columns)


def radii_of(
    robust: Classifier, image: Tensor, label: int, alphas: Sequence[float], noise: torch.Generator
) -> list[float]:
    """The L2 radius within which a right answer about an image (3, H, W) stays, for each α.

    0 where the answer is wrong, or nothing can be promised.
    """
    chosen = int(votes(robust, image, CHOSEN, noise).argmax())
    if chosen != label:
        return [0.0] * len(alphas)
    # fresh draws: those by which the class was chosen favor it, and their bound would be too high
    first, second = bounds(votes(robust, image, DRAWS, noise), chosen)
    return [smoothed_radius(alpha, SIGMA, first, second) for alpha in alphas]


def votes(model: Classifier, image: Tensor, count: int, noise: torch.Generator) -> np.ndarray:
    """How often noisy copies of an image (3, H, W) are read as each class, (classes,).

    The noise is the same in all three channels: such images have one.
    """
    with torch.no_grad(), one_thread():
        added = SIGMA * torch.randn((count, 1, *image.shape[1:]), generator=noise)
        answers = model((image + added).to(model.device)).argmax(1).cpu()
    return np.bincount(answers.numpy(), minlength=len(model.labels))


def bounds(counts: np.ndarray, chosen: int) -> tuple[float, float]:
    """A lower bound of a class's probability, and an upper one of any other's (Clopper, Pearson).

    What is not the chosen class could all be one other class.
    """
    from scipy.special import betaincinv

    hits, draws = int(counts[chosen]), int(counts.sum())
    # exact one-sided bound: the RISK quantile of Beta(k, n − k + 1); 0 where k is 0
    first = float(betaincinv(hits, draws - hits + 1, RISK)) if hits else 0.0
    return first, 1 - first
