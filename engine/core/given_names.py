"""What a visitor calls things in a case: classes of own weights and pictures, and files."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from engine.core.case_base import Case


def given_names(case: Any) -> tuple[str, ...]:
    """All of them; cases that have one digest have as many, in the same order.

    A name that stands twice is not left out: for another visitor the two may differ.
    """
    return tuple(names_of(case))


def names_of(part: Any) -> Iterator[str]:
    """The names in a case, or in a part of one."""
    match part:
        case Case():
            for spec in fields(part):
                yield from names_of(getattr(part, spec.name))
        case tuple():
            for element in part:
                yield from names_of(element)
        case _:  # a model or a data set says its own
            yield from getattr(part, "given_names", ())
