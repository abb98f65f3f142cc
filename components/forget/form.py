"""The form: what is to be forgotten, the ways, the data and the model, and the way looked at."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from components import forms, sharing, uploads
from components.ending import end
from components.forget import request, train
from components.forget.asked import KEY, Closer, ForgetQuestion
from components.forget.verdict import best
from components.forget.words import BEFORE, GOAL, named
from components.links import refuse
from components.notices import plain, spoken
from components.picks import pick
from components.sidebar import models
from components.views import DATA_AND_MODELS
from engine import data as data_sets
from engine import run
from engine.errors import BlindspotError
from engine.models import catalog
from engine.models.classifier import Classifier
from engine.unlearning import (
    UNLEARNERS,
    ForgetCase,
    NoOp,
    Retrain,
    Scoreboard,
    Unlearner,
    forget_case,
)
from engine.unlearning.opening import FORGOTTEN

WAYS: Mapping[str, type[Unlearner]] = {
    kind.title: kind for kind in UNLEARNERS if kind not in {Retrain, NoOp}
}


def choose() -> tuple[ForgetQuestion, Closer | None]:
    """What is asked, and once that is known the way that is looked at; the page ends here, with the
    reason said, where nothing can be asked.
    """
    found: tuple[ForgetQuestion, Closer | None] | None = None
    with spoken():
        (what, which, way), wide, ways = st.columns(3), st.container(), st.container()
        left, right = st.columns(2)
        with left:
            name = choose_data()
        with st.spinner("Making the images; the first time this may take some seconds"):
            data = data_sets.load(name)
        with right:
            model = choose_model(name)
        with what:
            kind = request.choose_what()
        with wide:
            case = forget_case(model, data, request.choose(data, model, kind, which))
            st.caption(told(case))
        with ways:
            methods, scoreboard = choose_ways()
        asked = ForgetQuestion(case, (NoOp(), *methods), scoreboard)
        with way:
            found = asked, choose_closer(asked)
    if found is None:
        end()
    return found


def told(case: ForgetCase) -> str:
    """How much is to be forgotten."""
    forget, retain = len(case.splits.forget), len(case.splits.retain)
    return plain(
        f"{forget:,} of {forget + retain:,} training images of {case.data.card.title} are to be "
        "forgotten."
    )


def choose_closer(asked: ForgetQuestion) -> Closer | None:
    """The way that is looked at, at first the one that came nearest; None where there is none."""
    known = run.known(asked.scoreboard, asked.board)
    if known is None:
        return None
    offered = {named(one.label): one for one in asked.methods if one.label not in {GOAL, BEFORE}}
    if not offered:
        st.info("Choose at least one way to forget, to see what it does.")
        return None
    nearest = named(best(known["table"]))
    first = nearest if nearest in offered else None
    way = offered[pick("Look closer at", list(offered), f"{KEY}.closer", first=first)]
    return Closer(asked, way, known["table"])


def choose_data() -> str:
    """The name of the data, of those that a model here has learned from."""
    offered, key = titles(), f"{KEY}.data"
    train.follow(offered, key)
    title = pick(
        "Data", list(offered), key, rule="data that a model here has learned from",
        first=next(title for title, name in offered.items() if name == FORGOTTEN.data),
        help="What a model learned from, since it can forget nothing else. Train one on other data "
        f"or on your own under {DATA_AND_MODELS.title}; it then stands here. For wrong labels or "
        "planted images one is trained here, when you choose to have these forgotten.", kept=True,
    )  # fmt: skip
    return offered[title]


def titles() -> dict[str, str]:
    """Every data set that a model here has learned from and that can be had, by title."""
    own = {one.data.name: title for title, one in uploads.held().items()}
    found: dict[str, str] = {}
    for name in dict.fromkeys(one.data for one in catalog.small()):
        if not name or not sharing.may_see(name):
            continue
        base, _, changes = name.partition("+")
        try:
            title = own.get(base) or data_sets.entry(base).card.title
        except BlindspotError:
            continue  # of another session, or of a data set that is no more
        settings = base.partition(":")[2] if base not in own else ""
        found[" · ".join(word for word in (title, settings, changes) if word)] = name
    return found


def choose_model(name: str) -> Classifier:
    """The model, of those that learned from the data."""
    offered = {models.shown(one).strip(): one.name for one in catalog.small() if one.data == name}
    usual = (line for line, own in offered.items() if own == FORGOTTEN.model)
    line = pick(
        "Model", list(offered), f"{KEY}.model", first=next(usual, None),
        rule="one that has learned from this data",
        help="It is never changed: what forgets is a copy.", kept=True,
    )  # fmt: skip
    return catalog.load(offered[line])


def choose_ways() -> tuple[list[Unlearner], Scoreboard]:
    """The ways with their settings, and how often each is run."""
    key, usual = f"{KEY}.ways", [kind.title for kind in FORGOTTEN.ways]
    refuse(key, WAYS, "Ways to forget", "some of " + ", ".join(WAYS))
    picked = st.pills(
        "Ways to forget", list(WAYS), selection_mode="multi", default=usual, key=key,
        bind="query-params", persist_state="session",
    )  # fmt: skip
    kinds = [WAYS[title] for title in picked]
    forms.refuse_links(Scoreboard, KEY)
    for kind in kinds:
        forms.refuse_links(kind, f"{KEY}.{kind.name}")
    with st.popover("Settings of the ways"):
        scoreboard = Scoreboard(**forms.settings(Scoreboard, KEY))
        methods = []
        for kind in kinds:
            st.markdown(f"**{plain(kind.title)}**")
            methods.append(kind(**forms.settings(kind, f"{KEY}.{kind.name}")))
    return methods, scoreboard
