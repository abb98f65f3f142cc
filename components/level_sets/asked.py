"""What the Level sets view asks: how the walk goes, and from where to where."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

import streamlit as st

from components.forms import method_form, refuse_links, widget
from components.sidebar.partners import Partner
from components.sidebar.subject import Subject
from engine.attribution.lst import PUBLISHED
from engine.attribution.lst.method import LST
from engine.attribution.lst.settings import Walking
from engine.vision.case import ImageCase, PairCase, model_input
from engine.vision.case.target import Target
from engine.vision.images import Crop

KEY = "levels"
WalkT = TypeVar("WalkT", bound=Walking)


def walk_settings(subject: Subject) -> LST:
    refuse_links(LST, f"{KEY}.walk", subject.case)
    with st.popover("How the walk goes"):
        st.button(
            "The paper's settings",
            key=f"{KEY}.published",
            on_click=published,
            help="400 steps of 0.01: about twice as long as the usual ones.",
        )
        return method_form(LST, f"{KEY}.walk", subject.case)


def published() -> None:
    for name, value in PUBLISHED.items():
        st.session_state[f"{KEY}.walk.{name}"] = value
    st.session_state[f"{KEY}.walk.epsilon.on"] = True


def method_like(kind: type[WalkT], walk: LST, case: ImageCase) -> WalkT:
    """The method with the walk's settings, and widgets for those that are its own."""
    shared = walk.settings()
    refuse_links(kind, f"{KEY}.{kind.name}", case)
    return kind(
        **{
            spec.name: shared[spec.name]
            if spec.name in shared
            else widget(spec, f"{KEY}.{kind.name}.{spec.name}", case)
            for spec in fields(kind)
        }
    )


def pair(case: ImageCase, chosen: Sequence[Partner]) -> PairCase:
    """Source and targets; how the score is read makes no difference to a walk."""
    target = Target(case.target.index, case.target.versus)
    source = replace(case.at("exact"), target=target)
    return PairCase(
        source, tuple(model_input(partner.picture, Crop(), case.model) for partner in chosen)
    )
