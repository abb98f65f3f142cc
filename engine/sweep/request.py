"""What a page asks a sweep about, declared for its form, and the plan that comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from typing import Any

import numpy as np

from engine.attribution import HEATMAPS
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.core.controls import Declared, Many, OtherArguments, Text, argument
from engine.core.method import Method, Option, Slider, Switch
from engine.evaluation.maps.grad_cam import GradCam
from engine.sweep.plan import SweepPlan
from engine.vision import data as data_sets
from engine.vision.images.samples import SAMPLES
from engine.vision.models import catalog
from engine.vision.pictures import SAMPLE

SAMPLED = "samples"
MOST_ANSWERS = 400
MOST_BYTES = 200 * 2**20  # of maps, in the store
NUMBER = 4  # bytes
VALUES = 6  # of a slider that are offered


def image_options(_arguments: OtherArguments) -> Iterator[Option]:
    """The data sets, and the photographs."""
    yield from (Option(entry.name, entry.card.title) for entry in data_sets.entries())
    yield Option(SAMPLED, "Photographs")


def model_options(arguments: OtherArguments) -> Iterator[Option]:
    """The models that learned the data set, or those for photographs."""
    data = arguments.get("images") or ""
    learned = data != SAMPLED and catalog.trained_on(data)
    for entry in learned or catalog.lites():
        if entry.available:
            yield Option(entry.name, entry.line.strip())


def method_options(_arguments: OtherArguments) -> Iterator[Option]:
    """The methods whose answers a view opens."""
    yield from (Option(kind.full_name(), kind.title) for kind in HEATMAPS)


@dataclass(frozen=True)
class SweepRequest(Declared):
    """Images, models and methods that are crossed."""

    images: str = argument(
        "mnist-5k",
        Text(options=image_options),
        "Images",
        "Test images of a data set, from which no model here has learned, or the photographs "
        "that come along.",
    )
    count: int = argument(
        16, Slider(2, 100, 1), "How many images", "As many of each class as there are."
    )
    models: tuple[str, ...] = argument(
        ("mnist-cnn",),
        Many(model_options),
        "Models",
        "Those that learned these data; EfficientNet for others.",
    )
    methods: tuple[str, ...] = argument(
        (GradCam.full_name(), Occlusion.full_name()),
        Many(method_options),
        "Methods",
        "A method that does not fit a model is left out there, with the reason.",
    )

    def said(self, settings: Mapping[str, Mapping[str, Sequence[Any]]]) -> dict[str, Any]:
        """The plan as a file has it."""
        images: Any = {"data": self.images, "count": self.count}
        if self.images == SAMPLED:
            images = [f"{SAMPLE}{sample.name}" for sample in SAMPLES]
        results = {"methods": [*self.methods], "images": images, "models": [*self.models]}
        return results | ({"settings": settings} if settings else {})


def variable(kinds: Sequence[type[Method[Any]]]) -> dict[str, tuple[str, Field[Any]]]:
    """The settings that can be varied, by title: the method's full name and the setting."""
    return {
        f"{kind.title} ▸ {spec.metadata['label']}": (kind.full_name(), spec)
        for kind in kinds
        for spec in fields(kind)
        if values_of(spec)
    }


def values_of(spec: Field[Any]) -> list[Any]:
    """What a setting may be here: a few numbers from end to end, or all of its words."""
    control = spec.metadata["control"]
    if isinstance(control, Switch):
        return [True, False]
    if not isinstance(control, Slider):
        return list(control.options)
    if control.log:
        results = control.marks()
    else:
        steps = np.linspace(0, round((control.high - control.low) / control.step), VALUES).round()
        results = [control.low + control.step * step for step in steps]
    default: Any = spec.default
    usual = [] if default is None else [default]
    numbers = sorted({round(result, 9) for result in [*results, *usual]})
    return [int(number) for number in numbers] if control.whole else numbers


def refusal(plan: SweepPlan) -> str:
    """Why a page does not compute so much, in a sentence; "" where it does."""
    count = plan.count
    if count > MOST_ANSWERS:
        return (
            f"This plan has {count:,} answers; at most {MOST_ANSWERS:,} are computed on this page. "
            "Choose fewer images, models, methods or values, or take the plan to the command line."
        )
    sides = [catalog.load(str(name)).side for name in plan.axes["model"]]
    room = sum(side * side * NUMBER * count / len(sides) for side in sides)
    if room > MOST_BYTES:
        return (
            f"The maps of this plan take about {room / 2**20:,.0f} MB; at most "
            f"{MOST_BYTES / 2**20:,.0f} MB are kept for this page. Choose fewer images or methods."
        )
    return ""
