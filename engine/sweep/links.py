"""Where the app shows an answer of a sweep: the address of a view, with everything it asks.

A link says what the view's widgets say: titles where a list has titles, the
digest of a person's own file. Only the views about the image in the sidebar can be opened so.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any
from urllib.parse import urlencode

from engine.attribution import HEATMAPS
from engine.core.keeping.memory import Memory
from engine.core.method import Method, Slider, Switch
from engine.sweep.plan import SweepQuestion
from engine.vision import data as data_sets
from engine.vision.data.dataset import SPLITS
from engine.vision.data.example import SPLIT, choices, example
from engine.vision.data.registry import UPLOAD
from engine.vision.images.samples import SAMPLES
from engine.vision.models import catalog
from engine.vision.pictures import EXAMPLE, SAMPLE

VIEW = "heatmaps"  # its address, and what the keys of its settings begin with
OF_DATA, YOUR_IMAGE = "From a data set", "Your image"  # what the list of images calls them
LINK_ARGUMENTS = ("reading", "precision", "seed")  # arguments that a link has as they are
OF_CLASSES = ("target", "versus")


def address_of(
    method: Method[Any], arguments: Mapping[str, Any], question: SweepQuestion, opens: str = ""
) -> str:
    """From the app's own address on, such as "heatmaps?image=…"; "" where no view can be opened.

    Args:
        method: what was asked.
        arguments: of its case.
        question: the same as the plan has it.
        opens: digest of a person's own file.
    """
    if not isinstance(method, HEATMAPS):
        return ""
    image = image_of(question.arguments.get("image"), opens)
    model = line_of(arguments["model"])
    if image is None or not model or arguments["weights"] or arguments["like"]:
        return ""
    parameters: dict[str, str] = {**image, "model": model, f"{VIEW}.methods": method.title}
    if (arguments["crop_x"], arguments["crop_y"]) != (0.5, 0.5):
        parameters["crop"] = f"{arguments['crop_x']},{arguments['crop_y']}"
    labels = catalog.load(arguments["model"]).labels
    for name in OF_CLASSES:
        if (word := arguments[name]) is not None:
            if word not in labels:
                return ""  # a number or a part of a name, which the view's list does not take
            parameters[name] = word
    given = dict(question.given)
    parameters |= {name: str(arguments[name]) for name in LINK_ARGUMENTS if name in given}
    return f"{VIEW}?{urlencode(parameters | settings_of(method))}"


def image_of(source: Any, opens: str) -> dict[str, str] | None:
    """How a link names an image; None for one that the app does not offer."""
    if opens:
        return {"image": YOUR_IMAGE, "file": opens}
    if isinstance(source, str) and source.startswith(SAMPLE):
        title = next((sample.title for sample in SAMPLES if f"{SAMPLE}{sample.name}" == source), "")
        return {"image": title} if title else None
    if isinstance(source, str) and source.startswith(EXAMPLE):
        chosen = example(source.removeprefix(EXAMPLE))
        if chosen.data.name.startswith(UPLOAD):
            return None  # it is in the memory of one session
        if chosen.data.split[chosen.row] != SPLITS.index(SPLIT):
            return None
        titles = {entry.name: entry.card.title for entry in data_sets.entries()}
        data = titles.get(chosen.data.name, chosen.data.name)
        image_numbers = PLACES.made(chosen.data.fingerprint, lambda: choices(chosen.data))
        return {"image": OF_DATA, "data": data, "item": str(image_numbers[chosen.row])}
    return None


PLACES: Memory[dict[int, int]] = Memory(8)  # by the data's fingerprint


def line_of(model: str) -> str:
    """What the list of models calls it; "" where it is not in it."""
    if model not in model_lines():
        model_lines.cache_clear()  # it may have been made since
    return model_lines().get(model, "")


@cache
def model_lines() -> dict[str, str]:
    """What the list calls each model."""
    return {entry.name: entry.line for entry in catalog.entries()}


def settings_of(method: Method[Any]) -> dict[str, str]:
    """The settings that are not at their default, as their widgets put them into a link."""
    results: dict[str, str] = {}
    for spec in fields(method):
        value, key = getattr(method, spec.name), f"{VIEW}.{method.name}.{spec.name}"
        control = spec.metadata["control"]
        if value == spec.default:
            continue
        if isinstance(control, Slider) and control.off:
            results[f"{key}.on"] = str(value is not None).lower()
            if value is None:
                continue
        if isinstance(control, Switch):
            results[key] = str(value).lower()
        elif isinstance(control, Slider):
            results[key] = f"{value:g}" if control.log else str(value)
        else:
            results[key] = control.off if value is None else str(value)
    return results
