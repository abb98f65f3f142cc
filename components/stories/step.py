"""What a story is made of: steps, each with a question, one sentence, one picture and a note."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from components.views import AppPage
from engine.vision.case.opening import OpeningQuestion

Link = Mapping[str, Any]  # the settings of a view, by their keys


@dataclass(frozen=True)
class StoryStep:
    """One step of a story.

    Args:
        title: the question in words.
        asks: what the engine is asked; the answers ship.
        sentence: is told the answers, in the order of the questions.
        picture: is told a key for its widgets, then the answers.
        note: for whoever speaks; it says no figure.
        view: in which the same is asked with all its controls.
        link: the settings with which that view asks it.
    """

    title: str
    asks: Callable[[], Sequence[OpeningQuestion]]
    sentence: Callable[..., str]
    picture: Callable[..., object]
    note: str
    view: AppPage
    link: Callable[[], Link] = field(default=dict)

    @property
    def address(self) -> str:
        """The view with these settings, relative to the page of stories."""
        settings = urlencode(self.link(), doseq=True)
        return f"{self.view.address}?{settings}" if settings else self.view.address


@dataclass(frozen=True)
class Story:
    """Steps in the order in which they are told.

    Args:
        name: in links.
        title: above the steps.
        about: what it tells, in one line.
        steps: one after another.
        cover: the place of the step that stands for it where it is offered.
        picture: is told the answers of that step; an image (H, W, 3) beside its sentence.
    """

    name: str
    title: str
    about: str
    steps: tuple[StoryStep, ...]
    cover: int
    picture: Callable[..., NDArray[np.uint8]]
