"""Controls of arguments that settings of methods do not need: free text, and several texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.method import Control, setting


def no_options() -> tuple[str, ...]:
    """Nothing that could be listed."""
    return ()


@dataclass(frozen=True)
class Text:
    """Any text: a name, a file, a question. `off` names the value None."""

    off: str = ""
    options: Callable[[], tuple[str, ...]] = no_options  # names that are known, not all there are

    def allows(self, value: object) -> bool:
        """Whether it is text."""
        return isinstance(value, str) or (value is None and bool(self.off))

    def words(self) -> str:
        """What it may be, as a person would write it."""
        return "a text"


@dataclass(frozen=True)
class Many:
    """Several texts."""

    options: Callable[[], tuple[str, ...]] = no_options

    def allows(self, value: object) -> bool:
        """Whether it is a tuple of texts."""
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)

    def words(self) -> str:
        """What it may be, as a person would write it."""
        return "several texts"


def argument(default: Any, control: Control | Text | Many, label: str, help: str) -> Any:
    """An argument of a case, declared as `setting` declares a setting of a method."""
    return setting(default, control, label, help)  # type: ignore[arg-type]
