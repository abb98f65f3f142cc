"""timm's architectures: which there are, and a network of theirs as a Classifier."""

import re
from difflib import get_close_matches
from typing import Any

import timm
from timm.data import resolve_model_data_config
from torch import nn

from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier, Lineage
from engine.vision.models.input_format import InputFormat, in_format, input_channels, triple
from engine.vision.models.lite import imagenet_labels
from engine.vision.models.rebuild import TIMM

IMAGENET = 1000
LONGEST = 100  # letters of a name
PLAIN = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")


def known_architecture(name: str) -> None:
    """Raise BadModel, with near names, when timm does not know the architecture.

    Plain names only: for timm a name may also be an address or a folder, and it would go there.
    """
    base, _, tag = name[:LONGEST].partition(".")
    if PLAIN.fullmatch(name) and len(name) <= LONGEST and timm.is_model(base):
        if not tag or name in timm.list_pretrained(f"{base}.*"):
            return
        raise BadModel(f"timm has no weights {tag!r} of {base}: leave out the part after the dot.")
    near = get_close_matches(base.lower(), timm.list_models(), n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise BadModel(f"timm knows no architecture called {name[:60]!r}.{hint}")


def image_side(network: nn.Module) -> int:
    """The side of the images that a network of timm's was made for, in pixels."""
    side: int = resolve_model_data_config(network)["input_size"][1]
    return side


def wrap(
    network: nn.Module,
    name: str,
    title: str,
    labels: tuple[str, ...] = (),
    architecture: str = "",
    side: int | None = None,
) -> Classifier:
    """A timm network as a Classifier, with timm's own normalization, and its size by default."""
    config = resolve_model_data_config(network)
    if not labels and getattr(network, "num_classes", 0) == IMAGENET:
        labels = imagenet_labels()
    side, mean, std = side or image_side(network), config["mean"], config["std"]
    arguments: dict[str, Any] = {
        "labels": labels,
        "lineage": Lineage(title),
        "architecture": architecture and TIMM + architecture,
    }
    try:
        if input_channels(network) == 1:
            form = InputFormat(side, triple(mean), triple(std), "gray")
            return in_format(network, form, name, title, **arguments)
        return Classifier(network, name, title, side, mean, std, **arguments)
    except BadModel:
        raise
    except Exception as error:  # layers of each kind have their own way to refuse an image
        message = f"{title} does not take one color photograph and give class scores, as is needed."
        raise BadModel(message) from error
