"""The arguments of cases that do not declare them with their fields yet."""

from __future__ import annotations

from typing import Any, get_args

from engine.commands.arguments.base import Arguments
from engine.commands.arguments.trained import (
    AfterArguments,
    BoardArguments,
    ForgetArguments,
    PruneArguments,
)
from engine.core.method import Case

ARGUMENTS: tuple[type[Arguments[Any]], ...] = (
    ForgetArguments, BoardArguments, AfterArguments, PruneArguments,
)  # fmt: skip


def made_by(kind: type[Arguments[Any]]) -> type[Case]:
    """The case that arguments make: X of the Arguments[X] that they derive from."""
    bases: tuple[Any, ...] = vars(kind)["__orig_bases__"]
    case: type[Case] = get_args(bases[0])[0]
    return case


def bridge(kind: type[Case], old: type[Arguments[Any]]) -> None:
    """As long as a case does not declare its arguments, it takes them from here."""
    plain = {name: getattr(kind, name) for name in ("specs", "read", "to_arguments")}

    def specs(cls: type[Case]) -> Any:
        return old.specs() if cls is kind else plain["specs"].__func__(cls)

    def read(cls: type[Case], arguments: Any) -> Any:
        return old(**arguments).case() if cls is kind else plain["read"].__func__(cls, arguments)

    def to_arguments(self: Case, **known: Any) -> Any:
        if type(self) is not kind:
            return plain["to_arguments"](self, **known)
        return dict(vars(old.of(self, **known)))

    kind.specs, kind.read = classmethod(specs), classmethod(read)  # type: ignore[assignment,method-assign]
    kind.to_arguments = to_arguments  # type: ignore[method-assign]


for declaration in ARGUMENTS:
    bridge(made_by(declaration), declaration)
