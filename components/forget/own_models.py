"""Models of one's own that are judged: two or three files, their data, and what was forgotten.

A zip of several models in place of a file is for KLoM; the first of each is judged alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import streamlit as st

from components import input_formats, uploads
from components.forget.own_data import KEY, choose_data, orders_of, remembered
from components.forget.own_request import choose_request
from components.notices import escape_markdown, show_problems
from components.sidebar.own_weights import ARCHITECTURES, safe_name
from engine.commands.openings.unlearning import FORGOTTEN, forgotten
from engine.core.keeping.budget import book
from engine.evaluation.forgetting.klom import BINS, NEEDED
from engine.unlearning import AfterCase, ForgetCase, GivenCase, GivenGroups, forget_case
from engine.unlearning.case import trained_as
from engine.unlearning.zipped_models import MOST_BYTES, open_zip
from engine.vision.arguments import data_title
from engine.vision.data import DataSet
from engine.vision.data.folders import Skipped
from engine.vision.data.judged_data import reorder_classes
from engine.vision.data.resized import resized
from engine.vision.models.classifier import Classifier
from engine.vision.models.format_rounds import Order
from engine.vision.models.format_search import FormatCase
from engine.vision.models.input_format import InputFormat, format_of, with_format
from engine.vision.models.own_file import open_alike, open_model
from engine.vision.models.rebuild import has_card

WEIGHTS_MB = 500
FILES = {
    "original": "Original",
    "unlearned": "Unlearned",
    "retrained": "Retrained without the images (optional)",
}
MOST = {name: NEEDED[BINS] * (1 + (name == "retrained")) for name in FILES}  # models in a zip
WEIGHTS = (
    "A model that Blindspot exported (.safetensors), weights alone, .safetensors or .pt (a "
    "state_dict), or .onnx; code in a file is never run. For KLoM, a .zip of several, each of a "
    f"training of its own: at most {{most}}, {MOST_BYTES // 2**20} MB unpacked."
)


@dataclass(frozen=True, eq=False)
class OpenedModels:
    """The models of the files, by their names in FILES; the first of each is judged alone.

    Args:
        groups: the models.
        described: whether the original came with a card, which says how it takes images.
        skipped: files of zips that were left out.
    """

    groups: Mapping[str, tuple[Classifier, ...]]
    described: bool = False
    skipped: tuple[Skipped, ...] = ()

    @property
    def first(self) -> Mapping[str, Classifier]:
        return {name: models[0] for name, models in self.groups.items()}

    @property
    def original(self) -> Classifier:
        return self.groups["original"][0]

    @property
    def several(self) -> bool:
        """Whether there is more than one of a kind."""
        return any(len(models) > 1 for models in self.groups.values())

    def read_in(self, input_format: InputFormat) -> OpenedModels:
        """The same weights read in another format. Raises BadModel where one does not take it."""
        if input_format == format_of(self.original):
            return self
        groups = {
            name: tuple(with_format(model, input_format) for model in models)
            for name, models in self.groups.items()
        }
        return OpenedModels(groups, self.described)

    def case(self, asked: ForgetCase) -> GivenCase:
        """What they are asked about. Raises BlindspotError when they do not fit each other."""
        judged_models = self.first["unlearned"], self.first.get("retrained")
        if self.several:
            return GivenGroups(asked, *judged_models, self.groups)
        return GivenCase(asked, *judged_models)


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
        with show_problems():
            fits = hold(opened)
    case: AfterCase = st.session_state.get(f"{KEY}.case") or AfterCase(
        forgotten(), FORGOTTEN.best()
    )
    return case, fits


def judged_note(case: AfterCase) -> str:
    """The opened models of a case by the start of each fingerprint; "" of the example."""
    if not isinstance(case, GivenCase):
        return ""
    first = ", the first of each" if isinstance(case, GivenGroups) else ""
    return by_fingerprint(case.given) + first


def by_fingerprint(models: Mapping[str, Classifier]) -> str:
    return ", ".join(f"{name} {model.fingerprint[:6]}" for name, model in models.items())


def hold(opened: OpenedModels) -> bool:
    """Keep the question about the opened models as soon as all of it is known and fits.

    Returns:
        Whether it is.

    Raises:
        BlindspotError: models, data and what was forgotten do not fit each other.
    """
    left, right = st.columns(2, gap="large")
    with left:
        source = choose_data(opened.original)
        chosen_format = None if source is None else choose_format(opened, source)
    if source is None or chosen_format is None:
        return False
    input_format, order = chosen_format
    if source.side != input_format.side:
        with left:
            sides = [f"{side} × {side} px" for side in (source.side, input_format.side)]
            st.caption(f"Images of {sides[0]} are brought to {sides[1]}.")
    data = remembered(
        f"{KEY}.ordered", (source.fingerprint, order), lambda: reorder_classes(source, order)
    )
    with right:
        forget_request = choose_request(data)
    if forget_request is None:
        return False
    key = opened, input_format, data.fingerprint, forget_request.kind, forget_request.ids.tobytes()
    if st.session_state.get(f"{KEY}.asked") != key:  # all weights are looked through once
        with st.spinner("Comparing the models with each other"):
            models = opened.read_in(input_format)
            resized_data = resized(data, input_format.side)
            question = forget_case(models.original, resized_data, forget_request, needs_test=False)
            case = models.case(question)
        st.session_state.update({f"{KEY}.case": case, f"{KEY}.asked": key})
    return True


# ---------------------------------------------------------------- models


def open_models() -> OpenedModels | None:
    st.markdown("**1 · Models**")
    with st.form(f"{KEY}.form", border=False):
        files = {
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
                "Architecture, for weights alone",
                placeholder="resnet18",
                key=f"{KEY}.arch",
                help=f"All files are of one network. {ARCHITECTURES}",
                width=320,
            )
            sent = st.form_submit_button("Open them", key=f"{KEY}.open", type="primary")
    if sent:
        if files["original"] is None or files["unlearned"] is None:
            st.error("Give two files at least: the original and the unlearned model.")
        else:
            with show_problems(), st.spinner("Reading the models"):
                use_models(read(files, architecture.strip()))
    opened: OpenedModels | None = st.session_state.get(f"{KEY}.opened")
    if opened is not None:
        st.caption(opened_models_note(opened))
        uploads.skipped(opened.skipped)
    return opened


def use_models(opened: OpenedModels) -> None:
    """Judge these from now on; with the data that the original is known to have learned from."""
    for model in chain.from_iterable(opened.groups.values()):
        book(model.own_bytes, "This model").until_gone(model)
    st.session_state[f"{KEY}.opened"] = opened
    card = trained_as(opened.original)
    if card is not None and (title := data_title(card.data)):
        st.session_state[f"{KEY}.data"] = title


def read(files: Mapping[str, Any], architecture: str) -> OpenedModels:
    groups: dict[str, tuple[Classifier, ...]] = {}
    described = False
    skipped: tuple[Skipped, ...] = ()
    for name, file in files.items():
        if file is None:
            continue
        first = groups["original"][0] if groups else None
        filename, content = safe_name(file.name), file.getvalue()
        if filename.lower().endswith(".zip"):
            zipped = open_zip(content, filename, MOST[name], architecture, first)
            groups[name] = zipped.models
            skipped += zipped.skipped
            described = described or (first is None and not architecture)
        else:
            groups[name] = (
                open_alike(content, filename, first)
                if first
                else open_model(content, filename, architecture),
            )
            described = described or (first is None and has_card(content, filename))
    return OpenedModels(groups, described, skipped)


def opened_models_note(opened: OpenedModels) -> str:
    prints = [model.fingerprint for model in opened.first.values()]
    twice = " Two of these files hold the same weights." if len(set(prints)) < len(prints) else ""
    counts = ", ".join(f"{len(models)} {name}" for name, models in opened.groups.items())
    many = f"{counts}; the first of each: " if opened.several else ""
    return escape_markdown(
        f"Open: {many}{by_fingerprint(opened.first)} (the start of each fingerprint).{twice}"
    )


# ---------------------------------------------------------------- the input format


def choose_format(opened: OpenedModels, source: DataSet) -> tuple[InputFormat, Order] | None:
    """How the models take the images, and which class each output stands for.

    A model with a card says it, unless the person asks for others; for weights alone the plausible
    formats are tried. None until it is known.
    """
    st.markdown("**How the models take images**")
    model, orders = opened.original, orders_of(source)
    card_format = format_of(model), labels_order(model, source)
    if opened.described:
        st.caption(escape_markdown(f"As the original's card says: {card_format[0].words}."))
        if not st.toggle("Try other formats", key=f"{KEY}.formats"):
            return card_format
    if card_format[1] != tuple(range(len(card_format[1]))):
        orders = {"as its labels say": card_format[1], **orders}
    case = remembered(
        f"{KEY}.tried",
        (opened, source.fingerprint),
        lambda: FormatCase(model, source, tuple(orders.values())),
    )
    answer = input_formats.tried_formats(case, KEY)
    if answer is None:
        return None
    return input_formats.choose_tried(answer, case, list(orders), KEY)


def labels_order(model: Classifier, data: DataSet) -> Order:
    """For each output, the class of the data with its label; the data's order for other labels."""
    if sorted(model.labels) == sorted(data.classes) and len(set(data.classes)) == len(data.classes):
        return tuple(data.classes.index(label) for label in model.labels)
    return tuple(range(len(data.classes)))
