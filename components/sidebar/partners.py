"""The other images of a question: samples or images of one's own, as the model sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.links import refuse
from components.notices import plain
from components.sidebar.examples import SPLIT
from components.sidebar.subject import Subject
from engine.data.example import Example
from engine.errors import BadImage
from engine.images import MAX_MB, Crop, Picture, read, square
from engine.images.samples import SAMPLES, sample
from engine.pictures import as_bytes

MOST_UPLOADS = 12
RULE = "another image that is offered here; images of your own are not part of a link"
TWIN = "Its twin without the lesion"
OF_A_CLASS = 2  # images of each other class that are offered


@dataclass(frozen=True)
class Partner:
    """An image to compare with or walk to."""

    title: str
    name: str  # the sample's, "" for an upload
    picture: Picture

    def thumbnail(self, side: int) -> NDArray[np.uint8]:
        """Its middle square, (side, side, 3)."""
        return as_bytes(square(self.picture, Crop(), side))


def choose_one(subject: Subject, label: str, key: str) -> Partner:
    """One other image."""
    offered = others(subject)
    refuse(key, offered, label, RULE)
    picked = st.selectbox(label, list(offered), index=start(offered), key=key, bind="query-params")
    return offered[picked]


def choose_many(
    subject: Subject, label: str, key: str, bounds: tuple[int, int], first: int
) -> list[Partner]:
    """Several other images; `first` so many are chosen to begin with."""
    fewest, most = bounds
    offered = others(subject)
    refuse(key, offered, label, RULE)
    begin = [*list(offered)[start(offered) :], *list(offered)[: start(offered)]]
    words = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    picked = st.pills(
        f"{label} ({words})",
        list(offered),
        selection_mode="multi",
        default=begin[:first],
        key=key,
        bind="query-params",
    )
    if len(picked) > most:
        st.info(f"The first {most} are taken; take one away to have another.")
    return [offered[title] for title in picked[:most]]


def start(offered: dict[str, Partner]) -> int:
    """Which image is offered first: the palace, unless it is the source."""
    names = [partner.name for partner in offered.values()]
    return names.index("china") if "china" in names else 0


def others(subject: Subject) -> dict[str, Partner]:
    """By title, what is like the subject but is not it, and what was opened as a target."""
    example = subject.chosen.example
    found = alike(example) if example else photographs(subject.name)
    own: dict[str, Picture] = st.session_state.setdefault("partners.own", {})
    return found | {title: Partner(title, "", picture) for title, picture in own.items()}


def photographs(name: str) -> dict[str, Partner]:
    """Every sample but the one of that name."""
    return {
        one.title: Partner(one.title, one.name, sample(one.name))
        for one in SAMPLES
        if one.name != name
    }


def alike(example: Example) -> dict[str, Partner]:
    """The image without what made its class, where that is known, and images of other classes."""
    found = {}
    twin = example.twin()
    if twin is not None and example.mask() is not None:
        found[TWIN] = Partner(TWIN, "", twin)
    data = example.data
    rows = data.rows(SPLIT)
    for label, word in enumerate(data.classes):
        if label == data.labels[example.row]:
            continue
        for row in rows[data.labels[rows] == label][:OF_A_CLASS]:
            title = f"{word}, id {data.ids[row]}"
            found[title] = Partner(title, "", Example(data, int(row)).picture())
    return found


def open_own() -> None:
    """Images of one's own as targets; a file that cannot be read is named, the rest is taken.

    They are called by their place: a link has what was chosen, and no file's name belongs there.
    """
    given = st.file_uploader(
        "Open target images of yours",
        type=None,
        accept_multiple_files=True,
        key="partners.files",
        max_upload_size=MAX_MB,
        help="The middle square is taken. They stay in this session's memory.",
    )
    own: dict[str, Picture] = {}
    for place, file in enumerate(given[:MOST_UPLOADS], 1):
        try:
            own[f"Your image {place}"] = read(file.getvalue(), file.name)
        except BadImage as error:
            st.error(plain(str(error)), icon=":material/error:")
    if len(given) > MOST_UPLOADS:
        st.info(f"The first {MOST_UPLOADS} images are taken.")
    files = [file.file_id for file in given]
    if files != st.session_state.get("partners.given", []):
        st.session_state.update({"partners.own": own, "partners.given": files})
        st.rerun()
