"""How far to go: of no change and some strengths, what forgets most for what it loses.

Forgetting is the mean loss of the forgotten images, each counted up to ln C, that of a guess among
C classes; losing is WORTH times the mean loss of some images that stay. An addition of ours, for
methods of one step whose published strength fits one model and destroys another. Where every step
loses more than it forgets, none is taken.
"""

from collections.abc import Callable, Sequence
from math import isfinite, log

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.unlearning.case import ForgetCase
from engine.unlearning.ways.network import images_and_labels, named_weights
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread

BATCH = 250
TRIED = 500  # images that stay, drawn by the seed, by which a strength is judged
WORTH = 2.0  # a nat lost of what stays, against one won
UNCHANGED = "Every strength that was tried loses more than it forgets: the model is left as it is."


@torch.no_grad()
def best_strength(
    case: ForgetCase,
    model: Classifier,
    data: DataSet,
    strengths: Sequence[float],
    change: Callable[[float], None],
) -> float | None:
    """The best of some strengths, or None if no change at all is better than each of them.

    Args:
        case: what is to be forgotten.
        model: a copy of the original, in eval mode; it is afterwards as it was.
        data: the case's, as it may be looked at.
        strengths: the strengths, ascending; it ends early where what stays is worse than a guess.
        change: changes the weights of the copy, as they were, by a strength.
    """
    state = {name: weight.detach().clone() for name, weight in named_weights(model).items()}
    rows = np.random.default_rng([case.seed, 26]).permutation(case.splits.retain)[:TRIED]
    most = log(len(model.labels))

    def judge() -> tuple[float, float]:
        retain_loss = losses(model, data, rows).mean().item()
        forget_loss = losses(model, data, case.splits.forget).clamp(max=most).mean().item()
        return forget_loss - WORTH * retain_loss, retain_loss

    result, (best, _) = None, judge()
    for strength in strengths:
        change(strength)
        worth, retained_loss = judge()
        for name, weight in named_weights(model).items():
            weight.copy_(state[name])
        # never so for what is no number
        if worth > best:
            best, result = worth, strength
        # strengths ascend: from here on each would lose more than a guess does
        if not isfinite(retained_loss) or retained_loss > most:
            break
    return result


def losses(model: Classifier, data: DataSet, rows: Rows) -> Tensor:
    """Cross-entropy of each image, (n,)."""
    results = []
    for part in np.array_split(rows, max(1, -(-len(rows) // BATCH))):
        with one_thread():
            pixels, targets = images_and_labels(model, data, part)
            results.append(F.cross_entropy(model(pixels), targets, reduction="none"))
    return torch.cat(results)
