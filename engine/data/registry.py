"""Which data sets there are by name, and the one way to have one: `load`.

A set is made or read at its first use and kept while there is room.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from engine.data import digits
from engine.data.dataset import Card, DataSet
from engine.errors import BadData

CACHE_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Entry:
    """A data set in the picker."""

    name: str
    card: Card
    make: Callable[[], DataSet]
    available: bool = True
    reason: str = "comes with Blindspot"


ENTRIES = (
    Entry("digits", digits.DIGITS, digits.digits),
    Entry("mnist-5k", digits.MNIST, digits.mnist_5k),
)

_cache: OrderedDict[str, DataSet] = OrderedDict()
_cache_lock = threading.Lock()
_loading: dict[str, threading.Lock] = {}


def names() -> tuple[str, ...]:
    """The names that `load` knows."""
    return tuple(entry.name for entry in ENTRIES)


def entry(name: str) -> Entry:
    """What is known of a data set before it is loaded. Raises BadData for an unknown name."""
    for one in ENTRIES:
        if one.name == name:
            return one
    known = ", ".join(names())
    raise BadData(f"There is no data set called “{name[:60]}”: choose one of {known}.")


def load(name: str) -> DataSet:
    """The data set of that name; shared and read-only. Raises BadData for an unknown name."""
    if (data := cached(name)) is not None:
        return data
    wanted = entry(name)
    with _cache_lock:
        loading = _loading.setdefault(name, threading.Lock())
    with loading:  # two who ask at once wait for one making
        if (data := cached(name)) is None:
            data = wanted.make()
            keep(name, data)
    return data


def cached(name: str) -> DataSet | None:
    """The data set if it was loaded before."""
    with _cache_lock:
        if name in _cache:
            _cache.move_to_end(name)
        return _cache.get(name)


def keep(name: str, data: DataSet) -> None:
    """Remember a data set, and let go of those used longest ago when it gets too much."""
    with _cache_lock:
        _cache[name] = data
        held = sum(one.nbytes for one in _cache.values())
        while held > CACHE_BYTES and len(_cache) > 1:
            _, oldest = _cache.popitem(last=False)
            held -= oldest.nbytes
