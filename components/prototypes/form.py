"""What Prototypes asks: data, network and reasoning, and which image."""

import streamlit as st

from components import forms
from components.asked_image import SIDEBAR_IMAGE, TEST, press_row
from components.case_form import CaseForm
from components.ending import end
from components.in_distribution import say_of_data
from components.notices import show_problems
from components.picks import pick
from components.sidebar.subject import ChosenImage, image_alone
from engine.attribution.cbc import (
    PrototypeCase,
    PrototypeNetwork,
    Prototypes,
    about_picture,
    about_row,
    first_row,
    offered_rows,
)
from engine.attribution.cbc.learning import NETWORK_TITLES, REASONING_TITLES
from engine.attribution.cbc.networks import RBF, SHALLOW
from engine.core.question import Question
from engine.evaluation.experiment import ExperimentCase
from engine.vision.data import DataSet

KEY = "prototypes"
SLOT, ROBUST = f"{KEY}.Prototypes", f"{KEY}.PrototypeRobustness"
DATA = ("mnist-5k", "digits")
IMAGE = f"{KEY}.image"
EXPLAINED = {title: name for name, title in REASONING_TITLES.items() if name != RBF}
OFFERED = {title: name for name, title in NETWORK_TITLES.items()}


PrototypeQuestion = Question[Prototypes, PrototypeCase]


def network_of(question: PrototypeQuestion) -> PrototypeNetwork:
    return PrototypeNetwork(**question.method.learned_as())


def class_name(question: PrototypeQuestion, label: float) -> str:
    return question.case.data.classes[int(label)]


def label_of(question: PrototypeQuestion) -> str:
    """What the image is; "" of one that is not in the data."""
    row, data = question.case.row, question.case.data
    return "" if row is None else data.classes[data.labels[row]]


def choose() -> PrototypeQuestion:
    """The data in the sidebar; network, reasoning and image on the page."""
    form = CaseForm(PrototypeCase, KEY, {"names": DATA})
    with st.sidebar:
        st.header("Learned from")
        form.ask("data", "radio", first=DATA[0], label_visibility="collapsed")
        form.ask("seed")
    forms.refuse_links(Prototypes, SLOT)
    left, middle, right = st.columns([4, 3, 1.5], gap="medium", vertical_alignment="bottom")
    with left:
        reasoning = pick(
            "Reasoning",
            list(EXPLAINED),
            f"{KEY}.reasoning",
            "segments",
            help="Whether a class may also ask for what is absent (negative reasoning). The old "
            "CBC may leave prototypes out of an answer altogether (indefinite).",
        )
    with middle:
        network = OFFERED[pick("Network", list(OFFERED), f"{KEY}.network", "segments")]
    with right, st.popover("Settings"):
        names = ["components", "margin", "epochs", "tries"]
        names += ["robust"] if network == SHALLOW else []
        settings = forms.settings(Prototypes, SLOT, names)
    method, question = Prototypes(network=network, reasoning=EXPLAINED[reasoning], **settings), None
    with show_problems():
        learned = ExperimentCase.from_arguments(**form.given)
        method.check_data(learned.data)
        question = pick_image(learned, method)
    return question or end()


def pick_image(learned: ExperimentCase, method: Prototypes) -> PrototypeQuestion:
    data, seed = learned.data, learned.seed
    with st.expander("Another image"):
        about = pick("Asked about", (TEST, SIDEBAR_IMAGE), f"{KEY}.about", "segments")
        sidebar_image = image_alone() if about == SIDEBAR_IMAGE else None
        if sidebar_image is None:
            row = pick_row(data)
            case = about_row(data, row, seed)
            return Question(method, case, case.to_arguments())
    return own_image(data, sidebar_image, method, seed)


def own_image(data: DataSet, own: ChosenImage, method: Prototypes, seed: int) -> PrototypeQuestion:
    case, inverted = about_picture(data, own.picture, own.crop, seed)
    if inverted:
        st.caption("Dark on light: shown to the network inverted, as its training images are.")
    say_of_data(data, case.pixels[0], own.name if "/" in own.name else "")
    return Question(method, case, {} if case.row is None else case.to_arguments())


def pick_row(data: DataSet) -> int:
    rows = offered_rows(data).tolist()
    words = {row: data.classes[data.labels[row]] for row in rows}
    return press_row(data, rows, first_row(data), KEY, words)
