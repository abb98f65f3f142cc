"""Chest X-ray models of torchxrayvision (Apache-2.0): DenseNets that say several findings at once.

The library builds the network and knows labels and operating points; the file of weights, which is
a pickled network, is read without running it (`inert`). Shown pixels go through the
library's own range, −1024 to 1024, and one channel. The square that the model sees is the same as
the library's center crop, until the person moves it.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.core.keeping.store import home
from engine.vision.models.classifier import Classifier
from engine.vision.models.extras import XRAY
from engine.vision.models.hub import host_answers, host_known
from engine.vision.models.own_file import check
from engine.vision.models.weights_file import bytes_of, read_network, read_weights

CHEST = "torchxrayvision:"  # how the name of such a model begins
HOST = "github.com"  # where the library has its weights
SIDE = 224
HALF, SCALE = (0.5,) * 3, (1 / 2048,) * 3  # [0, 1] becomes [−1024, 1024]
LICENSE = "Apache-2.0; each collection of X-rays has terms of its own"
ENDING = "densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"


@dataclass(frozen=True)
class ChestWeights:
    """Weights that the library offers."""

    word: str  # in their name
    learned: str
    start: str  # of their file's name

    @property
    def name(self) -> str:
        """How a link or the command line calls the model."""
        return f"{CHEST}{self.key}"

    @property
    def key(self) -> str:
        """How the library calls them."""
        return f"densenet121-res224-{self.word}"

    @property
    def title(self) -> str:
        """How a person calls the model."""
        return f"Chest X-rays, {self.learned}"

    @property
    def file(self) -> str:
        """The name of the library's file."""
        return f"{self.start}-{ENDING}"

    def path(self) -> Path | None:
        """Where the weights are; None when they are not here."""
        names = (f"{self.key}.safetensors", self.file)
        library_folder = Path.home() / ".torchxrayvision" / "models_data"
        places = [place / name for place in (own_folder(), library_folder) for name in names]
        return next((path for path in places if path.is_file()), None)


WEIGHTS: Mapping[str, ChestWeights] = {
    entry.name: entry
    for entry in (
        ChestWeights("all", "seven collections", "nih-pc-chex-mimic_ch-google-openi-kaggle"),
        ChestWeights("nih", "NIH ChestX-ray14", "nih"),
        ChestWeights("pc", "PadChest", "pc"),
        ChestWeights("chex", "CheXpert", "chex"),
        ChestWeights("mimic_ch", "MIMIC-CXR (CheXpert labels)", "mimic_ch"),
        ChestWeights("mimic_nb", "MIMIC-CXR (NegBio labels)", "mimic_nb"),
        ChestWeights("rsna", "RSNA pneumonia", "kaggle"),
    )
}


def own_folder() -> Path:
    """Where weights can be put by hand."""
    return home() / "torchxrayvision"


def absence(weights: ChestWeights) -> str:
    """Why a model cannot be had, or "" when it can or might."""
    if not XRAY.installed:
        return XRAY.install
    if weights.path() is None and host_known(HOST) is False:
        return f"its weights are on {HOST}, which cannot be reached"
    return ""


def load_chest(name: str) -> Classifier:
    """A model of `WEIGHTS`.

    Raises:
        BadModel: no such model, the library is not installed, the weights cannot be had or fitted.
    """
    if name not in WEIGHTS:
        raise BadModel(f"There is no chest X-ray model {name[:60]!r}: choose {', '.join(WEIGHTS)}.")
    weights = WEIGHTS[name]
    if not XRAY.installed:
        raise BadModel(f"{weights.title} needs torchxrayvision: {XRAY.install}, then start again.")
    path = weights.path() or downloaded(weights)
    url = library().models.model_urls[weights.key]
    return chest_model(path, weights, url["labels"], url["op_threshs"])


def downloaded(weights: ChestWeights) -> Path:
    """The file, fetched by the library. Raises BadModel."""
    why = f"The weights of {weights.title} are on {HOST}, which cannot be reached from here."
    if not host_answers(HOST):
        raise BadModel(f"{why} Put {weights.file} into Blindspot's folder torchxrayvision.")
    try:
        return Path(library().models.get_weights(weights.key))
    except Exception as error:  # requests and the disk each raise kinds of their own
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"The weights of {weights.title} could not be had: {first}") from error


def library() -> Any:
    """torchxrayvision; importing it would silence every warning of this process."""
    with warnings.catch_warnings():
        import torchxrayvision
        import torchxrayvision.models
    return torchxrayvision


def dense_net() -> nn.Module:
    """The library's network without weights, for 18 findings."""
    network: nn.Module = library().models.DenseNet()
    return network


def chest_model(
    path: Path, weights: ChestWeights, labels: Sequence[str], points: Sequence[float]
) -> Classifier:
    """A file of weights as a Classifier of those findings that have a name.

    Args:
        path: a network that was saved whole, or its state_dict.
        weights: which they are.
        labels: one for each output, "" for those that were not learned.
        points: the operating point of each output, NaN where there is none.
    """
    reader = read_weights if path.suffix == ".safetensors" else read_network
    state = reader(bytes_of(path), path.name)
    dense: Any = dense_net()
    expected_state = dense.state_dict()
    state = {name: tensor for name, tensor in state.items() if name != "op_threshs"}
    check(expected_state, state, f"{path.name} does not fit {weights.title}")
    dense.load_state_dict(state)
    named_rows = [row for row, label in enumerate(labels) if label]
    return Classifier(
        ChestNetwork(dense, named_rows),
        weights.name,
        weights.title,
        SIDE,
        HALF,
        SCALE,
        labels=[labels[row].replace("_", " ") for row in named_rows],
        points=[points[row] if math.isfinite(points[row]) else 0.5 for row in named_rows],
    )


class ChestNetwork(nn.Module):
    """The library's DenseNet for images (N, 3, side, side), with the findings that have a name.

    Its steps are modules, none of which changes its input in place, so that every method can watch
    them.
    """

    def __init__(self, dense: Any, rows: Sequence[int]) -> None:
        super().__init__()
        self.features: nn.Sequential = dense.features
        for module in self.features.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(dense.classifier.in_features, len(rows))
        with torch.no_grad():
            self.classifier.weight.copy_(dense.classifier.weight[list(rows)])
            self.classifier.bias.copy_(dense.classifier.bias[list(rows)])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, findings) of values from −1024 to 1024."""
        features = self.relu(self.features(gray(images)))
        logits: Tensor = self.classifier(self.pool(features).flatten(1))
        return logits


def gray(images: Tensor) -> Tensor:
    """The mean of the channels (N, 1, H, W); equal channels come out to the bit as they were."""
    first = images[:, :1]
    return first + ((images[:, 1:2] - first) + (images[:, 2:] - first)) / 3
