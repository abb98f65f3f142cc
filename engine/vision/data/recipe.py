"""What makes a data set: settings with ranges, and a name from which it can be made again.

A recipe's name is its word and the settings that are not at their default, such as
`phantoms:contrast=0.5,seed=3`. Names stand in links, on the command line and in lineages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, asdict, dataclass, fields
from typing import Any, ClassVar, Self

from engine.core.errors import BadData
from engine.core.method import Choice, Progress, Slider, Switch, check_settings, quiet, setting
from engine.vision.data.dataset import DataCard, DataSet

COUNT = "count"  # the setting of a recipe that says how many there are; its label is of what


def seed_setting() -> Any:
    """The seed, as every recipe and variant has it."""
    return setting(0, Slider(0, 9999, 1), "Seed", "Of every random number.")


@dataclass(frozen=True)
class Named:
    """Settings that read and write themselves as `word:setting=value,…`."""

    word: ClassVar[str]
    title: ClassVar[str]

    def __post_init__(self) -> None:
        check_settings(self, self.title)

    @property
    def name(self) -> str:
        """The word and what differs from the defaults."""
        parts = [
            f"{spec.name}={format_value(value)}"
            for spec in fields(self)
            if (value := getattr(self, spec.name)) != spec.default
        ]
        return ":".join([self.word, ",".join(parts)]) if parts else self.word

    @property
    def words(self) -> str:
        """The same for a person: title, and in brackets what differs, such as "100 slices"."""
        parts = []
        for spec in fields(self):
            label = spec.metadata["label"].lower()
            if (value := getattr(self, spec.name)) != spec.default:
                counts = spec.name == COUNT
                parts.append(f"{value} {label}" if counts else f"{label} {format_value(value)}")
        return f"{self.title} ({', '.join(parts)})" if parts else self.title

    @classmethod
    def read(cls, settings: str) -> Self:
        """From what stands after the colon of a name. Raises BadData, BadSetting."""
        known = {spec.name: spec for spec in fields(cls)}
        arguments: dict[str, Any] = {}
        for part in filter(None, settings.split(",")):
            key, _, text = part.partition("=")
            if key not in known:
                names = ", ".join(known) or "none"
                raise BadData(f"{cls.title} has no setting “{key[:40]}”; there are: {names}.")
            arguments[key] = value(known[key], text, cls.title)
        return cls(**arguments)


@dataclass(frozen=True)
class DataRecipe(Named, ABC):
    """A data set that is made here."""

    card: ClassVar[DataCard]

    @abstractmethod
    def make(self, progress: Progress = quiet) -> DataSet:
        """The data set; the same settings always give the same one. `progress` may cancel."""

    @property
    def question(self) -> dict[str, Any]:
        """What its images depend on."""
        return {"recipe": asdict(self)}

    def at_hand(self) -> bool:
        """Whether making it takes no time worth speaking of."""
        return True

    def first(self) -> DataRecipe:
        """Makes only the first images of it, which take no such time."""
        return self


@dataclass(frozen=True)
class Variant(Named, ABC):
    """A change to a data set: its ids stay, its name grows by `+word:setting=value,…`."""

    @abstractmethod
    def __call__(self, data: DataSet) -> DataSet:
        """The changed data set."""


def format_value(value: Any) -> str:
    """A setting's value as a name has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def value(spec: Field[Any], text: str, title: str) -> Any:
    """The value that `format_value` wrote."""
    control = spec.metadata["control"]
    match control:
        case Switch():
            if text in {"yes", "no"}:
                return text == "yes"
        case Choice():
            return text
        case Slider():
            try:
                return int(text) if control.whole else float(text)
            except ValueError:
                pass
    label = spec.metadata["label"]
    raise BadData(f"{title}: {label} cannot be “{text[:40]}”; choose {control.words()}.")
