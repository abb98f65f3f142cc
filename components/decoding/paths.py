"""MVP: three descriptions, the paths of an answer from each, and what decides."""

from functools import partial
from typing import cast

import numpy as np
import streamlit as st

from components.decoding.form import KEY, Compared, DecodedAnswer
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.stacked import Stacked
from engine.core.result import Table
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import VOCABULARY
from engine.hallucination.mvp.method import MVP, VIEWS
from engine.hallucination.mvp.views_ablation import ViewsAblation
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.words import tidy

SCENES = 50  # over which views are left out
ANSWERS = {1.0: "yes", 0.0: "no"}
VIEW_NAMES = tuple(VIEWS)


def drawings(comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    weights = cast(MVP, decoded.method).weights
    return (
        *(
            Drawing(
                name,
                f"{name.capitalize()} (weight {weights[at]:.2g})",
                finding=partial(caption_words, comparison, name),
                below=partial(paths_of, at),
            )
            for at, name in enumerate(VIEW_NAMES)
        ),
        Drawing("paths", "What decides", decided, sum_words, part=pieces),
    )


def caption_words(comparison: Compared, name: str, views: Views) -> str:
    if comparison.shown.scene is None:
        return "What is truly there is not known."
    categories = [
        scene_object.category
        for scene_object in comparison.shown.scene.things
        if scene_object.opacity > 0
    ]
    made_up = dict.fromkeys(
        mention.node
        for mention in mentions(views[name].words, categories, VOCABULARY)
        if not mention.true
    )
    return f"✗ made up: {', '.join(made_up)}" if made_up else "✓ makes up nothing"


def paths_of(view: int, views: Views) -> None:
    paths: Table = views["paths"]
    rows = np.flatnonzero(paths["view"] == view).tolist()
    st.markdown("\n\n".join(path_words(paths, row) for row in rows))


def path_words(paths: Table, row: int) -> str:
    first = 100 * float(paths["probability"][row])
    says = ANSWERS.get(float(paths["says yes"][row]), "neither")
    sure = float(paths["certainty"][row])
    certainty = f"{100 * sure:.0f} % sure" if np.isfinite(sure) else "it counts as yes"
    return (
        f"{first:.0f} % “{escape_markdown(tidy(paths.notes[row]))}” → **{says}**, {certainty}, "
        f"adds {float(paths['adds'][row]):.3f}"
    )


def pieces(paths: Table) -> Table:
    counts_as = np.stack([paths["says yes"] != 0, paths["says yes"] == 0])
    adds = np.where(counts_as, paths["adds"], np.nan).T
    names = path_names(paths)
    pairs = zip(names, adds, strict=True)
    return Table.of({name: (sums, "score") for name, sums in pairs}, ("yes", "no"))


def path_names(paths: Table) -> list[str]:
    views = [VIEW_NAMES[int(view)] for view in paths["view"]]
    return [f"{view}: {word}" for view, word in zip(views, paths.rows, strict=True)]


def decided(views: Views) -> Stacked:
    return Stacked(
        parts={name: name.partition(":")[0] for name in path_names(views["paths"])}, title="score"
    )


def sum_words(views: Views) -> str:
    yes, no = views["scores"].values.tolist()
    return (
        f"Yes {yes:.3f}, no {no:.3f}. Each piece is a path: how likely its first word was, times "
        "how sure its yes or no was, times the weight of its description."
    )


# ---------------------------------------------------------------- over many scenes


def over_scenes(comparison: Compared, decoded: DecodedAnswer) -> Section:
    case = ScenesCase(cast(TinyVLM, comparison.case.vlm), cast(MVP, decoded.method), SCENES)
    drawing = Drawing("views", finding=lambda views: ablation_words(views["views"]))
    return Section(
        KEY,
        ViewsAblation(),
        case,
        "What does each view add?",
        evidence=(drawing,),
        button=f"Count over {SCENES} scenes",
    )


def ablation_words(rates: Table) -> str:
    *fewer, everything, none = rates.rows
    best = max(fewer, key=lambda name: rates.cell(name, "right"))
    rights = [100 * rates.cell(name, "right") for name in (everything, best, none)]
    return (
        f"Right answers to {rates.cell(everything, 'questions'):.0f} questions: all three views "
        f"{rights[0]:.0f} %; with fewer, best is {best} with {rights[1]:.0f} %; without any "
        f"description {rights[2]:.0f} %."
    )
