"""How such networks are trained, and what decides one: shared by all methods of the view."""

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.cbc.attack import lead_of
from engine.attribution.cbc.certificate import Leads
from engine.attribution.cbc.networks import (
    DEEP,
    INDEFINITE,
    NEGATIVE,
    NETWORKS,
    POSITIVE,
    RBF,
    REASONINGS,
    SHALLOW,
    PatchComponents,
    PrototypeHead,
    Shallow,
)
from engine.core.errors import BlindspotError
from engine.core.method import CaseT, Choice, Method, Slider, setting
from engine.core.result import Checkpoint
from engine.vision.data import DataSet
from engine.vision.models.card import weights_of
from engine.vision.models.classifier import Classifier
from engine.vision.training import Batch, Objective, Recipe, cross_entropy, shape_of

PAPER = (
    "Saralajew et al., A Robust Prototype-Based Network with Interpretable RBF Classifier "
    "Foundations (2024), https://arxiv.org/abs/2412.15499"
)
LARGEST_SIDE = 64  # px
NETWORK_TITLES = {SHALLOW: "Shallow: whole images", DEEP: "Deep: patches"}
REASONING_TITLES = {
    NEGATIVE: "Present and absent",
    POSITIVE: "Present only",
    INDEFINITE: "Old CBC (indefinite)",
    RBF: "RBF, free weights",
}


@dataclass(frozen=True)
class Learns(Method[CaseT]):
    """What decides a network and its training."""

    network: str = setting(
        SHALLOW,
        Choice(NETWORKS, titles=NETWORK_TITLES),
        "Network",
        "Shallow: prototypes are whole images, and the answer has a certificate. Deep: they are "
        "patches, found by two convolutions; more often right, without a certificate.",
    )
    reasoning: str = setting(
        NEGATIVE,
        Choice(REASONINGS, titles=REASONING_TITLES),
        "Reasoning",
        "Whether the absence of a prototype may count as well. The old CBC may also leave "
        "prototypes out for a class. The RBF network has free weights, which explain nothing.",
    )
    components: int = setting(
        30, Slider(4, 60, 1), "Prototypes", "How many there are, for all classes together."
    )
    margin: float = setting(
        0.025,
        Slider(0.005, 0.6, 0.005),
        "Margin",
        "By how much the right class is to be ahead of every other one. Not used by the RBF "
        "network, which learns by cross-entropy.",
    )
    robust: float = setting(
        0.0,
        Slider(0.0, 2.0, 0.05),
        "Trained for a radius",
        "The margin is asked of the worst that can happen while the image changes by so much "
        "(Euclidean, pixels from 0 to 1), as the certificate has it. 0 trains on the image itself.",
    )
    epochs: int = setting(
        30, Slider(1, 100, 1), "Epochs", "How often every training image is shown."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.robust and (self.network == DEEP or self.reasoning == RBF):
            raise BlindspotError(
                "Only the shallow network that reasons with prototypes can be trained for a "
                "radius: choose it, or set the radius to 0."
            )

    def learned_as(self) -> dict[str, Any]:
        """The settings of the training alone."""
        names = ("network", "reasoning", "components", "margin", "robust", "epochs")
        return {name: getattr(self, name) for name in names}

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        batch, rate = (64, 0.05) if self.network == SHALLOW else (32, 0.01)
        return Recipe(epochs=self.epochs, batch=batch, optimizer="Adam", rate=rate)

    @property
    def objective(self) -> Objective:
        """What is made small."""
        if self.reasoning == RBF:
            return cross_entropy
        if self.robust:
            return partial(certified_loss, margin=self.margin, radius=self.robust)
        return partial(margin_loss, margin=self.margin)

    def check_data(self, data: DataSet) -> None:
        """Raise BlindspotError for data of which no such network can be trained."""
        title, classes = data.card.title, len(data.classes)
        if len(np.unique(data.labels[data.rows("train")])) < 2:
            raise BlindspotError(f"{title} has one class: there is nothing to tell apart.")
        if self.components < classes:
            raise BlindspotError(
                f"{title} has {classes} classes: choose at least {classes} prototypes, one to "
                "begin with for each class."
            )
        if data.side > LARGEST_SIDE:
            raise BlindspotError(
                f"{title} has images of {data.side} px: prototypes are learned of at most "
                f"{LARGEST_SIDE} px."
            )
        if not len(data.rows("test")):
            raise BlindspotError(f"{title} has no test images.")

    def fresh(self, data: DataSet, seed: int) -> Classifier:
        """An untrained network; its shallow prototypes begin as training images of each class."""
        network: Shallow | PatchComponents
        shape, generator = shape_of(data), torch.Generator().manual_seed(seed)
        if self.network == SHALLOW:
            network = Shallow(shape, self.components, self.reasoning)
            rows = data.some("train", self.components, seed)
            if len(rows) < self.components:
                raise BlindspotError(
                    f"{data.card.title} has {len(rows)} training images, fewer than the "
                    f"{self.components} prototypes: choose fewer."
                )
            network.begin(data.pixels(rows), generator)
        else:
            from engine.vision.models.small import init_weights

            network = PatchComponents(shape, self.components, self.reasoning)
            init_weights(network, generator)
            network.head.begin(generator)
        return as_classifier(network, data)

    def restored(self, view: Checkpoint, data: DataSet) -> Classifier:
        """The trained network of a kept answer."""
        kind = Shallow if self.network == SHALLOW else PatchComponents
        network = kind(shape_of(data), self.components, self.reasoning)
        tensors = {
            name: torch.from_numpy(np.array(weight)) for name, weight in view.weights.items()
        }
        network.load_state_dict(tensors)
        return as_classifier(network, data)


def as_classifier(network: Shallow | PatchComponents, data: DataSet) -> Classifier:
    """The network as everything here is asked; pixels go in as they are, for distances in them."""
    title = f"{data.card.title} · prototypes"
    return Classifier(
        network, f"{data.name}-prototypes", title, network.shape.side, labels=data.classes
    )


def as_checkpoint(model: Classifier, method: Learns[Any]) -> Checkpoint:
    """The network as a view; see `Learns.restored`."""
    settings = json.dumps(method.learned_as())
    return Checkpoint(weights_of(model), "", method.full_name(), settings)


def inner_network(model: Classifier) -> Shallow | PatchComponents:
    """The network itself, on normalized pixels, which are the pixels."""
    return cast("Shallow | PatchComponents", model.network)


def head_of(model: Classifier) -> PrototypeHead:
    """Its head."""
    return inner_network(model).head


def in_doubles(model: Classifier) -> Shallow | PatchComponents:
    """A copy of the network on the CPU, in float64, where a proof is not lost in rounding."""
    return deepcopy(inner_network(model)).cpu().double().eval()


def leads(network: Shallow, pixels: Tensor, own: Tensor) -> Leads:
    """How answers `own` to pixels (N, 3, side, side) stand, with a gradient."""
    return Leads.of(network.detections(pixels), network.head.linear(), network.widths, own)


def margin_loss(model: Classifier, batch: Batch, margin: float) -> Tensor:
    """How far the right class is from being ahead by the margin, (n,)."""
    return F.relu(margin - lead_of(model(batch.pixels), batch.targets))


def certified_loss(model: Classifier, batch: Batch, margin: float, radius: float) -> Tensor:
    """The same of the least lead within a radius, (n,)."""
    network = cast("Shallow", inner_network(model))
    least = leads(network, batch.pixels, batch.targets).least(batch.pixels.new_full((), radius))
    return F.relu(margin - least.amin(1))
