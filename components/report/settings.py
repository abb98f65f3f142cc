"""The settings of an answer as a person reads them: labels, units and words of the form."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from engine.commands.families import INTERNAL_METHODS, METHODS
from engine.core.method import Choice, Control, Method, Slider, Switch

NO_PART = {"off", "none", "never"}  # how a form calls what then plays no part


def setting_words(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and value of each setting that played a part.

    Settings of a method that is no longer here have the names and values of the record.
    """
    settings, kind = record["settings"], methods().get(record["method"])
    specs = {spec.name: spec.metadata for spec in fields(kind)} if kind else {}
    for name, value in settings.items():
        if (spec := specs.get(name)) is None:
            yield name, str(value)
        elif words := value_words(spec["control"], value):
            yield spec["label"], words


def value_words(control: Control, value: Any) -> str:
    match control:
        case Slider(off=off) | Choice(off=off) if value is None:
            return "" if off in NO_PART else off
        case Slider():
            number = str(value) if control.whole else f"{value:g}"
            return f"{number} {control.unit}".rstrip()
        case Choice():
            return control.titles.get(value, str(value))
        case Switch():
            return "yes" if value else "no"


@cache
def methods() -> Mapping[str, type[Method[Any]]]:
    return {kind.full_name(): kind for kind in (*METHODS, *INTERNAL_METHODS)}
