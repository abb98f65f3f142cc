"""The weights of a network that was saved whole, as a pickle: none of its code is run.

torchxrayvision publishes such files. Every class and function that one names is replaced by a
holder that does nothing, except torch's own way to build a tensor, so what is read is a tree of
names and tensors, whatever the file asks for.
"""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor
from torch.serialization import SourceChangeWarning

from engine.errors import BadModel
from engine.models.weights_file import check_archive, check_pickles, is_plain

DEEPEST = 20  # parts within parts
MOST_PARTS = 20_000
SCRIPT = "constants.pkl"  # in an archive of TorchScript, which is no table of weights


class Inert:
    """Stands for whatever a file names; it keeps what it is given and does nothing."""

    dump_patches = False  # torch asks every class of a file of its old format

    def __new__(cls, *_given: Any, **_named: Any) -> Inert:
        """Another holder, whatever it is called with."""
        return super().__new__(cls)

    def __call__(self, *_given: Any, **_named: Any) -> Inert:
        """Itself, whatever it is called with."""
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, _key: Any, _value: Any) -> None:
        """Nothing."""

    def append(self, _value: Any) -> None:
        """Nothing."""

    extend = add = append


def parameter(data: Any, *_rest: Any) -> Any:
    """In place of torch's own, which would take hooks from the file."""
    return data


ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): parameter,
}


class Unpickler(pickle.Unpickler):
    """Finds nothing but what a tensor is made of."""

    def find_class(self, module: str, name: str) -> Any:
        """One of a few that are sure, or a holder; kinds of storage are found by torch itself."""
        return ALLOWED.get((module, name), Inert)


def load(file: Any, **given: Any) -> Any:
    """As `pickle.load`."""
    return Unpickler(file, **given).load()


INERT: Any = SimpleNamespace(Unpickler=Unpickler, load=load, __name__="inert")


def read_network(path: Path) -> dict[str, Tensor]:
    """Named tensors of a network that was saved whole by `torch.save`.

    Raises:
        BadModel: the file is no such file, is damaged, or describes more than a network has.
    """
    damaged = f"{path.name} cannot be read as a network: it is damaged, or another kind of file."
    try:
        (check_archive if is_zipfile(path) else check_pickles)(path)
        state = {} if is_script(path) else dict(tensors(opened(path)))
    except BadModel:
        raise
    except Exception as error:  # a damaged or hostile file can raise anything
        raise BadModel(damaged) from error
    if not state or not all(map(is_plain, state.values())) or len(state) > MOST_PARTS:
        raise BadModel(damaged)
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def is_script(path: Path) -> bool:
    """Whether it is an archive of TorchScript, which torch would open as code."""
    if not is_zipfile(path):
        return False
    with ZipFile(path) as archive:
        return any(name.endswith(SCRIPT) for name in archive.namelist())


def opened(path: Path) -> Any:
    """What the file holds, with holders in place of all that is no tensor."""
    with warnings.catch_warnings(category=SourceChangeWarning, action="ignore"):
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=INERT)


def tensors(part: Any, inside: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a part and of the parts in it."""
    state = getattr(part, "state", None)
    if not isinstance(state, Mapping) or depth > DEEPEST:
        return
    for table in ("_parameters", "_buffers"):
        held = state.get(table)
        for name, tensor in held.items() if isinstance(held, Mapping) else ():
            if isinstance(tensor, Tensor):
                yield f"{inside}{name}", tensor.detach()
    inner = state.get("_modules")
    for name, one in inner.items() if isinstance(inner, Mapping) else ():
        yield from tensors(one, f"{inside}{name}.", depth + 1)
