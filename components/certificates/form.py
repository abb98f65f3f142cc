"""What Certificates asks: which data, how the networks are trained, which image, which election."""

from functools import partial

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick, pick_number
from components.widgets.data_images import press_images
from engine.core.question import Question
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import Certificates, PoisonVotes
from engine.unlearning.roe.bounds import ROE, SCHEMES
from engine.unlearning.roe.certificates import STORED_BALLOTS

KEY = "certificates"
SLOT, POISON = f"{KEY}.Certificates", f"{KEY}.PoisonVotes"
DATA = ("mnist-5k", "digits")
IMAGE = f"{KEY}.image"
SIDE = 20  # pictures on the page


CertificateQuestion = Question[PoisonVotes, ExperimentCase]  # of one image and one election


def row_of(question: CertificateQuestion) -> int:
    return int(question.method.asked(question.case)[question.method.image])


def class_name(question: CertificateQuestion, label: int) -> str:
    return question.case.data.classes[label]


def label_of(question: CertificateQuestion) -> str:
    return class_name(question, question.case.data.labels[row_of(question)])


def choose() -> CertificateQuestion:
    form = CaseForm(ExperimentCase, KEY, {"names": DATA})
    with st.sidebar:
        st.header("Training images")
        form.ask("data", "radio", first=DATA[0], label_visibility="collapsed")
        form.ask("seed")
    forms.refuse_links(Certificates, SLOT)
    left, middle, right = st.columns([4, 4, 1.5], gap="medium", vertical_alignment="bottom")
    with left:
        scheme = pick("Election", SCHEMES, f"{KEY}.scheme", "pills", first=ROE)
    with middle:
        settings = forms.settings(Certificates, SLOT, ("partitions",))
    with right, st.popover("Settings"):
        settings |= forms.settings(Certificates, SLOT, ("spread", "epochs", "shown", "images"))
    question = None
    with show_problems():
        case = ExperimentCase.from_arguments(**form.given)
        rows = Certificates(**settings).asked(case)[:STORED_BALLOTS].tolist()
        method = PoisonVotes(**settings, scheme=scheme, image=pick_image(case, rows))
        question = Question(method, case, form.known())
    if question is None:
        end()
    return question


def pick_image(case: ExperimentCase, rows: list[int]) -> int:
    with st.expander("Another test image"):
        image = pick_number("Test image", len(rows), IMAGE)
        ids = case.data.ids[rows].tolist()
        press_images(
            case.data,
            rows[:SIDE],
            "Test images; press one to certify its answer",
            f"{KEY}.images",
            partial(press, ids),
            chosen={ids[image]},
            words={row: case.data.classes[case.data.labels[row]] for row in rows},
        )
    return image


def press(ids: list[int], number: int) -> None:
    st.session_state[IMAGE] = ids.index(number)
