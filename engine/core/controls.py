"""Controls: how a setting of a method or an argument of a case is chosen, checked and drawn."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import lru_cache
from math import ceil, floor, log10
from types import MappingProxyType
from typing import Any

from engine.core.errors import BadSetting


@dataclass(frozen=True)
class Slider:
    """A number between two ends; `log` spreads it over decades; `off` names the value None.

    `start` is what is chosen first when a setting that is off is switched on.
    """

    low: float
    high: float
    step: float
    unit: str = ""
    log: bool = False
    off: str = ""
    start: float | None = None

    def allows(self, value: object) -> bool:
        """Whether the value lies between the ends; whole-number ends want whole numbers."""
        if value is None:
            return bool(self.off)
        types = int if self.whole else (int, float)
        return (
            isinstance(value, types)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    @property
    def whole(self) -> bool:
        """Whether the setting counts things."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step))

    def marks(self) -> list[float]:
        """The 1, 2, 5 places of a logarithmic slider, ends included."""
        decades = range(floor(log10(self.low)), ceil(log10(self.high)))
        places = (lead * 10.0**decade for decade in decades for lead in (1, 2, 5))
        inside = {self.low, self.high, *(p for p in places if self.low < p < self.high)}
        return sorted(round(p) if self.whole else float(f"{p:.3g}") for p in inside)

    def words(self) -> str:
        """The range as a person would write it."""
        form = "d" if self.whole else "g"
        return f"from {self.low:{form}} to {self.high:{form}} {self.unit}".rstrip()


@dataclass(frozen=True)
class Option:
    """What can be chosen: by name, as a person reads it, and why it cannot be had, or ""."""

    name: str
    title: str
    reason: str = ""


@dataclass(frozen=True)
class Choice:
    """One of a few words, fixed or read from the case (`source`: "layers", "heads", "classes").

    `titles` has the words as a person reads them, where those are others.
    """

    options: tuple[str, ...] = ()
    source: str = ""
    off: str = ""
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)

    def allows(self, value: object) -> bool:
        """Whether the word is one of the options; a word read from the case is checked there."""
        if value is None:
            return bool(self.off)
        return isinstance(value, str) and (bool(self.source) or value in self.options)

    def words(self) -> str:
        """The options as a person would write them."""
        return "one of " + ", ".join(self.options) if self.options else f"one of the {self.source}"


@dataclass(frozen=True)
class Switch:
    """Yes or no."""

    def allows(self, value: object) -> bool:
        """Whether it is a truth value."""
        return isinstance(value, bool)

    def words(self) -> str:
        """The options as a person would write them."""
        return "yes or no"


Control = Slider | Choice | Switch

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


def defaults(**named: Any) -> Mapping[str, Any]:
    """Values by name that cannot be changed, for `argument_defaults` and examples."""
    return MappingProxyType(named)


def setting(default: Any, control: Control, label: str, help: str) -> Any:
    """A dataclass field that knows how to be drawn."""
    return field(default=default, metadata={"control": control, "label": label, "help": help})


def check_settings(settings: Any, title: str) -> None:
    """Raise BadSetting for the first setting of a dataclass that is outside its range."""
    check_values(fields(settings), vars(settings), title)


def check_values(specs: Iterable[Field[Any]], values: Mapping[str, Any], title: str) -> None:
    """Raise BadSetting for the first value that its control does not allow."""
    for spec in specs:
        control: Control = spec.metadata["control"]
        if not control.allows(value := values[spec.name]):
            message = (
                f"{title}: {spec.metadata['label']} cannot be {value!r:.60}; choose "
                f"{control.words()}."
            )
            raise BadSetting(message)


def argument(default: Any, control: Control | Text | Many, label: str, help: str) -> Any:
    """An argument of a case, declared as `setting` declares a setting of a method."""
    return setting(default, control, label, help)  # type: ignore[arg-type]


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


@dataclass(frozen=True)
class Declared:
    """Fields that are declared with `argument`; a form draws them, and a link names them."""

    def __post_init__(self) -> None:
        check_settings(self, "This question")

    @classmethod
    def specs(cls) -> dict[str, Field[Any]]:
        """The declarations by name."""
        return {spec.name: spec for spec in fields(cls)}

    @classmethod
    def offered(cls, name: str, arguments: OtherArguments) -> tuple[Option, ...]:
        """What that argument may be beside others: by name, with what a person reads.

        Args:
            name: of the argument.
            arguments: the others, as far as they are known: each as text, or as what it names.
        """
        return options_of(cls.specs()[name].metadata["control"], arguments)
