"""Judge a model: did it forget? Figures, what an outsider can tell, what is left inside."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from components import runs
from components.footer import Entry, footer, take_entries
from components.forget import answers, each_image, given_klom, heat_maps, inside, own_models
from components.forget.asked import ForgetQuestion, MethodDetail
from components.forget.board import figure, gap
from components.forget.own_data import KEY
from components.forget.verdict import kept_column, kept_words, verdict
from components.forget.view import Part, draw_part
from components.forget.words import BEFORE, FIGURES, GOAL, percent
from components.notices import escape_markdown, show_problems
from components.picks import pick_or_none
from components.section import Section
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.ranking import RankingCell, RankingHead, RankingRow, RankingTable
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.forgetting.attack import informative
from engine.unlearning import (
    AfterCase,
    BoardCase,
    Confidence,
    GivenCase,
    Judged,
    Relearn,
    Scoreboard,
    StillThere,
)
from engine.unlearning.diagnostics.own_images import OwnImages, broken, refusal
from engine.unlearning.given import GivenGroups, attack_images
from engine.unlearning.protocol.metrics import GAP
from engine.unlearning.protocol.scoreboard import GAPS

UNLEARNED = "The unlearned model"
ROWS = {"retrained": GOAL, "original": BEFORE, "unlearned": UNLEARNED}  # as on the scoreboard
NAMES = {GOAL: "Retrained without them", BEFORE: "Original", UNLEARNED: UNLEARNED}
PARTS: Mapping[str, Part] = {
    "Attack": (
        "Can an outsider tell from the model's confidence what it learned from?",
        answers.attack,
    ),
    "Relearn": ("How soon it is all back", inside.relearn),
    heat_maps.PART: ("Where the models look", heat_maps.heat_maps),
    "Inside": ("Where images lie inside the model", inside.internal_views),
    "Confusion": ("What the models take the images for", answers.confusion),
    "All figures": (
        "All figures of the models",
        lambda detail: answers.all_figures(replace(detail, key=f"{detail.key}.all")),
    ),
}
NEED_TEST = ("Attack",)  # parts that images no model learned from are needed for
BEFORE_IT = (
    "Each model is asked about every training and test image; an attacker is fitted to its "
    "answers, and a new last layer to what it sees. It can be stopped at any time."
)


def show() -> None:
    answer, controls, below = st.container(), st.container(), st.container()
    with controls:
        case, fits = own_models.choose()
    question = ForgetQuestion(Scoreboard(), BoardCase(case.case, (case.method,)))
    detail = MethodDetail(question, case, Table.of({}), key=KEY)
    table = Drawing(
        "figures",
        "",
        partial(board, detail),
        partial(reading_hint, detail),
        part=lambda figures: as_board(figures, case),
    )
    result = None
    with answer, show_problems():
        say_which(case, fits=fits)
        if not isinstance(case, GivenCase) or are_right(case):
            result = Section(
                KEY, Judged(), case, sentence=partial(sentence, detail), evidence=[table]
            ).show()
    if result:
        with below, show_problems():
            charts(detail)
            if isinstance(case, GivenGroups):
                given_klom.show(detail, case)
            look_closer(detail, take_entries())


def say_which(case: AfterCase, *, fits: bool) -> None:
    names = own_models.judged_note(case)
    if not fits:
        before = f"the models judged before ({names})" if names else "the built-in example"
        st.warning(escape_markdown(f"This is about {before}, not about the files below."))
    elif names:
        st.caption(escape_markdown(f"Judged: {names}."))


def are_right(case: GivenCase) -> bool:
    """Whether every model is right on what it learned from, and the person says so too.

    Without that a model in a wrong format would look as if it had forgotten everything.
    """
    outcome = runs.ask(OwnImages(), case, f"{KEY}.OwnImages")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return False
    accuracy: Table = outcome["accuracy"]
    if reason := refusal(accuracy):
        st.header(escape_markdown(reason))
        draw_accuracy(accuracy)
        return False
    confirmed: set[str] = st.session_state.setdefault(f"{KEY}.confirmed", set())
    if case.fingerprint in confirmed:
        return True
    draw_accuracy(accuracy)
    st.caption(f"Is that what these models reach on their training images? {BEFORE_IT}")
    st.button(
        "That is right: judge them",
        key=f"{KEY}.confirm",
        type="primary",
        on_click=confirmed.add,
        args=(case.fingerprint,),
    )
    return False


def draw_accuracy(accuracy: Table) -> None:
    column_titles = {"accuracy": "Right", "low": "at least", "high": "at most", "chance": "Chance"}
    rows = [
        {
            "Model": NAMES[ROWS[name]],
            **{title: percent(accuracy.cell(name, of)) for of, title in column_titles.items()},
            "Images": f"{accuracy.cell(name, 'images'):.0f} "
            + ("training images" if name == "original" else "kept training images"),
        }
        for name in accuracy.rows
    ]
    st.dataframe(rows, hide_index=True, alt="Table of right answers on each model's own images")


def without_test(case: AfterCase) -> str:
    if len(case.case.splits.test):
        return ""
    return (
        "No test images were given: the attack, and all that needs images no model learned from, "
        "is left out."
    )


# ---------------------------------------------------------------- the verdict


def sentence(detail: MethodDetail, result: Views) -> str:
    table, what = as_board(result["figures"], detail.case), detail.case.case.request.words
    traces = run.kept_answer(StillThere(), detail.case)
    stays = " Traces remain inside." if traces and inside.stayed(traces) else ""
    answer = (
        run.kept_answer(OwnImages(), detail.case) if isinstance(detail.case, GivenCase) else None
    )
    if harm := broken(answer["accuracy"]) if answer else "":
        return harm
    if GOAL in table.rows:
        return verdict(table, UNLEARNED, what) + stays
    known, before = (1 - table.cell(row, "UA") for row in (UNLEARNED, BEFORE))
    rest, rest_before = (table.cell(row, kept_column(table)) for row in (UNLEARNED, BEFORE))
    return (
        f"{UNLEARNED} recognizes {percent(known)} of {what} (original: {percent(before)}) and "
        f"{percent(rest)} of the {kept_words(table)} ({percent(rest_before)}). Without a retrained "
        "model this cannot be called right or wrong."
    )


def charts(detail: MethodDetail) -> None:
    left, right = st.columns([3, 2], gap="large")
    shift = replace(
        each_image.SHIFT, chart=lambda result: replace(each_image.shift(result), press=None)
    )
    with left:
        detail.section(Confidence(), shift).show()
    with right:
        detail.section(StillThere(), inside.PROBE).show()
    relearning = run.kept_answer(Relearn(), detail.case)
    relearn_outcome = runs.ask_when_told(
        Relearn(), detail.case, f"{KEY}.relearned", "Let the models learn the images again"
    )
    if relearning is None and run.kept_answer(Relearn(), detail.case) is not None:
        st.rerun()  # for the table above, which was drawn without it
    if relearn_outcome is not None and not isinstance(relearn_outcome, Answer):
        runs.watch([relearn_outcome])


def as_board(figures: Table, case: AfterCase) -> Table:
    """The figures as a scoreboard has them, the retrained model first if there is one."""
    rows = [name for name in ROWS if name in figures.rows]
    goal = "retrained" if "retrained" in rows else ""

    def off(row: str, name: str) -> float:
        return figures.cell(row, name) - figures.cell(goal, name) if goal else np.nan

    columns: dict[str, tuple[list[float], str]] = {
        name: ([figures.cell(row, name) for row in rows], "share")
        for name in (*GAP, "attack accuracy")
    }
    for name in GAP:
        columns[f"{name} − retrained"] = [off(row, name) for row in rows], "share"
    for word, names in GAPS.items():
        finite_names = [name for name in names if np.isfinite(columns[name][0]).all()]
        gaps = [float(np.mean([abs(off(row, name)) for name in finite_names])) for row in rows]
        columns |= {word: (gaps, "share"), f"{word} sd": ([np.nan] * len(rows), "share")}
    images = float(attack_images(case.case))
    columns["attack images"] = [images] * len(rows), ""
    is_informative = [
        float(informative(accuracy, images)) for accuracy in columns["attack accuracy"][0]
    ]
    columns |= {
        "informative": (is_informative, ""),
        "share of retraining": ([np.nan] * len(rows), "share"),
    }
    return Table.of(columns, [ROWS[name] for name in rows])


def board(detail: MethodDetail, result: Views) -> RankingTable:
    table = as_board(result["figures"], detail.case)
    heads = (
        RankingHead("model"),
        *(RankingHead(word, name, f"{name}: {about}") for name, (word, about) in FIGURES.items()),
        RankingHead("average gap", "", "mean distance of the four from the retrained model"),
        RankingHead("without MIA", "", "the same of the three without the attack"),
        RankingHead("probe finds", "", "of the forgotten images, by a new last layer"),
        RankingHead("relearned", "", "batches until it knows the forgotten images as before"),
    )
    rows = [
        RankingRow(
            NAMES[row],
            [
                *(figure(table, row, name) for name in FIGURES),
                *(gap(table, row, word) if GOAL in table.rows else RankingCell() for word in GAPS),
                RankingCell(probed(detail, row)),
                RankingCell(relearned(detail, row)),
            ],
            "bottom" if row == GOAL else "",
        )
        for row in table.rows
    ]
    return RankingTable("Verdict", heads, rows, names=[NAMES[row] for row in table.rows])


def probed(detail: MethodDetail, row: str) -> str:
    result = run.kept_answer(StillThere(), detail.case)
    return percent(result["figures"].cell(name_of(row), "probe")) if result else "–"


def relearned(detail: MethodDetail, row: str) -> str:
    result = run.kept_answer(Relearn(), detail.case)
    return inside.steps(result["needed"].cell(name_of(row), "steps")) if result else "–"


def name_of(row: str) -> str:
    return next(name for name, word in ROWS.items() if word == row)


def reading_hint(detail: MethodDetail, result: Views) -> str:
    if lacking := without_test(detail.case):
        return lacking
    if "retrained" not in result["figures"].rows:
        return "Only a retrained model shows what is good: open one to get gaps and a verdict."
    tells = as_board(result["figures"], detail.case).cell(GOAL, "informative")
    gray = "" if tells else " Gray: the attack is near chance."
    return f"Good is what is near the first row, not what is high.{gray}"


@st.fragment
def look_closer(detail: MethodDetail, above: Sequence[Entry]) -> None:
    """One part in sight once it is pressed; nothing of the others is computed."""
    test_count = len(detail.case.case.splits.test)
    offered = [name for name in PARTS if test_count or name not in NEED_TEST]
    part = pick_or_none("Closer look", offered, f"{KEY}.section")
    with footer(above):
        if part is not None:
            with show_problems():
                draw_part(detail, *PARTS[part])
