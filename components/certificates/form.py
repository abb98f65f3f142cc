"""What Certificates asks: which data, how the networks are trained, which image, which election."""

import streamlit as st

from components import forms
from components.asked_image import pick_place
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick
from engine.core.question import Question
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import Certificates, PoisonVotes
from engine.unlearning.roe.bounds import ROE, SCHEMES
from engine.unlearning.roe.certificates import STORED_BALLOTS

KEY = "certificates"
SLOT, POISON = f"{KEY}.Certificates", f"{KEY}.PoisonVotes"
DATA = ("mnist-5k", "digits")
IMAGE = f"{KEY}.image"

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
        with st.expander("Another test image"):
            title = "Test images; press one to certify its answer"
            image = pick_place(case.data, rows, "Test image", title, IMAGE)
        method = PoisonVotes(**settings, scheme=scheme, image=image)
        question = Question(method, case, form.known())
    if question is None:
        end()
    return question
