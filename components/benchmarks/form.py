"""What Benchmarks asks: a model, decodings, and scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import streamlit as st

from components.case_form import CaseForm
from components.notices import escape_markdown
from components.picks import pick_some
from engine.core.errors import BlindspotError
from engine.evaluation.language.rates import unfit
from engine.hallucination import STRATEGIES, VCD, Greedy, ScenesCase, asking
from engine.vision.language.tiny_vlm.model import TinyVLM

KEY = "benchmarks"


@dataclass(frozen=True)
class BenchmarkQuestion:
    """What is counted.

    Args:
        cases: by the decoding's title.
        title: of the model.
        count: scenes.
        problem: why nothing can be counted, in a sentence; "" where something can.
    """

    cases: dict[str, ScenesCase]
    title: str
    count: int
    problem: str = ""

    @property
    def captioned(self) -> dict[str, ScenesCase]:
        """Those that give captions."""
        return {name: case for name, case in self.cases.items() if not case.lacks("captions")}


def choose() -> BenchmarkQuestion:
    """Decodings, model and scenes."""
    titles = {kind.title: kind for kind in STRATEGIES}
    chosen = pick_some(
        "Decodings",
        list(titles),
        f"{KEY}.decodings",
        (Greedy.title, VCD.title),
        wrap=True,
        rule="some that this view has",
    )
    form = CaseForm(ScenesCase, KEY)
    places = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    for name, place in zip(("model", "kind", "count", "clean"), places, strict=True):
        with place:
            form.ask(name)
    settings = dict(form.given)
    name = settings.pop("model")
    try:
        vlm = cast(TinyVLM, asking.model(name))
        reasons = {title: unfit(vlm, titles[title]) for title in chosen}
        fit = [title for title, why in reasons.items() if not why]
        cases = {title: ScenesCase(vlm, titles[title](), **settings) for title in fit}
    except BlindspotError as error:
        return BenchmarkQuestion({}, name, settings["count"], escape_markdown(str(error)))
    for title, why in reasons.items():
        if why:
            st.caption(f"Not here: {title}. {escape_markdown(why)}")
    return BenchmarkQuestion(cases, vlm.title, settings["count"])
