"""A network of prototypes, trained and kept: what every other question of the view rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.cbc.learning import PAPER, Learns, as_checkpoint, head_of, inner_network
from engine.attribution.cbc.networks import PatchComponents, Shallow
from engine.core.method import Progress, defaults, part_of, quiet
from engine.core.pictures import Pixels, as_bytes
from engine.core.result import Pictures, Result, Scores, Table
from engine.core.run import digest
from engine.evaluation.experiment import ExperimentCase
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.training import figures, train
from engine.vision.training.state import state_file

LEARNING = 0.95  # share of the progress that goes to the training
ACROSS = 10  # prototypes in a row of the picture
LOOK = 200  # images at a time


@dataclass(frozen=True)
class PrototypeNetwork(Learns[ExperimentCase]):
    """A network that answers by prototypes, which it learns from the data.

    An image is compared with every prototype, and each class says which of them it wants to see and
    which it wants not to see. These wishes are probabilities: for each class they sum to one over
    all prototypes, so that a class cannot score by leaving most of them out. The pictures are the
    prototypes as they were learned; of the deep form, the training patch that each answers to most.
    """

    name = "PrototypeNetwork"
    family = "attribution"
    title = "Prototypes"
    cost = "job"
    paper = PAPER
    proof = (
        "tests/engine/attribution/cbc/test_network.py"
        "::test_the_network_is_that_of_a_training_with_the_loss_written_out"
    )
    example = defaults(components=6, epochs=3)
    argument_defaults = defaults(data="mnist-5k")

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: network; prototypes, as pictures; reasons, r⁺ − r⁻ (K, classes); figures; log.

        Raises:
            BlindspotError: no such network can be trained on the data.
        """
        data = case.data
        self.check_data(data)
        model = self.fresh(data, case.seed)
        log = train(
            model,
            data,
            self.recipe,
            case.seed,
            objective=self.objective,
            keep=state_file(digest(self, case)),
            progress=part_of(progress, 0.0, LEARNING),
        )
        result = figures(model, data)
        with torch.no_grad():
            head = head_of(model)
            plus, minus = (reason.cpu().numpy() for reason in head.reasons())
            result["left out"] = float(head.ignored().mean())
        images = learned_images(model, data)
        progress(1.0, "measured")
        rows = tuple(prototype_name(place) for place in range(len(images)))
        values = np.array(list(result.values()), np.float32)
        return {
            "network": as_checkpoint(model, self),
            "prototypes": in_rows(images),
            "reasons": Table.grid(plus - minus, rows, data.classes, ("",) * len(data.classes)),
            "figures": Scores(values, tuple(result), "share"),
            "log": log,
        }

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How often it is right."""
        right = 100 * result["figures"]["test accuracy"]
        return f"{right:.1f} % of the test images are read right with {self.components} prototypes."


def prototype_name(place: int) -> str:
    """What a prototype is called."""
    return f"prototype {place + 1}"


def learned_images(model: Classifier, data: DataSet) -> list[Pixels]:
    """Each prototype as an image (H, W, C), in bytes."""
    network = inner_network(model)
    if isinstance(network, Shallow):
        side, channels = network.shape.side, network.shape.channels
        prototypes = network.places.detach().cpu().view(-1, channels, side, side)
        return list(as_bytes(prototypes))
    rows = data.rows("train")
    best = torch.zeros(network.head.count)
    patches = [np.zeros((network.patch, network.patch, network.shape.channels), np.uint8)] * len(
        best
    )
    for start in range(0, len(rows), LOOK):
        part = rows[start : start + LOOK]
        share, where = component_maxima(network, data.pixels(part).to(model.device))
        top, image = share.max(0)
        for place in torch.nonzero(top > best).flatten().tolist():
            row, corner = int(image[place]), tuple(where[int(image[place]), place].tolist())
            pixels = torch.from_numpy(data.images[part[row]] / 255.0)
            patches[place] = as_bytes(crop(pixels, corner, network.patch))
        best = torch.maximum(best, top)
    return patches


@torch.no_grad()
def component_maxima(network: PatchComponents, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """How much of each component is there (N, K), and the corner of its patch (N, K, 2)."""
    maps = network.eval().maps(pixels).cpu()
    column_count = maps.shape[-1]
    largest, place = maps.flatten(2).max(2)
    corner = torch.stack([place // column_count, place % column_count], -1) * network.jump
    return largest, corner


def crop(image: Tensor, corner: tuple[int, ...], side: int) -> Tensor:
    """A square of an image (C, H, W)."""
    top, left = corner
    return image[:, top : top + side, left : left + side]


def in_rows(images: list[Pixels]) -> Pictures:
    """All prototypes, ACROSS in a row; what is left of the last row is black."""
    rows = -(-len(images) // ACROSS)
    blank = [np.zeros_like(images[0])] * (rows * ACROSS - len(images))
    grid = np.stack([*images, *blank]).reshape(rows, ACROSS, *images[0].shape)
    starts = [str(row * ACROSS + 1) for row in range(rows)]
    return Pictures(
        grid,
        tuple(f"from {start}" for start in starts),
        tuple(f"+{place}" for place in range(ACROSS)),
        f"All {len(images)} prototypes as they were learned.",
    )
