"""The sidebar: the image, the model and whatever else a view asks about, kept while pages change.

A view says what it asks; what plays no part in it is not drawn.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from components import runs
from components.ending import end
from components.runs import Pending, Problem
from components.sidebar import examples, kinds, medical, models, own_weights, thumbnails
from components.sidebar.pictures import (
    YOURS,
    Chosen,
    choose_crop,
    choose_picture,
    enlarged,
    open_own,
    pick_by_title,
)
from components.sidebar.targets import (
    EVERYTHING,
    Part,
    choose_numbers,
    choose_target,
    show_top_class,
)
from engine.anomaly.protocol.in_distribution import NOT_COMPARED, InDistribution, in_distribution
from engine.anomaly.protocol.pixel_bank import BankCase, at_hand
from engine.core.keeping.lazy import lazy
from engine.core.method import Method
from engine.core.run import Answer, expected_seconds
from engine.evaluation.detection.sources import training_data_name
from engine.vision.case import ImageCase, image_case
from engine.vision.case.prediction import Prediction, at_once, top_classes
from engine.vision.case.target import Target
from engine.vision.data.example import Mask, known_in
from engine.vision.images import Crop, Picture, Slice, SliceChoice
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX
from engine.vision.pictures import EXAMPLE, SAMPLE

WAITING = "subject.waiting"  # what the subject waits for


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
class ChosenImage:
    """The image that is asked about, and the square of it that a model sees."""

    chosen: Chosen
    crop: Crop

    @property
    def name(self) -> str:
        """Of a sample or of an image of a data set; "" for an upload."""
        return self.chosen.name

    @property
    def picture(self) -> Picture:
        return self.chosen.picture

    @property
    def view(self) -> SliceChoice | None:
        return self.chosen.view

    @property
    def seed(self) -> int:
        return 0

    def seen_by(self, model: Classifier) -> ImageCase:
        """The image for a model, about the class that it sees in it."""
        case = image_case(model, self.picture, self.crop, Target(0), seed=self.seed)
        return replace(case, target=Target(int(at_once(case).argmax())))


@dataclass(frozen=True)
class Subject(ChosenImage):
    """What a view asks about: an image, a model, and a class."""

    case: ImageCase
    second: Second | None = None  # image, where the score is the similarity to it

    @property
    def seed(self) -> int:
        return self.case.seed

    @property
    def mask(self) -> Mask | None:
        """Where the truth is on the square that the model sees, (side, side), if it is known.

        It may be empty: nothing is there. What is too small for a pixel of the square is not known.
        """
        mask = self.chosen.mask
        return None if mask is None else known_in(mask, self.crop, self.case.model.side)

    @lazy
    def in_distribution(self) -> InDistribution:
        """Whether the image is of the kind that the model learned from.

        Nothing is made for it: `components.in_distribution` asks for what it needs in the lane.
        """
        model = (self.second.asked if self.second else self.case).model
        name = training_data_name(model)
        if name and not at_hand(BankCase(name, model.side)):
            return NOT_COMPARED
        return in_distribution(model, self.case.image, self.picture, self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a command must say of the image, since the case does not know it; none of an upload.

        See `Case.to_arguments`.
        """
        if not self.name:
            return {}
        source = EXAMPLE if self.chosen.example else SAMPLE
        second = {"like": self.second.source} if self.second and self.second.source else {}
        return {
            "image": f"{source}{self.name}",
            "crop_x": self.crop.x,
            "crop_y": self.crop.y,
            **second,
        }


@dataclass(frozen=True)
class Places:
    """Where each part is drawn, whatever is computed first.

    Args:
        picker: which image.
        opener: an image of the person's own.
        picture: the image itself.
        model: which model.
        says: its answer, and what is asked about it.
        seen: window and mask of a scan, and what the model is given.
    """

    picker: DeltaGenerator
    opener: DeltaGenerator
    picture: DeltaGenerator
    model: DeltaGenerator
    says: DeltaGenerator
    seen: DeltaGenerator


def in_sidebar() -> Places:
    with st.sidebar:
        st.header("Image")
        return Places(*(st.container() for _ in range(6)))


def on_page(page: DeltaGenerator) -> Places:
    with page:
        picture, says, opener, picker, model, seen_place = (st.container() for _ in range(6))
    return Places(picker, opener, picture, model, says, seen_place)


def draw(asks: Collection[Part] = EVERYTHING, page: DeltaGenerator | None = None) -> None:
    """Draw what a view asks about, and keep the subject for its components.

    Args:
        asks: beside the image and the model.
        page: where the image is chosen among thumbnails; without it, from a list in the sidebar.
    """
    for name in ("subject", WAITING):
        st.session_state.pop(name, None)
    places = in_sidebar() if page is None else on_page(page)
    image = choose_image(places, pick_by_title if page is None else thumbnails.pick)
    with places.model:
        model = choose_model(image.chosen)
        if model is not None and model.name.startswith(FILE_PREFIX):
            own_weights.draw_format(model, image.picture, image.crop)
    if model is None:
        return
    unasked = image_case(model, image.picture, image.crop, Target(0))
    with places.seen:
        medical.show_seen(unasked, image.picture)
    with places.says:
        case = choose_case(unasked, asks)
    if case is not None:
        st.session_state["subject"] = Subject(image.chosen, image.crop, case)


def choose_image(places: Places, pick: Callable[[Sequence[str]], str]) -> ChosenImage:
    with places.picker:
        chosen = choose_picture(pick, places.seen)
    with places.opener:
        open_own()
    with places.picture:
        return ChosenImage(chosen, choose_crop(chosen.picture, chosen.name))


def image_alone() -> ChosenImage:
    """The image, for a view that asks models of its own about it."""
    return choose_image(in_sidebar(), pick_by_title)


def choose_model(chosen: Chosen) -> Classifier | None:
    st.header("Model")
    hint = st.container()
    model = models.choose()
    if model is not None:
        with hint:
            examples.offer_models(chosen.example, model)
            kinds.offer_kind(chosen, model)
    return model


def choose_case(unasked: ImageCase, asks: Collection[Part]) -> ImageCase | None:
    outcome = runs.ask(Prediction(), unasked, "subject.prediction")
    if not isinstance(outcome, Answer):
        st.session_state[WAITING] = outcome
        runs.watch([outcome])
        return None
    scores, model = outcome["classes"], unasked.model
    if "target" in asks:
        target = choose_target(scores, model, asks)
    else:
        show_top_class(scores)
        target = Target(top_classes(scores, 1)[0][0])
    reading, precision, seed = choose_numbers(model, asks)
    return replace(unasked, target=replace(target, reading=reading), precision=precision, seed=seed)


def current(asks: Collection[Part] = EVERYTHING, page: DeltaGenerator | None = None) -> Subject:
    """The subject of this run, drawn as by `draw`; without one the view ends with a sentence."""
    draw(asks, page)
    subject: Subject | None = st.session_state.get("subject")
    if subject is None:
        why_none(st.session_state.get(WAITING))
        end()
    return subject


def why_none(waiting: Pending | Problem | None) -> None:
    match waiting:
        case Pending():
            is_own = st.session_state.get("image") == YOURS
            being_read(waiting, "Your image" if is_own else "The image")
        case Problem():
            st.info("The model gave no answer about this image; the sidebar says why.")
        case None:
            st.info("Choose an image and a model in the sidebar; this page then shows its answer.")


@st.fragment(run_every=runs.POLL_SECONDS)
def being_read(pending: Pending, owner: str) -> None:
    """That it is, with how many questions go first; the sidebar runs the page when it was."""
    first = pending.goes_first()
    st.info(f"{owner} is being read{f': {first}' if first else ''}.")


def cost_words(method: Method[Any], subject: Subject) -> str:
    seconds = expected_seconds(method, precise(method, subject))
    if seconds is None:
        return "Not timed with these settings on this computer yet; kept once computed."
    about = f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
    return f"About {about} s on this computer; kept once computed."


def precise(method: Method[Any], subject: Subject) -> Any:
    """The case in the precision that the method offers."""
    return subject.case if method.fast else subject.case.at("exact")


def square_pixels(subject: ChosenImage) -> NDArray[np.uint8]:
    """The square that the model sees, at the picture's own resolution, (side, side, 3)."""
    left, top, right, bottom = square_edges(subject)
    return enlarged(subject.picture.pixels[top:bottom, left:right])


def square_behind(subject: ChosenImage) -> Slice | None:
    """The same square of the scan that the picture is from; None without a scan."""
    behind = subject.picture.behind
    return behind and behind.cropped(*square_edges(subject))


def square_edges(subject: ChosenImage) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole px."""
    height, width = subject.picture.pixels.shape[:2]
    left, top, right, bottom = (round(edge) for edge in subject.crop.box(width, height))
    return left, top, right, bottom
