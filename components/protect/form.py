"""What Protect data asks: how the image is protected, how strongly, and how it is copied."""

from dataclasses import fields
from typing import Any

import streamlit as st

from components import forms
from components.picks import pick
from components.sidebar.subject import Subject
from engine.core.question import Question
from engine.evaluation.experiment import ChangedImage
from engine.unlearning import ON_IMAGE, Copies, ProtectImage, RandomNoiseOnImage
from engine.vision.case import ImageCase

KEY = "protect"
KINDS: tuple[type[ChangedImage], ...] = (ProtectImage, *ON_IMAGE, RandomNoiseOnImage)
COPIED = f"{KEY}.{Copies.name}"
ProtectQuestion = Question[ChangedImage, ImageCase]


def strength(method: ChangedImage) -> str:
    spec = next(spec for spec in fields(method) if spec.name == method.main)
    label = spec.metadata["label"]
    value = getattr(method, spec.name)
    return f"{label[0].lower()}{label[1:]} {value:g}{spec.metadata['control'].unit}"


def choose(subject: Subject) -> ProtectQuestion:
    """The way to protect, its main setting as a slider, the others folded."""
    kinds = {kind.short: kind for kind in KINDS}
    kind = kinds[pick("Protect by", list(kinds), f"{KEY}.method", "pills")]
    key = f"{KEY}.{kind.name}"
    forms.refuse_links(kind, key)
    slider, more = st.columns([5, 1], vertical_alignment="bottom")
    with slider:
        main = forms.settings(kind, key, {kind.main})
    others = {spec.name for spec in fields(kind)} - {kind.main}
    with more.popover("Settings", width="stretch"):
        method = kind(**main, **forms.settings(kind, key, others))
    return Question(method, subject.case.at("exact"), subject.arguments)


def choose_copies() -> Copies:
    forms.refuse_links(Copies, COPIED)
    settings: dict[str, Any] = {}
    for place, spec in zip(st.columns(3), fields(Copies), strict=True):
        with place:
            settings |= forms.settings(Copies, COPIED, {spec.name})
    return Copies(**settings)
