"""The form: what is to be forgotten, the ways, the data and the model, and the way looked at."""

import streamlit as st

from components import forms, uploads
from components.case_form import CaseForm
from components.ending import end
from components.forget import request, train
from components.forget.asked import KEY, ForgetQuestion, MethodDetail
from components.forget.verdict import closest_method
from components.forget.words import BEFORE, GOAL
from components.notices import escape_markdown, show_problems
from engine.commands.openings.unlearning import FORGOTTEN
from engine.core import run
from engine.unlearning import (
    UNLEARNERS,
    AfterCase,
    BoardCase,
    ForgetCase,
    NoOp,
    Retrain,
    Scoreboard,
    Unlearner,
    forget_case,
)
from engine.unlearning.request_text import RequestParts
from engine.vision import data as data_sets
from engine.vision.models import catalog


def choose() -> tuple[ForgetQuestion, MethodDetail | None]:
    """What is asked, and once that is known the way that is looked at; the page ends here, with the
    reason said, where nothing can be asked.
    """
    uploaded = {imported.data.name: title for title, imported in uploads.session_uploads().items()}
    form = CaseForm(BoardCase, KEY, {"own": uploaded}, kept=True)
    question_and_detail: tuple[ForgetQuestion, MethodDetail | None] | None = None
    with show_problems():
        (what, request_place, way), wide, ways = st.columns(3), st.container(), st.container()
        with st.sidebar:
            st.header("Model and its data")
            train.follow(form)
            name = form.ask("data", first=FORGOTTEN.data, rule="what a model here has learned from")
        with st.spinner("Making the images; the first time this may take some seconds"):
            data = data_sets.load(name)
        with st.sidebar:
            model = catalog.load(form.ask("model", rule="one that has learned from this data"))
        parts = CaseForm(RequestParts, KEY, {"data": data}, kept=True)
        with what:
            parts.ask("what")
        with wide:
            case = forget_case(model, data, request.choose(parts, data, model, request_place))
            st.caption(forget_size(case))
        with ways:
            methods, scoreboard = choose_ways(form)
        question = ForgetQuestion(scoreboard, BoardCase(case, (NoOp(), *methods)))
        with way:
            question_and_detail = question, choose_closer(question)
    if question_and_detail is None:
        end()
    return question_and_detail


def forget_size(case: ForgetCase) -> str:
    forget, retain = len(case.splits.forget), len(case.splits.retain)
    return escape_markdown(
        f"{forget:,} of {forget + retain:,} training images of {case.data.card.title} are to be "
        "forgotten."
    )


def choose_closer(question: ForgetQuestion) -> MethodDetail | None:
    stored_answer = run.kept_answer(question.method, question.case)
    if stored_answer is None:
        return None
    ways = question.case.methods
    tried = {method.name: method for method in ways if method.label not in {GOAL, BEFORE}}
    if not tried:
        st.info("Choose at least one way to forget, to see what it does.")
        return None
    nearest = next(
        (
            tried_way.name
            for tried_way in tried.values()
            if tried_way.label == closest_method(stored_answer["table"])
        ),
        None,
    )
    form = CaseForm(AfterCase, KEY)
    way = form.ask("way", first=nearest, only=lambda option: option.name in tried)
    return MethodDetail(question, AfterCase(question.case.case, tried[way]), stored_answer["table"])


def choose_ways(form: CaseForm) -> tuple[list[Unlearner], Scoreboard]:
    kinds = {
        unlearner.name: unlearner for unlearner in UNLEARNERS if unlearner not in {Retrain, NoOp}
    }
    chosen = [kinds[name] for name in form.ask("ways", only=lambda option: option.name in kinds)]
    forms.refuse_links(Scoreboard, KEY)
    for kind in chosen:
        forms.refuse_links(kind, f"{KEY}.{kind.name}")
    with st.popover("Settings of the ways"):
        scoreboard = Scoreboard(**forms.settings(Scoreboard, KEY))
        methods = []
        for kind in chosen:
            st.markdown(f"**{escape_markdown(kind.title)}**")
            methods.append(kind(**forms.settings(kind, f"{KEY}.{kind.name}")))
    return methods, scoreboard
