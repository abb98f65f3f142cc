"""The form: what is to be forgotten, the ways, the data and the model, and the way looked at."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from components import forms, sharing, uploads
from components.forget import request, train
from components.forget.asked import KEY, Asked, Closer, case_of
from components.forget.verdict import best
from components.forget.words import WORDS, named
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
from engine.unlearning import UNLEARNERS, ForgetCase, NoOp, Retrain, Unlearner
from engine.unlearning.opening import FORGOTTEN

MOST_SEEDS = 10
WAYS: Mapping[str, type[Unlearner]] = {
    kind.title: kind for kind in UNLEARNERS if kind not in {Retrain, NoOp}
}


def choose() -> tuple[Asked, Closer | None]:
    """What is asked, and once that is known the way that is looked at; the page ends here, with the
    reason said, where nothing can be asked.
    """
    found: tuple[Asked, Closer | None] | None = None
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
            case = case_of(model, data, request.choose(data, model, kind, which))
            st.caption(told(case))
        with ways:
            methods, seeds = choose_ways()
        asked = Asked(case, (NoOp(), *methods), seeds)
        with way:
            found = asked, choose_closer(asked)
    if found is None:
        st.stop()
    return found


def told(case: ForgetCase) -> str:
    """How much is to be forgotten."""
    forget, retain = len(case.splits.forget), len(case.splits.retain)
    return plain(
        f"{forget:,} of {forget + retain:,} training images of {case.data.card.title} are to be "
        "forgotten."
    )


def choose_closer(asked: Asked) -> Closer | None:
    """The way that is looked at, at first the one that came nearest; None where there is none."""
    known = run.known(asked.scoreboard, asked.board)
    if known is None:
        return None
    offered = {named(one.label): one for one in asked.methods if one.label not in WORDS}
    if not offered:
        st.info("Choose at least one way to forget, to see what it does.")
        return None
    nearest = named(best(known["table"]))
    first = nearest if nearest in offered else None
    way = offered[pick("Look closer at", list(offered), f"{KEY}.closer", first=first)]
    return Closer(asked, way, known["table"])


# ---------------------------------------------------------------- data and model


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
    for one in catalog.small():
        if not one.data or one.data in found.values() or not sharing.may_see(one.data):
            continue
        base, _, changes = one.data.partition("+")
        try:
            title = own.get(base) or data_sets.entry(base).card.title
        except BlindspotError:
            continue  # of another session, or of a data set that is no more
        settings = base.partition(":")[2] if base not in own else ""
        found[" · ".join(word for word in (title, settings, changes) if word)] = one.data
    return found


def choose_model(name: str) -> Classifier:
    """The model, of those that learned from the data."""
    offered = {models.shown(one).strip(): one for one in catalog.small() if one.data == name}
    usual = (line for line, one in offered.items() if one.name == FORGOTTEN.model)
    line = pick(
        "Model", list(offered), f"{KEY}.model", first=next(usual, None),
        rule="one that has learned from this data",
        help="It is never changed: what forgets is a copy.", kept=True,
    )  # fmt: skip
    return catalog.load(offered[line].name)


# ---------------------------------------------------------------- ways


def choose_ways() -> tuple[tuple[Unlearner, ...], int]:
    """The ways with their settings, and how often each is run."""
    key, usual = f"{KEY}.ways", [kind.title for kind in FORGOTTEN.ways]
    refuse(key, WAYS, "Ways to forget", "some of " + ", ".join(WAYS))
    picked = st.pills(
        "Ways to forget", list(WAYS), selection_mode="multi", default=usual, key=key,
        bind="query-params", persist_state="session",
    )  # fmt: skip
    kinds = [WAYS[title] for title in picked]
    for kind in kinds:
        forms.refuse_links(kind, f"{KEY}.{kind.name}")
    with st.popover("Settings of the ways"):
        seeds = st.slider(
            "Seeds", 1, MOST_SEEDS, 1, key=f"{KEY}.seeds", bind="query-params",
            persist_state="session",
            help="How often each way is run, with a retraining of its own each time.",
        )  # fmt: skip
        return tuple(settings(kind) for kind in kinds), seeds


def settings(kind: type[Unlearner]) -> Unlearner:
    """One way with its settings."""
    st.markdown(f"**{plain(kind.title)}**")
    return kind(**forms.settings(kind, f"{KEY}.{kind.name}"))
