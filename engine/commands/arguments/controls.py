"""Controls of arguments that settings of methods do not need: free text, and several texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.core.method import Choice, Control, Option, setting

OtherArguments = Mapping[
    str, Any
]  # other arguments: as text, or what it names where that is in hand
Offers = Callable[[OtherArguments], Iterable[Option | str]]  # what can be chosen beside these


@dataclass(frozen=True)
class Text:
    """Any text: a name, a file, a question. `off` names the value None."""

    off: str = ""
    options: Offers | None = None  # names that are known, not all there are

    def allows(self, value: object) -> bool:
        """Whether it is text."""
        return isinstance(value, str) or (value is None and bool(self.off))

    def words(self) -> str:
        """What it may be, as a person would write it."""
        return "a text"


@dataclass(frozen=True)
class Many:
    """Several texts."""

    options: Offers | None = None

    def allows(self, value: object) -> bool:
        """Whether it is a tuple of texts."""
        return isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)

    def words(self) -> str:
        """What it may be, as a person would write it."""
        return "several texts"


def options_of(control: Control | Text | Many, arguments: OtherArguments) -> tuple[Option, ...]:
    """What can be chosen beside other arguments; with none of them, every name that is known."""
    if isinstance(control, Choice):
        return tuple(Option(word, control.titles.get(word, word)) for word in control.options)
    offers = getattr(control, "options", None)
    return as_options(tuple(offers(arguments))) if offers else ()


@lru_cache(maxsize=64)  # the thousand classes of a model are asked for three times in a run
def as_options(options: tuple[Option | str, ...]) -> tuple[Option, ...]:
    """Words as options that are called what they are."""
    return tuple(
        option if isinstance(option, Option) else Option(option, option) for option in options
    )


def argument(default: Any, control: Control | Text | Many, label: str, help: str) -> Any:
    """An argument of a case, declared as `setting` declares a setting of a method."""
    return setting(default, control, label, help)  # type: ignore[arg-type]
