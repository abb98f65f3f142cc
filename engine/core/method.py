"""A method is a frozen set of settings that can be drawn as a form and called."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from functools import cache
from importlib import import_module
from math import ceil, floor, log10
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args

from engine.core.case_base import Case, Precision
from engine.core.charts.drawing import Drawing
from engine.core.errors import BadSetting, DoesNotFit
from engine.core.result import Result

Cost = Literal["live", "wait", "job"]


CaseT = TypeVar("CaseT", bound=Case)


class Progress(Protocol):
    """Told the share done, a few words and perhaps a partial result; may raise to cancel."""

    def __call__(self, done: float, words: str = "", partial: Result | None = None) -> None:
        """Report."""


def quiet(done: float, words: str = "", partial: Result | None = None) -> None:
    """Report nothing; the default when nobody is watching."""


def part_of(
    progress: Progress,
    low: float,
    high: float,
    otherwise: str = "looking at images",
    lead: str = "",
) -> Progress:
    """Progress of a part of the whole, from one share to another; partial results stay inside.

    Args:
        progress: of the whole.
        low, high: where the part begins and ends.
        otherwise: the words where the part has none.
        lead: what comes before the part's words.
    """

    def report(done: float, words: str = "", partial: Result | None = None) -> None:
        del partial
        message = words or otherwise
        progress(low + (high - low) * done, f"{lead}: {message}" if lead else message)

    return report


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


def defaults(**named: Any) -> Mapping[str, Any]:
    """Values by name that cannot be changed, for `argument_defaults` and examples."""
    return MappingProxyType(named)


def setting(default: Any, control: Control, label: str, help: str) -> Any:
    """A dataclass field that knows how to be drawn."""
    return field(default=default, metadata={"control": control, "label": label, "help": help})


def check_settings(settings: Any, title: str) -> None:
    """Raise BadSetting for the first setting of a dataclass that is outside its range."""
    for spec in fields(settings):
        value = getattr(settings, spec.name)
        control: Control = spec.metadata["control"]
        if not control.allows(value):
            message = (
                f"{title}: {spec.metadata['label']} cannot be {value!r:.60}; choose "
                f"{control.words()}."
            )
            raise BadSetting(message)


@dataclass(frozen=True)
class Method(ABC, Generic[CaseT]):
    """Settings as fields, the computation as the call.

    A method's own docstring is what the page prints under "What am I looking at?": what is
    shown, what one unit means, what not to read into it.
    """

    name: ClassVar[str]  # short, unique in its family
    family: ClassVar[str]
    title: ClassVar[str]
    cost: ClassVar[Cost]
    paper: ClassVar[str | None] = None  # citation and link
    needs: ClassVar[frozenset[str]] = frozenset()  # what the case must give, see Case.lacks
    fast: ClassVar[bool] = False  # offered in bfloat16: a test pins its agreement with exact
    proof: ClassVar[str] = ""  # id of its acceptance test
    revision: ClassVar[int] = 1  # raise it when the same settings must give new numbers
    enumerates: ClassVar[tuple[type[Method[Any]], ...]] = ()  # asked in turn, whatever the settings
    argument_defaults: ClassVar[Mapping[str, Any]] = defaults()
    drawings: ClassVar[tuple[Drawing, ...]] = ()  # of views that its answers may have, in order
    main_drawing: ClassVar[Drawing | None] = None  # makes the point better than its picture
    example: ClassVar[Mapping[str, Any]] = defaults()  # settings of a run of seconds, for its tests
    example_constants: ClassVar[Mapping[str, Any]] = defaults()  # class attributes of such a run

    def __post_init__(self) -> None:
        check_settings(self, self.title)

    @abstractmethod
    def __call__(self, case: CaseT, progress: Progress = quiet) -> Result:
        """Compute on one case: the same case and settings give the same numbers."""

    def finding(self, case: CaseT, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What an answer says, in a sentence or two of plain text; "" where nothing is said.

        Page, command line, report and notebook give the same words. Classes are named by the
        case's model, since labels may be a visitor's own.

        Args:
            case: what was asked about.
            result: the views of the answer, by name.
        """
        return ""

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if not isinstance(case, kind := case_kind(cls)):
            return f"it needs {kind.what}."
        return next((reason for need in sorted(cls.needs) if (reason := case.lacks(need))), "")

    @classmethod
    def full_name(cls) -> str:
        """The name that never changes: `family.name`."""
        return f"{cls.family}.{cls.name}"

    @classmethod
    def about(cls) -> str:
        """What the person is looking at, in plain words."""
        return inspect.getdoc(cls) or ""

    def check(self, case: Case) -> None:
        """Raise DoesNotFit, with the reason, when the case cannot give what is needed."""
        if reason := self.unmet(case):
            raise DoesNotFit(f"{self.title}: {reason}")
        if case.precision == "fast" and not self.fast:
            raise DoesNotFit(f"{self.title} is computed exactly only; choose exact precision.")

    def settings(self) -> dict[str, Any]:
        """Name and value of every setting."""
        return asdict(self)

    def changed(self) -> Iterator[tuple[Field[Any], Any]]:
        """The settings that are not at their default."""
        for spec in fields(self):
            if (value := getattr(self, spec.name)) != spec.default:
                yield spec, value


@cache
def case_kind(kind: type[Method[Any]]) -> type[Case]:
    """The case that a method is asked about: X of the Method[X] that it derives from."""
    bases = (base for ancestor in kind.__mro__ for base in vars(ancestor).get("__orig_bases__", ()))
    arguments = (argument for base in bases for argument in get_args(base))
    return next(
        (
            argument
            for argument in arguments
            if isinstance(argument, type) and issubclass(argument, Case)
        ),
        Case,
    )


def method_of_family(full_name: str) -> Any:
    """A method by its full name, for one of another family that goes through it.

    Families do not import each other; this is what a link does, and the only way across.
    """
    family = import_module(f"engine.{full_name.partition('.')[0]}")
    return next(kind for kind in family.METHODS if kind.full_name() == full_name)


__all__ = [
    "Case", "CaseT", "Choice", "Control", "Cost", "Method", "Option", "Precision", "Progress",
    "Slider", "Switch", "case_kind", "check_settings", "defaults", "method_of_family", "part_of",
    "quiet", "setting",
]  # fmt: skip
