"""Data sets with labels, splits and, where it can be had, the truth behind the images."""

from engine.data.dataset import SPLITS, Card, DataSet, Rows, split_rows, stratified
from engine.data.registry import Entry, add, entries, entry, load, names, tables

__all__ = [
    "SPLITS",
    "Card",
    "DataSet",
    "Entry",
    "Rows",
    "add",
    "entries",
    "entry",
    "load",
    "names",
    "split_rows",
    "stratified",
    "tables",
]
