"""A sparse autoencoder of a model's image tokens: few features at a time rebuild each token.

    f = top-K of ReLU((h − m)/s · E + b),    ĥ = (f · D + o) · s + m,    rows of D of length 1

K is the L0 of each token. To suppress a set S of features with the multiplier γ,

    h′ = ĥ′ + (h − ĥ) = h + s · Σ_{j ∈ S, f_j > μ_j} (γ − 1) f_j D_j

so that what the autoencoder cannot rebuild stays, and an empty S or γ = 1 changes no bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress
from engine.core.result import Floats
from engine.vision.training import descend
from engine.vision.training.descent import Loss

RATE = 2e-3
BATCH = 256  # tokens
START = 0.1  # standard deviation of the first weights
NOTES = 40  # points of the learning curve
STEADY = 0.95  # how much of the curve's mean is kept at each step


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Weights for tokens of D numbers and M features.

    Args:
        encoder: E, (D, M).
        threshold: b, (M,).
        decoder: D, (M, D).
        offset: o, (D,).
        mean: m, of the tokens that it learned from, (D,).
        scale: s, (1,).
        active: K.
    """

    encoder: Tensor
    threshold: Tensor
    decoder: Tensor
    offset: Tensor
    mean: Tensor
    scale: Tensor
    active: int

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """All weights."""
        return (self.encoder, self.threshold, self.decoder, self.offset, self.mean, self.scale)

    @classmethod
    def fresh(
        cls, tokens: Tensor, width: int, active: int, generator: torch.Generator
    ) -> Autoencoder:
        """Before it learns from tokens (n, D): the encoder is the decoder turned round."""
        size = tokens.shape[1]
        initial = START * torch.randn(size, width, generator=generator)
        return cls(
            initial,
            torch.zeros(width),
            unit_rows(initial.T),
            torch.zeros(size),
            tokens.mean(0),
            tokens.std().reshape(1),
            active,
        )

    @classmethod
    def read(cls, flat: Floats, width: int, active: int) -> Autoencoder:
        """From all weights in a row, as `flat` gives them."""
        size = len(flat) // (2 * width + 2)  # width + 1 more belong to no feature
        shapes = ((size, width), (width,), (width, size), (size,), (size,), (1,))
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = np.split(np.asarray(flat, np.float32), ends)
        encoder, threshold, decoder, offset, mean, scale = (
            torch.tensor(part).reshape(shape) for part, shape in zip(parts, shapes, strict=True)
        )
        return cls(encoder, threshold, decoder, offset, mean, scale, active)

    @property
    def flat(self) -> Floats:
        """All weights in a row, float32."""
        return torch.cat([part.detach().flatten() for part in self.parts]).numpy()

    def features(self, tokens: Tensor) -> Tensor:
        """f of tokens (…, D), (…, M): all but K are 0."""
        activations = ((tokens - self.mean) / self.scale @ self.encoder + self.threshold).relu()
        # after the rectifier: a token may have fewer than K features, but none below 0
        best = activations.topk(self.active, -1)
        return torch.zeros_like(activations).scatter(-1, best.indices, best.values)

    def rebuilt(self, features: Tensor) -> Tensor:
        """ĥ of features (…, M), (…, D)."""
        return (features @ self.decoder + self.offset) * self.scale + self.mean

    def suppressed(
        self, tokens: Tensor, features: Tensor, gamma: float, mean_activations: Tensor
    ) -> Tensor:
        """h′ of tokens (…, D).

        Args:
            tokens: h.
            features: numbers of the features in S.
            gamma: γ.
            mean_activations: μ, the mean of every feature, (M,); one not above it is left alone.
        """
        activations = self.features(tokens)[..., features]
        activations = activations * (activations > mean_activations[features])
        # in the tokens' unit, without offset and mean: these are the same before and after
        return tokens + (gamma - 1) * activations @ self.decoder[features] * self.scale

    def explained(self, tokens: Tensor) -> float:
        """The share of the variance of tokens (n, D) around their mean that is rebuilt."""
        residual = ((self.rebuilt(self.features(tokens)) - tokens) ** 2).sum()
        return float(1 - residual / ((tokens - tokens.mean(0)) ** 2).sum())


def unit_rows(rows: Tensor) -> Tensor:
    """Rows of length 1."""
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-8)


def train_autoencoder(
    tokens: Tensor, width: int, active: int, steps: int, seed: int, progress: Progress
) -> tuple[Autoencoder, Floats]:
    """An autoencoder of tokens (n, D), and its curve.

    Returns:
        The autoencoder, and (points, 2): steps, and the squared error as a share of the variance,
        averaged over the last steps.
    """
    generator = torch.Generator().manual_seed(seed)
    autoencoder = Autoencoder.fresh(tokens, width, active, generator)
    trained = (autoencoder.encoder, autoencoder.threshold, autoencoder.decoder, autoencoder.offset)
    for part in trained:
        part.requires_grad_(True)
    variance = tokens.var(0).mean()

    def loss(rows: Tensor) -> Tensor:
        batch = tokens[rows]
        # a share of the variance, whatever the size of the tokens
        return ((autoencoder.rebuilt(autoencoder.features(batch)) - batch) ** 2).mean() / variance

    def losses() -> Iterator[Loss]:
        for _ in range(steps):
            yield partial(loss, torch.randint(len(tokens), (BATCH,), generator=generator))

    curve: list[tuple[float, float]] = []
    mean = 0.0
    for step, value in enumerate(descend(torch.optim.Adam(trained, RATE), losses()), 1):
        with torch.no_grad():
            # else a feature could halve and its row double: activations would not compare
            autoencoder.decoder.copy_(unit_rows(autoencoder.decoder))
        mean = STEADY * mean + (1 - STEADY) * value
        if step % max(steps // NOTES, 1) == 0:
            # the average began at 0, as Adam's do
            curve.append((step, mean / (1 - STEADY**step)))
            progress(step / steps, "learning features")
    for part in trained:
        part.requires_grad_(False)
    return autoencoder, np.array(curve, np.float32)
