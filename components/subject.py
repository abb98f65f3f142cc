"""The sidebar: one image, one model, one target, kept while pages change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import models, runs
from components.bars import Bar, bars
from components.links import refuse
from components.notices import plain
from components.rectangle import Box, rectangle
from engine.case import ImageCase, image_case
from engine.device import PRECISIONS
from engine.errors import BadImage
from engine.images import Crop, Picture, read
from engine.method import Precision
from engine.models.classifier import Classifier
from engine.prediction import Prediction, best
from engine.result import Scores
from engine.run import Answer
from engine.samples import SAMPLES, sample
from engine.target import READINGS, Reading, Target

YOURS = "Your image"
MOST_SEED = 9999


@dataclass(frozen=True)
class Subject:
    """What every page asks about."""

    name: str  # the sample's name, or "" for an upload
    picture: Picture
    crop: Crop
    case: ImageCase


def draw() -> None:
    """Draw the sidebar and keep the subject for the pages."""
    st.session_state.pop("subject", None)
    st.subheader("Image")
    picture, name = choose_picture()
    crop = choose_crop(picture, name)
    st.subheader("Model")
    model = models.choose()
    if model is None:
        return
    plain = image_case(model, picture, crop, Target(0))
    outcome = runs.ask(Prediction(), plain, "subject.prediction")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    st.subheader("What the model says")
    target = choose_target(outcome["classes"], model)
    offered = PRECISIONS if model.offers_fast else PRECISIONS[:1]
    refuse("reading", READINGS, "Read the score as", "one of " + ", ".join(READINGS))
    refuse("precision", offered, "Precision", " or ".join(offered))
    refuse("seed", is_seed, "Seed", f"a whole number from 0 to {MOST_SEED}")
    with st.expander("How it is scored"):
        reading, precision, seed = choose_numbers(offered)
    case = image_case(model, picture, crop, replace(target, reading=reading), precision, seed)
    st.session_state["subject"] = Subject(name, picture, crop, case)


def current() -> Subject:
    """The subject of this run; the page ends here with a sentence when there is none."""
    subject: Subject | None = st.session_state.get("subject")
    if subject is None:
        st.info("Choose an image and a model in the sidebar; this page then shows its answer.")
        st.stop()
    return subject


def question(subject: Subject) -> str:
    """The question of the page in words."""
    case = subject.case
    asked = case.target.words(case.model.labels)
    return (
        f"Asking **{plain(case.model.title)}** about **{plain(asked)}**, "
        f"read as a {case.target.reading}."
    )


def square_pixels(subject: Subject) -> NDArray[np.uint8]:
    """The square that the model sees, at the picture's own resolution, (side, side, 3)."""
    height, width = subject.picture.pixels.shape[:2]
    left, top, right, bottom = (round(edge) for edge in subject.crop.box(width, height))
    return subject.picture.pixels[top:bottom, left:right]


def choose_picture() -> tuple[Picture, str]:
    """A sample or an upload; a file that cannot be read leaves the picture that was there."""
    titles = {one.title: one.name for one in SAMPLES}
    shown = [*titles, *([YOURS] if "subject.upload" in st.session_state else [])]
    refuse("image", shown, "Image", "a sample; images of your own are not part of a link")
    picked = st.selectbox(
        "Sample or yours", shown, key="image", bind="query-params", label_visibility="collapsed"
    )
    st.file_uploader(
        "Open an image of yours",
        type=None,
        key="subject.file",
        on_change=take_upload,
        help="PNG, JPEG, TIFF, WebP, GIF or BMP, up to 50 MB. It stays in this session's memory.",
    )
    if problem := st.session_state.get("subject.problem"):
        st.error(plain(problem), icon=":material/error:")
    if picked == YOURS:
        picture: Picture = st.session_state["subject.upload"]
        name = ""
    else:
        name = titles[picked]
        picture = sample(name)
    for note in picture.notes:
        st.caption(note)
    return picture, name


def take_upload() -> None:
    """Read the file that was just opened, and switch to it when it is an image."""
    st.session_state.pop("subject.problem", None)
    given = st.session_state["subject.file"]
    if given is None:
        return
    try:
        st.session_state["subject.upload"] = read(given.getvalue(), given.name)
    except BadImage as error:
        st.session_state["subject.problem"] = str(error)
    else:
        st.session_state["image"] = YOURS


def choose_crop(picture: Picture, name: str) -> Crop:
    """The square that the model sees, moved on the picture; a square picture is seen whole."""
    height, width = picture.pixels.shape[:2]
    side = min(height, width)
    linked = linked_crop(name)
    if height == width:
        st.image(picture.pixels, output_format="PNG", width="stretch")
        st.caption("The model sees the whole picture.")
        return Crop()
    left, top, *_ = linked.box(width, height)
    start = Box(left / width, top / height, side / width, side / height)
    box = rectangle(
        picture.pixels,
        start,
        key="subject.crop",
        fixed_size=True,
        words="The square that the model sees: drag it, or move it with the arrow keys",
    )
    place = box.left * width / (width - side) if width > side else 0.5
    down = box.top * height / (height - side) if height > side else 0.5
    crop = linked if box == start else Crop(round(min(place, 1), 4), round(min(down, 1), 4))
    if crop == Crop() or not name:
        st.query_params.pop("crop", None)
    else:
        st.query_params["crop"] = f"{crop.x},{crop.y}"
    return crop


def linked_crop(name: str) -> Crop:
    """Where the link that opened this session put the square, for the picture it named."""
    if "subject.linked" not in st.session_state:
        st.session_state["subject.linked"] = name, read_crop(st.query_params.get("crop", ""))
    linked, crop = st.session_state["subject.linked"]
    return crop if name == linked else Crop()


def read_crop(asked: str) -> Crop:
    """The crop of a link; anything else is the middle."""
    try:
        x, y = (float(share) for share in asked.split(","))
    except ValueError:
        return Crop()
    return Crop(x, y) if all(0 <= share <= 1 for share in (x, y)) else Crop()


def choose_target(scores: Scores, model: Classifier) -> Target:
    """The class asked about: the model's first word, a clicked bar, or any by name."""
    labels = list(model.labels)
    top = best(scores)
    above = st.container()  # the bars stand first, but need what is chosen below them
    refuse("target", labels, "Ask about", f"a class of {model.title}")
    named = st.selectbox(
        "Ask about",
        labels,
        index=None,
        placeholder=f"{labels[top[0][0]]} (the model's first)",
        key="target",
        bind="query-params",
    )
    index = labels.index(named) if named else top[0][0]
    others = [label for label in labels if label != labels[index]]
    refuse("versus", others, "Rather than", f"another class of {model.title}")
    rather = st.selectbox(
        "Rather than",
        others,
        index=None,
        placeholder="anything else",
        key="versus",
        bind="query-params",
        help="Explain the difference between two classes: why this rather than that.",
    )
    rows = [Bar(i, label, value, chosen=i == index) for i, label, value in top]
    if index not in {row.index for row in rows}:
        rows.append(Bar(index, labels[index], float(scores.values[index]), chosen=True))
    with above:
        bars(rows, "subject.bars", lambda picked: st.session_state.update(target=labels[picked]))
        st.caption("Probability (softmax, not calibrated). Click a bar to ask about that class.")
    return Target(index, labels.index(rather) if rather else None)


def choose_numbers(offered: Sequence[Precision]) -> tuple[Reading, Precision, int]:
    """Reading, precision and seed."""
    reading = st.segmented_control(
        "Read the score as",
        READINGS,
        default="logit",
        required=True,
        key="reading",
        bind="query-params",
        help=(
            "Logit: the model's raw score, which keeps moving when the probability is near one. "
            "Probability: softmax. Margin: the logit less the best other class's."
        ),
    )
    precision = st.segmented_control(
        "Precision",
        offered,
        default="exact",
        required=True,
        key="precision",
        bind="query-params",
        help=(
            "Exact: float32. Fast: bfloat16 for methods that only look at the model's answers; "
            "good for exploring, not for figures. Fast results are labeled and kept apart."
        ),
    )
    seed = st.number_input("Seed", 0, MOST_SEED, 0, key="seed", bind="query-params")
    return reading, precision, int(seed)


def is_seed(asked: str) -> bool:
    """Whether a word from a link is a seed."""
    return asked.isdecimal() and int(asked) <= MOST_SEED
