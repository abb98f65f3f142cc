"""How well states tell what is made up, over many scenes: the probe, its rivals and its null."""

import numpy as np
import streamlit as st

from components.inside.view import KEY
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.spread import BarsAndLine
from engine.core.result import Table
from engine.hallucination import HalluRAG, ScenesCase
from engine.hallucination.hallurag.probe import LINEAR, PUBLISHED, WORD
from engine.hallucination.hallurag.readings import WHEN

BINS = 10
THRESHOLD = f"{KEY}.threshold"


def show(question: tuple[HalluRAG, ScenesCase]) -> None:
    Section(
        f"{KEY}.probe", *question,
        "Over many scenes: do its states tell?",
        evidence=(
            Drawing(
                "compared", "Who tells made-up things from true ones?",
                Dots(
                    series={"AUROC": "on scenes not learned from"},
                    intervals={"AUROC": ("lowest", "highest")},
                    line=0.5, line_name="coin", span=(0.2, 1.02), title="AUROC →",
                ),
                compared_words,
            ),
            Drawing(
                "layers", "In which layer does it stand?",
                Lines(
                    x="", span=(0.4, 1.02), line=0.5, line_name="coin", title="AUROC →",
                    series={
                        f"{kind}, {when}": f"{name}, {when}"
                        for kind, name in (("CEV", "states"), ("IAV", "gates"))
                        for when in WHEN
                    },
                ),
                layer_words,
            ),
            Drawing(
                "risks", "The risk of true and of made-up things",
                BarsAndLine(
                    bars={"true": "true", "made up": "made up"}, x_factor=100,
                    x_title="risk (%)", title="% of the words",
                ),
                threshold_words, part=risk_histogram,
            ),
            Drawing(
                "trust", "Does a risk mean what it says?",
                Lines(
                    x="risk", series={"made up": "made up"}, span=(-3, 103), x_span=(-3, 103),
                    x_title="risk (%)", title="% made up",
                ),
                trust_words, part=nonempty_bins,
            ),
            Drawing(
                "questions", "What color is it? Asked of things there, and of things taken out",
                Dots(
                    series={
                        "a probe of its own": "a probe of its own",
                        "one probe for both": "one probe for both",
                    },
                    line=0.5, line_name="coin", span=(0.2, 1.02), title="AUROC →",
                ),
                question_words,
            ),
        ),
        detail=lambda _: threshold(),
    ).show()  # fmt: skip


def compared_words(result: Views) -> str:
    rates, null = result["compared"], result["shuffled"]["AUROC"]
    deep, linear, word = (float(rates.cell(name, "AUROC")) for name in (PUBLISHED, LINEAR, WORD))
    return (
        f"Three layers have {deep:.2f}, one {linear:.2f}; knowing the word alone gives {word:.2f}. "
        f"Learned from shuffled labels, {len(null)} probes have {null.mean():.2f} on average "
        f"({null.min():.2f} to {null.max():.2f})."
    )


def layer_words(result: Views) -> str:
    layers: Table = result["layers"]
    parts = []
    for when in WHEN:
        name = f"CEV, {when}"
        at = int(np.nanargmax(layers[name]))
        parts.append(f"{when} best after {layers.rows[at]} ({layers[name][at]:.2f})")
    return f"States: {'; '.join(parts)}. The embedding knows the word, not the image."


def risk_histogram(risks: Table) -> Table:
    edges = np.linspace(0, 1, BINS + 1)
    made_up = np.asarray(risks["made up"], bool)
    columns = {"from": (edges[:-1], ""), "to": (edges[1:], "")}
    for name, rows in (("true", ~made_up), ("made up", made_up)):
        counts = np.histogram(risks["risk"][rows], edges)[0]
        columns[name] = (counts / max(int(rows.sum()), 1), "share")
    return Table.of(columns)


def threshold() -> None:
    st.slider(
        "Call a thing made up from a risk of",
        5,
        95,
        50,
        5,
        format="%d %%",
        key=THRESHOLD,
        width=420,
    )


def threshold_words(result: Views) -> str:
    line = int(st.session_state.get(THRESHOLD, 50))
    risks = result["risks"]
    made_up, called = np.asarray(risks["made up"], bool), risks["risk"] >= line / 100
    return (
        f"From {line} % on, {int((called & made_up).sum())} of {int(made_up.sum())} made-up things "
        f"are found, and {int((called & ~made_up).sum())} of {int((~made_up).sum())} true ones are "
        "called made up."
    )


def nonempty_bins(trust: Table) -> Table:
    return trust.take(np.flatnonzero(trust["words"] > 0).tolist())


def trust_words(result: Views) -> str:
    bins = nonempty_bins(result["trust"])
    gaps = np.abs(bins["risk"] - bins["made up"])
    mean = float((gaps * bins["words"]).sum() / bins["words"].sum())
    return (
        f"On the diagonal a risk is the share that is made up. Risk and share differ by "
        f"{100 * mean:.0f} points, on average over {int(bins['words'].sum())} things."
    )


def question_words(result: Views) -> str:
    table: Table = result["questions"]
    rates = " and ".join(
        f"{100 * table.cell(row, 'made up'):.0f} % of the {row} ones" for row in table.rows
    )
    return (
        f"Answered wrongly: {rates}. Answerable: the thing is there. Unanswerable: it was taken "
        "out, and any color is made up."
    )
