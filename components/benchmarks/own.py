"""A person's own answers or captions: opened, scored without a model, and read row by row."""

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from components.benchmarks import words
from components.benchmarks.form import KEY
from components.benchmarks.rows import MOST, clicked_row
from components.draw.drawing import draw
from components.notices import escape_markdown, show_problems
from components.picks import switch
from components.widgets.downloads import download
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Scatter
from engine.core.errors import BadData
from engine.core.result import Table
from engine.core.result.spreadsheet import csv_text
from engine.evaluation.language.own_rows import MOST_MB, MOST_ROWS, TEMPLATES, OwnRows, read
from engine.evaluation.language.own_scores import (
    OwnAnswers,
    OwnCaptions,
    score_answers,
    score_captions,
)

SLOT = f"{KEY}.own"
LETTERS = 300  # of a cell in the table
HELP = (
    f"CSV or JSON lines, up to {MOST_MB} MB and {MOST_ROWS:,} rows. Answers: answer, label (yes or "
    "no), and, if you like, question, image, group. Captions: caption, objects (with semicolons "
    "between them), and, if you like, references, image, group. It stays in this session's memory."
)


def show() -> None:
    st.markdown("**Your own answers or captions**")
    file_column, offered = st.columns([3, 2], gap="large")
    with file_column:
        st.file_uploader(
            "CSV or JSON lines",
            key=f"{SLOT}.file",
            help=HELP,
            on_change=score_upload,
            max_upload_size=MOST_MB,
        )
    with offered:
        st.caption("No model is asked. Templates to fill in:")
        with st.container(horizontal=True):
            for kind, text in TEMPLATES.items():
                download(
                    f"Template: {kind}",
                    partial(str, text),
                    f"{kind}.csv",
                    f"{SLOT}.template.{kind}",
                    icon=":material/table:",
                )
    if problem := st.session_state.get(f"{SLOT}.problem"):
        st.error(escape_markdown(problem), icon=":material/error:")
    own_rows: OwnRows | None = st.session_state.get(f"{SLOT}.rows")
    if own_rows is None:
        st.caption(
            "POPE's accuracy, F1 and yes-ratio, or CHAIR with COCO's eighty things, for each group "
            "of rows, with intervals; then every row, worst first."
        )
        return
    for note in own_rows.notes:
        st.caption(escape_markdown(note))
    with show_problems():
        show_pope(own_rows) if own_rows.kind == "answers" else captions(own_rows)


def score_upload() -> None:
    uploaded = st.session_state[f"{SLOT}.file"]
    st.session_state[f"{SLOT}.problem"] = ""
    if uploaded is None:
        return
    try:
        content = uploaded.getvalue()
        rows = read(content, uploaded.name)
        score = score_answers(rows) if rows.kind == "answers" else score_captions(rows)
    except BadData as error:
        st.session_state[f"{SLOT}.problem"] = str(error)
        return
    digest = blake2b(content, digest_size=8).hexdigest()
    st.session_state.update({f"{SLOT}.rows": rows, f"{SLOT}.digest": digest})
    st.session_state[f"{SLOT}.scores"] = {False: score}


def scores(held: OwnRows, *, negation: bool = False) -> Any:
    stored: dict[bool, Any] = st.session_state[f"{SLOT}.scores"]
    if negation not in stored:
        stored.clear()
        stored[negation] = score_captions(held, negation=negation)
    return stored[negation]


# ---------------------------------------------------------------- yes or no


def show_pope(own_rows: OwnRows) -> None:
    own_answers: OwnAnswers = scores(own_rows)
    st.header(escape_markdown(answer_words(own_answers)))
    shape = Dots(
        series={"accuracy": "accuracy", "F1": "F1", "yes-ratio": "yes-ratio"},
        intervals={name: (f"{name} low", f"{name} high") for name in ("accuracy", "F1")},
        title="%",
        line=50,
        line_name="yes-ratio without a leaning",
        span=(0, 101),
    )
    draw(
        Drawing("rates", "", shape, lambda views: answer_notes(views["rates"])),
        {"rates": own_answers.rates},
        f"{SLOT}.rates",
    )
    order = answer_order(own_answers)
    frame = pd.DataFrame(
        [
            {
                "": "✗" if own_answers.wrong[at] else "✓",
                "Question": shorten(own_rows.rows[at].get("question", "")),
                "Answer": shorten(own_rows.rows[at]["answer"]),
                "Truth": own_rows.rows[at]["label"],
                "Read as": "yes" if own_answers.yes[at] else "no",
                "Plainly": own_answers.words[at] or "neither",
                "Image": shorten(own_rows.rows[at].get("image", "")),
            }
            for at in order[:MOST]
        ]
    )
    at = order[
        clicked_row(frame, f"{SLOT}.table.{st.session_state[f'{SLOT}.digest']}", "Your answers")
    ]
    row = own_rows.rows[at]
    verdict = "✗ Wrong" if own_answers.wrong[at] else "✓ Right"
    question = f"“{escape_markdown(shorten(row['question']))}” " if row.get("question") else ""
    read_as, answer = (
        "yes" if own_answers.yes[at] else "no",
        escape_markdown(shorten(row["answer"])),
    )
    st.markdown(
        f"{verdict}: {question}Answer “{answer}”, read as {read_as}; truth: {row['label']}."
    )
    heads = ("question", "answer", "label", "read as", "plainly", "wrong", "image", "group")
    download_rows(
        heads,
        lambda: csv_text(
            heads,
            (
                (
                    row.get("question", ""),
                    row["answer"],
                    row["label"],
                    "yes" if yes else "no",
                    word or "neither",
                    int(wrong),
                    row.get("image", ""),
                    row.get("group", ""),
                )
                for row, yes, word, wrong in zip(
                    own_rows.rows,
                    own_answers.yes.tolist(),
                    own_answers.words,
                    own_answers.wrong.tolist(),
                    strict=True,
                )
            ),
        ),
        len(own_rows.rows),
    )


def answer_order(own_answers: OwnAnswers) -> list[int]:
    neither = np.array([not word for word in own_answers.words])
    order: list[int] = np.lexsort((~neither, ~own_answers.yes, ~own_answers.wrong)).tolist()
    return order


def answer_words(own_answers: OwnAnswers) -> str:
    rates = own_answers.rates
    first = {name: float(rates[name][0]) for name in rates.order}
    return (
        f"{100 * first['accuracy']:.0f} % of {first['answers']:,.0f} answers are right; yes to "
        f"{percent_or_dash(first['false yes'])} of what is not there; neither yes nor no: "
        f"{first['neither']:,.0f}."
    )


def answer_notes(rates: Table) -> str:
    other, caught = float(rates["read otherwise"][0]), float(rates["F1 of no"][0])
    return (
        "What is not plainly a no counts as yes, as POPE's script counts it; a looser search for "
        f"words (yes, yeah, no, none, isn't …) reads {other:,.0f} answers the other way. AMBER's "
        f"F1, of the no: {percent_or_dash(caught)}."
    )


# ---------------------------------------------------------------- captions


def captions(held: OwnRows) -> None:
    sentence = st.container()
    negation = switch(
        "Leave out what a caption says is not there",
        f"{SLOT}.negation",
        help="“There is no boat” names a boat, as CHAIR's authors count it.",
    )
    own_captions: OwnCaptions = scores(held, negation=negation)
    sentence.header(escape_markdown(caption_words(own_captions.rates)))
    for note in own_captions.notes:
        st.caption(escape_markdown(note))
    shape = Scatter(
        x="recall",
        y="CHAIR_i",
        shown=True,
        height=340,
        x_span=(-4, 108),
        span=(-3, 108),
        x_title="recall: % of things there that are named →",
        title="← CHAIR_i: % of mentions made up",
    )
    draw(
        Drawing("rates", "", shape, lambda views: length_words(views["rates"])),
        {"rates": own_captions.rates},
        f"{SLOT}.rates",
    )
    invented, mentioned = np.array(own_captions.invented), own_captions.whole("mentions")
    order = np.argsort(-invented, kind="stable").tolist()
    frame = pd.DataFrame(
        [
            {
                "Made up": int(invented[at]),
                "Mentions": mentioned[at],
                "Caption": shorten(held.rows[at]["caption"]),
                "There": ", ".join(own_captions.there[at]),
                "Image": shorten(held.rows[at].get("image", "")),
            }
            for at in order[:MOST]
        ]
    )
    at = order[
        clicked_row(frame, f"{SLOT}.table.{st.session_state[f'{SLOT}.digest']}", "Your captions")
    ]
    words.show(*own_captions.mentions(held, at))
    st.caption(escape_markdown(f"There are: {', '.join(own_captions.there[at]) or 'no things'}."))
    heads = ("caption", "made up", "named", "there", "image", "group")
    download_rows(heads, lambda: csv_text(heads, (
        (row["caption"], "; ".join(mention.node for mention in named if not mention.true),
         "; ".join(mention.node for mention in named), "; ".join(objects), row.get("image", ""),
         row.get("group", ""))
        for at, (row, objects) in enumerate(zip(held.rows, own_captions.there, strict=True))
        for _, named in [own_captions.mentions(held, at)]
    )), len(held.rows))  # fmt: skip


def caption_words(rates: Table) -> str:
    chair_i, lying, recall, length, count = (
        float(rates[name][0]) for name in ("CHAIR_i", "CHAIR_s", "recall", "words", "captions")
    )
    return (
        f"CHAIRi {percent_or_dash(chair_i)}, CHAIRs {percent_or_dash(lying)} of {count:,.0f} "
        f"captions, at recall {percent_or_dash(recall)} and {length:.1f} words."
    )


def length_words(rates: Table) -> str:
    figures = [
        f"{name} {word_count:.0f} words, CHAIRi {percent_or_dash(low)} to {percent_or_dash(high)}"
        for name, word_count, low, high in zip(
            rates.rows[:4],
            rates["words"],
            rates["CHAIR_i low"],
            rates["CHAIR_i high"],
            strict=False,
        )
    ]
    return f"Who says less invents less: {'; '.join(figures)} (95 % of redraws of the images)."


def percent_or_dash(value: float) -> str:
    return f"{100 * value:.1f} %" if np.isfinite(value) else "–"


def shorten(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}…"


def download_rows(heads: tuple[str, ...], make: Callable[[], str], count: int) -> None:
    if count > MOST:
        st.caption(f"The table has the first {MOST:,} of {count:,} rows; the file has all.")
    download(
        "Every row with its verdict (CSV)",
        make,
        "benchmark-rows.csv",
        f"{SLOT}.rows.csv",
        help=f"Columns: {', '.join(heads)}.",
        icon=":material/download:",
    )
