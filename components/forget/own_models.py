"""Models of one's own that are judged: two or three files, their data, and what was forgotten.

A zip of several models in place of a file is for KLoM; the first of each is judged alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import streamlit as st

from components import uploads
from components.notices import plain, spoken
from components.open_file import open_file
from components.picks import pick, search
from components.sidebar.models import safe_name
from engine import data as data_sets
from engine.arguments.trained import data_title
from engine.data import DataSet
from engine.data.folders import Imported, read_folders
from engine.data.medmnist import read_npz
from engine.errors import BlindspotError
from engine.models.classifier import Classifier
from engine.models.own_file import open_alike, open_model
from engine.unlearning import (
    AfterCase,
    ForgetCase,
    ForgetRequest,
    GivenCase,
    GivenGroups,
    brought,
    forget_case,
    request,
)
from engine.unlearning.brought import FoundImages
from engine.unlearning.case import trained_as
from engine.unlearning.opening import FORGOTTEN, forgotten
from engine.unlearning.protocol.klom import BINS, NEEDED
from engine.unlearning.zipped_models import MOST_BYTES, open_zip

KEY = "judge"
WEIGHTS_MB, IDS_MB, PICTURES_MB = 500, 5, 100
FILES = {
    "original": "Original", "unlearned": "Unlearned",
    "retrained": "Retrained without the images (optional)",
}  # fmt: skip
MOST = {name: NEEDED[BINS] * (1 + (name == "retrained")) for name in FILES}  # models in a zip
WEIGHTS = (
    "A model that Blindspot exported (.safetensors), or weights alone, .safetensors or .pt (a "
    "state_dict; code in a file is never run). For KLoM, a .zip of several, each of a training of "
    f"its own: at most {{most}}, {MOST_BYTES // 2**20} MB unpacked."
)
CLASSES, IDS, PICTURES = "whole classes", "images by id", "images in a zip"


@dataclass(frozen=True, eq=False)
class OpenedModels:
    """The models of the files, by their names in FILES; the first of each is judged alone."""

    groups: Mapping[str, tuple[Classifier, ...]]

    @property
    def first(self) -> Mapping[str, Classifier]:
        """The first of each."""
        return {name: models[0] for name, models in self.groups.items()}

    @property
    def original(self) -> Classifier:
        """The first of the originals."""
        return self.groups["original"][0]

    @property
    def several(self) -> bool:
        """Whether there is more than one of a kind."""
        return any(len(models) > 1 for models in self.groups.values())

    def case(self, asked: ForgetCase) -> GivenCase:
        """What they are asked about. Raises BlindspotError when they do not fit each other."""
        first = self.first["unlearned"], self.first.get("retrained")
        if self.several:
            return GivenGroups(asked, *first, self.groups)
        return GivenCase(asked, *first)


def choose() -> tuple[AfterCase, bool]:
    """What is judged: the opened models once everything fits, and until then what was judged last;
    at first the three models of digits that ship. And whether that is what the form says.
    """
    if f"{KEY}.case" not in st.session_state:
        st.caption("This is a built-in example. **Open your own models here.**")
    opened = open_models()
    fits = opened is None
    st.markdown("**2 · Data, and what was forgotten**")
    if opened is None:
        st.caption("These can be chosen once the models are open.")
    else:
        with spoken():
            fits = hold(opened)
    case: AfterCase = st.session_state.get(f"{KEY}.case") or shipped()
    return case, fits


def judged_ones(case: AfterCase) -> str:
    """The opened models of a case by the start of each fingerprint; "" of the example."""
    if not isinstance(case, GivenCase):
        return ""
    first = ", the first of each" if isinstance(case, GivenGroups) else ""
    return by_fingerprint(case.given) + first


def by_fingerprint(models: Mapping[str, Classifier]) -> str:
    """Models by the start of each fingerprint."""
    return ", ".join(f"{name} {model.fingerprint[:6]}" for name, model in models.items())


def shipped() -> AfterCase:
    """Forget's own: a model of digits, what its best way made of it, and the retrained one."""
    return AfterCase(forgotten(), FORGOTTEN.best())


def hold(opened: OpenedModels) -> bool:
    """Keep the question about the opened models as soon as all of it is known and fits.

    Returns:
        Whether it is.

    Raises:
        BlindspotError: models, data and what was forgotten do not fit each other.
    """
    left, right = st.columns(2, gap="large")
    with left:
        data = choose_data(opened.original)
    with right:
        asked = None if data is None else choose_request(data)
    if data is None or asked is None:
        return False
    key = opened, data.fingerprint, asked.kind, asked.ids.tobytes()
    if st.session_state.get(f"{KEY}.asked") != key:  # all weights are looked through once
        with st.spinner("Comparing the models with each other"):
            case = opened.case(forget_case(opened.original, data, asked))
        st.session_state.update({f"{KEY}.case": case, f"{KEY}.asked": key})
    return True


# ---------------------------------------------------------------- models


def open_models() -> OpenedModels | None:
    """The form of the files; the models that were opened last, or None."""
    st.markdown("**1 · Models**")
    with st.form(f"{KEY}.form", border=False):
        given = {
            name: place.file_uploader(
                label,
                key=f"{KEY}.{name}",
                max_upload_size=WEIGHTS_MB,
                help=WEIGHTS.format(most=MOST[name]),
            )
            for place, (name, label) in zip(st.columns(3), FILES.items(), strict=True)
        }
        with st.container(horizontal=True, vertical_alignment="bottom"):
            architecture = st.text_input(
                "timm architecture, for weights alone", placeholder="resnet18", key=f"{KEY}.arch",
                help="All files are of one network. One that Blindspot exported says which.",
                width=320,
            )  # fmt: skip
            sent = st.form_submit_button("Open them", key=f"{KEY}.open", type="primary")
    if sent:
        if given["original"] is None or given["unlearned"] is None:
            st.error("Give two files at least: the original and the unlearned model.")
        else:
            with spoken(), st.spinner("Reading the models"):
                take(OpenedModels(read(given, architecture.strip())))
    opened: OpenedModels | None = st.session_state.get(f"{KEY}.opened")
    if opened is not None:
        st.caption(told(opened))
    return opened


def take(opened: OpenedModels) -> None:
    """Judge these from now on; with the data that the original is known to have learned from."""
    st.session_state[f"{KEY}.opened"] = opened
    card = trained_as(opened.original)
    if card is not None and (title := data_title(card.data)):
        st.session_state[f"{KEY}.data"] = title


def read(given: Mapping[str, Any], architecture: str) -> dict[str, tuple[Classifier, ...]]:
    """The models of the files that are there. Raises BadData or BadModel."""
    found: dict[str, tuple[Classifier, ...]] = {}
    for name, file in given.items():
        if file is None:
            continue
        first = found["original"][0] if found else None
        called, content = safe_name(file.name), file.getvalue()
        if called.lower().endswith(".zip"):
            found[name] = open_zip(content, called, MOST[name], architecture, first)
            continue
        one = (
            open_alike(content, called, first)
            if first
            else open_model(content, called, architecture)
        )
        found[name] = (one,)
    return found


def told(opened: OpenedModels) -> str:
    """What is open, and whether two files are one model."""
    prints = [model.fingerprint for model in opened.first.values()]
    twice = " Two of these files hold the same weights." if len(set(prints)) < len(prints) else ""
    counts = ", ".join(f"{len(models)} {name}" for name, models in opened.groups.items())
    many = f"{counts}; the first of each: " if opened.several else ""
    return plain(
        f"Open: {many}{by_fingerprint(opened.first)} (the start of each fingerprint).{twice}"
    )


# ---------------------------------------------------------------- data


def choose_data(model: Classifier) -> DataSet | None:
    """The data that the models learned from; None until they are chosen."""
    titles = {title: name for name in data_sets.names() if (title := data_title(name))}
    own = uploads.all_held(KEY)
    chosen = search(
        "Data that they learned from", [*titles, *own], f"{KEY}.data", linked=False,
        placeholder="choose", help="Ids are those on Data and models; for your own zip, the file's "
        "place by name, from 0.",
    )  # fmt: skip
    with st.expander("Data of your own"):
        uploads.draw_pictures(
            KEY, model.side, uploads.HELP, label="Zip of class folders, or MedMNIST .npz",
            reads=read_data, picker=f"{KEY}.data",
        )  # fmt: skip
    if chosen is None:
        st.info("Choose the data that the models learned from.")
        return None
    if chosen in own:
        return own[chosen]
    with st.spinner("Making the images; the first time this may take some seconds"):
        return data_sets.load(titles[chosen])


def read_data(content: bytes, name: str, side: int) -> Imported:
    """A data set of a file's bytes. Raises BadData."""
    if name.lower().endswith(".npz"):
        return read_npz(content, name)
    return read_folders(content, name, side)


# ---------------------------------------------------------------- what was forgotten


def choose_request(data: DataSet) -> ForgetRequest | None:
    """The images that were to be forgotten; None until there are some."""
    match pick("To be forgotten", (CLASSES, IDS, PICTURES), f"{KEY}.what", "segments"):
        case what if what == CLASSES:
            words = st.multiselect("Classes", data.classes, key=f"{KEY}.classes")
            found = [data.classes.index(word) for word in words if word in data.classes]
            asked = request.of_classes(data, found) if found else None
        case what if what == IDS:
            typed = st.text_input("Ids", placeholder="4, 17, 23", key=f"{KEY}.ids")
            file = open_file(
                "Or a file of ids, one a line", f"{KEY}.ids.file",
                lambda content: content.decode("utf-8", "replace"), most=IDS_MB,
                help="Text or CSV: one column of ids, or all in one line; a header line is "
                "skipped. A file is used instead of typed ids.",
            )  # fmt: skip
            if file and typed:
                st.caption("The ids of the file are used, not the typed ones.")
            text = (file or typed).strip()
            asked = brought.of_text(data, text) if text else None
        case _:
            asked = open_file(
                "Zip of the images", f"{KEY}.pictures", partial(found_in, data), most=PICTURES_MB,
                help="Pictures as the data were made of: each is looked for among the training "
                "images, pixel by pixel.",
            )  # fmt: skip
    if asked is None:
        st.info("Choose what was to be forgotten.")
    return asked


def found_in(data: DataSet, content: bytes) -> ForgetRequest:
    """The training images that a zip has. Raises BlindspotError."""
    named = blake2b(content, key=data.fingerprint.encode(), digest_size=16).hexdigest()
    last: tuple[str, FoundImages | str] = st.session_state.get(f"{KEY}.searched", ("", ""))
    if last[0] != named:
        with st.spinner("Looking for the images"):
            last = st.session_state[f"{KEY}.searched"] = named, searched(content, data)
    if isinstance(last[1], str):
        raise BlindspotError(last[1])
    uploads.skipped(last[1].skipped)
    return last[1].request


def searched(content: bytes, data: DataSet) -> FoundImages | str:
    """The training images that a zip has, or why nothing is found."""
    try:
        return brought.of_zip(data, content)
    except BlindspotError as error:
        return str(error)
