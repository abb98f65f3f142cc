"""The form of the Forget view: data, model, what is to be forgotten, and the ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from PIL import Image

from components import forms, lab_upload, models
from components.encoding import data_url, saved
from components.forget_asked import KEY, Asked, named_case, thumb_pixels
from components.links import refuse
from components.notices import plain, spoken
from components.thumbs import Thumb, thumbs
from components.views import DATA_AND_MODELS
from engine import data as data_sets
from engine.data import DataSet
from engine.data.registry import UPLOAD
from engine.errors import BlindspotError
from engine.gallery import FORGOTTEN
from engine.models import catalog
from engine.models.catalog import Entry
from engine.models.classifier import Classifier
from engine.unlearning import UNLEARNERS, ForgetRequest, NoOp, Retrain, Unlearner, request

PAGE = 48  # pictures to pick from at once
THUMB = 56  # px
LEAST, MOST = 0.01, 0.99  # shares
MOST_SEEDS = 10
WAYS: Mapping[str, type[Unlearner]] = {
    kind.title: kind for kind in UNLEARNERS if kind not in {Retrain, NoOp}
}


def choose() -> Asked:
    """What is asked; the page ends here, with the reason said, where it cannot be."""
    found: Asked | None = None
    with spoken():
        left, middle, right = st.columns([3, 3, 3])
        with left:
            name = choose_data()
        with st.spinner("Making the images; the first time this may take some seconds"):
            data = data_sets.load(name)
        with middle:
            model = choose_model(name)
        with right:
            what = choose_what()
        wanted = choose_request(data, what)
        case = named_case(model, data, wanted, 0)
        st.caption(told(data, len(case.splits.forget), len(case.splits.retain)))
        methods, seeds = choose_ways()
        found = Asked(case, (NoOp(), *methods), seeds)
    if found is None:
        st.stop()
    return found


def told(data: DataSet, forget: int, retain: int) -> str:
    """How much is to be forgotten."""
    return plain(
        f"{forget:,} of {forget + retain:,} training images of {data.card.title} are to be "
        "forgotten."
    )


# ---------------------------------------------------------------- data and model


def choose_data() -> str:
    """The name of the data, of those that a model here has learnt from."""
    offered = titles()
    key = f"{KEY}.data"
    refuse(key, offered, "Data", "data that a model here has learnt from")
    if st.session_state.get(key) not in {None, *offered}:
        del st.session_state[key]
    first = list(offered.values()).index(FORGOTTEN.data)
    title = st.selectbox(
        "Data", list(offered), first, key=key, bind="query-params", persist_state="session",
        help="What a model learnt from, since it can forget nothing else. Train one on other data, "
        f"on a variant with wrong labels or planted images, or on your own under "
        f"{DATA_AND_MODELS.title}; it then stands here.",
    )  # fmt: skip
    return offered[title]


def titles() -> dict[str, str]:
    """Every data set that a model here has learnt from and that can be had, by title."""
    own = {one.data.name: title for title, one in lab_upload.held().items()}
    found: dict[str, str] = {}
    for one in catalog.small():
        if not one.data or one.data in found.values():
            continue
        base, _, changes = one.data.partition("+")
        try:
            title = own.get(base) or data_sets.entry(base).card.title
        except BlindspotError:
            continue  # of another session, or of a data set that is no more
        if base.startswith(UPLOAD) and base not in own:
            continue
        settings = base.partition(":")[2] if base not in own else ""
        found[" · ".join(word for word in (title, settings, changes) if word)] = one.data
    return found


def choose_model(name: str) -> Classifier:
    """The model, of those that learnt from the data."""
    offered = {models.shown(one).strip(): one for one in catalog.small() if one.data == name}
    key = f"{KEY}.model"
    refuse(key, offered, "Model", "one that has learnt from this data")
    if st.session_state.get(key) not in {None, *offered}:
        del st.session_state[key]
    line = st.selectbox(
        "Model", list(offered), usual(offered), key=key, bind="query-params",
        persist_state="session",
        help="It is never changed: what forgets is a copy.",
    )  # fmt: skip
    return catalog.load(offered[line].name)


def usual(offered: Mapping[str, Entry]) -> int:
    """The place of the model that the view opens with."""
    names = [one.name for one in offered.values()]
    return names.index(FORGOTTEN.model) if FORGOTTEN.model in names else 0


# ---------------------------------------------------------------- what to forget


def choose_what() -> str:
    """Which kind of images."""
    key = f"{KEY}.what"
    refuse(key, REQUESTS, "To be forgotten", "one of " + ", ".join(REQUESTS))
    return st.selectbox(
        "To be forgotten", list(REQUESTS), key=key, bind="query-params", persist_state="session"
    )


def choose_request(data: DataSet, what: str) -> ForgetRequest:
    """The images."""
    return REQUESTS[what](data)


def of_class(data: DataSet) -> ForgetRequest:
    """A whole class."""
    with st.columns(2)[0]:
        return request.of_class(data, choose_class(data))


def of_share(data: DataSet) -> ForgetRequest:
    """A share of a class."""
    left, right = st.columns(2)
    with left:
        label = choose_class(data)
    with right:
        return request.of_class(data, label, choose_share(0.5))


def of_group(data: DataSet) -> ForgetRequest:
    """All images of one patient, or whatever the groups are."""
    with st.columns(2)[0]:
        return request.of_group(data, choose_group(data))


def at_random(data: DataSet) -> ForgetRequest:
    """A share of all."""
    with st.columns(2)[0]:
        return request.at_random(data, choose_share(0.1))


def picked(data: DataSet) -> ForgetRequest:
    """Those that were pressed; the page ends here while there is none."""
    ids = pick(data)
    if not ids:
        st.info("Nothing is to be forgotten yet: choose at least one image.")
        st.stop()
    return request.picked(data, ids)


def choose_class(data: DataSet) -> int:
    """Its number."""
    key = f"{KEY}.class"
    refuse(key, data.classes, "Class", f"a class of {data.card.title}")
    if st.session_state.get(key) not in {None, *data.classes}:
        del st.session_state[key]
    first = FORGOTTEN.label if data.name == FORGOTTEN.data else 0
    return data.classes.index(
        st.selectbox("Class", data.classes, first, key=key, bind="query-params",
                     persist_state="session")
    )  # fmt: skip


def choose_group(data: DataSet) -> int:
    """One of the groups that were learnt from; 0 where nothing is known of groups."""
    if "group" not in data.truth:
        return 0
    groups = sorted({int(one) for one in data.truth["group"][data.rows("train")]})
    key = f"{KEY}.group"
    refuse(key, [str(one) for one in groups], "Group", f"a group of {data.card.title}")
    if st.session_state.get(key) not in {None, *groups}:
        del st.session_state[key]
    return st.selectbox("Group", groups, key=key, bind="query-params", persist_state="session")


def choose_share(start: float) -> float:
    """Of the class, or of all."""
    key = f"{KEY}.share.{start:g}"
    refuse(key, is_share, "Share", f"from {LEAST} to {MOST}")
    return st.slider(
        "Share", LEAST, MOST, start, LEAST, format="percent", key=key, bind="query-params",
        persist_state="session", help="Drawn evenly; the same share is always the same images.",
    )  # fmt: skip


def is_share(word: str) -> bool:
    """Whether a word from a link is a share that can be chosen."""
    try:
        return LEAST <= float(word) <= MOST
    except ValueError:
        return False


def pick(data: DataSet) -> list[int]:
    """Ids that were pressed in the grid, or typed."""
    key = f"{KEY}.ids"
    typed = st.text_input(
        "Ids of the images", key=key, bind="query-params", persist_state="session",
        placeholder="press pictures below, or type ids with commas",
    )  # fmt: skip
    chosen = numbers(typed or "")
    left, right = st.columns(2)
    with left:
        every = st.selectbox("Show the class", ["all", *data.classes], key=f"{KEY}.grid.class")
    rows = data.rows("train")
    if every != "all":
        rows = rows[data.labels[rows] == data.classes.index(every)]
    pages = max(-(-len(rows) // PAGE), 1)
    if st.session_state.get(f"{KEY}.grid.page", 1) > pages:
        st.session_state[f"{KEY}.grid.page"] = pages
    with right:
        page = st.number_input(f"Page (of {pages})", 1, pages, key=f"{KEY}.grid.page")
    grid(data, rows[(page - 1) * PAGE : page * PAGE].tolist(), chosen)
    return chosen


def numbers(typed: str) -> list[int]:
    """The ids in a text. Raises BlindspotError for a word that is none."""
    words = [word.strip() for word in typed.split(",") if word.strip()]
    if wrong := [word for word in words if not word.isdecimal() or len(word) > 18]:
        raise BlindspotError(f"“{wrong[0][:40]}” is no id: type whole numbers with commas.")
    return [int(word) for word in words]


def grid(data: DataSet, rows: Sequence[int], chosen: Sequence[int]) -> None:
    """Pictures that can be pressed; pressed again, one is left out again."""

    def press(number: int) -> None:
        now = [one for one in chosen if one != number]
        now += [number] if number not in chosen else []
        st.session_state[f"{KEY}.ids"] = ", ".join(map(str, now))

    pressed = set(chosen)
    shown = [thumb(data, row, int(data.ids[row]) in pressed) for row in rows]
    thumbs(shown, "Training images; press those to be forgotten", f"{KEY}.grid", press)


def thumb(data: DataSet, row: int, chosen: bool, label: str = "", size: int = THUMB) -> Thumb:
    """A picture to press."""
    picture = Image.fromarray(thumb_pixels(data, row))
    kind = Image.Resampling.NEAREST if max(picture.size) < size else Image.Resampling.LANCZOS
    source = data_url("png", saved(picture.resize((size, size), kind), "PNG"))
    words = label or f"{data.ids[row]}: {data.classes[data.labels[row]]}"
    return Thumb(int(data.ids[row]), words, source, chosen)


REQUESTS: Mapping[str, Callable[[DataSet], ForgetRequest]] = {
    "a class": of_class,
    "a share of a class": of_share,
    "a group (patient)": of_group,
    "images at random": at_random,
    "picked images": picked,
    "wrong labels": request.wrong_labels,
    "planted images": request.planted,
}


# ---------------------------------------------------------------- ways


def choose_ways() -> tuple[tuple[Unlearner, ...], int]:
    """The ways with their settings, and how often each is run."""
    key = f"{KEY}.ways"
    usual_ways = [kind.title for kind in FORGOTTEN.ways]
    refuse(key, WAYS, "Ways to forget", "some of " + ", ".join(WAYS))
    picked = st.pills(
        "Ways to forget", list(WAYS), selection_mode="multi", default=usual_ways, key=key,
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
