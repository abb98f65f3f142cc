"""Arguments that most cases have, and the fields that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from engine.core.controls import Offers, Option, OtherArguments, Slider, Text, argument
from engine.core.errors import BlindspotError
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.models.catalog import local_entries
from engine.vision.models.classifier import Classifier


def seed_argument(help: str = "Of every random number: what changes with it is chance.") -> Any:
    """The seed of a case."""
    return argument(0, Slider(0, 2**32 - 1, 1), "Seed", help)


def data_options(arguments: OtherArguments) -> Iterator[Option]:
    """The data sets of `names`, or all of them, without settings and variants."""
    for name in arguments.get("names") or data_sets.names():
        yield Option(name, data_title(name) or name)


def learned_options(arguments: OtherArguments) -> Iterator[Option]:
    """The data that a model here has learned from; `own` has the titles of one's own, by name."""
    for name in dict.fromkeys(
        small_model.data for small_model in local_entries() if small_model.data
    ):
        if title := data_title(name, arguments.get("own", {})):
            yield Option(name, title)


def data_title(name: str, own: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a person calls data of that name; "" of another session's, or of what is no more."""
    try:
        return data_sets.title_of(name, own)
    except BlindspotError:
        return ""


def data_argument(default: str | None, help: str, options: Offers = data_options) -> Any:
    """A data set by name."""
    control = Text(off="what the model learned from", options=options)
    return argument(default, control, "Data", help)


def named_data(default: str, help: str = "A data set by name.") -> Any:
    """A data set by name, where nothing else says which."""
    return argument(default, Text(options=data_options), "Data", help)


def name_of(value: DataSet | Classifier) -> str:
    """What data or a model are called in a command."""
    return value.name
