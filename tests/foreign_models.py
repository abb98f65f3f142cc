"""Opens small files that ask for large networks: `python -m tests.foreign_models`.

One line of JSON for each case: its name, what came of it, and the most memory that this process
had at any time until then beyond what it had before the first, in MB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import timm
import torch

from engine.errors import BlindspotError
from engine.models.card import ModelCard
from engine.models.own_file import load_weights, open_model
from engine.models.rebuild import packed

NARROW = (1, 3, 10**9)  # as wide at most; the last is as wide as the architecture
LARGE = ("vit_giant_patch14_dinov2", "vit_7b_patch16_dinov3", "eva02_enormous_patch14_clip_224")
USUAL = ("resnet18", "vit_base_patch16_224", "swin_tiny_patch4_window7_224", "maxvit_xlarge_tf_384")
CLASSES = 4


def narrow(architecture: str, width: int) -> dict[str, np.ndarray]:
    """Tensors of an architecture, each at most so wide and together at most 1 MB."""
    with torch.device("meta"):
        state = timm.create_model(architecture, num_classes=CLASSES).state_dict()
    shapes = {name: [min(size, width) for size in one.shape] for name, one in state.items()}
    kinds = {name: np.float32 if one.is_floating_point() else int for name, one in state.items()}
    total = 0
    for name, shape in shapes.items():
        total += int(np.prod(shape)) * 4
        if total > 2**20:
            shapes[name] = [1] * len(shape)
    return {name: np.ones(shape, kinds[name]) for name, shape in shapes.items()}


def carded(architecture: str, width: int, **said: object) -> bytes:
    """A file with a card that says that it was narrowed."""
    card = {
        "title": "T", "architecture": f"timm:{architecture}", "channels": 3, "side": 224,
        "mean": (0.0,) * 3, "std": (1.0,) * 3, "labels": tuple("abcd"), "narrowed": True,
    }  # fmt: skip
    return packed(ModelCard(**(card | said)), narrow(architecture, width))  # type: ignore[arg-type]


def cases() -> Iterator[tuple[str, Callable[[], object]]]:
    """Names, and what opens each."""
    for architecture in (*LARGE, *USUAL):
        for width in NARROW if architecture in USUAL else NARROW[:1]:
            for narrowed in (True, False):
                made = carded(architecture, width, narrowed=narrowed)
                yield (
                    f"{architecture} {width} {narrowed}",
                    lambda made=made: open_model(made, "a.safetensors"),
                )
        bare = packed(ModelCard("T", "x", 3, 8, (), (), ()), narrow(architecture, 1))
        yield (
            f"{architecture} by name",
            lambda made=bare, name=architecture: load_weights(made, "a.safetensors", name),
        )
    for side in (8, 1024):
        for wide in (0.25, 4.0):
            for name in ("mlp", "lenet", "resnet8", "vit", "unet"):
                said = {"architecture": name, "side": side, "width": wide}
                made = carded("resnet18", 1, **said)
                yield f"{name} {side} {wide}", lambda made=made: open_model(made, "a.safetensors")


def peak() -> float:
    """The most memory of this process until now, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Open each."""
    before = 0.0
    for name, opens in cases():
        before = before or peak()
        try:
            opens()
            came = "read"
        except BlindspotError as error:
            came = str(error)
        print(json.dumps([name, came, round(peak() - before)]), flush=True)


if __name__ == "__main__":
    main()
