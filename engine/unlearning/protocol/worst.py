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

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from engine.data import DataSet, Rows
from engine.method import Choice, Method, Progress, Slider, quiet, setting
from engine.models.classifier import Classifier
from engine.models.threads import one_thread
from engine.result import Result, Table
from engine.training import outputs
from engine.unlearning.protocol.attack import Doubles
from engine.unlearning.request import ForgetRequest, Ids, check_share, counted
from engine.unlearning.ways.network import own_copy
from engine.weights.case import PruneCase

BATCH = 64
RATE = 1e-3
HARDEST, EASIEST = "hardest", "easiest"


@dataclass(frozen=True)
class WorstCase(Method[PruneCase]):
    """The training images that are hardest, or easiest, to forget.

    A copy of the model learns on without the images that are tried, by small steps in the direction
    of the sign of every slope. The hardest are those whose label it then still gives with the
    lowest loss (cross-entropy, nats): what stays teaches them all the same. The easiest are those
    of highest loss, such as wrong labels. This is done over, from the images just found.
    """

    name = "WorstCase"
    family = "unlearning"
    title = "Hardest and easiest images"
    cost = "job"
    paper = "Fan et al. 2024, https://arxiv.org/abs/2403.07362"
    proof = (
        "tests/engine/unlearning/test_request.py"
        "::test_hard_images_are_those_that_the_model_still_knows_and_easy_ones_are_mislabelled"
    )

    which: str = setting(
        HARDEST, Choice((HARDEST, EASIEST)), "Which", "Those of lowest or of highest loss."
    )
    share: float = setting(
        0.1, Slider(0.01, 0.99, 0.01), "Share", "Of the training images, how many are chosen."
    )
    rounds: int = setting(
        5, Slider(1, 20, 1), "Rounds", "How often images and weights are improved in turn."
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: images, the id and the loss after unlearning of each, the most extreme first."""
        sign = 1 if self.which == HARDEST else -1
        rows, losses = search(
            case.model, case.data, self.share, case.seed, self.rounds, sign, progress
        )
        order = np.argsort(sign * losses, kind="stable")
        ids = case.data.ids[rows[order]]
        return {"images": Table.of({"id": (ids, ""), "loss": (losses[order], "nat")})}


def hardest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is hardest to forget; `rounds` is of the search."""
    rows, _ = search(model, data, share, seed, rounds, 1, progress)
    return worst_case(data.ids[rows], HARDEST, seed)


def easiest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is easiest to forget."""
    rows, _ = search(model, data, share, seed, rounds, -1, progress)
    return worst_case(data.ids[rows], EASIEST, seed)


def worst_case(ids: Ids, which: str, seed: int = 0) -> ForgetRequest:
    """The request for the images that were found."""
    kind, word = ("worst", "hard") if which == HARDEST else ("easy", "easy")
    return ForgetRequest(kind, np.sort(ids), counted(len(ids), f"{word} to forget"), seed=seed)


def search(
    model: Classifier,
    data: DataSet,
    share: float,
    seed: int,
    rounds: int,
    sign: int,
    progress: Progress,
) -> tuple[Rows, Doubles]:
    """The rows with the lowest (sign 1) or highest (−1) loss after unlearning, and that loss."""
    check_share(share)
    train = data.rows("train")
    rng = np.random.default_rng([seed, 12])
    count = min(max(1, round(share * len(train))), len(train))
    rows, found = np.sort(rng.permutation(train)[:count]), np.zeros(count)
    for number in range(rounds):
        losses = after_signs(model, data, np.setdiff1d(train, rows), train, rng)
        places = np.sort(np.argsort(sign * losses, kind="stable")[:count])
        rows, found = train[places], losses[places]
        progress((number + 1) / rounds, f"round {number + 1} of {rounds}")
    return rows, found


def after_signs(
    model: Classifier, data: DataSet, retain: Rows, train: Rows, rng: np.random.Generator
) -> Doubles:
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
