"""SalUn for a generator: which weights a class pulls on, and how these unlearn it.

    mask:  the top share of |Σ_b ∇_θ Σ_pixels (ε − ε_θ(x_t, t, c))²| over batches b of the class
    steps: ‖ε_θ(x_t, t, c) − ε_θ(x_t, t, c')‖² + β ‖ε − ε_θ(x_t, t, c)‖² (other classes)

c' is the next class; what the network says of it is the goal and has no gradient. The mask is taken
of the prediction for the class, without guidance, so it does not depend on how images are drawn.
Fan et al., "SalUn" (2024), section 5 and its official DDPM code, https://arxiv.org/abs/2310.12508
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.method import Progress, quiet
from engine.core.result import Array
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import Denoiser
from engine.vision.models.threads import one_thread
from engine.vision.training import descend
from engine.vision.training.descent import Loss

BATCH = 64  # images of the class, and as many of the others, at a step
ROUGH = 20  # batches at least that saliency is summed over: the noise differs in each
RATE = 1e-4
CLIP = 1.0  # norm of a gradient
FREE = 0.1  # share of the other classes' images whose class is left out, as in training

Scores = dict[str, Array]
Masks = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class ForgetImages:
    """What a generator learned, in two parts, and its own source of chance.

    Args:
        generator: learned it.
        label: the class that is to be forgotten.
        images: (n, 1, side, side) in [−1, 1].
        labels: (n,).
    """

    generator: ImageGenerator
    label: int
    images: Tensor
    labels: Tensor

    @property
    def own(self) -> Tensor:
        """Places of the images of the class."""
        return (self.labels == self.label).nonzero()[:, 0]

    @property
    def others(self) -> Tensor:
        """Places of all other images."""
        return (self.labels != self.label).nonzero()[:, 0]

    def noisy(self, places: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Images with noise: x_t, t and ε; times come in pairs t and T − 1 − t."""
        steps, count = self.generator.noise.steps, len(places)
        # antithetic pairs: the mean time of a batch hardly varies
        half = rng.integers(0, steps, count // 2 + 1)
        times = torch.from_numpy(np.concatenate([half, steps - 1 - half])[:count])
        clean = self.images[places]
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32)).to(clean.device)
        times = times.to(clean.device)
        return self.generator.noise.noised(clean, times, noise), times, noise


def saliency(request: ForgetImages, seed: int, progress: Progress = quiet) -> Scores:
    """How strongly the class pulls on each weight, by the weight's name."""
    network, rng = request.generator.own_network(), np.random.default_rng([seed, 53])
    weights = dict(network.named_parameters())
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    forget_rows = request.own.cpu().numpy()
    parts = -(-len(forget_rows) // BATCH)
    # noise and times are drawn anew in each round: few batches would rank their draw
    rounds = -(-ROUGH // parts)
    for done in range(rounds):
        for places in np.array_split(rng.permutation(forget_rows), parts):
            for name, slope in class_slopes(network, request, places, rng).items():
                total[name] += slope
        progress((done + 1) / rounds, "finding salient weights")
    return {name: slope.abs().cpu().numpy() for name, slope in total.items()}


def class_slopes(
    network: Denoiser, request: ForgetImages, places: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, Tensor]:
    """The gradient of one batch's loss, with a norm of at most CLIP."""
    noisy, times, noise = request.noisy(torch.from_numpy(places), rng)
    labels = torch.full_like(times, request.label)
    weights = dict(network.named_parameters())
    with one_thread(), torch.enable_grad():
        residual = noise - network(noisy, times, labels)
        loss = residual.square().sum((1, 2, 3)).mean()
        slopes = torch.autograd.grad(loss, list(weights.values()))
    # over all weights, as clip_grad_norm_ does: no batch counts for more than a length of CLIP
    norm = torch.linalg.vector_norm(torch.stack([slope.norm() for slope in slopes]))
    scale = (CLIP / (norm + 1e-6)).clamp(max=1.0)
    return {name: scale * slope for name, slope in zip(weights, slopes, strict=True)}


def chance_scores(scores: Scores, seed: int) -> Scores:
    """Scores of no meaning, in the same form: the control that saliency must beat."""
    rng = np.random.default_rng([seed, 59])
    return {name: rng.random(score.shape) for name, score in scores.items()}


def unlearn(
    request: ForgetImages,
    masks: Masks,
    steps: int,
    retain: float,
    seed: int,
    progress: Progress = quiet,
) -> tuple[ImageGenerator, NDArray[np.float64]]:
    """A generator that has forgotten the class, and the two losses of each step.

    Args:
        request: the generator, the class and the images.
        masks: True for weights that may move; all others stay to the bit.
        steps: how many are taken.
        retain: β, the weight of what is to be kept.
        seed: of images and noise.
        progress: told after each step; may raise.

    Returns:
        The generator, and (steps, 2): the loss that forgets and the loss that keeps.
    """
    network, rng = request.generator.own_network(), np.random.default_rng([seed, 61])
    substitute_label = (request.label + 1) % len(request.generator.labels)
    forget_rows, others = request.own, request.others
    losses: list[tuple[float, float]] = []

    def loss() -> Tensor:
        forget_places, retain_places = (
            part[torch.from_numpy(rng.integers(0, len(part), BATCH))]
            for part in (forget_rows, others)
        )
        (forget_noisy, forget_times, _), (retain_noisy, retain_times, retain_noise) = (
            request.noisy(part, rng) for part in (forget_places, retain_places)
        )
        labels = request.labels[retain_places].clone()
        # guidance needs the answer for no class too, which would drift if it were never asked
        labels[torch.from_numpy(rng.random(BATCH) < FREE)] = network.none
        classes = torch.cat([torch.full_like(labels, request.label), labels])
        predicted = network(
            torch.cat([forget_noisy, retain_noisy]),
            torch.cat([forget_times, retain_times]),
            classes,
        )
        # the class is drawn to the next one, not the two to each other
        with torch.no_grad():
            goal = network(forget_noisy, forget_times, torch.full_like(labels, substitute_label))
        forget_loss, retain_loss = (
            F.mse_loss(predicted[:BATCH], goal),
            F.mse_loss(predicted[BATCH:], retain_noise),
        )
        losses.append((forget_loss.item(), retain_loss.item()))
        return forget_loss + retain * retain_loss

    def hold() -> None:
        # clipped before it is masked: the length is that of the whole gradient, whatever the mask
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        for name, weight in network.named_parameters():
            # enough to hold it to the bit: Adam without decay never moves what had no gradient
            if weight.grad is not None:
                weight.grad *= masks[name].to(weight.device)

    batches: Iterator[Loss] = (loss for _ in range(steps))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for done, _ in enumerate(descend(optimizer, batches, before_step=hold), 1):
        progress(done / steps, f"forgetting, step {done} of {steps}")
    return request.generator.other(network), np.array(losses)
