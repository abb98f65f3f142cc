"""A mixing network learns to tell attacked images from clean ones, under attack itself."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.adasmooth.mixture import MixingNet, Mixture, network_outputs
from engine.core.keeping.memory import Memory
from engine.core.method import Progress, quiet
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.training import Pgd, descend, pgd
from engine.vision.training.descent import Loss

BATCH, RATE, DECAY = 64, 2e-3, 1e-5
DETECT, JOINED = 1.5, 0.3  # weights of the published loss: BCE, and BCE times cross-entropy
EPSILON, EPOCHS = 0.2, 2  # of the strongest attack in training, and how often an image is seen
REACH = (0.4, 1.1)  # of the attacks in training, as shares of ε, drawn for each batch
_TAUGHT: Memory[MixingNet] = Memory(4)


def learned_mixing(
    normal: Classifier,
    robust: Classifier,
    data: DataSet,
    scales: tuple[float, float],
    attack: Pgd,
    epochs: int,
    seed: int,
    progress: Progress,
) -> MixingNet:
    """A mixing network, trained on clean images and on attacks against the mixture as it is then.

    Args:
        normal, robust: the networks, which stay as they are.
        data: whose training images are learned.
        scales: of both networks' logits.
        attack: the strongest that is trained against.
        epochs: how often each image is seen.
        seed: of its first weights, and of order and attacks.
        progress: is told the share done.
    """
    with torch.no_grad():
        *_, maps = network_outputs(
            normal, robust, data.pixels(data.rows("train")[:1]).to(normal.device)
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mixing = MixingNet(maps.shape[1]).to(normal.device)
    mixture = Mixture(normal, robust, mixing, scales)
    mixture.train()
    optimizer = torch.optim.AdamW(mixing.parameters(), RATE, weight_decay=DECAY)
    steps = epochs * -(-len(data.rows("train")) // BATCH)
    losses = of_batches(mixture, data, attack, epochs, seed)
    for done, _ in enumerate(descend(optimizer, losses, rate=lambda n: RATE * (1 - n / steps)), 1):
        progress(done / steps, "teaching the mixing network")
    mixture.eval()
    return mixing


def mixing_of(
    normal: Classifier, robust: Classifier, data: DataSet, progress: Progress = quiet
) -> MixingNet:
    """The mixing network of two networks, as the experiment's usual settings teach it.

    It is kept as long as the process runs: an image asks for it at every move of a slider.
    """
    name = f"{normal.fingerprint} {robust.fingerprint} {data.name} {normal.device}"
    return _TAUGHT.made(
        name,
        lambda: learned_mixing(
            normal, robust, data, (1.0, 1.0), quick(EPSILON), EPOCHS, 0, progress
        ),
    )


def quick(epsilon: float) -> Pgd:
    """The attack that a mixing network learns from."""
    return Pgd(epsilon, 7, epsilon / 3)


def of_batches(
    mixture: Mixture, data: DataSet, attack: Pgd, epochs: int, seed: int
) -> Iterator[Loss]:
    """The loss of each batch: half of it clean, half attacked."""
    rng, noise = np.random.default_rng([seed, 83]), torch.Generator().manual_seed(seed)
    device = mixture.normal.device
    for _ in range(epochs):
        for rows in batches(rng.permutation(data.rows("train"))):
            images = torch.from_numpy(data.images[rows] / np.float32(255)).to(device)
            targets = data.targets(rows).to(device)
            reach = attack.epsilon * rng.uniform(*REACH)
            # the step shrinks with the reach, so that as many steps cross it
            scaled_attack = Pgd(reach, attack.steps, attack.step * reach / attack.epsilon)
            moved = pgd(mixture, images, targets, scaled_attack, noise)
            yield partial(mixture_loss, mixture, torch.cat([images, moved]), targets)


def batches(rows: np.ndarray) -> list[np.ndarray]:
    """Even parts of at most BATCH rows."""
    return np.array_split(rows, max(-(-len(rows) // BATCH), 1))


def mixture_loss(mixture: Mixture, images: Tensor, targets: Tensor) -> Tensor:
    """Detecting attacks, more so where the mixture is wrong."""
    logs, gamma = mixture.parts(images.expand(-1, 3, -1, -1))
    if gamma is None:
        raise ValueError("a mixture without a mixing network learns nothing")
    is_attacked = torch.cat([torch.zeros(len(targets)), torch.ones(len(targets))]).to(gamma.device)
    detected = F.binary_cross_entropy_with_logits(gamma, is_attacked, reduction="none")
    # clean images and then the same attacked, hence the targets twice
    wrong = F.nll_loss(logs, targets.repeat(2), reduction="none")
    return (DETECT * detected + JOINED * detected * wrong).mean()
