"""The images that are hardest, or easiest, to forget: a forget set chosen against the unlearner.

Weights over the training images, between 0 and 1 and so many in sum, and a model are improved in
turn. The model unlearns by steps along the sign of the slope of Σ (1 − w_i) ℓ_i. Because a sign has
no slope, the weights are moved by the losses alone: a step against ℓ + 2γw, then a projection onto
the weights that are allowed. With steps of no limit, the default, that takes exactly the images of
lowest loss after unlearning (hard: the model still knows them although they were taken away), or of
highest (easy); a smaller rate gives the published course, on which an image may be chosen in part.
All losses are taken in eval mode, where the released code leaves the network in training mode.

Fan et al., "Challenging Forgets: Unveiling the Worst-Case Forget Sets in Machine Unlearning"
(2024), https://arxiv.org/abs/2403.07362. Rates are in units of 1 / (standard deviation of ℓ):
with the released code's 0.01 nothing moves on losses of a few nats.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from engine.core.method import Choice, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.forgetting.attack import Doubles
from engine.evaluation.forgetting.projection import project
from engine.unlearning.request import ForgetRequest, Ids, check_share, count_text, sample_share
from engine.unlearning.ways.network import own_copy
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import outputs
from engine.vision.weights.case import PruneCase

BATCH = 64
RATE = 1e-3
HARDEST, EASIEST, RANDOM = "hardest", "easiest", "random"
SIGNS = {HARDEST: 1, EASIEST: -1, RANDOM: 0}
EDGES = np.logspace(-7, 2, 37)  # nats, of the histograms; losses beyond lie in the outer intervals


@dataclass(frozen=True)
class WorstCase(Method[PruneCase]):
    """The training images that are hardest, or easiest, to forget.

    A copy of the model learns on without the images that are tried, by small steps in the direction
    of the sign of every slope. The hardest are those whose label it then still gives with the
    lowest loss (cross-entropy, nats): what stays teaches them all the same. The easiest are those
    of highest loss, such as wrong labels. This is done over, from the images just found. Images at
    random are taken away once, to compare with.

    With a rate, images are chosen in part on the way, by weights from 0 to 1 whose sum stays the
    number that is asked for; in the end those of highest weight are taken.
    """

    name = "WorstCase"
    family = "unlearning"
    title = "Hardest and easiest images"
    cost = "job"
    paper = "Fan et al. 2024, https://arxiv.org/abs/2403.07362"
    revision = 2
    proof = (
        "tests/engine/unlearning/test_request.py"
        "::test_hard_images_are_those_that_the_model_still_knows_and_easy_ones_are_mislabelled"
    )

    which: str = setting(
        HARDEST, Choice(tuple(SIGNS)), "Which", "Those of lowest or of highest loss, or any."
    )
    share: float = setting(
        0.1, Slider(0.01, 0.99, 0.01), "Share", "Of the training images, how many are chosen."
    )
    rounds: int = setting(
        5, Slider(1, 20, 1), "Rounds", "How often images and weights are improved in turn."
    )
    rate: float | None = setting(
        None,
        Slider(0.01, 1e4, 0.01, log=True, off="no limit", start=1.0),
        "Rate",
        "How far images move in a round, in standard deviations of the losses. Without a limit "
        "each round takes the images of lowest or highest loss outright.",
    )
    gamma: float = setting(
        0.0,
        Slider(0.0, 1.0, 0.01, "nat"),
        "Evenness",
        "Times the sum of the squared weights: above 0, more images are chosen in part.",
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: images, rounds and losses.

        images: id, loss after unlearning and weight, the most extreme first (of images at random
        those of lowest loss). rounds: the objective, Σ w ℓ ± γ Σ w² per image that is to be chosen,
        at the round's losses before and after the weights were moved, and the share of the weight
        that moved. losses: for each round, how the losses of the chosen (by weight) and of all
        training images are spread, as shares in intervals of a quarter of a decade.
        """
        result = search(
            case.model,
            case.data,
            self.share,
            case.seed,
            self.rounds,
            SIGNS[self.which],
            progress,
            self.rate,
            self.gamma,
        )
        order = np.argsort((SIGNS[self.which] or 1) * result.losses, kind="stable")
        columns = {
            "id": (case.data.ids[result.rows[order]], ""),
            "loss": (result.losses[order], "nat"),
            "weight": (result.weights[order], ""),
        }
        return {"images": Table.of(columns), "rounds": result.table(), "losses": result.spread()}


def hardest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is hardest to forget; `rounds` is of the search."""
    result = search(model, data, share, seed, rounds, 1, progress)
    return worst_case(data.ids[result.rows], HARDEST, seed)


def easiest(
    model: Classifier,
    data: DataSet,
    share: float = 0.1,
    seed: int = 0,
    rounds: int = 5,
    progress: Progress = quiet,
) -> ForgetRequest:
    """The share of training images that is easiest to forget."""
    result = search(model, data, share, seed, rounds, -1, progress)
    return worst_case(data.ids[result.rows], EASIEST, seed)


def worst_case(ids: Ids, difficulty: str, seed: int = 0) -> ForgetRequest:
    """The request for the images that were found."""
    kind, word = ("worst", "hard") if difficulty == HARDEST else ("easy", "easy")
    return ForgetRequest(kind, np.sort(ids), count_text(len(ids), f"{word} to forget"), seed=seed)


@dataclass(frozen=True, eq=False)
class WorstSearch:
    """What a search came to, and its course.

    Args:
        rows: (m,) that are chosen, rising.
        losses: (m,) their loss in the last round, nats.
        weights: (m,) theirs at the end, before the highest were taken.
        course: (rounds, 3, N), of each round the weights before, the losses and the weights after.
        sign: 1 where a low loss is looked for, −1 where a high one is.
        gamma: of the objective.
    """

    rows: Rows
    losses: Doubles
    weights: Doubles
    course: Doubles
    sign: int
    gamma: float

    def table(self) -> Table:
        """A row for each round."""
        before, losses, after = self.course.transpose(1, 0, 2)
        signed_gamma = (self.sign or 1) * self.gamma
        curves = [
            ((weights * losses).sum(1) + signed_gamma * (weights**2).sum(1)) / len(self.rows)
            for weights in (before, after)
        ]
        moved = np.abs(after - before).sum(1) / (2 * len(self.rows))
        return Table.of(
            {
                "round": (np.arange(1, len(losses) + 1), ""),
                "objective": (curves[0], "nat"),
                "after the step": (curves[1], "nat"),
                "moved": (moved, "share"),
            }
        )

    def spread(self) -> Table:
        """A row for each round and interval of the losses."""
        low, high = EDGES[:-1], EDGES[1:]
        shares: dict[str, list[Doubles]] = {"chosen": [], "all": []}
        for _, losses, after in self.course:
            inside = np.clip(losses, EDGES[0], np.nextafter(EDGES[-1], 0))
            for name, weights in (("chosen", after), ("all", np.ones(len(losses)))):
                counts, _ = np.histogram(inside, EDGES, weights=weights)
                shares[name].append(counts / weights.sum())
        rounds = len(self.course)
        return Table.of(
            {
                "round": (np.repeat(np.arange(1, rounds + 1), len(low)), ""),
                "from": (np.tile(low, rounds), "nat"),
                "to": (np.tile(high, rounds), "nat"),
                **{name: (np.concatenate(share), "share") for name, share in shares.items()},
            }
        )


def search(
    model: Classifier,
    data: DataSet,
    share: float,
    seed: int,
    rounds: int,
    sign: int,
    progress: Progress = quiet,
    rate: float | None = None,
    gamma: float = 0.0,
) -> WorstSearch:
    """The rows with the lowest (sign 1) or highest (−1) loss after unlearning, and how they came.

    Args:
        model: that unlearns, in a copy.
        data: that it learned from.
        share: of the training images, how many are chosen.
        seed: of the first images and of the batches.
        rounds: each begins with the model as it was; one, where the sign is 0.
        sign: 0 for images at random, which stay as they are.
        progress: is told of every round.
        rate: of the weights, in standard deviations of the losses; None for no limit.
        gamma: of the squared weights in the objective, nats.
    """
    check_share(share)
    train = data.rows("train")
    rng = np.random.default_rng([seed, 12])
    count = min(max(1, round(share * len(train))), len(train))
    first = rng.permutation(train)[:count] if sign else sample_share(train, share, seed)
    weights, course = np.isin(train, first).astype(np.float64), []
    for number in range(rounds if sign else 1):
        # what is forgotten altogether adds nothing to Σ (1 − w) ℓ
        before, some = weights, weights < 1
        # dθ/dw is 0, as that of signs: no implicit term, the losses alone move the weights
        losses = after_signs(model, data, train[some], train, rng, 1 - weights[some])
        if sign:
            weights = ascent_step(weights, sign * losses, count, rate, gamma)
        course.append((before, losses, weights))
        progress((number + 1) / rounds, f"round {number + 1} of {rounds}")
    # the last key counts first: by weight, and among equal weights by loss
    places = np.sort(np.lexsort((sign * losses, -weights))[:count])
    return WorstSearch(
        train[places], losses[places], weights[places], np.array(course), sign, gamma
    )


def ascent_step(
    weights: Doubles, losses: Doubles, count: int, rate: float | None, gamma: float
) -> Doubles:
    """The weights after a step against ℓ + 2γw, projected.

    Without a limit these are the best at these losses, so that none depends on where it was.
    """
    if rate is not None:
        # in units of the losses' spread: weights are of size 1, losses of any
        step = rate / (losses.std() or 1.0)
        return project(weights - step * (losses + 2 * gamma * weights), count)
    if gamma:
        # Σ wℓ + γ Σ w² is γ ‖w + ℓ/2γ‖² and a constant: its minimum is a projection
        return project(-losses / (2 * gamma), count)
    # with γ = 0 the objective is linear: its minimum is the m smallest losses
    chosen = np.zeros(len(losses))
    chosen[np.argsort(losses, kind="stable")[:count]] = 1
    return chosen


def after_signs(
    model: Classifier,
    data: DataSet,
    retain: Rows,
    train: Rows,
    rng: np.random.Generator,
    shares: Doubles | None = None,
) -> Doubles:
    """Each training image's loss after two epochs of sign steps on what is retained, eval mode.

    Args:
        model: of which a copy unlearns.
        data: that has the images.
        retain: rows that are learned from.
        train: rows whose losses are returned.
        rng: of the batches.
        shares: (retained,), how much each counts; all alike if not given.
    """
    model_copy = own_copy(model)
    weights = list(model_copy.parameters())
    counts = torch.zeros(len(data))
    counts[retain] = 1.0 if shares is None else torch.from_numpy(shares).float()
    is_uniform = bool(
        (counts[retain] == 1).all()
    )  # then batches have their plain mean, to the last bit
    for _ in range(2 if len(retain) else 0):
        parts = np.array_split(rng.permutation(retain), max(1, len(retain) // BATCH))
        for part in parts:
            with one_thread(), torch.enable_grad():
                logits = model_copy(data.pixels(part).to(model_copy.device))
                targets = data.targets(part).to(model_copy.device)
                loss = (
                    F.cross_entropy(logits, targets)
                    if is_uniform
                    # a sum where the other case has a mean: a positive factor changes no sign
                    else counts[part].to(model_copy.device)
                    @ F.cross_entropy(logits, targets, reduction="none")
                )
                slopes = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.sub_(RATE * slope.sign())
    losses = F.cross_entropy(
        outputs(model_copy, data, train), data.targets(train), reduction="none"
    )
    return losses.detach().double().numpy()
