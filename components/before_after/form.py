"""What the view asks: a model, a decoding and scenes; and what is looked at of the answer."""

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick
from engine.core.question import Question
from engine.evaluation.language.beaf.method import SCENES
from engine.hallucination import BEAF, ScenesCase
from engine.vision.data.sprites import CATEGORIES

KEY = "beaf"
AS_SAID = "what it says"
THRESHOLDS = {f"p(yes) ≥ {share} %": share / 100 for share in range(5, 100, 5)}
ANY = "any thing"


PairsQuestion = Question[BEAF, ScenesCase]


def choose() -> PairsQuestion:
    form = CaseForm(ScenesCase, KEY)
    question: PairsQuestion | None = None
    with show_problems():
        form.ask("model", "pills")
        form.ask("decoding", "pills")
        forms.refuse_links(BEAF, f"{KEY}.BEAF")
        with st.popover("Scenes and settings"):
            form.ask("kind", first=BEAF.argument_defaults["kind"])
            form.ask("count", first=SCENES)
            form.ask("clean")
            form.ask("seed")
            method = BEAF(**forms.settings(BEAF, f"{KEY}.BEAF"))
        question = Question(method, ScenesCase.from_arguments(**form.given), form.known())
    return question or end()


def choose_threshold() -> float | None:
    """From which p(yes) on an answer counts as yes; None for the word that is said."""
    words = (AS_SAID, *THRESHOLDS)
    picked = pick(
        "Counts as yes",
        words,
        f"{KEY}.threshold",
        "slider",
        rule=f"“{AS_SAID}” or one of “p(yes) ≥ 5 %” to “p(yes) ≥ 95 %”, in steps of 5",
        help="BEAF counts the word that is said. A threshold counts p(yes) among yes and no: a "
        "stubborn yes that only a high threshold turns is a sure one.",
    )
    return THRESHOLDS.get(picked)


def choose_thing() -> str | None:
    """The thing that was taken out of the pairs that are listed; None for any."""
    picked = pick(
        "Taken out", (ANY, *CATEGORIES), f"{KEY}.thing", rule=f"“{ANY}” or a thing of the scenes"
    )
    return None if picked == ANY else picked
