"""One row of a benchmark: a table, worst first, in which a click opens question or caption."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st

from components.benchmarks import words
from components.benchmarks.form import KEY
from components.notices import escape_markdown
from components.picks import pick
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.polling import SPLITS
from engine.evaluation.language.scenes import VOCABULARY
from engine.hallucination import ScenesCase
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.words import tidy

MOST = 2000  # rows of a table in the page
HIGH = 300  # px of it


def clicked_row(frame: pd.DataFrame, key: str, label: str) -> int:
    """The row that is clicked, the first where none is; the table is drawn."""
    selection: Any = st.dataframe(
        frame.head(MOST),
        hide_index=True,
        height=HIGH,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{label}, {len(frame)} rows, worst first",
    )
    return selected_place(selection, min(len(frame), MOST))


def selected_place(event: Any, count: int) -> int:
    """The place that the browser sent, where it is one of the table; else the first."""
    rows = (event or {}).get("selection", {}).get("rows", [])
    return int(rows[0]) if rows and 0 <= int(rows[0]) < count else 0


def polls(answers: Mapping[str, Answer], cases: Mapping[str, ScenesCase]) -> None:
    decoding_column, split_column = st.columns(2)
    with decoding_column:
        name = pick("Decoding", list(answers), f"{KEY}.polls.decoding", "pills")
    with split_column:
        split = pick("Split", list(SPLITS), f"{KEY}.polls.split", "pills", first=SPLITS[-1])
    questions = cast(Table, answers[name]["questions"])
    order = worst(questions, SPLITS.index(split))
    table, side_column = st.columns([3, 2], gap="large")
    with table:
        at = order[
            clicked_row(poll_frame(questions, order), f"{KEY}.polls.{name}.{split}", "Questions")
        ]
    with side_column:
        poll(questions, at, cases[name])


def worst(questions: Table, split: int) -> list[int]:
    present, yes = questions["there"], questions["yes"]
    rows = np.flatnonzero(questions["split"] == split)
    errors = np.abs(questions["p(yes)"] - present)
    ranked = sorted(rows.tolist(), key=lambda at: (present[at] == yes[at], -errors[at]))
    return [int(at) for at in ranked]


def poll_frame(questions: Table, order: list[int]) -> pd.DataFrame:
    yes_no = {True: "yes", False: "no"}
    rows = [
        {
            "": "✓" if questions["there"][at] == questions["yes"][at] else "✗",
            "Question": questions.rows[at],
            "Truth": yes_no[bool(questions["there"][at])],
            "It says": questions.notes[at],
            "p(yes)": round(float(questions["p(yes)"][at]), 3),
            "By logits": yes_no[bool(questions["p(yes)"][at] > 0.5)],
            "Scene": int(questions["scene"][at]),
        }
        for at in order[:MOST]
    ]
    return pd.DataFrame(rows)


def poll(questions: Table, at: int, case: ScenesCase) -> None:
    category, present = CATEGORIES[int(questions["thing"][at])], bool(questions["there"][at])
    draw_scene(case, int(questions["scene"][at]))
    right = present == bool(questions["yes"][at])
    st.markdown(
        f"{'✓ Right' if right else '✗ Wrong'}: “{yes_no_question(CATEGORIES.index(category))}?” — "
        f"it says “{escape_markdown(tidy(questions.notes[at]))}”, and there "
        f"{'is one' if present else 'is none'}. p(yes) is {questions['p(yes)'][at]:.3f} by the "
        "model's own logits."
    )


def captions(answers: Mapping[str, Answer], cases: Mapping[str, ScenesCase]) -> None:
    name = pick("Decoding", list(answers), f"{KEY}.captions.decoding", "pills")
    caption_table = cast(Table, answers[name]["captions"])
    order = np.lexsort(
        (caption_table["found"] - caption_table["there"], -caption_table["invented"])
    ).tolist()
    table, side_column = st.columns([3, 2], gap="large")
    with table:
        frame = pd.DataFrame(
            {
                "Made up": caption_table["invented"][order],
                "Mentions": caption_table["mentions"][order],
                "Found": [
                    f"{caption_table['found'][at]} of {caption_table['there'][at]}" for at in order
                ],
                "Caption": [tidy(caption_table.notes[at]) for at in order],
                "Scene": order,
            }
        )
        at = order[clicked_row(frame, f"{KEY}.captions.{name}", "Captions")]
    with side_column:
        categories = draw_scene(cases[name], at)
        caption_words = caption_table.notes[at].split()
        words.show(caption_words, mentions(caption_words, categories, VOCABULARY))
        st.caption(f"There are: {', '.join(categories) or 'no things'}.")


def draw_scene(case: ScenesCase, row: int) -> list[str]:
    drawn = case.scene(row)
    categories = [scene_object.category for scene_object in drawn.things]
    alt = f"Scene {row}, a {drawn.theme} with {', '.join(categories) or 'nothing'}"
    show_picture(enlarged(drawn.image.transpose(1, 2, 0)), alt, width=280)
    return categories
