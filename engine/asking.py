"""From words on the command line to a method and a case."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from engine.case import ImageCase, PairCase, shown
from engine.data import load as load_data
from engine.data.example import example
from engine.errors import BadModel, BadSetting, BlindspotError, DoesNotFit
from engine.experiment import Experiment, ExperimentCase
from engine.families import METHODS
from engine.images import Crop, Picture, read
from engine.method import Choice, Control, Method, Precision, Slider
from engine.models.catalog import DEFAULT, load, load_from_file
from engine.models.classifier import Classifier
from engine.samples import sample
from engine.target import Target

TRUTH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
OFF = ("off", "none")


def settled(name: str, pairs: Sequence[str]) -> Method[Any]:
    """The method of that name with its settings."""
    known = {kind.full_name(): kind for kind in METHODS}
    kind = known.get(name)
    if kind is None:
        raise BlindspotError(f"There is no method {name!r}.{near(name, list(known))}")
    specs = {spec.name: spec for spec in fields(kind)}
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise BadSetting(f"Settings are given as NAME=VALUE, not {pair!r}.")
        if key not in specs:
            has = f"it has {', '.join(specs)}" if specs else "it has none"
            raise BadSetting(f"{kind.title} has no setting {key!r}: {has}.")
        given[key] = value(text, specs[key].metadata["control"])
    return kind(**given)


def cannot_run(kind: type[Method[Any]]) -> str:
    """Why a method cannot be asked from the command line, whatever the model; "" when it can."""
    askable = {ImageCase, PairCase, ExperimentCase}
    return "" if case_kind(kind) in askable else kind.unmet(Bare())


def against(kind: type[Method[Any]]) -> tuple[int, int] | None:
    """Fewest and most images that are given to a method with --against; None for none."""
    return getattr(kind, "targets", (1, 1)) if case_kind(kind) is PairCase else None


def described(kind: type[Method[Any]]) -> dict[str, Any]:
    """A method and its settings as JSON has them."""
    settings = []
    for spec in fields(kind):
        control = spec.metadata["control"]
        slider = control if isinstance(control, Slider) else None
        options = list(control.options) if isinstance(control, Choice) else None
        settings.append(
            {
                "name": spec.name,
                "label": spec.metadata["label"],
                "help": spec.metadata["help"],
                "default": spec.default,
                "low": slider and slider.low,
                "high": slider and slider.high,
                "step": slider and slider.step,
                "options": options or None,
                "unit": slider.unit if slider else "",
            }
        )
    return {
        "family": kind.family,
        "name": kind.name,
        "title": kind.title,
        "paper": kind.paper,
        "cost": kind.cost,
        "settings": settings,
        "against": against(kind),
        "cannot_run": cannot_run(kind) or None,
    }


def case_kind(kind: type[Method[Any]]) -> object:
    """The case that a method is called with: X of the Method[X] that it derives from."""
    bases = (base for one in kind.__mro__ for base in vars(one).get("__orig_bases__", ()))
    cases = (argument for base in bases for argument in get_args(base))
    return next(case for case in cases if isinstance(case, type))


class Bare:
    """A case of no kind, which lacks nothing: what refuses it wants another kind of case."""

    fingerprint, lane = "", "cpu"
    precision: Precision = "exact"

    def facts(self) -> dict[str, Any]:
        """Nothing is known."""
        return {}

    def lacks(self, need: str) -> str:
        """Nothing is lacking."""
        del need
        return ""


def value(text: str, control: Control) -> object:
    """A setting's value; what cannot be one is left as text, and the method refuses it in words."""
    off = getattr(control, "off", "")
    if off and text.lower() in {*OFF, off.lower()}:
        return None
    if isinstance(control, Choice):
        return text
    if not isinstance(control, Slider):
        return TRUTH.get(text.lower(), text)
    try:
        number = int(text) if control.whole else float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def asked(wanted: Namespace, kind: type[Method[Any]]) -> ImageCase | PairCase | ExperimentCase:
    """The case: picture, model, target, precision and seed, and the images it is held against.

    An experiment is asked about a data set instead.
    """
    if reason := cannot_run(kind):
        raise DoesNotFit(f"{kind.title} cannot be asked from the command line: {reason}")
    if issubclass(kind, Experiment):
        return experiment_asked(wanted, kind)
    if wanted.image is None:
        raise BlindspotError(f"{wanted.method} looks at a picture: name one with --image.")
    if wanted.data is not None:
        raise BlindspotError(f"{wanted.method} looks at a picture: leave out --data.")
    if wanted.against and against(kind) is None:
        raise BlindspotError(f"{wanted.method} looks at one image: leave out --against.")
    source = image_asked(wanted)
    others = tuple(shown(pictured(name), Crop(), source.model) for name in wanted.against)
    return PairCase(source, others) if others else source


def experiment_asked(wanted: Namespace, kind: type[Experiment]) -> ExperimentCase:
    """The case of an experiment: the data set, or the usual one, and the first seed."""
    for option in ("image", "against", "model", "weights", "labels", "target", "versus"):
        if getattr(wanted, option):
            raise BlindspotError(f"{wanted.method} trains its own models: leave out --{option}.")
    return ExperimentCase(load_data(wanted.data or kind.data[0]), wanted.seed)


def image_asked(wanted: Namespace) -> ImageCase:
    """The case of the first picture."""
    picture = pictured(wanted.image)
    model = modeled(wanted.model, wanted.weights, wanted.labels)
    if wanted.precision == "fast" and not model.offers_fast:
        raise BlindspotError("This device does not compute bfloat16 faster: use --precision exact.")
    pixels = shown(picture, Crop(), model)
    index = (
        int(model.logits(pixels[None])[0].argmax())
        if wanted.target is None
        else numbered(wanted.target, model)
    )
    versus = None if wanted.versus is None else numbered(wanted.versus, model)
    target = Target(index, versus, wanted.reading)
    return ImageCase(model, pixels, target, wanted.precision, wanted.seed)


def pictured(name: str) -> Picture:
    """A sample, an image of a data set, or a file."""
    kind, colon, rest = name.partition(":")
    match colon and kind:
        case "sample":
            return sample(rest)
        case "example":
            return example(rest).picture()
    return read(Path(name))


def modeled(name: str | None, weights: Path | None, labels: Path | None) -> Classifier:
    """A model by name, or an architecture with weights of one's own."""
    if weights is None:
        if labels is not None:
            raise BadModel("--labels go with --weights: a named model has its own.")
        return load(name or DEFAULT)
    if name is None:
        raise BadModel("--weights need the architecture they are for: --model NAME.")
    return load_from_file(weights, name, labels)


def numbered(said: str, model: Classifier) -> int:
    """A class number, from itself or from the label or a part of it that only one label has."""
    if said.lstrip("-").isdecimal():
        index = int(said)
        if not 0 <= index < len(model.labels):
            last = len(model.labels) - 1
            raise BlindspotError(f"Class {said} is unknown: {model.title} has 0 to {last}.")
        return index
    lower = [label.lower() for label in model.labels]
    if said.lower() in lower:
        return lower.index(said.lower())
    parts = [index for index, label in enumerate(lower) if said.lower() in label]
    if said and len(parts) == 1:
        return parts[0]
    if said and parts:
        names = ", ".join(f"{index} {model.labels[index]}" for index in parts[:5])
        raise BlindspotError(f"{len(parts)} classes have {said!r} in their name: {names} …")
    raise BlindspotError(f"No class is called {said!r}.{near(said.lower(), lower)}")


def near(said: str, known: Sequence[str]) -> str:
    """Names like the one that was said."""
    found = get_close_matches(said, known, n=3, cutoff=0.5)
    return f" Did you mean {', '.join(found)}?" if found else ""
