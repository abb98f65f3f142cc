"""What Robustness asks: which attack, how large a change, and which classes in order."""

from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from functools import partial
from typing import Any

import streamlit as st

from components.forms import method_form, refuse_links, widget
from components.links import refuse
from components.own_words import may_link
from components.picks import pick
from components.sidebar.subject import Subject
from components.widgets.order import draw_order
from engine.attribution import ORDERED
from engine.attribution.quadattack.methods import OrderedAttack
from engine.attribution.quadattack.ordered_case import MOST, USUAL, drawn_order
from engine.attribution.robustness.gradient_steps import FGSM, PGD, GradientAttack
from engine.core.question import Question
from engine.core.result import distinct
from engine.vision.case import ImageCase
from engine.vision.case.target import Target

KEY = "robust"
SMALL = 64  # px; up to here everything takes seconds and runs by itself
KINDS: dict[str, type[GradientAttack]] = {kind.title: kind for kind in (PGD, FGSM)}
ORDERED_KINDS: dict[str, type[OrderedAttack]] = {kind.title: kind for kind in ORDERED}


AttackQuestion = Question[GradientAttack, ImageCase]  # of the image of the sidebar


def is_small(case: ImageCase) -> bool:
    return case.image.shape[-1] <= SMALL


def choose(chosen_subject: Subject) -> AttackQuestion:
    case = replace(chosen_subject.case.at("exact"), target=Target(chosen_subject.case.target.index))
    slider, choice, more = st.columns([5, 4, 2], gap="large", vertical_alignment="bottom")
    with choice:
        kind = KINDS[pick("Attack", list(KINDS), f"{KEY}.attack", "segments")]
    key = f"{KEY}.{kind.name}"
    refuse_links(kind, key, case)
    with slider:
        settings = {"epsilon": widget(spec_of(kind, "epsilon"), f"{KEY}.epsilon", case)}
    with more, st.popover("Settings", width="stretch"):
        settings |= {
            spec.name: widget(spec, f"{key}.{spec.name}", case)
            for spec in fields(kind)
            if spec.name not in settings
        }
    return Question(kind(**settings), case, chosen_subject.arguments)


def choose_ordered(question: AttackQuestion) -> OrderedAttack:
    choice, more = st.columns([5, 2], gap="large", vertical_alignment="bottom")
    with choice:
        kind = ORDERED_KINDS[pick("Found by", list(ORDERED_KINDS), f"{KEY}.by", "segments")]
    key = f"{KEY}.{kind.name}"
    refuse_links(kind, key, question.case)
    with more, st.popover("Settings", width="stretch"):
        return method_form(kind, key, question.case)


def spec_of(kind: type[GradientAttack], name: str) -> Field[Any]:
    return next(spec for spec in fields(kind) if spec.name == name)


def choose_order(question: AttackQuestion) -> tuple[int, ...]:
    """Classes in the order in which they were chosen; three by chance to begin with."""
    model, class_index = question.case.model, question.case.target.index
    names = distinct(model.labels)
    offered = [name for index, name in enumerate(names) if index != class_index]
    key, most = f"{KEY}.order", min(MOST, len(offered))
    linked = may_link(model)
    if linked:
        rule = f"classes of {model.title} but for “{names[class_index]}”, each once, at most {most}"
        refuse(key, order_check(offered, most), "Your order", rule, many=True)
    usual = [names[index] for index in drawn_order(len(names), class_index, USUAL)]
    if key in st.session_state:
        before: Sequence[str] = st.session_state[key]
        now = [name for name in dict.fromkeys(before) if name in offered][:most]
        if before and not now:  # classes of another model: by chance again
            now = usual
        if now != before:  # what is written here wins over a link to the page that is open
            st.session_state[key] = now
    chosen = st.multiselect(
        "Your order: the class that is to come first, then the second, …",
        offered,
        usual,
        key=key,
        max_selections=most,
        bind="query-params" if linked else None,
        help=f"Up to {most} classes, in the order in which you choose them; below, each can be "
        "moved.",
    )
    if len(chosen) > 1:
        draw_order(
            chosen,
            "Your order: the class that is to come first stands first",
            f"{key}.moved",
            partial(put, key),
        )
    return tuple(names.index(name) for name in chosen)


def order_check(offered: Sequence[str], most: int) -> Callable[[str], bool]:
    """Whether a link's next word can be in the list: an offered class, once, if there is room."""
    taken: list[str] = []

    def fits(word: str) -> bool:
        if word not in offered or word in taken or len(taken) == most:
            return False
        taken.append(word)
        return True

    return fits


def put(key: str, moved: Sequence[str]) -> None:
    """The list has the classes in another order; the link follows it."""
    st.session_state[key] = list(moved)
