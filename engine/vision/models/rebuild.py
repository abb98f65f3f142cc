"""From a card and weights to a model, with all that can be wrong between the two.

A file is one .safetensors whose metadata is the card: there is no second file that could be
missing or belong to another model.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import timm
import torch
from safetensors.numpy import save as save_arrays
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.core.result import Array, Checkpoint
from engine.vision.models.bits import packed_bits, unpacked_bits
from engine.vision.models.building import Make, check_pass, first_line, on_meta, with_memory
from engine.vision.models.card import ModelCard
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import BUILT, NetworkShape, build
from engine.vision.models.timm_options import options_of
from engine.vision.models.weights_file import table_of, tensor_views
from engine.vision.models.weights_table import HEAD, table

KEY = "blindspot"  # of the card in a file's metadata
TIMM = "timm:"
MASK = "mask:"  # how the name of a mask in a file begins; no weight's name has a colon
NUMBERS = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)


def rebuilt(view: Checkpoint, name: str = "own") -> Classifier:
    """The model of a result's checkpoint. Raises BadModel when the card and weights do not fit."""
    card = ModelCard.from_json(view.card)
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in view.weights.items()}
    return assembled(card, tensors, name, view.masks)


def assembled(
    card: ModelCard,
    tensors: Mapping[str, Tensor],
    name: str,
    masks: Mapping[str, Array] | None = None,
    *,
    ours: bool = True,
) -> Classifier:
    """A model from its card, weights and masks.

    Args:
        card: how it is built.
        tensors: its weights and buffers by name; they are copied.
        name: of the model.
        masks: of its weights, one bit each.
        ours: whether all was made here, so that no step of it takes too much.

    Raises:
        BadModel: they do not fit together, a weight is no number, one is not 0 where its mask
            says so, or the network takes too much.
    """
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    for key, tensor in tensors.items():
        if tensor.dtype not in NUMBERS or not torch.isfinite(tensor).all():
            raise BadModel(f"{card.title}: the weights {key} hold what is no number.")
    network = skeleton(card, shapes, ours=ours)
    network.load_state_dict(dict(tensors))
    bits = unpacked_bits(masks or {}, shapes)
    for key, mask in bits.items():
        if tensors[key][~torch.from_numpy(mask)].any():
            raise BadModel(f"{card.title}: {key} is not 0 where its mask says so.")
    try:
        return Classifier(
            network.float(),
            name,
            card.title,
            card.side,
            card.mean,
            card.std,
            card.labels,
            lineage=card.lineage,
            architecture=card.architecture,
            narrowed=card.narrowed,
            masks=packed_bits(bits),
        )
    except BadModel:
        raise
    except Exception as error:  # layers of each kind have their own way to refuse an image
        if ours and not card.narrowed:
            raise  # what was made here fits; somebody else stopped it
        why = f"its network takes no image of {card.side} pixels ({first_line(error)})"
        if card.narrowed:
            why = "its layers do not fit each other"
        raise BadModel(f"{card.title}: {why}.") from error


def skeleton(
    card: ModelCard, shapes: Mapping[str, tuple[int, ...]], *, ours: bool = True
) -> nn.Module:
    """The card's network with room for its weights, which are known to have these shapes.

    It is built, and its layers made smaller, without memory: a card that asks for a giant costs
    nothing. Raises BadModel.
    """
    called = f"{card.title}: {card.architecture}"
    make: Make = partial(empty_network, card)
    network = on_meta(make, called)
    if card.architecture.startswith(TIMM) and (options := options_of(network, shapes, called)):
        make = partial(empty_network, card, **options)
        network = on_meta(make, called)
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    if odd := sorted(expected.keys() ^ shapes.keys()):
        message = f"{card.title}: the weights are not those of {card.architecture}: "
        raise BadModel(f"{message}{len(odd)} are missing or unknown, for example {odd[0][:80]!r}.")
    odd_one = mismatched_tensor(network, shapes)
    narrowed = odd_one and card.narrowed and narrower(shapes, expected)
    if narrowed:
        resize(network, shapes)
        odd_one = mismatched_tensor(network, shapes)  # some layers have one width alone
    if odd_one:
        raise BadModel(
            f"{card.title}: {odd_one} has the shape {shapes[odd_one]}, but "
            f"{card.architecture} needs {expected[odd_one]}."
        )
    if not ours:
        check_pass(network, card.side, called)
    allocated = with_memory(network, make, called)
    if narrowed and allocated is not network:
        resize(allocated, shapes)
    return allocated


def mismatched_tensor(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The first tensor of a network that has another shape, or ""."""
    state = network.state_dict()
    return next((key for key, tensor in state.items() if tuple(tensor.shape) != shapes[key]), "")


def narrower(
    shapes: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether each tensor is as wide as wanted or narrower, and none is empty."""
    return all(
        len(shapes[key]) == len(shape)
        and all(0 < a <= b for a, b in zip(shapes[key], shape, strict=True))
        for key, shape in expected.items()
    )


def resize(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Give convolutions, linear layers and norms the room that smaller weights need, in place.

    Args:
        network: as its architecture has it; what it computed with is gone afterwards.
        shapes: of every weight and buffer, by name.
    """
    for name, module in network.named_modules():
        start = f"{name}." if name else ""
        weight_shape = shapes.get(f"{start}weight")
        if weight_shape is None:
            continue
        match module:
            case nn.Conv2d():
                if module.groups > 1:
                    # depthwise, one input a filter: it has a group for each channel that stays
                    module.groups = weight_shape[0] if weight_shape[1] == 1 else module.groups
                module.out_channels, module.in_channels = (
                    weight_shape[0],
                    weight_shape[1] * module.groups,
                )
            case nn.Linear():
                module.out_features, module.in_features = weight_shape
            case nn.modules.batchnorm._BatchNorm():
                module.num_features = weight_shape[0]
        for leaf, tensor in [*module.named_parameters(recurse=False)]:
            if tuple(tensor.shape) != shapes[start + leaf]:
                smaller = nn.Parameter(tensor.new_zeros(shapes[start + leaf]))
                setattr(module, leaf, smaller.requires_grad_(tensor.requires_grad))
        for leaf, tensor in [*module.named_buffers(recurse=False)]:
            full_name = start + leaf
            if full_name in shapes and tuple(tensor.shape) != shapes[full_name]:
                setattr(module, leaf, tensor.new_zeros(shapes[full_name]))


def empty_network(card: ModelCard, **options: Any) -> nn.Module:
    """An empty network, of timm's with options. Raises BadModel for an unknown architecture."""
    classes = len(card.labels)
    if card.architecture in BUILT:
        shape = NetworkShape(card.channels, card.side, classes, card.width)
        return build(card.architecture, shape)
    name = card.architecture.removeprefix(TIMM)
    if name == card.architecture or not timm.is_model(name):
        raise BadModel(f"{card.title}: no architecture is called {card.architecture!r} here.")
    return timm.create_model(name, pretrained=False, num_classes=classes, **options)


def model_bytes(
    card: ModelCard, weights: Mapping[str, Array], masks: Mapping[str, Array] | None = None
) -> bytes:
    """The file of a model; its masks stand beside the weights, one bit each."""
    mask_arrays = {MASK + name: bits for name, bits in (masks or {}).items()}
    return save_arrays({**weights, **mask_arrays}, metadata={KEY: card.as_json()})


def read_card(content: bytes, called: str, *, ours: bool = False) -> ModelCard:
    """The card of a file. Raises BadModel; see `read_model`."""
    metadata = metadata_of(content, called, ours=ours)
    if KEY not in metadata:
        raise BadModel(f"{called} was not exported from Blindspot: it holds weights but no card.")
    return ModelCard.from_json(metadata[KEY])


def card_at(path: Path) -> ModelCard:
    """The card of a file that was written here; its weights are not read. Raises BadModel."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    contents = table("safetensors", head, b"", path.stat().st_size, path.name)
    return ModelCard.from_json(contents["metadata"].get(KEY, ""))


def metadata_of(content: bytes, called: str, *, ours: bool = False) -> Mapping[str, str]:
    """What a .safetensors file says beside its tensors. Raises BadModel."""
    metadata: Mapping[str, str] = table_of(content, called, "safetensors", ours=ours)["metadata"]
    return metadata


def with_card(content: bytes, called: str, card: ModelCard) -> bytes:
    """A file that was written here, with another card. Raises BadModel."""
    tensors = tensor_views(content, table_of(content, called, "safetensors", ours=True), called)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return save_arrays(arrays, metadata={KEY: card.as_json()})


def has_card(content: bytes, called: str) -> bool:
    """Whether a file says itself how its model is built. Raises BadModel for a damaged one."""
    safe = PurePath(called).suffix.lower() == ".safetensors"
    return safe and KEY in metadata_of(content, called)


def read_model(content: bytes, called: str, name: str, *, ours: bool = False) -> Classifier:
    """The model of a file that Blindspot exported.

    Args:
        content: of the file.
        called: the file, in messages.
        name: of the model.
        ours: whether it was written here, so that it is read without the reader process.

    Raises:
        BadModel: the file is damaged, has no card, or its parts do not fit together.
    """
    card = read_card(content, called, ours=ours)
    tensors = tensor_views(content, table_of(content, called, "safetensors", ours=ours), called)
    masks = {
        key.removeprefix(MASK): tensors.pop(key).numpy()
        for key in [key for key in tensors if key.startswith(MASK)]
    }
    return assembled(card, tensors, name, masks, ours=ours)
