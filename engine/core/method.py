"""A method is a frozen set of settings that can be drawn as a form and called."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, fields
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args

from engine.core.case_base import Case, Precision
from engine.core.charts.drawing import Drawing
from engine.core.controls import (
    Choice,
    Control,
    Option,
    Slider,
    Switch,
    check_settings,
    defaults,
    setting,
)
from engine.core.errors import DoesNotFit
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
    methods = methods_of(full_name.partition(".")[0])
    return next(kind for kind in methods if kind.full_name() == full_name)


def methods_of(family: str, view: str = "METHODS") -> tuple[type[Method[Any]], ...]:
    """The methods that a family has for a view, for rooms that do not know families."""
    kinds: tuple[type[Method[Any]], ...] = getattr(import_module(f"engine.{family}"), view)
    return kinds


__all__ = [
    "Case", "CaseT", "Choice", "Control", "Cost", "Method", "Option", "Precision", "Progress",
    "Slider", "Switch", "case_kind", "check_settings", "defaults", "method_of_family", "methods_of",
    "part_of", "quiet", "setting",
]  # fmt: skip
