"""VASparse: which tokens stay in memory, how much attention they hold, and the sinks."""

from functools import partial
from typing import cast

import numpy as np
import streamlit as st

from components.decoding.form import KEY, Compared, DecodedAnswer
from components.draw.crossed import Pixels, crossed_out
from components.links import let_go
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.pictures import as_bytes
from engine.core.result import Curve, Grids, Pictures, Table
from engine.hallucination.vasparse.keep_curve import KeepCurve, curve_case
from engine.hallucination.vasparse.strategy import VASparse
from engine.hallucination.vasparse.thinning import RANKINGS
from engine.vision.language.tiny_vlm.model import TinyVLM

SINKS = 12  # words that are drawn
BEGINNING = "the beginning"  # as the token before everything is called


def drawings(comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    place, settings = choose_place(decoded), decoded.method.settings()
    image = as_bytes(comparison.case.image)
    return (
        Drawing(
            "kept", f"Image tokens in memory when “{decoded.tokens.words[place]}” was chosen",
            part=lambda view: maps(view, place, image),
        ),
        Drawing(
            "dropped", f"Words in memory when “{decoded.tokens.words[place]}” was chosen",
            by=lambda views: st.markdown("\n\n".join(texts(views["dropped"], decoded, place))),
        ),
        Drawing(
            "recovered", "Few tokens get nearly all attention", Lines(
        x="tokens",
        series={"attention": "attention"},
        now=100 * settings["keep"],
        now_name="kept",
        x_title="% of the tokens read",
        title="% of the attention",
        span=(0, 108),
    ),
            partial(law_words, settings["keep"]), part=shares,
        ),
        Drawing(
            "sinks", "Words that soak up attention",
            Dots(
                series={"before": "before", "after": "after"}, joined=True,
                line=100 * settings["sink"], line_name="τ", title="% of the attention, mean",
            ),
            sink_words, part=most_looked_at,
        ),
    )  # fmt: skip


def choose_place(decoded: DecodedAnswer) -> int:
    names = decoded.numbered
    if len(names) == 1:
        return 0
    let_go(f"{KEY}.kept", names, names[-1])
    return names.index(st.select_slider("When was chosen", names, names[-1], key=f"{KEY}.kept"))


def maps(grids: Grids, place: int, image: Pixels) -> Pictures:
    finding = (
        "Gray and crossed out: no longer in that layer's memory."
        if place
        else "Nothing was dropped yet: the memory is thinned out before each further word."
    )
    return crossed_out(image, grids.values[place] > 0, "Layer", "image tokens", finding)


def texts(dropped: Table, decoded: DecodedAnswer, place: int) -> list[str]:
    """For each layer the words read so far, those it dropped struck through; one line for none.

    Args:
        dropped: when each layer lost each word.
        decoded: the answer.
        place: of the word that is chosen, from 0.
    """
    read = len(dropped.rows) - len(decoded.tokens.words) + 1 + place
    names = [BEGINNING, *dropped.rows[1:]][:read]
    gone = {layer: dropped[layer][:read] <= place + 1 for layer in dropped.order}
    if not any(lost.any() for lost in gone.values()):
        return [f"All {read} of them, {BEGINNING} among them: no word was dropped."]
    return [
        f"{layer.capitalize()}, {int(lost.sum())} of {read} dropped: "
        + " ".join(
            f"~~{escape_markdown(name)}~~" if is_dropped else escape_markdown(name)
            for name, is_dropped in zip(names, lost, strict=True)
        )
        for layer, lost in gone.items()
    ]


def shares(curve: Curve) -> Table:
    return Table.of({"tokens": (curve.x, "share"), "attention": (curve.y, "share")})


def law_words(keep: float, views: Views) -> str:
    curve: Curve = views["recovered"]
    token_share, attention_share = (
        np.interp(0.9, curve.y, curve.x),
        np.interp(keep, curve.x, curve.y),
    )
    return (
        f"The {100 * token_share:.0f} % most looked at tokens hold 90 % of the attention, at the "
        f"last word of the question. Keeping {100 * keep:.0f} % could hold "
        f"{100 * attention_share:.0f} %."
    )


def most_looked_at(sinks: Table) -> Table:
    most = np.sort(np.argsort(-sinks["before"], kind="stable")[:SINKS])
    names = [f"{at}. {word}" if at else BEGINNING for at, word in enumerate(sinks.rows)]
    return Table.of({name: (sinks[name], "share") for name in ("before", "after")}, names).take(
        most.tolist()
    )


def sink_words(views: Views) -> str:
    sinks = most_looked_at(views["sinks"])
    top = int(np.argmax(sinks["before"]))
    return (
        f"{sinks.rows[top]} soaks up most: {100 * sinks['before'][top]:.1f} % before calibration, "
        f"{100 * sinks['after'][top]:.1f} % after. Words beyond the dotted line (τ) are held down. "
        f"Of question and answer the {len(sinks)} words that get most are drawn."
    )


# ---------------------------------------------------------------- over many scenes


def over_scenes(comparison: Compared, decoded: DecodedAnswer) -> Section:
    case = curve_case(cast(TinyVLM, comparison.case.vlm), cast(VASparse, decoded.method))
    drawing = Drawing("curve", "", curve_chart, lambda views: curve_words(views["curve"]))
    return Section(
        KEY,
        KeepCurve(),
        case,
        "How much can be dropped? CHAIR against the share kept",
        button=f"Count over {case.count} scenes",
        evidence=(drawing,),
    )


def curve_chart(views: Views) -> Lines:
    return Lines(
        x="kept",
        series={f"{way}: CHAIR_i": way for way in RANKINGS},
        apart=1.0,
        intervals={f"{way}: CHAIR_i": (f"{way}: lowest", f"{way}: highest") for way in RANKINGS},
        line=100 * views["greedy"].cell("Greedy", "CHAIR_i"),
        line_name="greedy",
        x_title="% of the competing tokens kept",
        title="← CHAIR_i: % of mentions made up",
    )


def curve_words(curve: Table) -> str:
    aware, *others = RANKINGS
    gains = [
        f"than {way} at {name}"
        for at, name in enumerate(curve.rows)
        for way in others
        if curve[f"{aware}: highest"][at] < curve[f"{way}: lowest"][at]
    ]
    rates = ", ".join(
        f"{way} {100 * curve[f'{way}: CHAIR_i'][0]:.0f} % (recall "
        f"{100 * curve[f'{way}: recall'][0]:.0f} %)"
        for way in RANKINGS
    )
    finding = (
        f"The visual-aware choice makes up less {' and '.join(gains)}"
        if gains
        else "At no share does the visual-aware choice lie below the range of another: these "
        "scenes show no gain from it"
    )
    return f"With {curve.rows[0]} kept, made up: {rates}. {finding}."
