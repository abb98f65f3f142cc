"""The computation of Unlearnable Clusters: clusters of features, and one noise for each.

No label is looked at: a network that is given, images, and numbers. The noise of a cluster moves
the features of *all* images, not only its own, toward the center of another cluster.

Zhang et al., "Unlearnable Clusters: Towards Label-agnostic Unlearnable Examples" (2022),
https://arxiv.org/abs/2301.01217
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import cos, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.unlearning.uc.noise_network import DirectNoise, NoiseNetwork
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedding import embedding_of
from engine.vision.models.threads import one_thread
from engine.vision.training import descend
from engine.vision.training.descent import Loss

DIRECT, GENERATOR = FORMS = ("direct", "generator")
CHANCE = "chance"  # no search at all
BATCH = 64  # images in a step
STEP = 1.25 / 10  # of epsilon: a direct step, as of the published attack with ten steps
RATE, LAST_RATE, DECAY = 1e-3, 1e-5, 5e-4  # of the generator's Adam; ten times the published rates
STARTS = 10  # of k-means, of which the best counts

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
Labels = NDArray[np.int64]
Noise = DirectNoise | NoiseNetwork


class Surrogate:
    """A network up to its head, and the size at which it looks at images.

    Args:
        model: a classifier that ends in a linear layer.
        side: to which images are enlarged, in pixels; None looks at them as they are.
    """

    def __init__(self, model: Classifier, side: int | None = None) -> None:
        self.body, self.side = embedding_of(model), side

    def __call__(self, pixels: Tensor) -> Tensor:
        """Features (n, D) of pixels (n, 1 or 3, H, W) in [0, 1], with their gradient."""
        if self.side is not None:
            pixels = F.interpolate(pixels, (self.side, self.side), mode="bilinear")
        features: Tensor = self.body(pixels.expand(-1, 3, -1, -1))
        return features

    def of(self, images: Bytes) -> Doubles:
        """Features (n, D) of images of bytes."""
        parts = np.array_split(images, max(1, -(-len(images) // BATCH)))
        with torch.no_grad(), one_thread():
            return np.concatenate([self(self.pixels(part)).cpu().double() for part in parts])

    def pixels(self, images: Bytes) -> Tensor:
        """Images of bytes as it takes them."""
        return torch.from_numpy(images / np.float32(255)).to(self.body.device)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Images in groups by their features: whose image each is, (n,), and the centers, (K, D)."""

    of: Labels
    centers: Doubles

    def nearest(self, features: Doubles) -> Labels:
        """The cluster whose center lies nearest to each of the features (n, D)."""
        # ‖f‖² is left out: it is the same for every center
        distances = (self.centers**2).sum(1) - 2 * features @ self.centers.T
        return distances.argmin(1)


@dataclass(frozen=True)
class NoiseSearch:
    """How the noise of each cluster is found.

    Args:
        form: "direct" steps along the sign of the gradient, or a "generator" with Adam.
        epsilon: the most that a pixel changes, in gray levels.
        steps: for each cluster, with a batch of images each; all images come in turn.
        seed: of the order of images and of generators.
    """

    form: str
    epsilon: int
    steps: int
    seed: int

    def found(
        self, surrogate: Surrogate, images: Bytes, targets: Doubles, progress: Progress = quiet
    ) -> NDArray[np.int16]:
        """The noise that draws all images to each of the targets, in whole gray levels.

        Args:
            surrogate: whose features are moved.
            images: (n, C, H, W).
            targets: (K, D), features.
            progress: told after each step; may raise to cancel.

        Returns:
            (K, C, H, W), within ±epsilon.
        """
        if not self.epsilon:
            return np.zeros((len(targets), *images.shape[1:]), np.int16)
        noises = []
        for cluster, target in enumerate(targets):
            noise = self.begun(images.shape[1:], cluster).to(surrogate.body.device)
            losses = self.losses(noise, surrogate, images, target)
            for step, loss in enumerate(self.steps_of(noise, losses)):
                noise.cut()
                done = (cluster + (step + 1) / self.steps) / len(targets)
                progress(done, f"cluster {cluster + 1} of {len(targets)}, loss {loss:.3g}")
            with torch.no_grad(), one_thread():
                # still in training mode: BatchNorm knows no statistics but those of its one picture
                noises.append(noise()[0].cpu().double().numpy())
        return np.rint(255 * np.stack(noises)).astype(np.int16)

    def begun(self, shape: tuple[int, ...], cluster: int) -> Noise:
        """Noise (C, H, W) before the first step; each cluster has a generator of its own."""
        if self.form == DIRECT:
            return DirectNoise(shape, self.epsilon / 255)
        # fresh for each cluster, as published: no noise begins where another one ended
        network_seed = int(np.random.default_rng([self.seed, 43, cluster]).integers(2**63))
        return NoiseNetwork(
            shape, self.epsilon / 255, torch.Generator().manual_seed(network_seed)
        ).train()

    def losses(
        self, noise: Noise, surrogate: Surrogate, images: Bytes, target: Doubles
    ) -> Iterator[Loss]:
        """The loss of each step, on the next images of an order that is drawn for each pass."""
        center = torch.from_numpy(target).float().to(surrogate.body.device)
        # the same order for every cluster: noises differ by their targets
        for rows in turns(len(images), self.steps, np.random.default_rng([self.seed, 42])):
            yield partial(far, noise, surrogate, surrogate.pixels(images[rows]), center)

    def steps_of(self, noise: Noise, losses: Iterator[Loss]) -> Iterator[float]:
        """Take the steps, one for each value."""
        if isinstance(noise, DirectNoise):
            # SGD on the sign of the gradient: projected gradient descent within ±epsilon
            signed = torch.optim.SGD([noise.values], lr=STEP * self.epsilon / 255)
            yield from descend(signed, losses, before_step=partial(to_sign, noise.values))
            return
        adam = torch.optim.Adam(noise.parameters(), RATE, weight_decay=DECAY)
        yield from descend(adam, losses, rate=partial(falling, self.steps))


def far(noise: Noise, surrogate: Surrogate, pixels: Tensor, center: Tensor) -> Tensor:
    """How far images with the noise are from a center, in the mean."""
    # cut as released images are: a pixel at its end pulls no further
    return divergence(surrogate((pixels + noise()).clamp(0, 1)), center)


def divergence(features: Tensor, center: Tensor) -> Tensor:
    """Mean KL divergence of softmax(features), (n, D), from softmax(center), (D,), in nats."""
    # as published: features as a distribution over their dimensions, not a distance to the center
    center_distribution = center.softmax(0).expand_as(features)
    return F.kl_div(features.log_softmax(1), center_distribution, reduction="batchmean")


def to_sign(values: torch.nn.Parameter) -> None:
    """Replace a gradient by its sign."""
    if values.grad is not None:
        values.grad.sign_()


def falling(steps: int, step: int) -> float:
    """The rate of a step: along half a cosine, from RATE to LAST_RATE."""
    return LAST_RATE + (RATE - LAST_RATE) * (1 + cos(pi * step / steps)) / 2


def turns(count: int, steps: int, rng: np.random.Generator) -> Iterator[Labels]:
    """Rows of the images of each step; all images come once before one comes again."""
    waiting: list[Labels] = []
    for _ in range(steps):
        waiting = waiting or np.array_split(rng.permutation(count), -(-count // BATCH))
        yield waiting.pop()


def clustered(features: Doubles, count: int, seed: int) -> Clusters:
    """Images in so many clusters by k-means on their features, (n, D).

    Raises:
        BlindspotError: there are fewer images that the features tell apart than clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    check_different(len(np.unique(features, axis=0)), count)
    with threadpool_limits(1):  # so that sums are always added in the same order
        kmeans = KMeans(count, n_init=STARTS, random_state=seed).fit(features)
    return Clusters(kmeans.labels_.astype(np.int64), kmeans.cluster_centers_)


def check_different(different: int, count: int) -> None:
    """Raise BlindspotError for fewer different images than clusters."""
    if different < count:
        raise BlindspotError(
            f"{different} different training images cannot be put into {count} clusters: choose "
            "fewer clusters or other data."
        )


def targets_of(count: int, offset: int) -> Labels:
    """The cluster that the images of each are moved to, (K,).

    Raises:
        BlindspotError: it is their own.
    """
    if offset % count == 0:
        raise BlindspotError(
            f"An offset of {offset} with {count} clusters leads back to the same cluster: choose "
            "an offset that is no multiple of the number of clusters."
        )
    return (np.arange(count) + offset) % count
