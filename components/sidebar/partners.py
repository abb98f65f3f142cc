"""The other images of a question: samples or images of one's own, as the model sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.case_form import CaseForm
from components.notices import escape_markdown
from components.sidebar.subject import Subject
from engine.core.errors import BadImage
from engine.core.method import Case
from engine.core.pictures import as_bytes
from engine.vision.case import PairCase
from engine.vision.images import MAX_MB, Crop, Picture, read, square
from engine.vision.pictures import open_picture

MOST_UPLOADS = 12
RULE = "another image that is offered here; images of your own are not part of a link"
PALACE = "sample:china"


@dataclass(frozen=True)
class Partner:
    """An image to compare with or walk to."""

    title: str
    name: str  # as a command says it, "" for an upload
    picture: Picture

    def thumbnail(self, side: int) -> NDArray[np.uint8]:
        """Its middle square, (side, side, 3)."""
        return as_bytes(square(self.picture, Crop(), side))


def partner_form(kind: type[Case], key: str, subject: Subject) -> CaseForm:
    """A form that offers images beside the subject's: others like it, and what was opened."""
    return CaseForm(kind, key, {"image": subject.arguments.get("image")})


def default_partner(subject: Subject) -> Partner:
    """The image that a walk goes to if no other one is chosen."""
    form = partner_form(PairCase, "", subject)
    names = [option.name for option in form.kind.offered("against", form.beside)]
    return partners(form, "against", (PALACE if PALACE in names else names[0],))[0]


def ask_one(form: CaseForm, name: str) -> Partner:
    """One other image: at first the palace, unless it is the source."""
    chosen = form.ask(name, own=session_pictures(), first=(PALACE,), single=True, rule=RULE)
    return partners(form, name, chosen)[0]


def ask_many(form: CaseForm, name: str, bounds: tuple[int, int], first: int) -> list[Partner]:
    """Several other images; `first` so many are chosen to begin with."""
    fewest, most = bounds
    offered = [option.name for option in form.kind.offered(name, form.beside)]
    start = offered.index(PALACE) if PALACE in offered else 0
    words = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    picked = form.ask(
        name,
        own=session_pictures(),
        first=[*offered[start:], *offered[:start]][:first],
        rule=RULE,
        label=f"Walk to ({words})",
    )
    if len(picked) > most:
        st.info(f"The first {most} are taken; take one away to have another.")
    form.given[name] = picked[:most]
    return partners(form, name, picked[:most])


def partners(form: CaseForm, name: str, chosen: Sequence[str | Partner]) -> list[Partner]:
    titles = {option.name: option.title for option in form.kind.offered(name, form.beside)}
    return [
        Partner(titles[choice], choice, open_picture(choice)) if isinstance(choice, str) else choice
        for choice in chosen
    ]


def session_pictures() -> dict[str, Partner]:
    pictures: dict[str, Picture] = st.session_state.setdefault("partners.own", {})
    return {title: Partner(title, "", picture) for title, picture in pictures.items()}


def open_own() -> None:
    """Images of one's own as targets; a file that cannot be read is named, the rest is taken.

    They are called by their place: a link has what was chosen, and no file's name belongs there.
    """
    uploaded = st.file_uploader(
        "Open target images of yours",
        type=None,
        accept_multiple_files=True,
        key="partners.files",
        max_upload_size=MAX_MB,
        help="The middle square is taken. They stay in this session's memory.",
    )
    opened: dict[str, Picture] = {}
    for place, file in enumerate(uploaded[:MOST_UPLOADS], 1):
        try:
            opened[f"Your image {place}"] = read(file.getvalue(), file.name)
        except BadImage as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
    if len(uploaded) > MOST_UPLOADS:
        st.info(f"The first {MOST_UPLOADS} images are taken.")
    files = [file.file_id for file in uploaded]
    if files != st.session_state.get("partners.given", []):
        st.session_state.update({"partners.own": opened, "partners.given": files})
        st.rerun()
