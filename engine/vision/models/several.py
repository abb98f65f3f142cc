"""Several findings at once: each has a probability of its own, and they do not add up to 1."""

from collections.abc import Sequence

import torch
from torch import Tensor


def at_points(logits: Tensor, points: Sequence[float]) -> Tensor:
    """Sigmoid of logits (N, findings), bent in two straight pieces so that each point becomes 0.5.

    With p the sigmoid and t the point: p / 2t below it, 1 − (1 − p) / 2(1 − t) from it on. A point
    of 0.5 changes nothing. torchxrayvision calls this `op_norm`, and its points `op_threshs`.
    """
    p = logits.sigmoid()
    t = p.new_tensor(points)
    return torch.where(p < t, p / (2 * t), 1 - (1 - p) / (2 * (1 - t)))
