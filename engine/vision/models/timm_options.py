"""What a network of timm's was made with beside its name, from the shapes of its weights.

Weights of `create_model(name, in_chans=1)` or `(name, img_size=96, patch_size=8)` do not fit the
network of that name. The first convolution says how many channels it takes and how large a patch
is, the position embedding how many patches an image has.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from engine.core.errors import BadModel
from engine.vision.models.input_format import SIDES

Shape = tuple[int, ...]

CHANNELS = (1, 3)  # that a network may take
MOST_PREFIX = 8  # tokens that stand for no patch: of the class, of distillation, registers
POSITIONS: tuple[Callable[[int], int], ...] = (
    lambda rows: rows**2,  # a token for each patch
    lambda rows: rows,  # an axis of a map
    lambda rows: (2 * rows - 1) ** 2,  # an entry for each offset between two patches
)
"""How many positions a tensor has along an axis, for an image of so many rows of patches."""


def options_of(network: nn.Module, shapes: Mapping[str, Shape], called: str) -> dict[str, int]:
    """Options of `timm.create_model` under which a network has tensors of these shapes.

    Args:
        network: as its name says, without memory.
        shapes: of a file's tensors, by name.
        called: the file, in messages.

    Returns:
        "in_chans", "img_size" and "patch_size", each only where it is not the usual one.

    Raises:
        BadModel: it takes other images than square ones, in gray or color, of a side that is read.
    """
    usual_shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    first = next(
        (name for name, shape in usual_shapes.items() if len(shape) == 4 and shape[1] == 3), ""
    )
    weight_shape = shapes.get(first, ())
    options: dict[str, int] = {}
    if len(weight_shape) == 4 and weight_shape[1] != 3:
        if weight_shape[1] not in CHANNELS:
            raise BadModel(
                f"{called}: its first convolution takes {weight_shape[1]} channels, and "
                "networks for 1 "
                "(gray) or 3 (RGB) are read."
            )
        options["in_chans"] = weight_shape[1]
    embedding: Any = next(
        (module for module in network.modules() if hasattr(module, "grid_size")), None
    )
    if embedding is None or not embedding.grid_size or not embedding.img_size:
        return options
    usual, rows = embedding.img_size[0], embedding.grid_size[0]
    patch = usual // rows
    if len(weight_shape) == 4 and usual_shapes[first][2:] == (patch, patch) != weight_shape[2:]:
        patch = options["patch_size"] = weight_shape[-1]
    others = {name: shape for name, shape in usual_shapes.items() if name != first}
    side = patch * patch_row_count(others, shapes, rows, called)
    if side == usual:
        return options
    if not SIDES[0] <= side <= SIDES[1]:
        raise BadModel(
            f"{called} is for images of {side} pixels, and {SIDES[0]} to {SIDES[1]} are read."
        )
    return {**options, "img_size": side}


def patch_row_count(
    usual_shapes: Mapping[str, Shape], shapes: Mapping[str, Shape], usual: int, called: str
) -> int:
    """How many rows of patches an image has, from the first tensor with other positions.

    Args:
        usual_shapes: shapes of an image with the usual rows.
        shapes: those of the file.
        usual: the rows.
        called: the file, in messages.

    Raises:
        BadModel: its position embedding is for no square.
    """
    for name, shape in usual_shapes.items():
        pairs = {
            (before, now)
            for before, now in zip(shape, shapes.get(name, shape), strict=False)
            if before != now
        }
        if len(pairs) != 1 or len(shape) != len(shapes.get(name, ())):
            continue
        ((before, now),) = pairs
        for count in POSITIONS:
            prefix = before - count(usual)
            if not 0 <= prefix <= MOST_PREFIX:
                continue
            for rows in range(1, SIDES[1] + 1):
                if count(rows) + prefix == now:
                    return rows
            if "pos_embed" in name:
                raise BadModel(
                    f"{called} has {now} positions in {name[:80]}, which are no square: only "
                    "networks for square images are read."
                )
    return usual
