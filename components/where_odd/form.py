"""What Where is it odd? asks: normal images, how many of them, and a localizer."""

from dataclasses import fields
from typing import Any

import streamlit as st

from components import forms, uploads
from components.case_form import CaseForm
from components.normal_images import follow_image, normal_source_for_image
from components.notices import escape_markdown
from components.picks import pick
from components.sidebar.subject import Subject
from engine.anomaly import LOCALIZERS, FamiliarCase, Localizer
from engine.core.question import Question
from engine.evaluation.detection import sources

KEY = "where"
OWN_HELP = (
    "Two pictures at least, about 64 for a threshold at 5 % false alarms. They stay in this "
    "session's memory."
)
PIECES = 16  # squares that a large normal picture is cut into, for tiles
MAIN_SETTINGS = ("normals", "alpha")  # settings that stand beside the picture


WhereQuestion = Question[Localizer, FamiliarCase]


def choose(subject: Subject) -> WhereQuestion:
    """Normal images and localizer. Raises BlindspotError without a case."""
    left, middle, right = st.columns(3, gap="large")
    model, seed = subject.case.model, subject.case.seed
    form = CaseForm(FamiliarCase, KEY, {"model": model})
    with left:
        uploaded, usual = uploads.session_data_sets(KEY), normal_source_for_image(subject)
        follow_image(form, usual, uploaded)
        normal = form.ask("normal", own=uploaded, first=usual)
        if isinstance(normal, str):
            with st.spinner("Making the images; the first time this may take some seconds"):
                normal = sources.normal(normal)
    group = sources.group_of(subject.arguments.get("image", ""), normal)
    case = FamiliarCase(model, subject.case.image, normal, None, group, seed)
    return Question(choose_method(case, middle, right), case, form.known(subject.arguments))


def choose_method(case: FamiliarCase, middle: Any, right: Any) -> Localizer:
    fitting = {kind.title: kind for kind in LOCALIZERS if not kind.unmet(case)}
    if not fitting:
        first = LOCALIZERS[0]
        first().check(case)  # says why
    with middle:
        kind = fitting[pick("Localizer", list(fitting), f"{KEY}.localizer", "pills")]
        key = f"{KEY}.{kind.name}"
        forms.refuse_links(kind, key)
        names = [spec.name for spec in fields(kind) if spec.name not in MAIN_SETTINGS]
        with st.popover("Settings"):
            rest = forms.settings(kind, key, names)
    with right:
        return kind(**forms.settings(kind, key, MAIN_SETTINGS), **rest)


def normal_images_text(question: WhereQuestion) -> str:
    card = question.case.normal.card
    return escape_markdown(f"Normal images: {card.title}. {card.about} {card.made}")
