"""The images that are hardest, or easiest, to forget: a forget set chosen against the unlearner.

Weights over the training images and a model are improved in turn. The model unlearns by steps
along the sign of the retained images' gradient, and because a sign has no slope, the weight of an
image is moved by its loss alone. With large steps of the weights, as here, the projection onto
"so many images" takes exactly those of lowest loss after unlearning (hard: the model still knows
them although they were taken away), or of highest (easy).

Fan et al., "Challenging Forgets: Unveiling the Worst-Case Forget Sets in Machine Unlearning"
(2024), https://arxiv.org/abs/2403.07362, in the limit of a large rate for the weights.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from engine.data import DataSet, Rows
from engine.method import Progress, quiet
from engine.models.classifier import Classifier
from engine.training import outputs
from engine.training.figures import one_thread
from engine.unlearning.network import own_copy
from engine.unlearning.request import ForgetRequest, check_share, told

BATCH = 64
RATE = 1e-3


def hardest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is hardest to forget; `rounds` is of the search."""
    rows = chosen(model, data, share, seed, rounds, 1, progress)
    return ForgetRequest("worst", data.ids[rows], told(len(rows), "hard to forget"), seed=seed)


def easiest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is easiest to forget."""
    rows = chosen(model, data, share, seed, rounds, -1, progress)
    return ForgetRequest("easy", data.ids[rows], told(len(rows), "easy to forget"), seed=seed)


def chosen(
    model: Classifier,
    data: DataSet,
    share: float,
    seed: int,
    rounds: int,
    sign: int,
    progress: Progress,
) -> Rows:
    """The rows with the lowest (sign 1) or highest (−1) loss after they were unlearnt."""
    check_share(share)
    train = data.rows("train")
    rng = np.random.default_rng([seed, 12])
    count = min(max(1, round(share * len(train))), len(train))
    rows = np.sort(rng.permutation(train)[:count])
    for number in range(rounds):
        losses = after_signs(model, data, np.setdiff1d(train, rows), train, rng)
        rows = np.sort(train[np.argsort(sign * losses, kind="stable")[:count]])
        progress((number + 1) / rounds, f"round {number + 1} of {rounds}")
    return rows


def after_signs(
    model: Classifier, data: DataSet, retain: Rows, train: Rows, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Each training image's loss after two epochs of sign steps on what is retained, eval mode."""
    own = own_copy(model)
    weights = list(own.parameters())
    for _ in range(2 if len(retain) else 0):
        parts = np.array_split(rng.permutation(retain), max(1, len(retain) // BATCH))
        for part in parts:
            with one_thread(), torch.enable_grad():
                loss = F.cross_entropy(
                    own(data.pixels(part).to(own.device)), data.targets(part).to(own.device)
                )
                slopes = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.sub_(RATE * slope.sign())
    losses = F.cross_entropy(outputs(own, data, train), data.targets(train), reduction="none")
    return losses.detach().double().numpy()
