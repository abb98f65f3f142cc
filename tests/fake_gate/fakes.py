"""Answers that look right and mean nothing: the same views with other numbers in them."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.method import Method
from engine.core.result import Result, View

Array = NDArray[Any]
Fake = Callable[[str, Array], Array]


def generator(name: str, array: Array) -> np.random.Generator:
    """The same draws for the same array of the same view, in every process."""
    return np.random.default_rng(zlib.crc32(f"{name} {array.shape}".encode()))


def random(name: str, array: Array) -> Array:
    """Uniform numbers between the array's own ends; texts stay as they are."""
    rng = generator(name, array)
    if array.dtype.kind == "f":
        finite = array[np.isfinite(array)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if high <= low:
            high = low + max(abs(low), 1.0)
        return rng.uniform(low, high, array.shape).astype(array.dtype)
    if array.dtype.kind == "b":
        return rng.random(array.shape) < 0.5
    if array.dtype.kind in "iu" and array.size:
        return rng.integers(int(array.min()), int(array.max()) + 1, array.shape).astype(array.dtype)
    return array


def permuted(name: str, array: Array) -> Array:
    """The array's own decimals in another order; whole numbers stay."""
    if array.dtype.kind != "f":
        return array
    return generator(name, array).permutation(array.ravel()).reshape(array.shape)


def zeros(name: str, array: Array) -> Array:
    """Zero for every decimal; whole numbers stay."""
    return np.zeros_like(array) if array.dtype.kind == "f" else array


FAKES: dict[str, Fake] = {"random": random, "permuted": permuted, "zeros": zeros}


def faked(result: Result, fake: Fake) -> dict[str, View]:
    """The same views with the same facts, every array replaced."""
    return {
        name: type(view).build(
            {field: fake(f"{name}/{field}", array) for field, array in view.arrays().items()},
            view.facts(),
        )
        for name, view in result.items()
    }


def put_in(patch: pytest.MonkeyPatch, kind: type[Method[Any]], fake: Fake) -> list[type]:
    """Replace what a method answers; the list grows by one with each call."""
    real, calls = kind.__call__, []

    def call(self: Method[Any], *args: Any, **kwargs: Any) -> Result:
        calls.append(type(self))
        return faked(real(self, *args, **kwargs), fake)

    patch.setattr(kind, "__call__", call)
    return calls
