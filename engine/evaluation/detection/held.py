"""How much a fitted rule holds: the arrays that its functions close over."""

from collections.abc import Iterable
from dataclasses import is_dataclass
from types import FunctionType, MethodType

import numpy as np
from torch import Tensor


def held_bytes(root: object, visited: set[int] | None = None) -> int:
    """Bytes of the arrays that a thing holds, each once.

    Args:
        root: an array, a function, or what has such as fields or items.
        visited: what was counted before, by its id.
    """
    visited = set() if visited is None else visited
    whole = root
    while isinstance(whole, np.ndarray) and isinstance(whole.base, np.ndarray):
        whole = whole.base  # a view keeps all of it
    if id(whole) in visited:
        return 0
    visited.add(id(whole))
    if isinstance(whole, np.ndarray | Tensor):
        return whole.nbytes
    return sum(held_bytes(part, visited) for part in contained_objects(whole))


def contained_objects(container: object) -> Iterable[object]:
    """What a function closes over, or the fields or items of a thing."""
    if isinstance(container, MethodType):
        return container.__self__, container.__func__
    if isinstance(container, FunctionType):
        return [cell.cell_contents for cell in container.__closure__ or ()]
    if isinstance(container, dict):
        return container.values()
    if isinstance(container, list | tuple):
        return container
    if is_dataclass(container) and not isinstance(container, type):
        return vars(container).values()
    return ()
