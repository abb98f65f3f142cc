"""What is to be forgotten: which kind of training images, and which of them."""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import runs
from components.case_form import CaseForm
from components.ending import end
from components.forget.asked import KEY
from components.forget.train import variant_request
from components.notices import escape_markdown
from components.widgets.data_images import page_of, press_images
from engine.commands.openings.unlearning import FORGOTTEN
from engine.core.errors import BlindspotError
from engine.core.run import Answer
from engine.core.whole import whole_number
from engine.unlearning import ForgetRequest, WorstCase, request
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, worst_case
from engine.vision.data import DataSet
from engine.vision.data.modes import Merged
from engine.vision.data.variants import NoisyLabels, Poisoned
from engine.vision.models.classifier import Classifier
from engine.vision.weights.case import PruneCase

PAGE = 48  # pictures to pick from at once
SEARCH = (
    "A copy of this model learns on without the images that are tried; then each training image "
    "has a loss in it (cross-entropy with its label)."
)
EXPLANATIONS = {
    HARDEST: f"{SEARCH} The hardest are those of lowest loss: although they were taken away, what "
    "stays still teaches the model their label. There may be little in them to forget at all.",
    EASIEST: f"{SEARCH} The easiest are those of highest loss: without them the model no longer "
    "gives their label, as with wrong labels and odd images, which it knew only by heart.",
}


def choose(
    form: CaseForm, data: DataSet, model: Classifier, control_place: DeltaGenerator
) -> ForgetRequest:
    """The images; the page ends here while they are not known.

    Args:
        form: of the parts of the request, in which the kind was chosen.
        data: that has them.
        model: that is to forget them.
        control_place: where a control or two are drawn; what needs more room is drawn as it comes.
    """
    what = form.given["what"]
    with control_place if what in SHORT_REQUESTS else st.container():
        return REQUESTS[what](form, data, model)


def picked_request(form: CaseForm, data: DataSet, _model: Classifier) -> ForgetRequest:
    ids = pick_images(form, data)
    if not ids:
        st.info("Nothing is to be forgotten yet: choose at least one image.")
        end()
    return request.of_ids(data, ids)


def extreme(form: CaseForm, data: DataSet, model: Classifier, kind: str) -> ForgetRequest:
    method = WorstCase(kind, ask_share(form, "random"))
    st.caption(escape_markdown(EXPLANATIONS[kind]))
    outcome = runs.ask_when_told(
        method, PruneCase(model, data), f"{KEY}.WorstCase", f"Find the {kind} images"
    )
    if not isinstance(outcome, Answer):
        if outcome is not None:
            runs.watch([outcome])
        end()
    return worst_case(outcome["images"]["id"], kind)


def ask_class(form: CaseForm, data: DataSet) -> int:
    first = data.classes[FORGOTTEN.label if data.name == FORGOTTEN.data else 0]
    return data.classes.index(form.ask("label", first=first, rule=f"a class of {data.card.title}"))


def ask_group(form: CaseForm, data: DataSet) -> int:
    if "group" not in data.truth:
        return 0
    return int(form.ask("group", rule=f"a group of {data.card.title}"))


def of_mode(form: CaseForm, data: DataSet, model: Classifier) -> ForgetRequest:
    """A mode of a class; where the data have none, a model that learned merged classes."""

    def ask(data: DataSet) -> ForgetRequest:
        request.has_modes(data)
        left, right = st.columns(2)
        with left:
            label = ask_class(form, data)
        with right:
            mode = form.ask("mode", rule=f"a mode of {data.classes[label]}")
        return request.of_mode(data, label, mode)

    return variant_request(data, model, Merged, ask)


def ask_share(form: CaseForm, name: str) -> float:
    return float(form.ask(name, format="percent"))


def pick_images(form: CaseForm, data: DataSet) -> list[int]:
    chosen = parse_ids(form.ask("ids", placeholder="press pictures below, or type ids with commas"))
    left, right = st.columns(2)
    with left:
        shown_class = st.selectbox(
            "Show the class", ["all", *data.classes], key=f"{KEY}.grid.class"
        )
    rows = data.rows("train")
    if shown_class != "all":
        rows = rows[data.labels[rows] == data.classes.index(shown_class)]
    with right:
        page_rows = page_of(rows.tolist(), PAGE, f"{KEY}.grid.page")

    def press(number: int) -> None:
        """Pressed again, an image is left out again."""
        now = [image_id for image_id in chosen if image_id != number]
        now += [number] if number not in chosen else []
        st.session_state[form.key_of("ids")] = ", ".join(map(str, now))

    title = "Training images; press those to be forgotten"
    press_images(data, page_rows, title, f"{KEY}.grid", press, chosen=set(chosen))
    return chosen


def parse_ids(typed: str) -> list[int]:
    """The ids in a text. Raises BlindspotError for a word that is none."""
    words = [word.strip() for word in typed.split(",") if word.strip()]
    ids = []
    for word in words:
        if (number := whole_number(word)) is None:
            raise BlindspotError(f"“{word[:40]}” is no id: type whole numbers with commas.")
        ids.append(number)
    return ids


REQUESTS: Mapping[str, Callable[[CaseForm, DataSet, Classifier], ForgetRequest]] = {
    "a class": lambda form, data, _: request.of_class(data, ask_class(form, data)),
    "a share of a class": lambda form, data, _: request.of_class(
        data, ask_class(form, data), ask_share(form, "share")
    ),
    "a group (patient)": lambda form, data, _: request.of_group(data, ask_group(form, data)),
    "images at random": lambda form, data, _: request.at_random(data, ask_share(form, "random")),
    "a mode of a class": of_mode,
    "picked images": picked_request,
    "hardest images": lambda form, data, model: extreme(form, data, model, HARDEST),
    "easiest images": lambda form, data, model: extreme(form, data, model, EASIEST),
    "wrong labels": lambda _, data, model: variant_request(
        data, model, NoisyLabels, request.wrong_labels
    ),
    "planted images": lambda _, data, model: variant_request(
        data, model, Poisoned, request.planted
    ),
}
SHORT_REQUESTS = list(REQUESTS)[:4]  # those with few controls
