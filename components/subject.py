"""The sidebar: one image, one model, one target, kept while pages change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import models, runs
from components.bars import Bar, bars
from components.rectangle import Box, rectangle
from engine.case import ImageCase, image_case
from engine.device import PRECISIONS
from engine.errors import BadImage
from engine.images import Crop, Picture, read
from engine.method import Precision
from engine.models.classifier import Classifier
from engine.prediction import Prediction, best
from engine.result import Scores
from engine.samples import SAMPLES, sample
from engine.target import READINGS, Reading, Target

YOURS = "Your image"


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
    crop = choose_crop(picture)
    st.subheader("Model")
    model = models.choose()
    if model is None:
        return
    plain = image_case(model, picture, crop, Target(0))
    outcome = runs.ask(Prediction(), plain, "subject.prediction")
    if not isinstance(outcome, runs.Answer):
        runs.watch([outcome])
        return
    st.subheader("What the model says")
    target = choose_target(outcome["classes"], model)
    with st.expander("How it is scored"):
        reading, precision, seed = choose_numbers(model)
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
    return f"Asking **{case.model.title}** about **{asked}**, read as a {case.target.reading}."


def square_pixels(subject: Subject) -> NDArray[np.uint8]:
    """The square that the model sees, at the picture's own resolution, (side, side, 3)."""
    height, width = subject.picture.pixels.shape[:2]
    left, top, right, bottom = (round(edge) for edge in subject.crop.box(width, height))
    return subject.picture.pixels[top:bottom, left:right]


def choose_picture() -> tuple[Picture, str]:
    """A sample or an upload; a file that cannot be read leaves the picture that was there."""
    titles = {one.title: one.name for one in SAMPLES}
    shown = [*titles, *([YOURS] if "subject.upload" in st.session_state else [])]
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
        st.error(problem, icon=":material/error:")
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


def choose_crop(picture: Picture) -> Crop:
    """The square that the model sees, moved on the picture; a square picture is seen whole."""
    height, width = picture.pixels.shape[:2]
    side = min(height, width)
    if height == width:
        st.image(picture.pixels, output_format="PNG", width="stretch")
        st.caption("The model sees the whole picture.")
        return Crop()
    left, top, *_ = Crop().box(width, height)
    start = Box(left / width, top / height, side / width, side / height)
    box = rectangle(
        picture.pixels,
        start,
        key="subject.crop",
        fixed_size=True,
        words="The square that the model sees: drag it, or move it with the arrow keys",
    )
    st.caption("The model sees the square; drag it to look elsewhere.")
    free_x, free_y = width - side, height - side
    return Crop(
        min(box.left * width / free_x, 1.0) if free_x else 0.5,
        min(box.top * height / free_y, 1.0) if free_y else 0.5,
    )


def choose_target(scores: Scores, model: Classifier) -> Target:
    """The class asked about: the model's first word, a clicked bar, or any by name."""
    labels = list(model.labels)
    top = best(scores)
    above = st.container()  # the bars stand first, but need what is chosen below them
    named = st.selectbox(
        "Ask about",
        labels,
        index=None,
        placeholder=f"{labels[top[0][0]]} (the model's first)",
        key="target",
        bind="query-params",
    )
    index = labels.index(named) if named else top[0][0]
    rather = st.selectbox(
        "Rather than",
        [label for label in labels if label != labels[index]],
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


def choose_numbers(model: Classifier) -> tuple[Reading, Precision, int]:
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
    offered = PRECISIONS if model.offers_fast else PRECISIONS[:1]
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
    seed = st.number_input("Seed", 0, 9999, 0, key="seed", bind="query-params")
    return reading, precision, int(seed)
