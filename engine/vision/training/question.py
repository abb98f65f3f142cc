"""What a training depends on, checked, and as one name."""

import ast
import json
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from inspect import getsource
from textwrap import dedent
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.errors import BlindspotError
from engine.core.result import Array, digest_arrays
from engine.vision.data import DataSet
from engine.vision.training.masks import Masks
from engine.vision.training.objective import Criterion
from engine.vision.training.recipe import Recipe


def as_targets(targets: Array, count: int) -> Tensor:
    """Targets of `count` images: class numbers (N,) as int64, all others (N, k) as float32.

    Raises:
        BlindspotError: there is not one for each image, or one is not finite.
    """
    if len(targets) != count:
        raise BlindspotError(f"There are {len(targets)} targets for {count} images.")
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        return torch.from_numpy(targets.astype(np.int64))
    if not np.isfinite(targets).all():
        raise BlindspotError("A target is not a finite number.")
    return torch.from_numpy(targets.astype(np.float32).reshape(count, -1))


def training_digest(
    network: nn.Module,
    data: DataSet,
    recipe: Recipe,
    seed: int,
    masks: Masks,
    given: Mapping[str, Array],
    changed: Mapping[str, Any],
) -> str:
    """A digest of all that a training depends on, except what its hooks do.

    Args:
        network: before the training.
        data: the data set.
        recipe: how it is trained.
        seed: of the order of images and of their augmentation.
        masks: of the network's weights.
        given: rows, weights and targets by name, where the caller gives them.
        changed: all other arguments that are not at their default.
    """
    arrays = {k: v.detach().cpu().numpy() for k, v in network.state_dict().items()}
    arrays |= {f"mask/{name}": mask.cpu().numpy() for name, mask in masks.items()}
    parts = [data.fingerprint, recipe.as_dict(), seed, digest_arrays({**arrays, **given})]
    parts += [dict(changed)] if changed else []
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def name_of(hook: object) -> str:
    """What tells hooks apart: a criterion's name, or name, code and settings of a function.

    The module is left out, so that a kept training is found again after its file has moved.

    Raises:
        BlindspotError: the name does not say what it does: a lambda, a function that was made
            within another one, or an object.
    """
    if isinstance(hook, Criterion):
        return hook.name
    if isinstance(hook, partial):
        return f"{name_of(hook.func)}{hook.args!r}{sorted(hook.keywords.items())!r}"
    name = getattr(hook, "__qualname__", "<object>")
    try:
        tree = ast.dump(ast.parse(dedent(getsource(hook)))) if callable(hook) else ""
    except (OSError, TypeError):  # what was typed, or is no Python
        tree = ""
    if "<" in name or not tree:
        raise BlindspotError(
            "A training that is kept needs functions of a module as objective and second view: "
            "what another function holds inside is not seen when the training goes on."
        )
    return f"{name} {blake2b(tree.encode(), digest_size=8).hexdigest()}"
