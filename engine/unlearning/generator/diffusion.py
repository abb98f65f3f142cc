"""Noise that is put into images step by step, and how it is taken out again.

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I),    ᾱ_t = Π_{s ≤ t} (1 − β_s)

Ho et al., "Denoising Diffusion Probabilistic Models" (2020), https://arxiv.org/abs/2006.11239; the
deterministic sampler is that of Song et al. (2021), https://arxiv.org/abs/2010.02502, and guidance
that of Ho and Salimans (2022), https://arxiv.org/abs/2207.12598.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.keeping.lazy import lazy
from engine.unlearning.generator.network import Denoiser


@dataclass(frozen=True)
class NoiseSchedule:
    """β from `low` to `high` over so many steps; times run from 0 to steps − 1, and −1 is clean."""

    steps: int = 200
    low: float = 1e-4
    high: float = 0.05

    @lazy
    def kept(self) -> Tensor:
        """ᾱ at times −1, 0, … (steps + 1,)."""
        # double: a product of hundreds of factors near 1
        beta = torch.linspace(self.low, self.high, self.steps, dtype=torch.float64)
        return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)]).float()

    def noised(self, clean: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """x_t of images x_0 (N, 1, H, W) at times (N,)."""
        alpha_bar = self.kept.to(clean.device)[times + 1][:, None, None, None]
        return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise

    def clean(self, noisy: Tensor, time: int, noise: Tensor) -> Tensor:
        """x_0 of x_t at one time and the noise in it, cut to [−1, 1]."""
        alpha_bar = self.kept[time + 1]
        return ((noisy - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()).clamp(-1, 1)

    def posterior(
        self, clean: Tensor, noisy: Tensor, time: int, before: int
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(x_s | x_t, x_0), with s = before < t = time."""
        # times may be skipped: ᾱ_t/ᾱ_s is the α of all steps between them; at s = −1 ᾱ is 1,
        # so that the variance is 0 and the mean x_0
        alpha_bar, previous_alpha_bar = self.kept[time + 1], self.kept[before + 1]
        alpha = alpha_bar / previous_alpha_bar
        mean = (
            previous_alpha_bar.sqrt() * (1 - alpha) * clean
            + alpha.sqrt() * (1 - previous_alpha_bar) * noisy
        )
        return mean / (1 - alpha_bar), (1 - alpha) * (1 - previous_alpha_bar) / (1 - alpha_bar)

    def straight(self, clean: Tensor, noisy: Tensor, time: int, before: int) -> Tensor:
        """x_s with the noise that x_t has beside x_0, and no new one."""
        alpha_bar, previous_alpha_bar = self.kept[time + 1], self.kept[before + 1]
        # not the ε that was predicted: x_0 was cut, and both are to add up to x_t
        noise = (noisy - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
        return previous_alpha_bar.sqrt() * clean + (1 - previous_alpha_bar).sqrt() * noise

    def times(self, passes: int) -> list[int]:
        """At most so many times, evenly from the last one to 0."""
        places = torch.linspace(self.steps - 1, 0, passes).round().long().tolist()
        return sorted(set(places), reverse=True)


def guided(
    network: Denoiser, noisy: Tensor, times: Tensor, classes: Tensor, guidance: float
) -> Tensor:
    """ε_∅ + g (ε_c − ε_∅): 0 asks for no class, 1 for the class, more for little else.

    Args:
        network: gives ε.
        noisy: x_t, (N, 1, H, W).
        times: (N,).
        classes: c, (N,).
        guidance: g.
    """
    no_class = torch.full_like(classes, network.none)
    if guidance in {0, 1}:
        result: Tensor = network(noisy, times, classes if guidance else no_class)
        return result
    # one pass of twice the size for both answers
    guided_and_plain = network(
        noisy.repeat(2, 1, 1, 1), times.repeat(2), torch.cat([classes, no_class])
    )
    conditional, unconditional = guided_and_plain.chunk(2)
    return unconditional + guidance * (conditional - unconditional)
