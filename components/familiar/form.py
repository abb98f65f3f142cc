"""What Familiar? is asked: normal and unknown images, detector and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from components import uploads
from components.case_form import CaseForm
from components.forms import method_form, refuse_links
from components.notices import plain, spoken
from components.picks import pick
from components.sidebar.subject import Subject
from engine.anomaly import DETECTORS, DataCase, Extract, FamiliarCase, ViM, sources
from engine.anomaly.detectors.detector import Detector
from engine.anomaly.sources import PHOTOGRAPHS
from engine.arguments.normal import FamiliarArguments, group_of
from engine.data import DataSet
from engine.data.folders import SIDES, read_folders
from engine.errors import BadData
from engine.models.classifier import Classifier

KEY = "familiar"
ALPHAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
USUAL = "5 %"
PARTS = ("fit", "held", "unknown")  # of the images, in the order of the case's parts
MOST_MB = 500
GROUP_WORDS = {"phantoms": "patient", PHOTOGRAPHS: "photograph"}


@dataclass(frozen=True)
class FamiliarQuestion:
    """What the page asks.

    Args:
        case: the image among normal ones.
        method: the detector.
        alpha: how often normal images may be flagged.
        unlike: whether the pixels are unlike the normal images, whatever the detector finds.
        known: the arguments that the case does not know about itself.
    """

    case: FamiliarCase
    method: Detector
    alpha: float
    unlike: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)


def choose(subject: Subject) -> FamiliarQuestion:
    """Normal images, unknown images, detector and line. Raises BlindspotError without a case."""
    left, middle, right = st.columns(3)
    model, seed = subject.case.model, subject.case.seed
    form = CaseForm(FamiliarArguments, KEY, {"model": model})
    with left:
        normal = form.ask("normal", own=own())
    if isinstance(normal, str):
        normal = made(lambda: sources.normal(form.given["normal"]))
    with middle:
        mine = {title: data for title, data in own().items() if data is not normal}
        asked = form.ask("unknown", own=mine, off=True)
        unknown = None if isinstance(asked, str) else asked
        with spoken():
            if asked and unknown is None:
                unknown = made(lambda: sources.unknown(asked, normal, model, seed))
    with right:
        alpha = choose_alpha()
    group = group_of(subject.arguments.get("image", ""), normal)
    case = FamiliarCase(model, subject.case.image, normal, unknown, group, seed)
    unlike = subject.in_distribution.foreign and normal.name == sources.learned(model)
    detector = choose_detector(subject, case)
    return FamiliarQuestion(case, detector, alpha, unlike, form.known(subject.arguments))


def made(make: Callable[[], DataSet]) -> DataSet:
    """The images, with a spinner as long as they are made."""
    with st.spinner("Making the images; the first time this may take some seconds"):
        return make()


def choose_alpha() -> float:
    """How often a normal image may be flagged."""
    words = {f"{100 * one:g} %": one for one in ALPHAS}
    picked = pick(
        "False alarms allowed", list(words), f"{KEY}.alpha", first=USUAL, name="False alarms",
        help="The line is drawn so that at most this share of normal images lies above it. It can "
        "also be dragged.",
    )  # fmt: skip
    return words[picked]


def choose_detector(subject: Subject, case: FamiliarCase) -> Detector:
    """One detector with its settings; those that do not fit the model are named with the reason."""
    fitting = {kind.title: kind for kind in DETECTORS if not kind.unmet(case)}
    first = ViM.title if ViM.title in fitting else next(iter(fitting))
    picks, more = st.columns([6, 1], vertical_alignment="bottom")
    with picks:
        kind = fitting[pick("Detector", list(fitting), f"{KEY}.detector", "pills", first=first)]
    refuse_links(kind, f"{KEY}.{kind.name}", subject.case)
    with more.popover("Settings"):
        method = method_form(kind, f"{KEY}.{kind.name}", subject.case)
        if not kind.__dataclass_fields__:
            st.caption("It has none.")
    for one in DETECTORS:
        if reason := one.unmet(case):
            st.caption(plain(f"{one.title}: {reason}"))
    return method


def features(asked: FamiliarQuestion) -> list[tuple[Extract, DataCase, str]]:
    """What a detector's answer rests on: features of the images, with their slots."""
    parts = zip(PARTS, asked.case.parts, strict=True)
    return [(Extract(), part, f"{KEY}.{name}") for name, part in parts if part is not None]


def group_word(normal: DataSet) -> str:
    """What a group of these images is called."""
    return GROUP_WORDS.get(normal.name.partition(":")[0].partition("+")[0], "group")


# ---------------------------------------------------------------- images of one's own


def own() -> dict[str, DataSet]:
    """What was opened in this session, here or in the lab, by title."""
    lab = {title: found.data for title, found in uploads.held().items()}
    return lab | st.session_state.setdefault(f"{KEY}.own", {})


def open_own(model: Classifier) -> None:
    """A zip of images of one's own; a file that cannot be read leaves everything as it was."""
    st.file_uploader(
        "A zip of pictures", key=f"{KEY}.file", max_upload_size=MOST_MB, on_change=take,
        args=(model,),
        help="Folders in it are classes where they have the model's names; none are needed. The "
        "pictures can then be chosen as normal or as unknown. They stay in this session's memory.",
    )  # fmt: skip
    if problem := st.session_state.get(f"{KEY}.problem"):
        st.error(plain(problem), icon=":material/error:")


def take(model: Classifier) -> None:
    """Read the zip at the model's size, and offer it."""
    given = st.session_state[f"{KEY}.file"]
    st.session_state[f"{KEY}.problem"] = ""
    if given is None:
        return
    side = min(max(model.side, SIDES[0]), SIDES[1])
    try:
        found = read_folders(given.getvalue(), given.name, side, classless=True).data
    except BadData as error:
        st.session_state[f"{KEY}.problem"] = str(error)
        return
    data = uploads.without_name(found)
    st.session_state.setdefault(f"{KEY}.own", {})[data.card.title] = data
