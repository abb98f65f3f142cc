"""Matrix factorization by BPR, and noise on embeddings against which it is trained.

A user u prefers an item p they chose to one n they did not: the loss of the triple is
softplus(s_n − s_p), where a score s is the product of two embeddings (Rendle et al., "BPR", 2009,
https://arxiv.org/abs/1205.2618). Adversarial training adds the loss with each embedding moved up
its own gradient, by a length that is the same for all users (APR; He et al. 2018,
https://arxiv.org/abs/1808.03908) or depends on how well a user is fitted (VAT; Zhang et al. 2024,
https://arxiv.org/abs/2409.17476).

It has a loop of its own: what is learned are two tables and no network, from triples of numbers
that are drawn anew each epoch and no images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from engine.core.method import Progress, quiet

SIZE = 16  # numbers of an embedding
SPREAD = 0.1  # of the first ones
RATE, BETAS, EPSILON, DECAY = 1e-3, (0.9, 0.999), 1e-8, 0.01  # of AdamW
PENALTY = 1e-4  # times the mean squared lengths of the embeddings of a batch
BATCH = 32  # triples
START = 5  # the epoch, from 1, in which noise begins
TINY = 1e-12  # what a length or a loss is at least, where it divides

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class EmbeddingNoise:
    """How far embeddings are moved while they are learned.

    Args:
        epsilon: the length at weight 1; 0 is training without noise.
        bound: λ, the weight of a user who is fitted perfectly; None gives every user weight 1.
        shuffled: each user of a batch is given the weight of another one.
    """

    epsilon: float = 0.0
    bound: float | None = None
    shuffled: bool = False

    def lengths(self, loss: Doubles, users: Ints, rng: np.random.Generator) -> Doubles:
        """By how much the embeddings of each triple are moved, (n,)."""
        if self.bound is None:
            return np.full(len(loss), self.epsilon)
        # summed by user first, as published: one may come several times in a batch
        _, place = np.unique(users, return_inverse=True)
        weights = vulnerability(np.asarray(np.bincount(place, loss), np.float64), self.bound)
        if self.shuffled:
            weights = rng.permutation(weights)
        return np.asarray(self.epsilon * weights[place])


def vulnerability(loss: Doubles, bound: float) -> Doubles:
    """λ · sigmoid(mean loss / loss − 1) of each user, by the sum of their losses, (users,).

    λ for users who are fitted perfectly, λ / 2 for one of mean loss, 0.27 λ for the worst.
    """
    return np.asarray(bound * expit(loss.mean() / np.maximum(loss, TINY) - 1))


def losses(triples: Doubles) -> Doubles:
    """softplus(s_n − s_p) of embeddings of users, chosen and other items, (3, n, d) → (n,)."""
    return np.logaddexp(0, leads(triples))


def leads(triples: Doubles) -> Doubles:
    """s_n − s_p, (n,)."""
    user, chosen, other = triples
    return np.asarray((user * (other - chosen)).sum(1))


def slopes(triples: Doubles) -> Doubles:
    """Of each loss, by its three embeddings, (3, n, d)."""
    user, chosen, other = triples
    # the derivative of softplus is the sigmoid
    pull = expit(leads(triples))[:, None]
    return np.stack([pull * (other - chosen), -pull * user, pull * user])


def gradient_ascent(triples: Doubles, lengths: Doubles) -> Doubles:
    """Each embedding up its own gradient by its triple's length, so that the loss grows."""
    gradients = slopes(triples)
    # each of the three embeddings has a unit vector of its own, not the three together
    sizes = np.linalg.norm(gradients, axis=2, keepdims=True)
    return np.asarray(triples + lengths[:, None] * gradients / np.maximum(sizes, TINY))


@dataclass(eq=False)
class AdamWTable:
    """A table of embeddings and its optimizer, which does as `torch.optim.AdamW`."""

    values: Doubles  # (rows, d)
    rate: float
    steps: int = 0
    mean: Doubles = field(init=False)
    square: Doubles = field(init=False)

    def __post_init__(self) -> None:
        self.mean, self.square = np.zeros_like(self.values), np.zeros_like(self.values)

    def step(self, slope: Doubles) -> None:
        """One step down a gradient."""
        beta1, beta2 = BETAS
        self.steps += 1
        # the whole table, as torch does with dense gradients: rows outside the batch decay, too
        self.values *= 1 - self.rate * DECAY
        self.mean += (1 - beta1) * (slope - self.mean)
        self.square += (1 - beta2) * (slope**2 - self.square)
        size = np.sqrt(self.square / (1 - beta2**self.steps)) + EPSILON
        self.values -= self.rate / (1 - beta1**self.steps) * self.mean / size


def batches(choices: Flags, rng: np.random.Generator) -> Iterator[Ints]:
    """An epoch of triples (3, BATCH): a user, an item they chose and one they did not.

    Users are drawn evenly, then their items; there are as many triples as choices, or a few more.
    """
    steps = -(-int(choices.sum()) // BATCH)
    yield from triples_of(choices, rng.integers(0, len(choices), (steps, BATCH)), rng).swapaxes(
        0, 1
    )


def triples_of(choices: Flags, users: Ints, rng: np.random.Generator) -> Ints:
    """Each user with an item they chose and one they did not, both drawn evenly, (3, *shape)."""
    # one sort for all users in place of drawing until an item fits
    ordered = np.argsort(choices, axis=1, kind="stable")  # what a user did not choose comes first
    unchosen_counts = choices.shape[1] - choices.sum(1)[users]
    chosen_places = unchosen_counts + (
        rng.random(users.shape) * (choices.shape[1] - unchosen_counts)
    ).astype(np.int64)
    other_places = (rng.random(users.shape) * unchosen_counts).astype(np.int64)
    return np.stack([users, ordered[users, chosen_places], ordered[users, other_places]])


def slope_of(
    table: Doubles, rows: Ints, noise: EmbeddingNoise, rng: np.random.Generator
) -> Doubles:
    """The gradient of a batch's mean loss, with that of its moved embeddings, (rows, d).

    Args:
        table: embeddings.
        rows: of users, chosen and other items in the table, (3, n).
        noise: how far embeddings are moved. Direction and length count as constants.
        rng: shuffles, where the noise does so.
    """
    triples = table[rows]
    gradients = slopes(triples) + 2 * PENALTY * triples
    if noise.epsilon:
        gradients += slopes(gradient_ascent(triples, noise.lengths(losses(triples), rows[0], rng)))
    size = table.shape[1]
    places = (rows[..., None] * size + np.arange(size)).ravel()
    # adds up rows that come several times, which an indexed += would not
    summed = np.bincount(places, gradients.ravel() / rows.shape[1], table.size)
    return np.asarray(summed.reshape(table.shape))


def factorized(
    choices: Flags, noise: EmbeddingNoise, epochs: int, seed: int, progress: Progress = quiet
) -> tuple[Doubles, Doubles]:
    """Embeddings of users and of items that were learned from what users chose.

    Args:
        choices: what each user chose, (users, items); each chose something, but not everything.
        noise: against which they are learned, from epoch START on.
        epochs: passes.
        seed: of first embeddings and triples, which do not depend on the noise.
        progress: told of each epoch; may raise to cancel.
    """
    users, items = choices.shape
    initial = [
        np.random.default_rng([seed, stream]).normal(0, SPREAD, (count, SIZE))
        for stream, count in ((50, users), (51, items))
    ]
    table = AdamWTable(np.concatenate(initial), RATE)
    # apart, so that shuffling does not change which triples are drawn
    batch_rng, shuffle_rng = (np.random.default_rng([seed, stream]) for stream in (52, 54))
    for epoch in range(1, epochs + 1):
        progress((epoch - 1) / epochs, f"epoch {epoch} of {epochs}")
        epoch_noise = noise if epoch >= START else EmbeddingNoise()
        for batch in batches(choices, batch_rng):
            rows = batch + np.array([[0], [users], [users]])  # items lie below users
            table.step(slope_of(table.values, rows, epoch_noise, shuffle_rng))
    return table.values[:users], table.values[users:]
