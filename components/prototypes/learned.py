"""All prototypes as they were learned, and what each class thinks of them."""

import streamlit as st

from components.prototypes.form import KEY, PrototypeQuestion, network_of
from components.section import Section
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix


def show(question: PrototypeQuestion) -> None:
    """The network, once it is trained."""
    if run.kept_answer(network_of(question), question.case.learned) is None:
        return
    with st.expander("The whole network"):
        Section(
            f"{KEY}.whole",
            network_of(question),
            question.case.learned,
            known=question.known,
            evidence=(
                Drawing("prototypes", "All prototypes"),
                Drawing(
                    "reasons",
                    "What each class wants to see, less what it wants not to see",
                    Matrix(signed=True, numbers=False, bar="wanted"),
                    strongest_wish,
                ),
                Drawing("figures", "Shares", finding=accuracy_sentence),
                Drawing("log", "The training"),
            ),
        ).show()


def accuracy_sentence(result: Views) -> str:
    share = 100 * result["figures"]["test accuracy"]
    return f"{share:.1f} % of the test images are read right."


def strongest_wish(result: Views) -> str:
    table = result["reasons"]
    place = int(abs(table.values).argmax())
    row, column = divmod(place, len(table.order))
    value = float(table.values[row, column])
    does = "wants most to see" if value > 0 else "wants least to see"
    return f"{table.order[column]} {does} {table.rows[row]} ({100 * abs(value):.0f} %)."
