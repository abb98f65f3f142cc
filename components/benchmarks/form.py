"""What Benchmarks asks: a model, decodings, and scenes."""

from typing import cast

import streamlit as st

from components.case_form import CaseForm
from components.notices import escape_markdown
from components.picks import pick_some
from engine.evaluation.language.rates import unfit
from engine.hallucination import STRATEGIES, VCD, Greedy, ScenesCase, asking
from engine.vision.language.tiny_vlm.model import TinyVLM

KEY = "benchmarks"
Cases = dict[str, ScenesCase]  # by the title of the decoding


def choose() -> Cases:
    """Decodings, model and scenes.

    Raises:
        BlindspotError: the model cannot be asked.
    """
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
    vlm = cast(TinyVLM, asking.model(settings.pop("model")))
    reasons = {title: unfit(vlm, titles[title]) for title in chosen}
    cases = {
        title: ScenesCase(vlm, titles[title](), **settings)
        for title, why in reasons.items()
        if not why
    }
    for title, why in reasons.items():
        if why:
            st.caption(f"Not here: {title}. {escape_markdown(why)}")
    return cases
