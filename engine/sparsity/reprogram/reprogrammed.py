"""A frozen network that serves another task: behind a new linear head, or inside a learned border.

Chen et al., "Understanding and Improving Visual Prompting: A Label-Mapping Perspective" (CVPR
2023), https://arxiv.org/abs/2211.11635. The image lies in the middle, what is learned around it:
x' = pad(x) + B ⊙ sigmoid(P), B = 1 on the border. Each class of the new task is bound to one of the
network's own, by how often train images of the one are taken for the other.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from engine.core.errors import BlindspotError
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import init_weights
from engine.vision.training import outputs

Counts = NDArray[np.int64]


def resized(images: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) of that side; those that have it are left as they are."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)


class Frozen(nn.Module):
    """What is built around a source that is neither trained nor put into training mode.

    Args:
        source: a model on whose weights nothing is changed; it is no part of this module.
    """

    def __init__(self, source: Classifier) -> None:
        super().__init__()
        self.held = (source,)  # in a tuple, so that train() and parameters() do not find it

    @property
    def source(self) -> Classifier:
        """The frozen model."""
        return self.held[0]

    def look(self, images: Tensor) -> Tensor:
        """What the source gives for images in [0, 1] of its own side."""
        result: Tensor = self.source.network((images - self.source.mean) / self.source.std)
        return result


class Probed(Frozen):
    """A new linear head on what the source's own head saw.

    Args:
        source: as ever.
        classes: of the new task.
        seed: of the head's first weights.
    """

    def __init__(self, source: Classifier, classes: int, seed: int) -> None:
        headless = source.twin(paced=False)
        cast("Any", headless.network).head = nn.Identity().eval()
        super().__init__(headless)
        self.head = skip_init(nn.Linear, source.head.in_features, classes)
        init_weights(self.head, torch.Generator().manual_seed(seed))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images of any side."""
        # the source is frozen: without its graph a step costs one forward pass through it
        with torch.no_grad():
            features = self.look(resized(images, self.source.side))
        return cast("Tensor", self.head(features))


class Prompted(Frozen):
    """The source sees an image in the middle of a border, and answers with its own classes.

    Args:
        source: as ever.
        border: its width in pixels; 0 leaves none, and the image fills the whole.
        mapping: (classes,), the source's class for each of the new task.
    """

    mapping: Tensor
    edge: Tensor

    def __init__(self, source: Classifier, border: int, mapping: Tensor) -> None:
        super().__init__(source)
        self.border, self.inside = border, source.side - 2 * border
        self.prompt = nn.Parameter(torch.zeros(1, source.side, source.side))  # gray to begin with
        edge = F.pad(torch.zeros(1, self.inside, self.inside), (border,) * 4, value=1.0)
        self.register_buffer("edge", edge)
        self.register_buffer("mapping", mapping)

    def seen(self, images: Tensor) -> Tensor:
        """What the source sees, (N, C, side, side) in [0, 1]."""
        placed = F.pad(resized(images, self.inside), (self.border,) * 4)
        # a sigmoid keeps the border within [0, 1] with a slope everywhere, where a clamp has none
        return placed + self.prompt.sigmoid() * self.edge

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the source's classes that the new ones are bound to, (N, classes)."""
        return self.look(self.seen(images))[:, self.mapping]


def reprogrammed_classifier(network: Frozen, data: DataSet) -> Classifier:
    """The network as a model of the new task's images; the source normalizes them itself."""
    title = f"{data.card.title} · {network.source.title}"
    device = network.source.device
    return Classifier(network, data.name, title, data.side, labels=data.classes, device=device)


def confusion(model: Classifier, data: DataSet, rows: Rows) -> Counts:
    """How often images of each new class are taken for each class of the source.

    Args:
        model: around a `Prompted` network.
        data, rows: images of the new task.

    Returns:
        (source's classes, new classes).
    """
    network = cast("Prompted", model.network)
    bound, sources = network.mapping, len(network.source.labels)
    # for a moment all of the source's classes: the counts must not depend on the old binding
    network.mapping = torch.arange(sources, device=model.device)
    taken = outputs(model, data, rows).argmax(1).numpy()
    network.mapping = bound
    counts = np.zeros((sources, len(data.classes)), np.int64)
    np.add.at(counts, (taken, data.labels[rows]), 1)
    return counts


def greedy(counts: Counts) -> NDArray[np.int64]:
    """The source's class for each new one, (new classes,), none twice.

    The most frequent pair is bound first, then the most frequent of the classes that are left, and
    so on; of equal ones the first.

    Raises:
        BlindspotError: the source has fewer classes.
    """
    sources, targets = counts.shape
    if sources < targets:
        raise BlindspotError(
            f"The source network has {sources} classes, and {targets} need one each: choose data "
            "with fewer classes."
        )
    left, result = counts.copy(), np.empty(targets, np.int64)
    for _ in range(targets):
        source, target = np.unravel_index(left.argmax(), left.shape)
        result[target] = source
        # −1 is below every count, so that neither is bound again even where all counts are 0
        left[source], left[:, target] = -1, -1
    return result


@dataclass
class Remap:
    """After each epoch but the last, classes are bound anew, by the images learned from alone.

    Args:
        data, rows: those images.
        every: steps of an epoch.
        steps: of the whole training.
    """

    data: DataSet
    rows: Rows
    every: int
    steps: int
    step: int = 0

    def __call__(self, model: Classifier, rate: float) -> None:  # noqa: ARG002
        """Called after each step."""
        self.step += 1
        # not after the last: the prompt would end with a binding that it never learned with
        if self.step % self.every == 0 and self.step < self.steps:
            bind(model, self.data, self.rows)


def bind(model: Classifier, data: DataSet, rows: Rows) -> None:
    """Bind the new classes to the source's by these images, in place."""
    result = greedy(confusion(model, data, rows))
    cast("Prompted", model.network).mapping = torch.from_numpy(result).to(model.device)
