"""What Familiar? is asked: normal and unknown images, detector and line."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from components import uploads
from components.case_form import CaseForm
from components.forms import pick_method
from components.normal_images import follow_image, normal_source_for_model
from components.notices import show_problems
from components.picks import pick
from components.sidebar.subject import Subject
from engine.anomaly import DETECTORS, DataCase, Extract, FamiliarCase, ViM
from engine.core.question import Question
from engine.evaluation.detection import sources
from engine.evaluation.detection.detector import Detector
from engine.evaluation.detection.findings import ALPHA, percent
from engine.vision.data import DataSet

KEY = "familiar"
ALPHAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
PARTS = ("fit", "held", "unknown")  # of the images, in the order of the case's parts
OWN_HELP = (
    "Folders in it are classes where they have the model's names; none are needed. The pictures "
    "can then be chosen as normal or as unknown. They stay in this session's memory."
)


@dataclass(frozen=True, kw_only=True)
class JudgedImage(Question[Detector, FamiliarCase]):
    """The question, and what its answer is held against.

    Args:
        alpha: how often normal images may be flagged.
        unlike: whether the pixels are unlike the normal images, whatever the detector finds.
    """

    alpha: float
    unlike: bool


def choose(subject: Subject) -> JudgedImage:
    """Normal images, unknown images, detector and line. Raises BlindspotError without a case."""
    left, middle, right = st.columns(3)
    model, seed = subject.case.model, subject.case.seed
    form = CaseForm(FamiliarCase, KEY, {"model": model})
    uploaded = uploads.session_data_sets(KEY)
    with left:
        fitting_source = normal_source_for_model(subject)
        follow_image(form, fitting_source, uploaded)
        normal = form.ask("normal", own=uploaded, first=fitting_source)
    if isinstance(normal, str):
        normal = make_with_spinner(lambda: sources.normal(form.given["normal"]))
    with middle:
        other_uploads = {title: data for title, data in uploaded.items() if data is not normal}
        chosen_unknown = form.ask("unknown", own=other_uploads, off=True)
        unknown = None if isinstance(chosen_unknown, str) else chosen_unknown
        with show_problems():
            if chosen_unknown and unknown is None:
                unknown = make_with_spinner(
                    lambda: sources.unknown(chosen_unknown, normal, model, seed)
                )
    with right:
        alpha = choose_alpha()
    group = sources.group_of(subject.arguments.get("image", ""), normal)
    case = FamiliarCase(model, subject.case.image, normal, unknown, group, seed)
    unlike = subject.in_distribution.foreign and normal.name == sources.training_data_name(model)
    detector = pick_method(
        "Detector", DETECTORS, case, f"{KEY}.detector", KEY, first=ViM, offering=subject.case
    )
    known = form.known(subject.arguments)
    return JudgedImage(detector, case, known, alpha=alpha, unlike=unlike)


def make_with_spinner(make: Callable[[], DataSet]) -> DataSet:
    with st.spinner("Making the images; the first time this may take some seconds"):
        return make()


def choose_alpha() -> float:
    words = {percent(alpha): alpha for alpha in ALPHAS}
    picked = pick(
        "False alarms allowed",
        list(words),
        f"{KEY}.alpha",
        first=percent(ALPHA),
        name="False alarms",
        help="The line is drawn so that at most this share of normal images "
        "lies above it. It can also be dragged.",
    )
    return words[picked]


def feature_questions(question: JudgedImage) -> list[tuple[Extract, DataCase, str]]:
    """What a detector's answer rests on: features of the images, with their slots."""
    parts = zip(PARTS, question.case.parts, strict=True)
    return [(Extract(), part, f"{KEY}.{name}") for name, part in parts if part is not None]
