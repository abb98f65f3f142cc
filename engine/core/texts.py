"""Values of settings and arguments as text: what the command line reads, and what it prints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from engine.core.controls import Many, OtherArguments, Text, argument
from engine.core.errors import BadSetting, BlindspotError
from engine.core.method import Choice, Control, Method, Option, Slider, methods_of
from engine.core.naming import named_by

TRUTH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
OFF = ("off", "none")


def value(text: str, control: Control | Text | Many) -> object:
    """The value; what cannot be one is left as text, and whoever takes it refuses it in words."""
    off = getattr(control, "off", "")
    if off and text.lower() in {*OFF, off.lower()}:
        return None
    if isinstance(control, Many):
        return (text,)
    if isinstance(control, Choice | Text):
        return text
    if not isinstance(control, Slider):
        return TRUTH.get(text.lower(), text)
    try:
        number = int(text) if control.whole else float(text)
        return number if isfinite(number) else text
    except (ValueError, OverflowError):  # a whole number may be too large for isfinite
        return text


def parse_value(raw: object, control: Any) -> object:
    """A value as its control wants it, from text or from Python."""
    if isinstance(control, Many) and isinstance(raw, Iterable) and not isinstance(raw, str):
        return tuple(str(part) for part in raw)
    if isinstance(control, Text) and isinstance(raw, int | Path):
        return str(raw)
    return value(raw, control) if isinstance(raw, str) else raw


def text_of(value: object) -> str:
    """A value as `value` reads it again."""
    if value is None:
        return OFF[0]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else repr(value)


def settings_from(kind: type[Any], pairs: Iterable[str], title: str) -> dict[str, Any]:
    """The settings of a dataclass from texts such as "steps=64"; the other ones are left out.

    Raises:
        BadSetting: a text of another form, or no setting of that name.
    """
    specs = {spec.name: spec for spec in fields(kind)}
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise BadSetting(f"Settings are given as NAME=VALUE, not {pair!r}.")
        if key not in specs:
            has = f"it has {', '.join(specs)}" if specs else "it has none"
            raise BadSetting(f"{title} has no setting {key!r}: {has}.")
        settings[key] = value(text, specs[key].metadata["control"])
    return settings


def settings_text(settings: Any, usual: Any = None) -> str:
    """The settings other than `usual`, or than their default, such as "steps=64,noise=0.2"."""
    changed = (
        (spec.name, value)
        for spec in fields(settings)
        if (value := getattr(settings, spec.name)) != getattr(usual or type(settings), spec.name)
    )
    return ",".join(f"{name}={text_of(value)}" for name, value in changed)


@dataclass(frozen=True)
class MethodsByName:
    """Methods by name, with settings: "SSD" or "FT:epochs=3,rate=0.1", as data sets are named.

    Where a case has `usual` ones, each of its kind with settings of its own, text says what is
    otherwise than in those.
    """

    kinds: tuple[type[Method[Any]], ...]
    titles: Mapping[str, str] = field(default_factory=dict)  # where others than the methods' own

    @property
    def names(self) -> tuple[str, ...]:
        """What can be chosen."""
        return tuple(kind.name for kind in self.kinds)

    def options(self, arguments: OtherArguments) -> tuple[Option, ...]:
        """What can be chosen, whatever else is given."""
        del arguments
        return tuple(
            Option(kind.name, self.titles.get(kind.name, kind.title)) for kind in self.kinds
        )

    def read(self, text: str, usual: Sequence[Method[Any]] = ()) -> Any:
        """The method. Raises BlindspotError for one that is not among them."""
        name, _, settings = text.partition(":")
        for kind in self.kinds:
            if kind.name == name:
                pairs = settings.split(",") if settings else ()
                arguments = settings_from(kind, pairs, kind.title)
                return replace(
                    next((candidate for candidate in usual if candidate.name == name), kind()),
                    **arguments,
                )
        known = ", ".join(self.names)
        raise BlindspotError(f"{name[:40]!r} cannot be chosen here: the methods are {known}.")

    def write(self, method: Method[Any], usual: Sequence[Method[Any]] = ()) -> str:
        """The text of a method."""
        usual_method = next(
            (candidate for candidate in usual if candidate.name == method.name), None
        )
        settings = settings_text(method, usual_method)
        return f"{method.name}:{settings}" if settings else method.name


def method_field(view: str, name: str, default: str, label: str, help: str) -> Any:
    """A method by name, of a family that the room of the case does not know.

    Args:
        view: whose methods can be chosen, such as "attribution.HEATMAPS".
        name: of the argument.
        default: what is chosen first.
        label, help: of the argument.
    """

    def methods() -> MethodsByName:
        return MethodsByName(methods_of(*view.split(".")))

    offers = argument(default, Text(options=lambda beside: methods().options(beside)), label, help)
    return named_by(
        lambda text: methods().read(text), lambda method: methods().write(method), **{name: offers}
    )


def near(text: str, known: Sequence[str]) -> str:
    """A question about names that look like the text, or ""."""
    result = get_close_matches(text, known, n=3, cutoff=0.5)
    return f" Did you mean {', '.join(result)}?" if result else ""
