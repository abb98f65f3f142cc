"""Gradient matching with an elastic net: training rows that make a fair representation leak.

A victim's step on the altered rows should be a step that raises Fisher's discriminant U of the
group in the representation, so −U's gradient and the rows' share of the training gradient are made
to point the same way: B(δ) = 1 − cos(g_up, g_lo), with λ₁‖δ‖₁ + λ₂‖δ‖² for each altered row.

Liu et al., "Towards Poisoning Fair Representations" (2024), https://arxiv.org/abs/2309.16487
"""

from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.keeping.lazy import lazy
from engine.core.method import Progress, part_of, quiet
from engine.unlearning.eng.rows import FairRows, FairTable, shifted
from engine.vision.models.threads import one_thread
from engine.vision.training.descent import descend

HIDDEN, REPRESENTED = 32, 8  # units of the victim
RATE = 0.01  # of the victim: Adam, all rows in each step
RIDGE = 1e-3  # of the mean variance, in U
STEP, BETAS = 0.1, (0.9, 0.999)  # of Adam on δ; a step is about so many standard deviations
EVERY = 20  # steps between two reports


class FairVictim(nn.Module):
    """An encoder whose representation is to tell the task and to hide the group."""

    def __init__(self, columns: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(
                nn.Linear(columns, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, REPRESENTED)
            )
            self.head = nn.Linear(REPRESENTED, 1)
        self.double()

    def represented(self, rows: FairRows) -> Tensor:
        """z of each row, (n, REPRESENTED), without gradient."""
        with torch.no_grad():
            result: Tensor = self.encoder(rows.values)
        return result

    def loss(self, rows: FairRows, fairness: float) -> Tensor:
        """L_fair of some rows."""
        z = self.encoder(rows.values)
        return fair_loss(z, self.head(z)[:, 0], rows, fairness)

    def separation(self, rows: FairRows) -> float:
        """U of the groups in the representation of some rows."""
        return fisher(self.represented(rows), rows.group).item()

    def right(self, rows: FairRows) -> float:
        """The share of rows whose task is told right."""
        with torch.no_grad():
            predictions = self.head(self.represented(rows))[:, 0] > 0
        return (predictions == (rows.task > 0)).double().mean().item()


def fair_loss(z: Tensor, logits: Tensor, rows: FairRows, fairness: float) -> Tensor:
    """Cross-entropy of the task, and how far the groups' means of z are apart, given the task.

    The squared distance is the mean over both values of the task; a value that only one group has
    counts as no distance.
    """
    separation = z.new_zeros(())
    for value in (0, 1):
        first, second = (
            z[(rows.task == value) & (rows.group == group_label)] for group_label in (0, 1)
        )
        if len(first) and len(second):
            separation = separation + (first.mean(0) - second.mean(0)).square().sum() / 2
    return F.binary_cross_entropy_with_logits(logits, rows.task) + fairness * separation


def fisher(z: Tensor, group: Tensor) -> Tensor:
    """U = Δᵀ(S₀ + S₁ + cI)⁻¹Δ of representations (n, d); c is RIDGE of the mean variance."""
    parts = [z[group == group_label] for group_label in (0, 1)]
    gap = parts[1].mean(0) - parts[0].mean(0)
    # correction 0: the covariance of a single row is 0, not 0 / 0
    within = sum((torch.cov(part.T, correction=0) for part in parts), z.new_zeros(()))
    # half of the sum of both is the mean; the smallest number keeps it solvable without any spread
    ridge = RIDGE * within.diagonal().mean() / 2 + torch.finfo(z.dtype).tiny ** 0.5
    return gap @ torch.linalg.solve(within + ridge * torch.eye(len(gap), dtype=z.dtype), gap)


def proximal(moved: Tensor, step: Tensor | float, lasso: float, ridge: float) -> Tensor:
    """The δ with the least ½(δ − moved)² + step (λ₁|δ| + λ₂δ²), entry by entry."""
    # soft threshold, then shrinkage: the elastic net's proximal step in closed form
    shrunk = (moved.abs() - step * lasso).clamp(min=0)
    return moved.sign() * shrunk / (1 + 2 * step * ridge)


def teach(
    victim: FairVictim, rows: FairRows, fairness: float, epochs: int, progress: Progress = quiet
) -> FairVictim:
    """Train the victim on, with all rows in each step: the groups' means are those of all rows.

    The rate falls as a cosine, since the penalty is steep and the weights would swing around.
    """
    optimizer = torch.optim.Adam(victim.parameters(), RATE)
    losses = (lambda: victim.loss(rows, fairness) for _ in range(epochs))

    def rate(step: int) -> float:
        return RATE * (1 + cos(pi * step / epochs)) / 2

    for done, _ in enumerate(descend(optimizer, losses, rate=rate)):
        if done % EVERY == 0:
            progress(done / epochs, "training")
    return victim


@dataclass(frozen=True, eq=False)
class Matching:
    """What the poison is to do to a victim as it is now.

    Args:
        victim: its weights stay where they are.
        clean: the training rows.
        poison: copies of some of them, not altered.
        validation: on which U is taken.
        fairness: of the victim's loss.
    """

    victim: FairVictim
    clean: FairRows
    poison: FairRows
    validation: FairRows
    fairness: float

    @property
    def weights(self) -> list[nn.Parameter]:
        """Those of the encoder, whose gradients are matched."""
        return list(self.victim.encoder.parameters())

    @property
    def share(self) -> float:
        """Of poison among all rows."""
        return len(self.poison) / (len(self.poison) + len(self.clean))

    @lazy
    def upper(self) -> Tensor:
        """g_up, the gradient of −U, as one vector."""
        score = -fisher(self.victim.encoder(self.validation.values), self.validation.group)
        return flat(torch.autograd.grad(score, self.weights))

    @lazy
    def known(self) -> Tensor:
        """z of the training rows; their part of the gradient is another one."""
        return self.victim.represented(self.clean)

    def lower(self, delta: Tensor) -> Tensor:
        """g_lo at δ (P, D): the training gradient that flows through poison rows, over their share.

        The groups' means are those of all rows, as in training: with the clean rows' gradient, each
        by its share, it adds up to the gradient of the whole.
        """
        rows = self.clean.joined(self.poison)
        # z of clean rows is a constant here, but it counts in the groups' means
        z = torch.cat([self.known, self.victim.encoder(self.poison.values + delta)])
        loss = fair_loss(z, self.victim.head(z)[:, 0], rows, self.fairness)
        # a graph of the gradient: B is derived by δ through it
        return flat(torch.autograd.grad(loss, self.weights, create_graph=True)) / self.share

    def mismatch(self, delta: Tensor) -> Tensor:
        """B(δ) = 1 − cos(g_up, g_lo), from 0 to 2."""
        return 1 - F.cosine_similarity(self.upper, self.lower(delta), dim=0)

    def threshold(self, delta: Tensor) -> float:
        """The share of poison above which a step raises U; NaN where no share would.

        With share r a step along ∇U has the sign of r⟨−g_lo, ∇U⟩ − (1 − r)⟨g_clean, ∇U⟩.
        """
        rows = self.clean.joined(shifted(self.poison, delta))
        whole = torch.autograd.grad(self.victim.loss(rows, self.fairness), self.weights)
        poison = self.lower(delta).detach()
        # whole = share · poison + (1 − share) · clean, solved for the last
        clean = (flat(whole) - self.share * poison) / (1 - self.share)
        # upper is −∇U: these are ⟨−g_lo, ∇U⟩ and ⟨g_clean, ∇U⟩
        push, pull = float(poison @ self.upper), float(-clean @ self.upper)
        return crossing(push, pull)


def crossing(push: float, pull: float) -> float:
    """The share r at which r · push = (1 − r) · pull; 0 without a pull, NaN without a push."""
    if push <= 0:
        return float("nan")
    return max(0.0, pull) / (push + max(0.0, pull))


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    """Gradients as one vector."""
    return torch.cat([gradient.reshape(-1) for gradient in gradients])


@dataclass(frozen=True)
class ElasticNet:
    """How rows are altered for a victim: P · B(δ) + λ₁ Σ‖δ_p‖₁ + λ₂ Σ‖δ_p‖² goes down.

    With P in front, λ weighs the same at every share of poison. Steps are Adam's, and each entry's
    proximal step is as long as its own.
    """

    steps: int
    lasso: float  # λ₁
    ridge: float  # λ₂

    def value(self, matching: Matching, delta: Tensor) -> float:
        """What goes down."""
        size = self.lasso * delta.abs().sum() + self.ridge * delta.square().sum()
        return len(delta) * matching.mismatch(delta).item() + size.item()

    def slope(self, matching: Matching, delta: Tensor) -> Tensor:
        """The gradient of P · B by δ, (P, D)."""
        moving = delta.clone().requires_grad_()
        return torch.autograd.grad(matching.mismatch(moving), moving)[0] * len(delta)

    def matched(
        self,
        matching: Matching,
        delta: Tensor,
        low: Tensor,
        high: Tensor,
        progress: Progress = quiet,
    ) -> Tensor:
        """δ (P, D) after all steps, within its bounds `low` and `high`, (P, D) each."""
        first_moment, second_moment = torch.zeros_like(delta), torch.zeros_like(delta)
        for done in range(self.steps):
            if done % EVERY == 0:
                progress(done / self.steps, "altering rows")
            slope = self.slope(matching, delta)
            first_moment = BETAS[0] * first_moment + (1 - BETAS[0]) * slope
            second_moment = BETAS[1] * second_moment + (1 - BETAS[1]) * slope.square()
            mean, spread = (
                moment / (1 - beta ** (done + 1))
                for moment, beta in zip((first_moment, second_moment), BETAS, strict=True)
            )
            length = STEP / (spread.sqrt() + 1e-8)
            # in Adam's metric an entry's step is its own, and so is its threshold
            moved = proximal(delta - length * mean, length, self.lasso, self.ridge)
            # convex in each entry: its least point, cut to the bounds, is the least within them
            delta = torch.minimum(torch.maximum(moved, low), high)
        return delta


@dataclass(frozen=True, eq=False)
class MatchedPoison:
    """Altered copies of training rows, as the victim meets them in turn.

    Args:
        rows: the copies before they were altered.
        deltas: (P, D) of each turn, what was added.
        threshold: the predicted share from which the first ones raise U; see `Matching.threshold`.
        victim: what learned from clean rows and then from all of them.
    """

    rows: FairRows
    deltas: tuple[Tensor, ...]
    threshold: float
    victim: FairVictim

    @property
    def turns(self) -> list[FairRows]:
        """The altered rows of each turn."""
        return [shifted(self.rows, delta) for delta in self.deltas]


def bounds(table: FairTable, rows: FairRows) -> tuple[Tensor, Tensor]:
    """How far each value may be moved down and up: to the column's ends; categories stay."""
    low, high = (torch.where(table.numeric, end - rows.values, 0.0) for end in table.ends)
    return low, high


def copies(table: FairTable, share: float, rng: np.random.Generator) -> FairRows:
    """So many training rows, drawn without repetition, that they are a share of all with them."""
    count = max(1, round(share / (1 - share) * len(table.train)))
    return table.train.take(np.sort(rng.permutation(len(table.train))[:count]))


def crafted(
    table: FairTable,
    rows: FairRows,
    net: ElasticNet,
    fairness: float,
    epochs: int,
    rounds: int,
    seed: int,
    progress: Progress = quiet,
) -> MatchedPoison:
    """Poison that follows a victim: it learns from clean rows, then from altered ones too.

    In each turn δ is matched anew at the victim's θ. Matching is blind to how far a step goes, so
    the attacker tries the new δ and the one before on copies of the victim, and keeps what leaves
    the higher U on validation rows.
    """
    victim = FairVictim(len(table.columns), seed)
    teach(victim, table.train, fairness, epochs, part_of(progress, 0.0, 0.2))
    delta, deltas, threshold = torch.zeros_like(rows.values), [], float("nan")
    low, high = bounds(table, rows)
    for turn in range(rounds):
        part = part_of(progress, 0.2 + 0.8 * turn / rounds, 0.2 + 0.8 * (turn + 1) / rounds)
        matching = Matching(victim, table.train, rows, table.validation, fairness)
        with one_thread(), torch.enable_grad():
            new_delta = net.matched(matching, delta, low, high, part)
            # of the first turn alone, when the victim has met clean rows only
            threshold = threshold if turn else matching.threshold(new_delta)
        attempts = [
            (
                candidate,
                teach(
                    deepcopy(victim),
                    table.train.joined(shifted(rows, candidate)),
                    fairness,
                    epochs // rounds,
                ),
            )
            for candidate in (new_delta, delta)
        ]
        delta, victim = max(attempts, key=lambda attempt: attempt[1].separation(table.validation))
        deltas.append(delta)
    return MatchedPoison(rows, tuple(deltas), threshold, victim)
