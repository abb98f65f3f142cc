"""Gradients of a model's loss with respect to its weights, over any number of images.

The model is in eval mode: BatchNorm uses what it has learned, so that scores do not depend on which
images are in a batch together. Batches are added up as if all images had been one.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.borrow import borrowed
from engine.core.method import Progress
from engine.core.result import Floats
from engine.vision.models.classifier import Classifier
from engine.vision.models.pace import in_batches

Slopes = dict[str, Tensor]


def slopes(
    model: Classifier,
    pixels: Tensor,
    targets: Tensor,
    names: Sequence[str],
    progress: Progress,
    *,
    temperature: float = 1.0,
    words: str = "asking for slopes",
) -> Slopes:
    """The gradient of the mean cross-entropy of logits ÷ temperature, by the weight's name."""
    with borrowed(model) as net, torch.enable_grad():
        weights = watched(net, names)
        sums = [torch.zeros_like(weight) for weight in weights]
        for loss, done in losses(net, pixels, targets, temperature):
            for total, slope in zip(sums, torch.autograd.grad(loss, weights), strict=True):
                total.add_(slope)
            progress(done, words)
    return {n: total.detach().cpu() for n, total in zip(names, sums, strict=True)}


def curved(
    model: Classifier,
    pixels: Tensor,
    targets: Tensor,
    along: Slopes,
    progress: Progress,
    *,
    temperature: float = 1.0,
) -> Slopes:
    """The Hessian of that loss times a direction, by differentiating ⟨gradient, direction⟩."""
    names = list(along)
    with borrowed(model) as net, torch.enable_grad():
        weights = watched(net, names)
        directions = [along[name].to(weight) for name, weight in zip(names, weights, strict=True)]
        sums = [torch.zeros_like(weight) for weight in weights]
        for loss, done in losses(net, pixels, targets, temperature):
            # H v is linear in the loss: batch by batch with the whole v gives the same sum
            first = torch.autograd.grad(loss, weights, create_graph=True)
            inner = torch.stack(
                [(a * b).sum() for a, b in zip(first, directions, strict=True)]
            ).sum()
            # where ⟨∇ℓ, v⟩ does not contain a weight its part of H v is 0, not an error
            second = torch.autograd.grad(inner, weights, allow_unused=True)
            for total, slope in zip(sums, second, strict=True):
                if slope is not None:
                    total.add_(slope)
            progress(done, "asking for curvature")
    return {n: total.detach().cpu() for n, total in zip(names, sums, strict=True)}


def watched(net: Classifier, names: Sequence[str]) -> list[Tensor]:
    """The weights of a borrowed model, with gradients on."""
    parameters = dict(net.network.named_parameters())
    return [parameters[name].requires_grad_() for name in names]


def losses(
    net: Classifier, pixels: Tensor, targets: Tensor, temperature: float
) -> Iterator[tuple[Tensor, float]]:
    """The parts of the mean loss, batch by batch, with the share that is done then."""
    batch = net.pace("gradient").batch
    starts: list[tuple[int, int]] = []
    in_batches(len(pixels), batch, lambda start, end: starts.append((start, end)), net.title)
    for start, end in starts:
        logits = net(pixels[start:end].to(net.device)) / temperature
        # sum ÷ all images: gradients of unequal batches add up to exactly that of the mean
        loss = F.cross_entropy(logits, targets[start:end].to(net.device), reduction="sum")
        yield loss / len(pixels), end / len(pixels)


def weight_of(model: Classifier, name: str) -> Tensor:
    """A weight as it is, on the CPU."""
    return model.network.get_parameter(name).detach().cpu()


def normalized(scores: dict[str, Tensor]) -> dict[str, Floats]:
    """Scores divided by the sum of their sizes over the whole network."""
    # in float64: a float32 sum of millions of small scores drops the last ones
    total = sum(score.abs().sum(dtype=torch.float64).item() for score in scores.values())
    return {name: (score / (total + 1e-10)).float().numpy() for name, score in scores.items()}
