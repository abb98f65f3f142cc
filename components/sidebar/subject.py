"""The sidebar: one image, one model, one target, kept while pages change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import runs
from components.sidebar import examples, kinds, medical, models
from components.sidebar.pictures import Chosen, choose_crop, choose_picture, enlarged
from components.sidebar.targets import choose_numbers, choose_target
from engine.anomaly.protocol.in_distribution import NOT_COMPARED, InDistribution, in_distribution
from engine.anomaly.protocol.pixel_bank import BankCase, at_hand
from engine.anomaly.sources import learned
from engine.arguments.pictures import EXAMPLE, SAMPLE
from engine.case import ImageCase, image_case
from engine.case.prediction import Prediction, at_once
from engine.case.target import Target
from engine.data.example import Mask, seen
from engine.images import Crop, Picture, Slice, SliceChoice
from engine.keeping.lazy import lazy
from engine.method import Method
from engine.models.classifier import Classifier
from engine.run import Answer, expected_seconds


@dataclass(frozen=True)
class Second:
    """The image that the subject is compared with, instead of being asked about a class.

    Args:
        title: as a person knows it.
        source: where it is from, as a command says it; "" for an upload.
        asked: the question about a class that it stands in for.
    """

    title: str
    source: str
    asked: ImageCase


@dataclass(frozen=True)
class Subject:
    """What every page asks about."""

    chosen: Chosen
    crop: Crop
    case: ImageCase
    second: Second | None = None  # image, where the score is the similarity to it

    @property
    def name(self) -> str:
        """Of a sample or of an image of a data set; "" for an upload."""
        return self.chosen.name

    @property
    def picture(self) -> Picture:
        """The whole picture."""
        return self.chosen.picture

    @property
    def view(self) -> SliceChoice | None:
        """Of a scan."""
        return self.chosen.view

    @property
    def mask(self) -> Mask | None:
        """Where the truth is on the square that the model sees, (side, side), if it is known."""
        mask = self.chosen.mask
        return None if mask is None else seen(mask, self.crop, self.case.model.side)

    @lazy
    def in_distribution(self) -> InDistribution:
        """Whether the image is of the kind that the model learned from.

        Nothing is made for it: `components.in_distribution` asks for what it needs in the lane.
        """
        model = (self.second.asked if self.second else self.case).model
        name = learned(model)
        if name and not at_hand(BankCase(name, model.side)):
            return NOT_COMPARED
        return in_distribution(model, self.case.image, self.picture, self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a command must say of the image, since the case does not know it; none of an upload.

        See `engine.arguments`.
        """
        if not self.name:
            return {}
        source = EXAMPLE if self.chosen.example else SAMPLE
        second = {"like": self.second.source} if self.second and self.second.source else {}
        return {
            "image": f"{source}{self.name}", "crop_x": self.crop.x, "crop_y": self.crop.y, **second
        }  # fmt: skip

    def seen_by(self, model: Classifier) -> ImageCase:
        """The same image for another model, about the class that this one sees in it."""
        case = image_case(model, self.picture, self.crop, Target(0), seed=self.case.seed)
        return replace(case, target=Target(int(at_once(case).argmax())))


def draw() -> None:
    """Draw the sidebar and keep the subject for the pages."""
    st.session_state.pop("subject", None)
    st.header("Image")
    chosen = choose_picture()
    picture = chosen.picture
    crop = choose_crop(picture, chosen.name)
    st.header("Model")
    hint = st.container()
    model = models.choose()
    if model is None:
        return
    with hint:
        examples.offer_models(chosen.example, model)
        kinds.offer_kind(chosen, model)
    unasked = image_case(model, picture, crop, Target(0))
    medical.show_seen(unasked, picture)
    outcome = runs.ask(Prediction(), unasked, "subject.prediction")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    st.header("What the model says")
    target = choose_target(outcome["classes"], model)
    reading, precision, seed = choose_numbers(model)
    case = image_case(model, picture, crop, replace(target, reading=reading), precision, seed)
    st.session_state["subject"] = Subject(chosen, crop, case)


def current() -> Subject:
    """The subject of this run; the page ends here with a sentence when there is none."""
    subject: Subject | None = st.session_state.get("subject")
    if subject is None:
        st.info("Choose an image and a model in the sidebar; this page then shows its answer.")
        st.stop()
    return subject


def current_or_none() -> Subject | None:
    """The subject of this run, for pages that have a question without one."""
    return st.session_state.get("subject")


def cost_words(method: Method[Any], subject: Subject) -> str:
    """What it costs here, from past runs."""
    seconds = expected_seconds(method, precise(method, subject))
    if seconds is None:
        return "Not timed with these settings on this computer yet; kept once computed."
    about = f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
    return f"About {about} s on this computer; kept once computed."


def precise(method: Method[Any], subject: Subject) -> Any:
    """The case in the precision that the method offers."""
    return subject.case if method.fast else subject.case.at("exact")


def square_pixels(subject: Subject) -> NDArray[np.uint8]:
    """The square that the model sees, at the picture's own resolution, (side, side, 3)."""
    left, top, right, bottom = square_edges(subject)
    return enlarged(subject.picture.pixels[top:bottom, left:right])


def square_behind(subject: Subject) -> Slice | None:
    """The same square of the scan that the picture is from; None without a scan."""
    behind = subject.picture.behind
    return behind and behind.cropped(*square_edges(subject))


def square_edges(subject: Subject) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole px."""
    height, width = subject.picture.pixels.shape[:2]
    left, top, right, bottom = (round(edge) for edge in subject.crop.box(width, height))
    return left, top, right, bottom
