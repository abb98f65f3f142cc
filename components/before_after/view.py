"""The view: the finding, the worst pair with the thing that fades, evidence, other strategies."""

import streamlit as st

from components.before_after import evidence, own, pair, strategies
from components.before_after.counted import count_table
from components.before_after.form import KEY, PairsQuestion, choose, choose_thing, choose_threshold
from components.before_after.pair import OpenPair
from components.footer import footer
from components.notices import show_problems
from components.section import Section
from engine.core import run
from engine.core.charts.drawing import Views
from engine.evaluation.language.beaf.method import layout_of, said_of

BEFORE = (
    "Each thing of each scene is taken out once; the model is asked about all that is there and "
    "some things that are not, before and after."
)


@st.fragment
@footer()
def show() -> None:
    answer, fade, others, controls, rest, own_pair = (st.container() for _ in range(6))
    with controls:
        st.divider()
        question = choose()
    stored_answer = run.kept_answer(question.method, question.case)
    opened: OpenPair | None = None
    left, threshold = 0.0, None
    if stored_answer:
        with others, show_problems():
            threshold, opened = threshold_and_pair(question, stored_answer)
        if opened:
            with fade:
                left = pair.choose_fade(opened)
    with answer:
        result = pairs_section(question, opened, left, threshold, rest).show()
    if result:
        with rest, show_problems():
            strategies.compare(question, threshold)
            strategies.law(question)
    with own_pair:
        own.show()


def threshold_and_pair(
    question: PairsQuestion, stored_answer: Views
) -> tuple[float | None, OpenPair | None]:
    pictures, columns = st.container(), st.columns([2, 1], gap="large")
    with columns[0]:
        threshold = choose_threshold()
    with columns[1]:
        category = choose_thing()
    with pictures:
        opened = pair.choose(
            layout_of(question.case), stored_answer["records"], category, threshold
        )
    return threshold, opened


def pairs_section(
    question: PairsQuestion,
    opened: OpenPair | None,
    left: float,
    threshold: float | None,
    rest: st.delta_generator.DeltaGenerator,
) -> Section:
    def picture(_: Views) -> None:
        if opened:
            pair.picture(opened, left, question.case.vlm.name)
            pair.onward(opened, question.case)

    def sentence(result: Views) -> str:
        records = result["records"]
        return said_of(
            question.case.vlm.title,
            count_table("figures", records, threshold),
            count_table("kinds", records, threshold),
        )

    return Section(
        KEY,
        question.method,
        question.case,
        known=question.known,
        below=rest,
        picture=picture,
        sentence=sentence,
        evidence=evidence.drawings(opened, threshold),
        button="Ask before and after",
        before=BEFORE,
    )
