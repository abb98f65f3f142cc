"""Opens small files that ask for large networks: `python -m tests.foreign_models`.

One line of JSON for each case: its name, what came of it, and the most memory that this process
had at any time until then beyond what it had before the first, in MB.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.errors import BlindspotError
from engine.vision.models.card import ModelCard
from engine.vision.models.own_file import load_weights, open_model
from engine.vision.models.rebuild import empty_network, model_bytes

LARGE = ("vit_giant_patch14_dinov2", "vit_7b_patch16_dinov3")
USUAL = ("resnet18", "swin_tiny_patch4_window7_224")
OURS = ("mlp", "lenet", "vit", "unet")
MOST = 2**18  # numbers of a file, beyond which its tensors have one each


def narrow(card: ModelCard, width: int) -> bytes:
    """A file whose tensors are so wide at most."""
    tensors, total = {}, 0
    for name, tensor in state_of(card.architecture, card.side, card.width).items():
        shape = [min(size, width) for size in tensor.shape]
        total += int(np.prod(shape))
        shape = shape if total < MOST else [1] * len(shape)
        tensors[name] = np.ones(shape, np.float32 if tensor.is_floating_point() else np.int64)
    return model_bytes(card, tensors)


@cache
def state_of(architecture: str, side: int, width: float) -> dict[str, torch.Tensor]:
    """The weights of such a network, without memory."""
    with torch.device("meta"):
        return empty_network(card_of(architecture, side=side, width=width)).state_dict()


def carded(architecture: str, widest: int, **said: Any) -> bytes:
    """A file with a card that says that it was narrowed."""
    return narrow(card_of(architecture, **said), widest)


def card_of(architecture: str, **said: Any) -> ModelCard:
    numbers = {"channels": 3, "side": 224, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    usual = {"title": "T", "architecture": architecture, "labels": tuple("abcd"), "narrowed": True}
    return ModelCard(**usual | numbers | said)


def cases() -> Iterator[tuple[str, partial[Any]]]:
    for name in LARGE:
        for narrowed in (True, False):
            file = carded(f"timm:{name}", 1, narrowed=narrowed)
            yield f"{name} {narrowed}", partial(open_model, file, "a.safetensors")
        yield f"{name} by name", partial(load_weights, file, "a.safetensors", name)
    for name in USUAL:
        for width in (1, 2, 10**9):
            file = carded(f"timm:{name}", width)
            yield f"{name} {width}", partial(open_model, file, "a.safetensors")
    for name in OURS:
        for side, wide in ((1024, 4.0), (8, 4.0), (1023, 0.25)):
            for width in (1, 10**9):
                file = carded(name, width, side=side, width=wide)
                yield f"{name} {side} {wide} {width}", partial(open_model, file, "a.safetensors")


def peak() -> float:
    """The most memory of this process until now, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    before = 0.0
    for name, opens in cases():
        before = before or peak()
        try:
            opens()
            came = "read"
        except BlindspotError as error:
            came = str(error)
        sys.stdout.write(json.dumps([name, came, round(peak() - before)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
