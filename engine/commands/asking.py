"""From a method's name and words about its case to a method and a case: the way of every script."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from engine.commands.families import METHODS
from engine.core.controls import Many, Text, options_of
from engine.core.errors import BadSetting, BlindspotError
from engine.core.method import Choice, Method, Slider, Switch, case_kind
from engine.core.texts import near, parse_value, settings_from

TYPES = {Slider: "number", Choice: "choice", Switch: "switch", Text: "text", Many: "texts"}


def method_named(name: str) -> type[Method[Any]]:
    """The method of that full name. Raises BlindspotError, with names like it."""
    known = {kind.full_name(): kind for kind in METHODS}
    if name not in known:
        raise BlindspotError(f"There is no method {name!r}.{near(name, list(known))}")
    return known[name]


def question(
    kind: type[Method[Any]], given: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> tuple[Method[Any], dict[str, Any]]:
    """A method with its settings, and all arguments of its case, by name.

    Args:
        kind: the method.
        given: arguments of the case by name, as text or as Python has them; settings too, where
            the case has no argument of that name.
        settings: more settings.

    Raises:
        BadSetting: a name that neither has, or a value outside its range.
    """
    declared, specs = case_kind(kind).specs(), {spec.name: spec for spec in fields(kind)}
    arguments = {name: value for name, value in given.items() if name in declared}
    set_here = {name: value for name, value in given.items() if name not in declared}
    set_here |= dict(settings or {})
    if odd := [name for name in set_here if name not in specs]:
        has = ", ".join([*declared, *specs])
        raise BadSetting(f"{kind.title} has no {odd[0]!r}: it has {has}.")
    arguments = {**kind.argument_defaults, **arguments}
    return kind(**parsed(set_here, specs)), case_kind(kind).every_argument(
        parsed(arguments, declared)
    )


def parsed(values: Mapping[str, Any], specs: Mapping[str, Field[Any]]) -> dict[str, Any]:
    """Values as their controls want them, from text or from Python."""
    return {
        name: parse_value(value, specs[name].metadata["control"]) for name, value in values.items()
    }


def settings_given(kind: type[Method[Any]], pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from texts such as "steps=64". Raises BadSetting."""
    return settings_from(kind, pairs, kind.title)


def method_schema(kind: type[Method[Any]]) -> dict[str, Any]:
    """A method, its settings and the arguments of its case, as JSON has them."""
    arguments, first = case_kind(kind).specs(), kind.argument_defaults
    return {
        "family": kind.family,
        "name": kind.name,
        "title": kind.title,
        "paper": kind.paper,
        "cost": kind.cost,
        "case": case_kind(kind).case_name,
        "settings": [field_schema(spec, spec.default) for spec in fields(kind)],
        "arguments": [
            field_schema(spec, first.get(name, spec.default)) for name, spec in arguments.items()
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
