"""A plan in a TOML file, and the questions that it crosses out to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from engine.commands.asking import method_named, question
from engine.commands.fitting import default_note
from engine.core.errors import BadSetting, BlindspotError
from engine.core.method import Method, case_kind
from engine.core.texts import near, text_of
from engine.sweep.images import SweepImage, images_of
from engine.vision.foreign_text import read_toml

KEYS = ("methods", "images", "models", "data", "arguments", "settings")
MOST = 200_000  # answers
MOST_BYTES = 1_000_000  # of a plan's file

Text = str | tuple[str, ...]
Texts = tuple[tuple[str, Text], ...]  # by name
Axes = Mapping[str, Sequence[Text]]


@dataclass(frozen=True)
class SweepQuestion:
    """One answer of a sweep, in words from which every process makes the same question.

    Args:
        method: its full name.
        settings: of the method, those that the plan names.
        given: arguments of the case but for the image.
        image: what it is asked about, where the method asks about an image and the plan names some.
    """

    method: str
    settings: Texts
    given: Texts
    image: SweepImage | None = None

    @property
    def arguments(self) -> dict[str, Text]:
        """All arguments of the case that are named."""
        return dict(self.given) | ({"image": self.image.source} if self.image else {})

    def ask(self) -> tuple[Method[Any], dict[str, Any]]:
        """The method and all arguments of its case. Raises BadSetting."""
        return question(method_named(self.method), self.arguments, dict(self.settings))


@dataclass(frozen=True)
class SweepPlan:
    """What is swept: each list is crossed with all others.

    Args:
        methods: full names.
        axes: of the case's arguments, but for the image: what each may be.
        settings: by method: what each of its settings may be.
        images: what is asked about; none where the methods ask about no image.
    """

    methods: tuple[str, ...]
    axes: Axes
    settings: Mapping[str, Axes]
    images: tuple[SweepImage, ...] = ()

    def questions(self) -> tuple[SweepQuestion, ...]:
        """All of them: model by model, image by image, so that those alike stand side by side.

        Raises:
            BadSetting: a method has no such argument or setting, or it cannot have such a value; or
                there are too many.
        """
        if (count := self.count) > MOST:  # before they are crossed
            raise BadSetting(f"This plan has {count:,} answers; at most {MOST:,} are swept.")
        models: dict[Any, dict[Texts, list[SweepQuestion]]] = {}
        for sweep_question in (entry for name in self.methods for entry in self.of_method(name)):
            cases = models.setdefault(dict(sweep_question.given).get("model"), {})
            cases.setdefault(sweep_question.given, []).append(sweep_question)
        return tuple(
            SweepQuestion(entry.method, entry.settings, entry.given, image)
            for cases in models.values()
            for image in self.images or (None,)
            for alike in cases.values()
            for entry in alike
        )

    def notes(self) -> Iterator[str]:
        """Which default of a method does not fit the first image."""
        for name in self.methods if self.images else ():
            first = replace(next(self.of_method(name)), image=self.images[0])
            method, arguments = first.ask()
            with suppress(BlindspotError):  # an image that cannot be asked about is left out later
                case = case_kind(type(method)).read(arguments)
                if words := default_note(arguments, case, first.arguments):
                    yield words

    @property
    def count(self) -> int:
        """How many answers it has."""
        return sum(map(self.combinations, self.methods)) * max(len(self.images), 1)

    def combinations(self, name: str) -> int:
        """How many questions a method is asked about one image."""
        axes = (*self.axes.values(), *self.settings.get(name, {}).values())
        return prod(len(axis) for axis in axes)

    def of_method(self, name: str) -> Iterator[SweepQuestion]:
        """The questions to a method about one image, each checked."""
        kind = method_named(name)
        specs = case_kind(kind).specs()
        axes = dict(self.axes)
        if "data" in axes and "data" not in specs and "normal" in specs:
            axes["normal"] = axes.pop("data")
        names = [*axes, *(["image"] if self.images else [])]
        if odd := [name for name in names if name not in specs]:
            raise BadSetting(f"{name} has no argument {odd[0]!r}: it has {', '.join(specs)}.")
        settings = self.settings.get(name, {})
        for crossing in crossings(axes):
            for chosen in crossings(settings):
                sweep_question = SweepQuestion(name, chosen, crossing)
                sweep_question.ask()
                yield sweep_question


def crossings(axes: Axes) -> Iterator[Texts]:
    for values in product(*axes.values()):
        yield tuple(zip(axes, values, strict=True))


def read_plan(path: Path) -> SweepPlan:
    """The plan of a file.

    Raises:
        BadSetting: it is no TOML, or says something that a plan has not.
        BadData: its images are not there.
    """
    if path.stat().st_size > MOST_BYTES:
        raise BadSetting(f"{path.name} has more than {MOST_BYTES / 1e6:.0f} MB: that is no plan.")
    return plan_of(read_toml(path.read_bytes(), path.name, MOST_BYTES), path.parent)


def plan_of(document: Mapping[str, Any], folder: Path) -> SweepPlan:
    """The plan of a file that was read, with paths from a folder on. Raises as `read_plan`."""
    if odd := [key for key in document if key not in KEYS]:
        raise BadSetting(f"A plan has no {odd[0]!r}: it has {', '.join(KEYS)}.{near(odd[0], KEYS)}")
    methods = values_of("methods", document.get("methods", []))
    if not methods:
        raise BadSetting("A plan needs methods, such as methods = [“attribution.GradCam”].")
    axes = axes_of("arguments", document.get("arguments", {}))
    for key, argument in (("models", "model"), ("data", "data")):
        if key in document:
            axes[argument] = values_of(key, document[key])
    if "image" in axes:
        raise BadSetting("The images of a plan are named by images, not among its arguments.")
    settings = check_table("settings", document.get("settings", {}))
    if odd := [name for name in settings if name not in methods]:
        raise BadSetting(
            f"settings names {odd[0]!r}, which is not among the methods of the plan. "
            f"A name with a dot stands in quotes: [settings.“attribution.Occlusion”]."
        )
    return SweepPlan(
        tuple(str(method) for method in methods),
        axes,
        {name: axes_of(f"settings.{name}", setting) for name, setting in settings.items()},
        images_of(document["images"], folder) if "images" in document else (),
    )


def as_toml(document: Mapping[str, Any]) -> str:
    """The file of a plan, for the command line.

    Args:
        document: as `plan_of` takes it, where images are a list or a table of values.
    """
    lines = []
    for key, value in document.items():
        if key == "settings":
            for method, settings in value.items():
                lines += [
                    f"\n[settings.{json.dumps(method)}]",
                    *(toml_line(*entry) for entry in settings.items()),
                ]
        else:
            lines.append(toml_line(key, value))
    return "\n".join([*lines, ""])


def toml_line(key: str, value: Any) -> str:
    """A key and its value as TOML writes them."""
    if isinstance(value, Mapping):
        inner = ", ".join(toml_line(name, entry) for name, entry in value.items())
        return f"{key} = {{ {inner} }}"
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def check_table(name: str, given: Any) -> dict[str, Any]:
    """A table of the plan. Raises BadSetting for anything else."""
    if not isinstance(given, dict):
        raise BadSetting(f"{name} is a table of names and values, not {given!r:.60}.")
    return given


def axes_of(name: str, axis_table: Any) -> dict[str, Sequence[Text]]:
    return {
        key: values_of(f"{name}.{key}", value)
        for key, value in check_table(name, axis_table).items()
    }


def values_of(name: str, raw: Any) -> tuple[Text, ...]:
    """A value, or the values of a list, as text; a list in a list is one value of several words."""
    values = raw if isinstance(raw, list) else [raw]
    if isinstance(raw, list) and not raw and name != "methods":
        raise BadSetting(f"{name} is an empty list: name at least one value, or leave it out.")
    read = (
        tuple(text(name, element) for element in choice)
        if isinstance(choice, list)
        else text(name, choice)
        for choice in values
    )
    return tuple(dict.fromkeys(read))


def text(name: str, given: Any) -> str:
    """A value as the command line takes it."""
    if not isinstance(given, str | int | float | bool):
        raise BadSetting(f"{name} cannot be {given!r:.60}: give a word, a number or a list.")
    return text_of(given)
