"""What an opening question may be about: a shipped photograph as the default model sees it."""

from dataclasses import replace
from typing import Any

from engine.core.method import Method
from engine.vision.case import ImageCase, image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load

OpeningQuestion = tuple[Method[Any], Any]


def sample_input(name: str) -> ImageCase:
    """A sample as the default model sees it, before anything is asked about it."""
    return image_case(load(), sample(name), Crop(), Target(0))


def about_first(name: str) -> ImageCase:
    """A sample, and the class that the default model sees in it first."""
    case = sample_input(name)
    return replace(case, target=Target(int(case.model.logits(case.image[None])[0].argmax())))
