"""How a field of a case is named: by arguments, in a link, a form, a command, Python and JSON.

A case is declared once. Each of its fields says which arguments name it, how their values make the
field's value, and how that value is named again.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, Field, dataclass, field
from inspect import Parameter, signature
from typing import Any

NAMING = "naming"  # where a field's metadata have it


@dataclass(frozen=True)
class Unknown:
    """What a case does not know about itself, such as where its image comes from.

    Args:
        words: what is said to somebody who wants it named, where that is not the usual sentence.
        unless: other arguments that name it as well.
    """

    words: str = ""
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Naming:
    """Which arguments name a field, and how: see `named_by`."""

    arguments: Mapping[str, Field[Any]]
    read: Callable[..., Any]
    write: Callable[..., Any]

    def value(self, known: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
        """The field's value.

        Args:
            known: the case's fields before this one, by name.
            arguments: all arguments of the case.
        """
        own = [arguments[name] for name in self.arguments]
        return call(self.read, own, {**known, "arguments": arguments})

    def written(self, value: Any, case: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments that give this value again; `Unknown` for what the case does not know."""
        if not self.arguments:
            return {}
        result = call(self.write, [value], case)
        return result if isinstance(result, Mapping) else dict.fromkeys(self.arguments, result)


@dataclass(frozen=True)
class Around(Naming):
    """A case inside another one: its arguments join those of the outer one."""

    def value(self, known: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """The case inside."""
        return self.read({name: arguments[name] for name in self.arguments})

    def written(self, value: Any, case: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """The arguments of the case inside, and what it does not know."""
        return {
            name: part
            for name, part in self.write(value).items()
            if name in self.arguments or isinstance(part, Unknown)
        }


def itself(value: Any) -> Any:
    """What an argument names that is its own value, such as a number."""
    return value


def named_by(
    read: Callable[..., Any] = itself,
    write: Callable[..., Any] = itself,
    *,
    default: Any = MISSING,
    kw_only: bool = False,
    **arguments: Any,
) -> Any:
    """A field of a case that arguments name.

    Args:
        read: makes the field's value of the values of its arguments, in their order. It may name
            more parameters: fields that stand before it, or `arguments` for all of them.
        write: gives the value of its argument again, or those of several by name; it may name other
            fields. What the case cannot know is `Unknown`.
        default: of a case that is made in Python.
        kw_only: whether Python gives it by name only, so that it can stand before others.
        arguments: by their names in a link and a command, each declared with `argument`. Without
            any, the value follows from the other fields.
    """
    specs = {name: with_name(name, spec) for name, spec in arguments.items()}
    return field(default=default, kw_only=kw_only, metadata={NAMING: Naming(specs, read, write)})


def case_field(kind: Any, *, without: tuple[str, ...] = ()) -> Any:
    """A field that is another case.

    Args:
        kind: of the case inside.
        without: arguments of it that the outer case does not have; they stay at their default.
    """
    specs = kind.specs()
    left_out = {name: specs[name].default for name in without}
    naming = Around(
        {name: spec for name, spec in specs.items() if name not in without},
        lambda arguments: kind.read(left_out | arguments),
        lambda case: case.written(),
    )
    return field(metadata={NAMING: naming})


def with_name(name: str, spec: Field[Any]) -> Field[Any]:
    """A copy of a declaration, under a name."""
    named = copy(spec)
    named.name = name
    return named


def call(function: Callable[..., Any], first: Sequence[Any], others: Mapping[str, Any]) -> Any:
    """Call a function with the first values in order, and the others that it has no default for."""
    needed = [
        parameter.name
        for place, parameter in enumerate(signature(function).parameters.values())
        if parameter.default is Parameter.empty
        and parameter.kind is not Parameter.VAR_POSITIONAL
        and (place >= len(first) or parameter.kind is Parameter.KEYWORD_ONLY)
    ]
    return function(*first, **{name: others[name] for name in needed})
