"""FTWT as an experiment: do masks for each image beat one mask for all at the same cost?

Elkerdawy et al., "Fire Together Wire Together: A Dynamic Pruning Approach with Self-Supervised Mask
Prediction" (CVPR 2022), https://arxiv.org/abs/2110.08232
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.charts.drawing import Drawing
from engine.core.method import Choice, Progress, Slider, part_of, setting
from engine.core.pictures import as_bytes
from engine.core.result import Checkpoint, Pictures, Result
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, trained_model
from engine.evaluation.kept_experiment import KeptExperiment
from engine.sparsity.ftwt.channels import (
    as_checkpoint,
    every,
    forward_rows,
    of_all,
    restored,
    unpredicted,
    with_gates,
)
from engine.sparsity.ftwt.gated import FireLoss, Gated, multiply_adds, targets, uniform
from engine.vision.data import DataSet, Rows
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, train

DENSE, GATED, FIXED = "all channels", "channels by image", "the same channels for all images"
RIGHT, COST, PLANNED = "right", "multiply-adds", "multiply-adds by the dense net's activity"
AGREES, MAJORITY = "channels predicted as they fire", "channels right by majority"
CHANNELS_CHANGED = "channels that differ between two images"
MASS, UNIFORM = "mass", "uniform"
RECIPE = Recipe("resnet8", epochs=10, batch=64, rate=0.05)
GATED_RATE = 0.01
PREDICTED = 0.5  # share of the steps in which predictors learn
COUNTED = 500  # train images by which the channels for all are chosen
PICTURED_CLASSES = 6
CELL = 64  # px, the side of a picture of channels: a column for each of ResNet-8's widest layer
ON, OFF, NONE = (11, 110, 117), (214, 214, 210), (252, 252, 251)

CLAIMS = (
    Claim(
        "Channels chosen for each image beat the same channels for all",
        "more right than with the channels that are on most often, as many in each layer",
        lambda of: of(GATED, RIGHT) - of(FIXED, RIGHT),
    ),
    Claim(
        "Much of the cost is saved for a point of accuracy",
        "at least 20 % of the multiply-adds, at most 1 point less right than with all channels",
        lambda of: min(
            of(DENSE, COST) - of(GATED, COST) - 0.2, of(GATED, RIGHT) - of(DENSE, RIGHT) + 0.01
        ),
    ),
    Claim(
        "A network can predict which channels will fire",
        "right for more than 80 % of channels, and for more than the majority of images is",
        lambda of: min(of(GATED, AGREES) - 0.8, of(GATED, AGREES) - of(GATED, MAJORITY)),
    ),
    Claim(
        "The cost is known before the training",
        "within 5 points of what the dense network's activity says",
        lambda of: 0.05 - abs(of(GATED, COST) - of(GATED, PLANNED)),
    ),
)


@dataclass(frozen=True)
class FireTogether(KeptExperiment):
    """Which channels does an image need, and can a network tell before it computes them?

    A trained ResNet-8 gets a small predictor for each convolution. From the mean of each channel
    that goes in, it says which channels will fire; the others are set to 0 for this image. What
    should fire is taken from the network itself: the channels that hold a share of the layer's
    activity (*mass*), or all but the weakest (*uniform*). Network and predictors learn on together,
    the predictors in the first half of the steps. Beside it the same network learns on with all
    channels, and with the same channels on for every image, as many in each layer as are on in the
    mean. Multiply-adds are counted as if channels that are off were skipped, predictors included;
    zeros alone save no time. Small networks on small digits.
    """

    name = "FTWT"
    family = "sparsity"
    title = "Channels by image (FTWT)"
    paper = "Elkerdawy et al. 2022, https://arxiv.org/abs/2110.08232"
    question = "Do images need different channels, and can a network tell which in advance?"
    proof = (
        "tests/engine/sparsity/ftwt/test_ftwt.py"
        "::test_every_figure_is_that_of_networks_trained_and_asked_by_hand"
    )
    data = ("mnist-5k", "digits")
    revision = 2  # the network comes along
    measures = (RIGHT, COST, PLANNED, AGREES, MAJORITY, CHANNELS_CHANGED)
    axis = "%"
    claims = CLAIMS
    main_drawing = Drawing("channels")

    rule: str = setting(
        MASS,
        Choice((MASS, UNIFORM)),
        "What should fire",
        "The strongest channels that hold a share of a layer's activity, few in one image and many "
        "in another; or as many in each layer for all images.",
    )
    mass: float = setting(
        0.92,
        Slider(0.7, 1.0, 0.01),
        "Mass",
        "The share of a layer's activity that its channels "
        "should hold: the smaller, the fewer fire.",
    )
    cut: float = setting(
        0.5,
        Slider(0.0, 0.9, 0.05),
        "Off in each layer",
        f"The share of a layer's channels that should be off, with {UNIFORM}.",
    )
    epochs: int = setting(
        8, Slider(1, 40, 1), "Epochs", "How long network and predictors learn on together."
    )
    loss: str = setting(
        "decoupled",
        Choice(("decoupled", "joint")),
        "Predictors' loss",
        "Whether it changes the predictors alone (decoupled) or the network, too (joint).",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """One dense network for all; what is done to it afterwards differs."""
        training = TrainCase(case.data, RECIPE, case.seed)
        return dict.fromkeys((DENSE, GATED, FIXED), training)

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of a network that learned on; of the one with channels by image, what is on."""
        dense = trained_model(self.conditions(case)[name], part_of(progress, 0.0, 0.5))
        model = self.network(name, dense, case, part_of(progress, 0.5, 1.0))
        return self.measured(model, dense, case), self.seen(model, case) if name == GATED else {}

    def network(
        self, name: str, dense: Classifier, case: ExperimentCase, progress: Progress
    ) -> Classifier:
        """The dense network, once it learned on with some of its channels or all."""
        data, fixed = case.data, every(dense.network) if name == DENSE else None
        if name == FIXED:
            kept = self.kept(GATED, case, part_of(progress, 0.0, 0.5))
            network = cast("Checkpoint", kept["network"])
            gated, progress = restored(network), part_of(progress, 0.5, 1.0)
            fixed = frequent_channels(gated, data, data.some("train", COUNTED, case.seed))
        model = with_gates(dense, case.seed, self.loss, fixed)
        recipe = replace(RECIPE, epochs=self.epochs, rate=GATED_RATE)
        steps = self.epochs * -(-len(data.rows("train")) // recipe.batch)
        loss = FireLoss(self.wanted, round(PREDICTED * steps))
        train(model, data, recipe, case.seed, objective=loss, progress=progress)
        return model

    @property
    def wanted(self) -> Callable[[Tensor], Tensor]:
        """Which channels should fire, of a layer's maps."""
        if self.rule == UNIFORM:
            return partial(uniform, cut=self.cut)
        return partial(targets, mass=self.mass)

    def measured(self, model: Classifier, dense: Classifier, case: ExperimentCase) -> Figures:
        """Accuracy, cost as a share of the dense network's, and how well firing is predicted."""
        data, gated = case.data, cast("Gated", model.network)
        rows = data.rows("test")
        logits, fired = forward_rows(model, data, rows)
        on = [layer.on for layer in fired]
        target_gates = [self.wanted(layer.maps) for layer in fired]
        every_one = [torch.ones_like(gates) for gates in on]
        full_cost = multiply_adds(unpredicted(gated), fired, every_one).mean()
        right = (logits.argmax(1) == data.targets(rows)).double().mean().item()
        agree = torch.cat([(a == b).double() for a, b in zip(on, target_gates, strict=True)], 1)
        often = torch.cat([mask.double().mean(0) for mask in target_gates])
        return {
            RIGHT: right,
            COST: float(multiply_adds(gated, fired, on).double().mean() / full_cost),
            PLANNED: self.planned(dense, data, case.seed),
            AGREES: agree.mean().item(),
            # what guessing each channel's usual state would get right: a predictor must beat it
            MAJORITY: torch.maximum(often, 1 - often).mean().item(),
            CHANNELS_CHANGED: channel_difference(on),
        }

    def planned(self, dense: Classifier, data: DataSet, seed: int) -> float:
        """The cost if each image had the channels that should fire in the dense network."""
        gated = with_gates(dense, seed, self.loss, every(dense.network))
        _, fired = forward_rows(gated, data, data.rows("test"))
        target_gates = [self.wanted(layer.maps) for layer in fired]
        predicting = with_gates(dense, seed, self.loss)
        gated_cost = multiply_adds(
            cast("Gated", gated.network), fired, [layer.on for layer in fired]
        ).mean()
        cost = multiply_adds(cast("Gated", predicting.network), fired, target_gates)
        return float(cost.double().mean() / gated_cost)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Two images of each of some classes."""
        return Pictures(
            sample_images(case.data),
            ("first image", "second image"),
            case.data.classes[:PICTURED_CLASSES],
            "Images of one class should need the same channels, those of other classes others.",
        )

    def seen(self, model: Classifier, case: ExperimentCase) -> Result:
        """Views: channels, those of the same images, layer by layer; network, with its predictors;
        usage, how many test images a channel is on in; costs of each test image."""
        rows = two_of_each(case.data)
        _, fired = forward_rows(model, case.data, rows.ravel())
        bars = np.stack([barcode([layer.on[at] for layer in fired]) for at in range(rows.size)])
        bars = bars.reshape(*rows.shape, *bars.shape[1:])
        images = sample_images(case.data)
        pairs = np.stack([images[0], bars[0], images[1], bars[1]])
        channels = Pictures(
            pairs,
            ("first image", "its channels", "second image", "its channels "),
            case.data.classes[:PICTURED_CLASSES],
            "A row is a layer, the first above; a dark mark is a channel that is on for the image.",
        )
        views = {"channels": channels, "network": as_checkpoint(model, case.seed)}
        return {**views, **of_all(model, case.data)}


def two_of_each(data: DataSet) -> Rows:
    """Rows of two test images of each of the first classes, (2, classes)."""
    test = data.rows("test")
    results = [
        test[data.labels[test] == index]
        for index in range(min(PICTURED_CLASSES, len(data.classes)))
    ]
    return np.stack([result[[0, -1]] for result in results if len(result)], 1)


def sample_images(data: DataSet) -> NDArray[np.uint8]:
    """Those images in the size of the pictures beside them, (2, classes, side, side, 3)."""
    rows = two_of_each(data)
    places = np.arange(CELL) * data.side // CELL
    images = np.stack([as_bytes(pixel)[places][:, places] for pixel in data.pixels(rows.ravel())])
    return images.reshape(*rows.shape, CELL, CELL, 3)


def barcode(on: list[Tensor]) -> NDArray[np.uint8]:
    """The channels of one image, (side, side, 3): a band for each layer, a column for a channel."""
    picture = np.full((CELL, CELL, 3), NONE, np.uint8)
    tall = CELL // len(on)
    for layer, gates in enumerate(on):
        colors = np.where(gates.numpy()[:, None], np.array(ON, np.uint8), np.array(OFF, np.uint8))
        picture[layer * tall : (layer + 1) * tall - 1, : len(gates)] = colors
    return picture


def frequent_channels(model: Classifier, data: DataSet, rows: Rows) -> list[Tensor]:
    """In each layer the channels that are on most often, as many as are on in the mean."""
    _, fired = forward_rows(model, data, rows)
    results = []
    for layer in fired:
        often = layer.on.double().mean(0)
        # as many as by image on average, so that the control costs the same
        count = max(1, round(layer.on.sum(1).double().mean().item()))
        chosen = often.argsort(descending=True, stable=True)[:count]
        results.append(torch.zeros_like(often, dtype=torch.bool).index_fill(0, chosen, value=True))
    return results


def channel_difference(on: list[Tensor]) -> float:
    """The mean share of channels in which two different images differ."""
    share = torch.cat([gates.double() for gates in on], 1).mean(0)
    count = len(on[0])
    # over all pairs at once: p(1 − p) is half the chance to differ; n ÷ (n − 1) leaves out i = j
    return float((2 * share * (1 - share)).mean() * count / max(count - 1, 1))
