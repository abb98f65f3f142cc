"""ResNet-8 in which each image lights its own channels, each layer told in advance which.

Elkerdawy et al., "Fire Together Wire Together" (CVPR 2022), https://arxiv.org/abs/2110.08232. A
predictor beside each convolution looks at what goes into it and says which channels behind the
ReLU will fire; the others are set to 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from engine.vision.models.classifier import Classifier
from engine.vision.models.small.residual import Residual, ResNet8
from engine.vision.models.small.shape import enter
from engine.vision.models.small.weights import init_weights
from engine.vision.training.objective import Batch

DEAD = 1e-5  # a channel with less of a layer's activity is off in any case
FASTER = 10.0  # times the backbone's rate, at which predictors learn


@dataclass(frozen=True, eq=False)
class Fired:
    """One layer's channels in a batch.

    Args:
        maps: (N, C, H, W) behind the ReLU, before anything is set to 0.
        logits: (N, C), above 0 where the predictor says that the channel fires.
        on: (N, C) bool, the channels that were used.
    """

    maps: Tensor
    logits: Tensor
    on: Tensor


class Predictor(nn.Module):
    """Mean of each input channel, softmax over channels, and a linear map: logits (N, out).

    The map's weights stand for themselves times √10, so that a step of SGD moves the logits ten
    times as far: the paper trains predictors at ten times the rate of the backbone. Softmax is
    multiplied by the number of channels, which changes no map that can be learned: what goes in is
    about 1, and hundreds of steps do what takes tens of thousands in the paper.
    """

    def __init__(self, inside: int, outside: int, drawn: torch.Generator) -> None:
        super().__init__()
        self.linear = skip_init(nn.Linear, inside, outside)
        init_weights(self, drawn)
        with torch.no_grad():
            # what the map starts as is unchanged: × √10 in forward undoes it
            self.linear.weight.div_(FASTER**0.5)
            self.linear.bias.zero_()

    def forward(self, maps: Tensor) -> Tensor:
        """Logits of the channels that will fire."""
        shares = maps.mean((2, 3)).softmax(1)
        logits: Tensor = FASTER**0.5 * self.linear(shares.shape[1] * shares)
        return logits


class Gated(nn.Module):
    """A trained ResNet-8 with a predictor for each of its seven convolutions in a row.

    Args:
        network: trained; it becomes part of this one.
        seed: of the predictors' first weights.
        joint: whether the predictors' loss may change the backbone, too.
        fixed: channels that are on for all images, layer by layer, in place of the predictors.
    """

    def __init__(
        self,
        network: ResNet8,
        seed: int = 0,
        *,
        joint: bool = False,
        fixed: Sequence[Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.inner, self.joint, self.fixed = network, joint, fixed
        convolutions = [network.conv]
        for block in blocks(network):
            convolutions += [block.conv1, block.conv2]
        sizes = [
            (convolution.in_channels, convolution.out_channels) for convolution in convolutions
        ]
        generator = torch.Generator().manual_seed(seed)
        self.predictors = nn.ModuleList(Predictor(*size, generator) for size in sizes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.look(images)[0]

    def look(self, images: Tensor) -> tuple[Tensor, list[Fired]]:
        """Logits (N, classes), and what each layer did."""
        net, fired = self.inner, list[Fired]()
        entered = enter(images, net.shape)
        maps = self.gate(fired, entered, net.act(net.bn(net.conv(entered))))
        for block in blocks(net):
            hidden = self.gate(fired, maps, block.act1(block.bn1(block.conv1(maps))))
            sums = block.bn2(block.conv2(hidden)) + block.short(maps)
            maps = self.gate(fired, hidden, block.act2(sums))
        logits: Tensor = net.head(maps.mean((2, 3)))
        return logits, fired

    def gate(self, fired: list[Fired], before: Tensor, after: Tensor) -> Tensor:
        """The layer's maps with the channels off that are said not to fire; noted in `fired`."""
        at = len(fired)
        # decoupled: the predictors' loss must not reach the backbone
        logits = self.predictors[at](before if self.joint else before.detach())
        if self.fixed is None:
            # σ(x) > ½ is x > 0; the choice has no gradient: cross-entropy teaches no predictor
            on = with_best(logits.detach() > 0, logits.detach())
        else:
            on = self.fixed[at].to(after.device).expand(len(after), -1)
        # unmasked maps: a target from masked ones could never turn a channel on again
        fired.append(Fired(after, logits, on))
        return after * on[:, :, None, None]


def with_best(on: Tensor, scores: Tensor) -> Tensor:
    """The same channels (N, C), and the one with the highest score: a layer is never dark."""
    return on | F.one_hot(scores.argmax(1), scores.shape[1]).bool()


def targets(maps: Tensor, mass: float) -> Tensor:
    """Which channels should fire, (N, C) bool: the strongest that hold `mass` of the activity.

    A channel's activity is its largest value in the image, as a share of the sum over channels.
    The channel that crosses the line is off, as published, but for the strongest.
    """
    shares = activity(maps)
    ordered, order = shares.sort(dim=1, descending=True, stable=True)
    keep = ordered > DEAD
    if mass < 1:
        # DEAD as slack: rounding in the sum must not drop a channel that ends exactly at the mass
        keep &= ordered.cumsum(1) <= mass + DEAD
    return with_best(torch.zeros_like(keep).scatter(1, order, keep), shares)


def uniform(maps: Tensor, cut: float) -> Tensor:
    """Which channels should fire, (N, C) bool: in every layer all but the weakest `cut` of them."""
    shares = activity(maps)
    order = shares.argsort(dim=1, stable=True)
    weak = order[:, : int(cut * shares.shape[1])]
    return with_best((shares > DEAD).scatter(1, weak, value=False), shares)


def activity(maps: Tensor) -> Tensor:
    """Each channel's largest value in an image, as a share of the sum over channels, (N, C)."""
    peaks = maps.detach().abs().amax((2, 3))
    return peaks / peaks.sum(1, keepdim=True).clamp_min(1e-12)


@dataclass
class FireLoss:
    """Cross-entropy, and for the first steps how wrong the predictors are about their targets.

    The second is binary cross-entropy, summed over a layer's channels and averaged over layers.
    Validation, where the model is in eval mode, sees cross-entropy alone.
    """

    wanted: Callable[[Tensor], Tensor]  # of a layer's maps, which channels should fire
    until: int  # steps after which the predictors learn no more
    step: int = 0

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """The loss of each image, (N,)."""
        gated = cast("Gated", model.network)
        logits, fired = gated.look((batch.pixels - model.mean) / model.std)
        loss = F.cross_entropy(logits, batch.targets, reduction="none")
        # validation does not count as a step, and its loss stays that of the classifier
        if not model.training:
            return loss
        self.step += 1
        if self.step > self.until or gated.fixed is not None:
            return loss
        wrong = [
            F.binary_cross_entropy_with_logits(
                layer.logits, self.wanted(layer.maps).float(), reduction="none"
            ).sum(1)
            for layer in fired
        ]
        return loss + torch.stack(wrong).mean(0)


def multiply_adds(gated: Gated, fired: Sequence[Fired], on: Sequence[Tensor]) -> Tensor:
    """Multiply-adds of each image (N,), if channels that are off were neither made nor read.

    Args:
        gated: the network; its predictors are counted, a predictor's mean as one an entry.
        fired: of the images, for the sizes of maps.
        on: (N, C) bool for each layer, the channels that are on.
    """
    net = gated.inner
    pixels = fired[0].maps.shape[2] * fired[0].maps.shape[3]
    kernel = net.conv.weight[0, 0].numel()
    before = torch.full((len(on[0]),), float(net.conv.in_channels), device=on[0].device)
    entered = pixels * before
    total = on[0].sum(1) * pixels * kernel * before + predictor_cost(gated, 0, entered)
    at = 0
    for block in blocks(net):
        into = on[at].sum(1)
        for conv in (block.conv1, block.conv2):
            was = fired[at].maps.shape[2] * fired[at].maps.shape[3]
            outputs, reads = on[at + 1].sum(1), on[at].sum(1)
            size = fired[at + 1].maps.shape[2] * fired[at + 1].maps.shape[3]
            total = total + outputs * size * reads * conv.weight[0, 0].numel()
            total = total + predictor_cost(gated, at + 1, reads * was)
            at += 1
        if not isinstance(block.short, nn.Identity):
            total = total + on[at].sum(1) * size * into  # 1 × 1, for the channels that are on
    return total + on[at].sum(1) * net.head.out_features


def predictor_cost(gated: Gated, at: int, entries: Tensor) -> Tensor:
    """Of one predictor: the mean over all entries it reads, and its linear map; 0 where fixed."""
    if gated.fixed is not None:
        return torch.zeros_like(entries)
    predictor = cast("Predictor", gated.predictors[at])
    return entries + predictor.linear.weight.numel()


def blocks(network: ResNet8) -> list[Residual]:
    """Its residual blocks, in order."""
    return cast("list[Residual]", list(network.blocks))
