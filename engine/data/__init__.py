"""Data sets with labels, splits and, where it can be had, the truth behind the images."""

from engine.data.dataset import SPLITS, DataCard, DataSet, Rows, split_rows, stratified
from engine.data.registry import DataEntry, add, entries, entry, load, names, tables, title_of

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
