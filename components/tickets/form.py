"""What the Tickets view asks: data, a network with its recipe, how it is cut, and about whom."""

import streamlit as st

from components import forms
from components.asked_image import SIDEBAR_IMAGE, TEST
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick
from components.sidebar.subject import ChosenImage, image_alone
from engine.commands.openings.sparsity import TICKETS_DATA
from engine.core.question import Question
from engine.core.texts import settings_text
from engine.sparsity import Lottery
from engine.sparsity.lth.lottery import RECIPES
from engine.vision.lab import TrainCase

KEY = "tickets"


TicketQuestion = Question[Lottery, TrainCase]  # what is trained and cut


def choose() -> tuple[TicketQuestion, ChosenImage | None]:
    """The question, and a person's own image where it is about one.

    The page ends where a link asks for what cannot be.
    """
    form = CaseForm(TrainCase, KEY, {"names": TICKETS_DATA})
    question_and_image: tuple[TicketQuestion, ChosenImage | None] | None = None
    with show_problems():
        forms.refuse_links(Lottery, f"{KEY}.LTH")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            form.ask("data")
            network = pick("Network", list(RECIPES), f"{KEY}.network", "segments")
            form.given["recipe"] = settings_text(RECIPES[network])
            about = pick("Asked about", (TEST, SIDEBAR_IMAGE), f"{KEY}.about", "segments")
            with st.popover("Settings"):
                form.ask("seed")
                method = Lottery(**forms.settings(Lottery, f"{KEY}.LTH"))
        sidebar_image = image_alone() if about == SIDEBAR_IMAGE else None
        with st.spinner("Making the images"):
            case = TrainCase.from_arguments(**form.given)
        question_and_image = Question(method, case, form.known()), sidebar_image
    if question_and_image is None:
        end()
    return question_and_image
