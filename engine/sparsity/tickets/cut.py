"""One level of iterative magnitude pruning (Frankle and Carbin 2019, arXiv 1803.03635)."""

from dataclasses import replace

import numpy as np

from engine.core.errors import BlindspotError
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks, masks_of
from engine.vision.weights.parts import prunable_parts


def full_masks(model: Classifier, *, head: bool = True) -> Masks:
    """Masks that keep every prunable weight: level 0."""
    return masks_of({}, prunable_parts(model, head=head))


def prune_smallest(model: Classifier, masks: Masks, share: float) -> Masks:
    """The masks without the smallest of the weights that stay, over the whole network.

    Args:
        model: the trained network; its weights are compared, and not changed.
        masks: of the level before.
        share: of the weights that stay, what goes: round(share · kept), exactly. Of equal ones the
            first goes.

    Raises:
        BlindspotError: a layer would be left without a weight.
    """
    weights = model.network.state_dict()
    sizes = np.concatenate([weights[part.name].abs().cpu().numpy().ravel() for part in masks.parts])
    alive = np.flatnonzero(masks.flat)
    # open_lth cuts one more (it keeps |w| strictly above sort(|w|)[n]) and all ties with it
    gone = alive[np.argsort(sizes[alive], kind="stable")[: round(share * len(alive))]]
    flat = masks.flat.copy()
    flat[gone] = False
    result = replace(masks, flat=flat)
    if empty := [p.name for p, n in zip(result.parts, result.counts, strict=True) if not n]:
        raise BlindspotError(
            f"At {100 * result.density:.2g} % of all weights nothing is left of {empty[0]}: stop "
            "at a level before this one, or cut less at each."
        )
    return result


def cut_to_level(model: Classifier, masks: Masks, density: float, progress: float) -> Masks:
    """The masks of a level of several, which all cut alike and end at a density exactly.

    Args:
        model: as `prune_smallest` has it.
        masks: of the level before.
        density: of the last level.
        progress: the number of this level, as a share of how many there are; above 0.
    """
    target = round(masks.total * density**progress)
    # the count is rounded again there, so that this division costs no weight
    return prune_smallest(model, masks, 1 - target / masks.kept)
