"""How well maps tell the pixels of masks from others: larger values are meant to be inside.

Where images have a background that is normal beyond doubt, such as the air around a head, counting
it makes every map look good, also one that knows nothing. `within` says which pixels count.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from engine.core.errors import BlindspotError
from engine.core.result import Floats

LIMIT = 0.3  # false positive rate up to which AUPRO is integrated
TOUCHING = np.ones((3, 3), np.bool_)  # 8-connected

Masks = NDArray[np.bool_]


def pixel_auroc(maps: Floats, masks: Masks, within: Masks | None = None) -> float:
    """Probability that a pixel inside a mask has a higher value than one outside, ties half.

    Args:
        maps: (N, H, W).
        masks: (N, H, W).
        within: which pixels count, (N, H, W); all if not given.

    Raises:
        BlindspotError: sizes differ, a value is not finite, or nothing is inside or outside.
    """
    from sklearn.metrics import roc_auc_score

    is_scored = scored_pixels(maps, masks, within)
    return float(roc_auc_score(masks[is_scored], maps[is_scored]))


def pixel_ap(maps: Floats, masks: Masks, within: Masks | None = None) -> float:
    """Average precision over pixels: Σ (recall_k − recall_{k−1}) · precision_k, (N, H, W) each.

    It depends on the masks' share, which is what a map that knows nothing scores. Raises as
    `pixel_auroc`.
    """
    from sklearn.metrics import average_precision_score

    is_scored = scored_pixels(maps, masks, within)
    return float(average_precision_score(masks[is_scored], maps[is_scored]))


def aupro(maps: Floats, masks: Masks, within: Masks | None = None, limit: float = LIMIT) -> float:
    """Area under the overlap with each region, over false positives up to `limit`; from 0 to 1.

    At a threshold, the overlap is the mean over all regions (8-connected parts of a mask) of the
    share that lies above it; false positives are the share of all pixels outside that do. Small
    regions count as much as large ones. Bergmann et al., "The MVTec Anomaly Detection Dataset"
    (2021). Arguments and errors as `pixel_auroc`.
    """
    is_scored = scored_pixels(maps, masks, within)
    region_weights = np.zeros(maps.shape)  # of its region's weight that each pixel has
    regions = 0
    for at, mask in enumerate(masks & is_scored):
        labels, count = ndi.label(mask, TOUCHING)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        # summed above a threshold, divided by the regions: the mean overlap, by one global sort
        region_weights[at][mask] = 1 / sizes[labels[mask]]
        regions += count
    values, region_weights, outside = (
        maps[is_scored],
        region_weights[is_scored] / regions,
        ~masks[is_scored],
    )
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)  # ties go together
    alarms = np.append(0, np.cumsum(outside[order])[ends] / outside.sum())
    overlap = np.append(0, np.cumsum(region_weights[order])[ends])
    end = int(np.searchsorted(alarms, limit))  # the first at the limit or beyond
    # up to the limit itself: coarse thresholds would leave a gap before it
    last = np.interp(limit, alarms[: end + 1], overlap[: end + 1])
    x, y = np.append(alarms[:end], limit), np.append(overlap[:end], last)
    return float(np.trapezoid(y, x) / limit)


def scored_pixels(maps: Floats, masks: Masks, within: Masks | None) -> Masks:
    """The pixels that count, once all fits together."""
    is_scored = np.ones(maps.shape, np.bool_) if within is None else within
    if not maps.shape == masks.shape == is_scored.shape or maps.ndim != 3:
        raise BlindspotError(
            f"Maps {maps.shape}, masks {masks.shape} and the pixels that count "
            f"{is_scored.shape} must "
            "be (images, height, width) of one size: bring the masks to the maps' size."
        )
    if not np.isfinite(maps[is_scored]).all():
        raise BlindspotError("A map has values that are not finite, which cannot be ranked.")
    anomalous_share = masks[is_scored].mean() if is_scored.any() else 0.0
    if not 0 < anomalous_share < 1:
        side = "inside" if not anomalous_share else "outside"
        raise BlindspotError(f"No pixel that counts lies {side} the masks, so nothing is measured.")
    return is_scored
