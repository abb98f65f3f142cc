"""What an opening question may be about: a shipped photograph as the default model sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.case import ImageCase, image_case
from engine.case.target import Target
from engine.images import Crop
from engine.images.samples import sample
from engine.method import Method
from engine.models.catalog import load

Question = tuple[Method[Any], Any]


def sample_input(name: str) -> ImageCase:
    """A sample as the default model sees it, before anything is asked about it."""
    return image_case(load(), sample(name), Crop(), Target(0))


def about_first(name: str) -> ImageCase:
    """A sample, and the class that the default model sees in it first."""
    case = sample_input(name)
    return replace(case, target=Target(int(case.model.logits(case.image[None])[0].argmax())))
