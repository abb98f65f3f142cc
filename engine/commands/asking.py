"""From a method's name and words about its case to a method and a case: the way of every script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from engine.commands.arguments import Arguments, arguments_of
from engine.commands.arguments.base import parse_value
from engine.commands.arguments.text import near, settings_from
from engine.commands.families import METHODS
from engine.core.controls import Many, Text, options_of
from engine.core.errors import BadSetting, BlindspotError
from engine.core.method import Choice, Method, Slider, Switch, case_kind

TYPES = {Slider: "number", Choice: "choice", Switch: "switch", Text: "text", Many: "texts"}


def method_named(name: str) -> type[Method[Any]]:
    """The method of that full name. Raises BlindspotError, with names like it."""
    known = {kind.full_name(): kind for kind in METHODS}
    if name not in known:
        raise BlindspotError(f"There is no method {name!r}.{near(name, list(known))}")
    return known[name]


def question(
    kind: type[Method[Any]], given: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> tuple[Method[Any], Arguments[Any]]:
    """A method with its settings, and the arguments of its case.

    Args:
        kind: the method.
        given: arguments of the case by name, as text or as Python has them; settings too, where
            the case has no argument of that name.
        settings: more settings.

    Raises:
        BadSetting: a name that neither has, or a value outside its range.
    """
    arguments, specs = arguments_of(kind), {spec.name: spec for spec in fields(kind)}
    argument_values = {
        name: setting for name, setting in given.items() if name in arguments.specs()
    }
    set_here = {
        name: setting for name, setting in given.items() if name not in argument_values
    } | dict(settings or {})
    if odd := [name for name in set_here if name not in specs]:
        has = ", ".join([*arguments.specs(), *specs])
        raise BadSetting(f"{kind.title} has no {odd[0]!r}: it has {has}.")
    values = {
        name: parse_value(setting, specs[name].metadata["control"])
        for name, setting in set_here.items()
    }
    return kind(**values), arguments.read({**kind.argument_defaults, **argument_values})


def settings_given(kind: type[Method[Any]], pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from texts such as "steps=64". Raises BadSetting."""
    return settings_from(kind, pairs, kind.title)


def method_schema(kind: type[Method[Any]]) -> dict[str, Any]:
    """A method, its settings and the arguments of its case, as JSON has them."""
    arguments, first = arguments_of(kind), kind.argument_defaults
    return {
        "family": kind.family,
        "name": kind.name,
        "title": kind.title,
        "paper": kind.paper,
        "cost": kind.cost,
        "case": case_kind(kind).case_name,
        "settings": [field_schema(spec, spec.default) for spec in fields(kind)],
        "arguments": [
            field_schema(spec, first.get(spec.name, spec.default)) for spec in fields(arguments)
        ],
    }


def field_schema(spec: Field[Any], default: Any) -> dict[str, Any]:
    """A setting or an argument as JSON has it."""
    control = spec.metadata["control"]
    slider = control if isinstance(control, Slider) else None
    return {
        "name": spec.name,
        "label": spec.metadata["label"],
        "help": spec.metadata["help"],
        "type": TYPES[type(control)],
        "default": default,
        "off": getattr(control, "off", ""),
        "low": slider and slider.low,
        "high": slider and slider.high,
        "step": slider and slider.step,
        "options": [option.name for option in options_of(control, {})] or None,
        "unit": slider.unit if slider else "",
    }
