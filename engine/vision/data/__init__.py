"""Data sets with labels, splits and, where it can be had, the truth behind the images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.vision.data.dataset import SPLITS, DataCard, DataSet, Rows, split_rows, stratified
    from engine.vision.data.registry import (
        DataEntry,
        add,
        entries,
        entry,
        load,
        names,
        tables,
        title_of,
    )

__all__ = [
    "SPLITS",
    "DataCard",
    "DataEntry",
    "DataSet",
    "Rows",
    "add",
    "entries",
    "entry",
    "load",
    "names",
    "split_rows",
    "stratified",
    "tables",
    "title_of",
]
SETS = {"SPLITS", "DataCard", "DataSet", "Rows", "split_rows", "stratified"}


def __getattr__(name: str) -> Any:
    """What is listed above, when it is first wanted: the reader unpacks zips without torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(
        "engine.vision.data.dataset" if name in SETS else "engine.vision.data.registry"
    )
    return globals().setdefault(name, getattr(module, name))
