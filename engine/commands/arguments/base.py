"""What all arguments share: read from text or Python, checked, and read off a case again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Self

from engine.core.controls import Declared
from engine.core.errors import BadSetting, BlindspotError
from engine.core.method import CaseT
from engine.core.texts import parse_value


@dataclass(frozen=True)
class Arguments(Declared, ABC, Generic[CaseT]):
    """The arguments of a case; `case` makes the case.

    The command line, `engine.answer` and `methods --json` read these fields. `of` goes the other
    way: from a case to the arguments that make it again.
    """

    unnamed: ClassVar[tuple[str, ...]] = ()  # what a case does not know about itself

    @abstractmethod
    def case(self) -> CaseT:
        """The case. Raises BlindspotError for what is not there or does not fit."""

    @classmethod
    @abstractmethod
    def named(cls, case: CaseT) -> dict[str, Any]:
        """The arguments that can be read off a case."""

    @classmethod
    def of(cls, case: CaseT, **known: Any) -> Self:
        """The arguments that make a case again.

        Args:
            case: what is asked about.
            known: what the case does not know about itself, such as where its picture comes from.

        Raises:
            BlindspotError: something is missing in `known`.
        """
        if missing := [name for name in cls.unnamed if known.get(name) is None]:
            raise BlindspotError(f"A case does not know its {missing[0]}: say {missing[0]}=….")
        return cls(**cls.named(case) | known)

    @classmethod
    def read(cls, texts: Mapping[str, Any]) -> Self:
        """The arguments from texts, or from values as Python has them.

        Raises:
            BadSetting: an unknown name, or a value outside its range.
        """
        specs = cls.specs()
        if odd := [name for name in texts if name not in specs]:
            raise BadSetting(f"There is no argument {odd[0]!r}: there is {', '.join(specs)}.")
        return cls(
            **{
                name: parse_value(text, specs[name].metadata["control"])
                for name, text in texts.items()
            }
        )

    def changed(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments at another value than a method's own default, or the declared one."""
        results = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        default_values = {spec.name: spec.default for spec in fields(self)} | dict(defaults)
        return {name: result for name, result in results.items() if result != default_values[name]}
