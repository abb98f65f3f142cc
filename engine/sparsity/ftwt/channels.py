"""Which channels images use in a network that chooses them by image, and that network kept."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.result import Checkpoint, Result, Table
from engine.sparsity.ftwt.gated import Fired, Gated, multiply_adds
from engine.vision.case import ImageCase
from engine.vision.data import DataSet, Rows
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.small.residual import ResNet8

INNER = "inner."  # how the names of the backbone's weights begin
LAYERS = ("first", *(f"block {b}, {n}" for b in (1, 2, 3) for n in ("first", "second")))


@dataclass(frozen=True, eq=False)
class ImageChannels:
    """What one image uses.

    Args:
        on: (layers, widest layer), 1 where a channel is on, 0 where it is off, NaN where is none.
        cost: multiply-adds as a share of those with all channels and no predictors.
        label: what the network says.
        probability: that it gives it.
    """

    on: NDArray[np.float64]
    cost: float
    label: str
    probability: float


def used(case: ImageCase) -> ImageChannels:
    """What an image uses in a network that chooses channels by image, and what it says of it."""
    logits, fired = forward_pixels(case.model, case.image[None])
    probabilities = logits[0].softmax(0)
    best = int(probabilities.argmax())
    return ImageChannels(
        in_rows([layer.on[0].double() for layer in fired]),
        float(costs(case.model, fired)[0]),
        case.model.labels[best],
        float(probabilities[best]),
    )


def of_all(model: Classifier, data: DataSet) -> Result:
    """Views of the test images: usage, the share in which a channel is on, a row a layer; costs,
    each one's multiply-adds as a share of those with all channels, and how many are on."""
    _, fired = forward_rows(model, data, data.rows("test"))
    usage = in_rows([layer.on.double().mean(0) for layer in fired])
    on = torch.cat([layer.on.double() for layer in fired], 1).sum(1)
    names = tuple(str(at + 1) for at in range(usage.shape[1]))
    return {
        "usage": Table.grid(usage, LAYERS[: len(usage)], names, ("share",) * len(names)),
        "costs": Table.of(
            {"multiply-adds": (costs(model, fired).numpy(), "share"), "channels": (on.numpy(), "")}
        ),
    }


def in_rows(layers: list[Tensor]) -> NDArray[np.float64]:
    """A value for each channel, a row a layer; NaN behind a layer's last channel."""
    rows = np.full((len(layers), max(len(layer) for layer in layers)), np.nan)
    for row, values in zip(rows, layers, strict=True):
        row[: len(values)] = values.numpy()
    return rows


def costs(model: Classifier, fired: list[Fired]) -> Tensor:
    """Multiply-adds of each image (N,), as a share of those with all channels."""
    gated = cast("Gated", model.network)
    on = [layer.on for layer in fired]
    full_cost = multiply_adds(unpredicted(gated), fired, [torch.ones_like(gates) for gates in on])
    return multiply_adds(gated, fired, on).double() / full_cost.double()


def forward_rows(model: Classifier, data: DataSet, rows: Rows) -> tuple[Tensor, list[Fired]]:
    """Logits of some rows, and what each layer did, in eval mode."""
    return forward_pixels(model, data.pixels(rows))


@torch.no_grad()
def forward_pixels(model: Classifier, pixels: Tensor) -> tuple[Tensor, list[Fired]]:
    """Logits of images (N, 3, side, side) in [0, 1], and what each layer did, in eval mode."""
    normalized = (pixels.to(model.device) - model.mean) / model.std
    logits, fired = cast("Gated", model.network).look(normalized)
    return logits.cpu(), [
        Fired(layer.maps.cpu(), layer.logits.cpu(), layer.on.cpu()) for layer in fired
    ]


def with_gates(
    dense: Classifier, seed: int, loss: str, fixed: list[Tensor] | None = None
) -> Classifier:
    """A copy of the model with predictors from the seed, or with channels that are always on."""
    copy = dense.twin(paced=False)
    gated = Gated(cast("ResNet8", copy.network), seed, joint=loss == "joint", fixed=fixed)
    copy.network = gated.to(dense.device)
    return copy


def every(network: Any) -> list[Tensor]:
    """All channels of a ResNet-8, layer by layer."""
    convolutions = [network.conv] + [
        c for block in network.blocks for c in (block.conv1, block.conv2)
    ]
    return [torch.ones(layer.out_channels, dtype=torch.bool) for layer in convolutions]


def unpredicted(gated: Gated) -> Gated:
    """The same network without predictors, for counting."""
    return Gated(gated.inner, fixed=every(gated.inner))


def as_checkpoint(model: Classifier, seed: int) -> Checkpoint:
    """Backbone and predictors, with the backbone's card; see `restored`."""
    plain = model.twin(paced=False)
    plain.network = cast("Gated", plain.network).inner
    view = checkpoint(plain, card_of(plain, seed=seed, made_by="sparsity.FTWT"))
    state = cast("Gated", model.network).state_dict()
    return replace(view, weights={name: tensor.cpu().numpy() for name, tensor in state.items()})


def restored(view: Checkpoint) -> Classifier:
    """The network of a kept checkpoint, with its predictors. Raises BadModel."""
    inner = {k.removeprefix(INNER): a for k, a in view.weights.items() if k.startswith(INNER)}
    model = with_gates(rebuilt(replace(view, weights=inner), "ftwt"), 0, "decoupled")
    weights = {name: torch.from_numpy(np.array(weight)) for name, weight in view.weights.items()}
    model.network.load_state_dict(weights)
    return model
