"""Which images count as normal and which as unknown: by name, or a zip of one's own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from components.lab import upload
from components.links import let_go, refuse
from components.notices import plain, spoken
from components.sidebar.subject import Subject
from engine.anomaly import sources
from engine.anomaly.sources import PHOTOGRAPHS, Source
from engine.data import DataSet
from engine.data.folders import SIDES, read_folders
from engine.errors import BadData, BlindspotError
from engine.models.classifier import Classifier

KEY = "familiar"
NONE = "none"
MOST_MB = 500
YOURS = "Yours: "
GROUP_WORDS = {"phantoms": "patient", PHOTOGRAPHS: "photograph"}


def own() -> dict[str, DataSet]:
    """What was opened in this session, here or in the lab, by title."""
    held: dict[str, DataSet] = st.session_state.setdefault(f"{KEY}.own", {})
    lab = {f"{YOURS}{title}": found.data for title, found in upload.held().items()}
    return lab | held


def choose_normal(subject: Subject) -> DataSet | None:
    """The normal images; None, with the reason said, when they cannot be had."""
    model = subject.case.model
    offered = {one.title: one.name for one in sources.normal_sources(model)}
    titles = [*offered, *own()]
    key = f"{KEY}.normal"
    refuse(key, titles, "Normal images", "one that is offered here")
    let_go(key, titles)  # another model, for which they are not offered
    picked = st.selectbox(
        "Normal images", titles, key=key, bind="query-params",
        help="What the model is to find usual. None of them was used to draw the line: the scores "
        "that count are those of images that neither the model nor the detector has learned from.",
    )  # fmt: skip
    if picked in own():
        return own()[picked]
    return had(lambda: sources.normal(offered[picked]), "Making the images")


def choose_unknown(normal: DataSet, model: Classifier, seed: int) -> DataSet | None:
    """Unknown images to measure by, or None."""
    listed = sources.unknown_sources(normal)
    offered = {one.title: one.name for one in listed if not one.reason}
    mine = {title: data for title, data in own().items() if data is not normal}
    titles = [*offered, *mine, NONE]
    key = f"{KEY}.unknown"
    refuse(key, titles, "Unknown images", "one that is offered here")
    let_go(key, titles)
    picked = st.selectbox(
        "Unknown images, to measure by", titles, key=key, bind="query-params", help=reasons(listed)
    )
    if picked == NONE:
        return None
    if picked in mine:
        return mine[picked]
    return had(
        lambda: sources.unknown(offered[picked], normal, model, seed), "Making the unknown images"
    )


def had(make: Callable[[], DataSet], words: str) -> DataSet | None:
    """The images; None, with the reason said, when they cannot be had."""
    found: list[DataSet] = []
    with spoken(), st.spinner(f"{words}; the first time this may take some seconds"):
        found.append(make())
    return found[0] if found else None


def reasons(listed: tuple[Source, ...]) -> str:
    """What the unknown images are for, and what of them cannot be had."""
    missing = [f"{one.title}: {one.reason}." for one in listed if one.reason]
    return " ".join(["They show how often a detector finds what it should.", *missing])


def open_own(model: Classifier) -> None:
    """A zip of images of one's own; a file that cannot be read leaves everything as it was."""
    given = st.file_uploader(
        "A zip of pictures", key=f"{KEY}.file", max_upload_size=MOST_MB,
        help="Folders in it are classes where they have the model's names; none are needed. The "
        "pictures can then be chosen as normal or as unknown. They stay in this session's memory.",
    )  # fmt: skip
    if given is not None and st.session_state.get(f"{KEY}.taken") != given.file_id:
        st.session_state[f"{KEY}.taken"] = given.file_id
        take(given.getvalue(), given.name, model)
        if f"{KEY}.problem" not in st.session_state:
            st.rerun()
    if problem := st.session_state.get(f"{KEY}.problem"):
        st.error(plain(problem), icon=":material/error:")


def take(content: bytes, name: str, model: Classifier) -> None:
    """Read the zip at the model's size, and offer it."""
    st.session_state.pop(f"{KEY}.problem", None)
    side = min(max(model.side, SIDES[0]), SIDES[1])
    try:
        found = read_folders(content, name, side, classless=True).data
    except BadData as error:
        st.session_state[f"{KEY}.problem"] = str(error)
        return
    title = f"{YOURS}{found.card.title} ({found.fingerprint[:4]})"
    st.session_state.setdefault(f"{KEY}.own", {})[title] = found


def group_of(subject: Subject, normal: DataSet) -> int | None:
    """The group of the subject among the normal images: its photograph or its patient."""
    groups = normal.truth.get("group")
    if groups is None:
        return None
    example = subject.chosen.example
    if example is not None and example.data.name == normal.name:
        return int(groups[example.row])
    if normal.name == PHOTOGRAPHS and subject.name:
        return sources.photograph(subject.name)
    return None


def group_word(normal: DataSet) -> str:
    """What a group of these images is called."""
    return GROUP_WORDS.get(normal.name.partition(":")[0].partition("+")[0], "group")


def parent(model: Classifier) -> Classifier | None:
    """The model this one was made from, where it can be had."""
    try:
        return sources.parent_of(model)
    except BlindspotError:
        return None
