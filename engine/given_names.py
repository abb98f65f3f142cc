"""What a visitor calls things in a case: classes of own weights and pictures, and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from engine.case_base import Case
from engine.data.dataset import DataSet
from engine.data.registry import UPLOAD
from engine.models.checkpoints import PREFIX
from engine.models.classifier import Classifier
from engine.models.own_file import FILE_PREFIX
from engine.models.zero_shot import ZERO_SHOT

OWN_MODELS = (
    FILE_PREFIX,
    PREFIX,
    ZERO_SHOT,
    UPLOAD,
)  # the last: freshly trained on pictures of one's own


def given_names(case: Any) -> tuple[str, ...]:
    """All of them; cases that have one digest have as many, in the same order.

    A name that stands twice is not left out: for another visitor the two may differ.
    """
    return tuple(names_of(case))


def names_of(part: Any) -> Iterator[str]:
    """The names in a case, or in a part of one."""
    match part:
        case Classifier() if part.name.startswith(OWN_MODELS):
            yield from (*part.labels, part.title, *part.lineage.above)
        case DataSet() if part.name.startswith(UPLOAD):
            yield from (*part.classes, part.card.title)
        case Case():
            for spec in fields(part):
                yield from names_of(getattr(part, spec.name))
        case tuple():
            for element in part:
                yield from names_of(element)
