"""A device that does not exist: its tensors lie on the CPU and refuse to mix with those that do.

What a GPU refuses is refused here: tensors of two devices in one operation, `numpy()`, a generator
of another device, and number types that it lacks. What a GPU computes is computed by the CPU, so
that a method runs as a whole. torch registers the device for the rest of the process: whoever uses
it has a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_iter, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from engine.core.device import best_device, for_double
from engine.unlearning.generator.model import ImageGenerator
from engine.vision.language.tiny_vlm.model import TinyVLM
from tests import tiny

NAME, CPU = "pretend", torch.device("cpu")
FACTORIES = ("arange", "eye", "linspace", "logspace", "randperm")
MOVES = {"copy_", "_to_copy", "_copy_from", "_copy_from_and_resize", "set_"}
INDEXES = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
STRICT = {"cat", "stack", "gather", "scatter", "scatter_", "scatter_add_", "index_select"}
"""What makes tensors; moves them; takes indices, but nothing else, from the CPU; takes not even a
single number from it."""

lacking: set[torch.dtype] = set()
_seeds: set[int] = set()  # of the device's generators
_generator, _tensor = torch.Generator, torch.tensor
_libraries: list[torch.library.Library] = []  # what they register lasts as long as they do


class Refused(RuntimeError):
    """What a GPU would refuse."""


class OnDevice(Tensor):
    """A tensor of the device; `inner` is where its numbers are."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        with torch.inference_mode(mode=False):  # a view of a tensor made outside is none of inside
            place = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
            place |= {"dtype": inner.dtype, "device": device()}
            wrapper = Tensor._make_wrapper_subclass(cls, inner.shape, **place)
        wrapper.inner = inner
        return wrapper

    def __init__(self, inner: Tensor) -> None:
        if inner.dtype in lacking:
            raise Refused(f"the device has no {inner.dtype}")

    def __repr__(self, **_: object) -> str:
        return f"pretend({self.inner})"

    def tolist(self) -> Any:
        """As torch's own, which knows no tensors of this kind."""
        return self.inner.tolist()

    def __getitem__(self, index: Any) -> Tensor:
        return super().__getitem__(tensor_index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(tensor_index(index), value)

    @property
    def data(self) -> Tensor:
        """As torch's own; what is given to it brings its numbers along."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        Tensor.data.__set__(self, other)
        self.inner = other.inner

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return computed(func, *args, **(kwargs or {}))


class OnDeviceGenerator(_generator):
    """A generator of the device: one that has a seed of its own, since torch hands on no class."""

    def __init__(self) -> None:
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> OnDeviceGenerator:
        mixed_seed = (seed * 0x9E3779B97F4A7C15 + 1) % 2**64
        _seeds.add(mixed_seed)
        super().manual_seed(mixed_seed)
        return self


class AnyGenerator(type(_generator)):
    """What counts as a generator, whosever it is."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, _generator)


class Generators(_generator, metaclass=AnyGenerator):
    """Stands for torch's class, which makes none of this device."""

    def __new__(cls, device: Any = "cpu") -> torch.Generator:
        return OnDeviceGenerator() if torch.device(device).type == NAME else _generator(device)


def tensor(values: Any, *, device: Any = None, **others: Any) -> Tensor:
    """Stands for torch's function, which makes none of this device."""
    created = _tensor(values, **others)
    return created if device is None else created.to(device)


@cache
def device() -> torch.device:
    """The device, registered when it is first asked for."""
    _setup_privateuseone_for_python_backend(NAME)
    every, factories = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    every.fallback(computed, "PrivateUse1")
    for name in FACTORIES:  # torch's own make them empty and let them grow
        packet = getattr(torch.ops.aten, name)
        for kind in (overload for overload in packet.overloads() if "out" not in overload):
            factories.impl(
                getattr(packet, kind), partial(computed, getattr(packet, kind)), "PrivateUse1"
            )
    _libraries.extend((every, factories))
    return torch.device(NAME, 0)


def computed(func: Any, *args: Any, **kwargs: Any) -> Any:
    """The operation, on the numbers behind the tensors. Raises Refused."""
    name = func._schema.name.partition("::")[2]
    if name == "_has_compatible_shallow_copy_type":
        return all(isinstance(argument, OnDevice) for argument in args)
    check(name, args, kwargs)
    target_device, cpu_kwargs = kwargs.get("device"), {**kwargs}
    cpu_kwargs.pop("pin_memory", None)
    if target_device is not None:
        cpu_kwargs["device"] = torch.device("cpu")
    result = func(*tree_map(bare, args), **tree_map(bare, cpu_kwargs))
    if target_device is not None and torch.device(target_device).type != NAME:
        return result
    wrappers = {
        id(wrapper.inner): wrapper
        for wrapper in tree_iter((args, kwargs))
        if isinstance(wrapper, OnDevice)
    }

    def ours(value: Any) -> Any:
        if type(value) is not Tensor:
            return value
        known = wrappers.get(id(value))
        if known is not None and (known.shape, known.stride()) != (value.shape, value.stride()):
            raise NotImplementedError(f"{name} changes a shape in place")
        return OnDevice(value) if known is None else known

    return tree_map(ours, result)


def check(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse a mix of devices, and a generator of another device."""
    for value in tree_iter((args, kwargs)):
        if isinstance(value, _generator) and value.initial_seed() not in _seeds:
            raise Refused(f"{name} is given a generator of the CPU")
    operands = (args[:1], args[2:]) if name in INDEXES else args
    strays = [
        operand
        for operand in tree_iter((operands, kwargs))
        if isinstance(operand, Tensor) and not isinstance(operand, OnDevice)
    ]
    if not strays or name in MOVES:
        return
    into = name in INDEXES and strays[0] is args[0]  # what is read or written by an index
    if into or name in STRICT or any(stray.ndim for stray in strays):
        shapes = ", ".join(str(tuple(stray.shape)) for stray in strays)
        raise Refused(f"{name} is given tensors of two devices; on the CPU: {shapes}")


def tensor_index(index: Any) -> Any:
    """An index whose lists are tensors: torch makes none of them that Python computes for."""
    parts = index if isinstance(index, tuple) else (index,)
    results = tuple(_tensor(part) if isinstance(part, list) else part for part in parts)
    return results if isinstance(index, tuple) else results[0]


def bare(value: Any) -> Any:
    """The tensor on the CPU behind one of the device."""
    return value.inner if isinstance(value, OnDevice) else value


def moved(generator: ImageGenerator, own: torch.device) -> None:
    """What a generator does when it is made, on that device: it has bound the best one already."""
    object.__setattr__(generator, "device", own)
    _moved(generator)


_moved = ImageGenerator.__post_init__


@contextmanager
def computing(without: tuple[torch.dtype, ...] = ()) -> Iterator[torch.device]:
    """The device is the best there is, wherever one is asked for; also for tiny models.

    Args:
        without: number types that it lacks.
    """
    fake_device, wide = device(), torch.float64 not in without
    with pytest.MonkeyPatch.context() as patch:
        for module in list(sys.modules.values()):
            if vars(module).get("best_device") is best_device:
                patch.setattr(module, "best_device", lambda: fake_device)
            if vars(module).get("for_double") is for_double:
                patch.setattr(module, "for_double", lambda default: default if wide else CPU)
        patch.setattr(tiny, "CPU", fake_device)
        patch.setattr(TinyVLM.__init__, "__defaults__", (str(fake_device),))
        patch.setattr(
            ImageGenerator, "__post_init__", lambda generator: moved(generator, fake_device)
        )
        patch.setattr(torch, "Generator", Generators)
        patch.setattr(torch, "tensor", tensor)
        lacking.update(without)
        try:
            yield fake_device
        finally:
            lacking.clear()
