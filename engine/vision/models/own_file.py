"""Models from files of one's own: exported ones, and weights for an architecture of timm's."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import timm
import torch
from torch import Tensor

from engine.core.errors import BadModel
from engine.core.result import distinct
from engine.vision.foreign_text import read_json
from engine.vision.models.architectures import image_side, known_architecture, wrap
from engine.vision.models.beyond_timm import (
    check_kind,
    cifar_model,
    fitting_sentence,
    guessed,
    is_cifar,
    is_onnx,
    onnx_model,
)
from engine.vision.models.building import check_pass, on_meta, with_memory
from engine.vision.models.classifier import Classifier, Lineage
from engine.vision.models.input_format import without_step
from engine.vision.models.rebuild import NUMBERS, has_card, read_model
from engine.vision.models.spelling import fitting_networks, respelled
from engine.vision.models.timm_options import options_of
from engine.vision.models.weights_file import bytes_of, check_size, read_weights

FILE_PREFIX = "file:"  # how the name of a model from a file begins
MOST_LABELS = 2**20  # bytes of a list of labels
MOST_CLASSES = 21_843  # of ImageNet-21k, the largest head that timm has weights for


def load_from_file(path: Path, architecture: str, labels: Path | None = None) -> Classifier:
    """Weights of one's own for a timm architecture, from files of the command line's.

    Raises:
        BadModel: as `load_weights`.
    """
    if not is_cifar(architecture):
        known_architecture(architecture)
    named = read_labels(label_file_bytes(labels), labels.name) if labels else ()
    return load_weights(bytes_of(path), path.name, architecture, named)


def load_weights(
    content: bytes, called: str, architecture: str, labels: Sequence[str] = ()
) -> Classifier:
    """Weights of one's own, `.safetensors` or `.pt`, for an architecture of timm's or of CIFAR's.

    Names and shapes are compared with a network without memory before a real one is built.

    Args:
        content: of the file.
        called: the file, in messages.
        architecture: of timm's, or one of `small.cifar`.
        labels: one for each class; ImageNet's or numbers when left out.

    Raises:
        BadModel: the file holds code, is damaged, or does not fit the architecture.
    """
    if is_cifar(architecture):
        state = read_weights(content, called)
        return called_by_weights(cifar_model(state, called, architecture, labels, FILE_PREFIX))
    known_architecture(architecture)
    state = read_weights(content, called)
    classes = count_classes(architecture, state)
    if classes is not None and classes > MOST_CLASSES:
        raise BadModel(f"{called} has {classes:,} classes; at most {MOST_CLASSES:,} are read.")
    keywords: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    unfit = f"{called} does not fit {architecture}"
    make = partial(timm.create_model, architecture, pretrained=False, **keywords)
    network = on_meta(make, f"{unfit}: it")
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if options := options_of(network, shapes, called):
        make = partial(make, **options)
        network = on_meta(make, f"{unfit}: it")
    check(network.state_dict(), state, unfit)
    side = options.get("img_size") or image_side(network)
    check_pass(network, side, called, options.get("in_chans", 3))
    network = with_memory(network, make, called)
    network.load_state_dict(state)
    model = wrap(network, FILE_PREFIX, "Own weights", tuple(labels), architecture, side)
    digest = model.fingerprint[:6]  # links, jobs and records have it, and never the file's name
    model.name, model.title = f"{FILE_PREFIX}{digest}", f"Own weights {digest} ({architecture})"
    model.lineage = Lineage(model.title)
    return model


def open_model(
    content: bytes, called: str, architecture: str = "", labels: Sequence[str] = ()
) -> Classifier:
    """A model from a file: one that Blindspot exported, or weights for an architecture of timm's.

    Args:
        content: of the file.
        called: the file, in messages.
        architecture: of timm's, for weights alone.
        labels: one for each class, for weights alone.

    Raises:
        BadModel: the file is too large, cannot be read, or does not say which network it is for.
    """
    check_size(content, called)
    check_kind(called)
    if is_onnx(called):
        return called_by_weights(onnx_model(content, called, labels, FILE_PREFIX))
    if has_card(content, called):
        return called_by_weights(read_model(content, called, FILE_PREFIX))
    if not architecture:
        architecture = guessed(read_weights(content, called), called)
    return load_weights(content, called, architecture, labels)


def open_alike(content: bytes, called: str, model: Classifier) -> Classifier:
    """Another model of the same network: with a card, or weights alone by the same names.

    Args:
        content: of the file.
        called: the file, in messages.
        model: whose network the weights are for.

    Raises:
        BadModel: the file is too large, cannot be read, or its weights do not fit the network.
    """
    check_kind(called)
    if is_onnx(called):
        return called_by_weights(onnx_model(content, called, model.labels, FILE_PREFIX))
    if has_card(content, called):
        return called_by_weights(read_model(content, called, FILE_PREFIX))
    state = read_weights(content, called)
    if is_cifar(model.architecture):
        state = dict(respelled(state).state)
    check(without_step(model.network).state_dict(), state, f"{called} does not fit {model.title}")
    twin = model.twin(paced=False)
    without_step(twin.network).load_state_dict(state)
    twin.masks = {}
    return called_by_weights(twin)


def called_by_weights(model: Classifier) -> Classifier:
    """The model under a name and a title that tell nothing of its file."""
    digest = model.fingerprint[:6]
    model.name, model.title = f"{FILE_PREFIX}{digest}", f"Own weights {digest}"
    model.lineage = Lineage(model.title)
    return model


def check(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], called: str) -> None:
    """Raise BadModel when names, shapes or kinds differ, or a weight is no finite number."""
    missing, unknown = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing or unknown:
        odd = min(missing or unknown)
        raise BadModel(
            f"{called}: {len(missing)} tensors are missing and {len(unknown)} are unknown, for "
            f"example {odd[:80]!r}. Is it another architecture?"
            f"{fitting_sentence(fitting_networks(respelled(state).state))}"
        )
    for name, tensor in expected.items():
        stored = state[name]
        if stored.shape != tensor.shape:
            shapes = f"{shape_text(stored.shape)}, but {shape_text(tensor.shape)} is needed"
            raise BadModel(f"{called}: {name} is {shapes}. Is it another architecture?")
        if stored.is_floating_point() != tensor.is_floating_point():
            raise BadModel(f"{called}: {name} is {stored.dtype}, but {tensor.dtype} is needed.")
        if stored.dtype not in (*NUMBERS, tensor.dtype):  # torch compares no float8, for example
            raise BadModel(f"{called}: {name} is {stored.dtype}: save it as {tensor.dtype}.")
        if not torch.isfinite(stored).all():
            raise BadModel(f"{called}: {name} holds what is no finite number (NaN or infinity).")


def shape_text(shape: Sequence[int]) -> str:
    """A shape as a person would write it."""
    return " × ".join(map(str, shape)) or "a single number"


def count_classes(architecture: str, state: Mapping[str, Tensor]) -> int | None:
    """How many classes the file's last layer has; None when it cannot be told."""
    config = timm.models.get_pretrained_cfg(architecture)
    heads: str | Iterable[str] = getattr(config, "classifier", None) or ()
    for head in (heads,) if isinstance(heads, str) else heads:
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim:
            return len(weight)
    return None


def label_file_bytes(path: Path) -> bytes:
    """A file of labels of the command line's. Raises BadModel when there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_LABELS + 1)
    except OSError as error:
        raise BadModel(f"{path.name} is no list of labels: {error.strerror}.") from error


def read_labels(content: bytes, called: str) -> tuple[str, ...]:
    """Class names: a JSON list, or one a line. One that comes again is numbered.

    Args:
        content: of the file.
        called: the file, in messages; its suffix says how it is read.

    Raises:
        BadModel: it is no list, or too long.
    """
    message = f"{called} is no list of labels: give one a line, or a JSON list."
    if len(content) > MOST_LABELS:
        raise BadModel(f"{called} is larger than {MOST_LABELS // 2**20} MB: no labels are.")
    try:
        text = content.decode("utf-8")
        json = PurePath(called).suffix.lower() == ".json"
        entries = read_json(text, MOST_LABELS, deepest=1) if json else text.splitlines()
    except ValueError as error:
        raise BadModel(message) from error
    if not isinstance(entries, list):
        raise BadModel(message)
    return tuple(distinct([name for entry in entries if (name := str(entry).strip())]))
