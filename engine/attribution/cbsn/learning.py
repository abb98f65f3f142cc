"""How the conditional blind-spot network learns from noisy images alone.

L_blind = |S_b⁻¹(masked(S_b x)) − x|, L_self = |unmasked(x) − x| and, with the same random choice R
on both sides and no gradient through the masked one, L_inv = |R(unmasked(x)) − masked(R x)|, all
means. The sum is L_blind + s (L_self + λ L_inv), where s rises from 0 to 1 on the way.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import cos, lcm, pi

import torch
from torch import Tensor, nn

from engine.attribution.cbsn.net import (
    BlindSpotNet,
    blind,
    choices,
    from_batch,
    normalized,
    pick_pixels,
    to_batch,
    unmasked,
)
from engine.core.device import best_device
from engine.core.errors import BadData
from engine.core.method import Progress
from engine.vision.models.threads import one_thread
from engine.vision.training import descend
from engine.vision.training.descent import Loss

PATCH = 60  # px, at most
BATCH = 2  # patches
RATE = 4e-3  # of 500 steps; the published 1e-4 is for 500,000
STEEPEST = 0.5  # norm of a gradient; longer ones are shortened
WARM = 0.1  # share of the steps in which the rate rises
LOOKS = 10  # how often it is looked at on the way

Watch = Callable[[int, BlindSpotNet], None]  # (steps done, the network as it is)


@dataclass(frozen=True)
class DenoiserConfig:
    """What is made small, and for how long.

    Args:
        stride: b, of S_b.
        cell: i, of R.
        weight: λ, of L_inv.
        blocks, channels: of the network.
        steps: how many.
        ramp: share of the steps in which s rises to 1.
        rate: at first.
    """

    stride: int
    cell: int
    weight: float
    blocks: int
    channels: int
    steps: int
    ramp: float = 0.3
    rate: float = RATE


def denoising_loss(
    net: BlindSpotNet,
    parts: Tensor,
    config: DenoiserConfig,
    share: float,
    generator: torch.Generator,
) -> Tensor:
    """The loss of normalized patches (n, C, H, W), with s = share."""
    size = parts.shape[2], parts.shape[3]
    phases = net(to_batch(parts, config.stride), True)
    loss = (from_batch(phases, config.stride, size) - parts).abs().mean()
    full_output = net(parts, False)
    chosen = choices(parts, config.cell, generator)
    with torch.no_grad():
        blind_output = net(pick_pixels(parts, config.cell, chosen), True)
    consistency = (pick_pixels(full_output, config.cell, chosen) - blind_output).abs().mean()
    return loss + share * ((full_output - parts).abs().mean() + config.weight * consistency)


def side_of(config: DenoiserConfig, height: int, width: int) -> int:
    """The side of a patch: b and i divide it. Raises BadData where an image has no such patch."""
    step = lcm(config.stride, config.cell)
    side = min(PATCH, height, width) // step * step
    if not side:
        raise BadData(
            f"The image has {width} × {height} px, too few for b = {config.stride} and "
            f"i = {config.cell}: choose smaller ones."
        )
    return side


def learn(
    images: Tensor,
    config: DenoiserConfig,
    seed: int,
    progress: Progress,
    watch: Watch | None = None,
) -> BlindSpotNet:
    """A network that has seen noisy images (n, C, H, W) and nothing else.

    Patches at random places of random images are turned and mirrored; that is no epoch over a data
    set, so the steps are taken by `descend`.

    Args:
        images: as they are, in [0, 1] or near.
        config: what is made small.
        seed: of first weights, patches and choices.
        progress: is told the share done.
        watch: is called LOOKS times on the way, with the network in use.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = BlindSpotNet(images.shape[1], config.channels, config.blocks)
    net.to(best_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(net.parameters(), config.rate)
    training_steps = descend(
        optimizer,
        losses(net, images.to(best_device()), config, seed),
        rate=lambda step: rate_at(step, config.steps, config.rate),
        before_step=lambda: nn.utils.clip_grad_norm_(net.parameters(), STEEPEST),
    )
    report_interval = max(config.steps // LOOKS, 1)
    for done, _ in enumerate(training_steps, 1):
        if watch and (done % report_interval == 0 or done == config.steps):
            watch(done, net)
        progress(done / config.steps, "learning to denoise")
    return net.eval().requires_grad_(requires_grad=False)


def rate_at(step: int, steps: int, rate: float = RATE) -> float:
    """It rises at first, since units that a large early step turns off never come back."""
    rising = min(1.0, (step + 1) / max(WARM * steps, 1))
    return rate * rising * (1 + cos(pi * step / steps)) / 2


def losses(net: BlindSpotNet, images: Tensor, config: DenoiserConfig, seed: int) -> Iterator[Loss]:
    """The loss of every step."""
    generator = torch.Generator().manual_seed(seed)
    side = side_of(config, *images.shape[2:])
    for step in range(config.steps):
        # the loss is taken of normalized patches: faint images weigh as much as bright ones
        parts, _, _ = normalized(patches(images, side, generator))
        share = min(1.0, step / max(config.ramp * config.steps, 1))
        yield partial(denoising_loss, net, parts, config, share, generator)


def patches(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """BATCH square patches (BATCH, C, side, side), turned by quarters and mirrored alike."""
    count, _, height, width = images.shape

    def drawn(end: int) -> int:
        return int(torch.randint(end, (), generator=generator))

    results = []
    for _ in range(BATCH):
        row, top, left = drawn(count), drawn(height - side + 1), drawn(width - side + 1)
        part = images[row, :, top : top + side, left : left + side]
        part = part.rot90(drawn(4), (1, 2))
        results.append(part.flip(2) if drawn(2) else part)
    return torch.stack(results)


@torch.no_grad()
def denoise_both(net: BlindSpotNet, images: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Images (n, C, H, W) denoised with the blind spot and without it, clipped to [0, 1]."""
    device = next(net.parameters()).device
    with one_thread():
        results = [
            (blind(net, part, stride).clamp(0, 1).cpu(), unmasked(net, part).clamp(0, 1).cpu())
            for part in images.to(device).split(16)
        ]
    hidden, visible = zip(*results, strict=True)
    return torch.cat(hidden), torch.cat(visible)
