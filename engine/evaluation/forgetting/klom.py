"""KLoM: how far the margins of unlearned models are from those of models that never saw the images.

Georgiev et al., "Attribute-to-Delete" (2024), https://arxiv.org/abs/2410.23232. The margin of an
image is z_y − log Σ_{j≠y} exp z_j. Of each image there are the margins of K unlearned models and of
K oracles, which were trained with other seeds without the forgotten images; KLoM is KL(unlearned ‖
oracles) of the two samples, in nats. It compares distributions: no seed is paired with another.

Two estimators. With 20 bins, as the published code has them: margins are cut to ±100, the bins go
from the lowest to the highest of both samples, and a bin of the oracles counts at least 1e-5 where
the other one is not empty. The highest margin lies in no bin there, and so it does here, unless
all margins of a sample are the highest one: they then count in the last bin, so that a way whose
models all blew up is not at 0. With few models most bins are empty, and two samples of one law are
far apart: this needs 100 models. The Gaussian form takes both samples for normal and needs 20.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.errors import BlindspotError

GAUSSIAN, BINS = "Gaussian", "20 bins"
NEEDED = {GAUSSIAN: 20, BINS: 100}  # models of each kind
COUNT = 20  # bins
MOST = 100.0  # margins beyond are cut
FLOOR = 1e-5  # of a bin of the oracles
NARROWEST = 1e-3  # a standard deviation

Doubles = NDArray[np.float64]


def margins(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> Doubles:
    """Margins (…, n) of logits (…, n, C), in nats."""
    values = torch.from_numpy(np.array(logits, np.float64))
    label_index = torch.from_numpy(np.asarray(labels)).expand(values.shape[:-1])[..., None]
    right = values.gather(-1, label_index)
    others = values.scatter(-1, label_index, -torch.inf).logsumexp(-1)
    result: Doubles = (right[..., 0] - others).numpy()
    return result


def too_few_models(form: str, models: int) -> str:
    """Why so many models are too few, or ""."""
    if models >= NEEDED[form]:
        return ""
    return (
        f"KLoM with {form} needs at least {NEEDED[form]} models of each kind, and there are "
        f"{models}: with fewer, two groups of one kind would differ as much as two kinds do."
    )


def klom(unlearned: Doubles, oracles: Doubles, form: str = GAUSSIAN) -> Doubles:
    """KL(unlearned ‖ oracles) of each image, (n,), in nats.

    Args:
        unlearned: margins, (K, n).
        oracles: margins, (L, n).
        form: GAUSSIAN or BINS.

    Raises:
        BlindspotError: there are too few models for the form.
    """
    if reason := too_few_models(form, min(len(unlearned), len(oracles))):
        raise BlindspotError(reason)
    p, q = (np.clip(samples, -MOST, MOST) for samples in (unlearned, oracles))
    return gaussian(p, q) if form == GAUSSIAN else binned(p, q)


def gaussian(p: Doubles, q: Doubles) -> Doubles:
    """Between the normal laws with the samples' means and standard deviations."""
    spread, target_spread = (np.maximum(samples.std(0), NARROWEST) for samples in (p, q))
    second_moment = spread**2 + (p.mean(0) - q.mean(0)) ** 2
    # KL of N(μ_p, σ_p²) from N(μ_q, σ_q²), in closed form
    result: Doubles = np.log(target_spread / spread) + second_moment / (2 * target_spread**2) - 0.5
    return result


def binned(p: Doubles, q: Doubles) -> Doubles:
    """Between the histograms over common bins."""
    low = np.minimum(p.min(0), q.min(0))
    high = np.maximum(p.max(0), q.max(0))
    # all margins alike: a range of no width would have no bins
    edges = np.linspace(low, np.where(low < high, high, low + 1), COUNT + 1)
    shares, target_shares = (bin_shares(samples, edges) for samples in (p, q))
    # floored but not normalized again, as published: at most ln(1/1e-5) = 11.5 nats
    safe = np.maximum(target_shares, FLOOR)
    parts = shares * np.log(np.where(shares > 0, shares, 1) / safe)
    result: Doubles = parts.sum(0)
    return result


def bin_shares(values: Doubles, edges: Doubles) -> Doubles:
    """Shares of the values (K, n) between each two edges (B + 1, n), (B, n).

    A value at an edge lies above it; one at the last edge is not counted, unless all lie there:
    these count below it.
    """
    ordered = np.sort(values, axis=0)
    below = [
        np.searchsorted(column, ends, side="left")
        for column, ends in zip(ordered.T, edges.T, strict=True)
    ]
    counts = np.diff(np.stack(below, 1), axis=0)
    counts[-1, counts.sum(0) == 0] = len(values)
    shares: Doubles = counts / counts.sum(0)
    return shares
