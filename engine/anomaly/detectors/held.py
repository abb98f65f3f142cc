"""How much a fitted rule holds: the arrays that its functions close over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from types import FunctionType, MethodType

import numpy as np
from torch import Tensor


def held_bytes(thing: object, seen: set[int] | None = None) -> int:
    """Bytes of the arrays that a thing holds, each once.

    Args:
        thing: an array, a function, or what has such as fields or items.
        seen: what was counted before, by its id.
    """
    seen = set() if seen is None else seen
    whole = thing
    while isinstance(whole, np.ndarray) and isinstance(whole.base, np.ndarray):
        whole = whole.base  # a view keeps all of it
    if id(whole) in seen:
        return 0
    seen.add(id(whole))
    if isinstance(whole, np.ndarray | Tensor):
        return whole.nbytes
    return sum(held_bytes(part, seen) for part in parts(whole))


def parts(thing: object) -> Iterable[object]:
    """What a function closes over, or the fields or items of a thing."""
    if isinstance(thing, MethodType):
        return thing.__self__, thing.__func__
    if isinstance(thing, FunctionType):
        return [cell.cell_contents for cell in thing.__closure__ or ()]
    if isinstance(thing, dict):
        return thing.values()
    if isinstance(thing, list | tuple):
        return thing
    if is_dataclass(thing) and not isinstance(thing, type):
        return vars(thing).values()
    return ()
