"""The page of a question's experiments: sentence, picture, claims, figures, settings."""

from collections.abc import Callable, Sequence

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.claims import list_claims
from components.draw.drawing import draw
from components.experiments import (
    channels,
    denoising,
    mixture,
    own_image,
    perturbation,
    picker,
    refusal,
)
from components.experiments.claims import measures_drawing
from components.links import refusals_here
from components.notices import escape_markdown, show_problems
from components.section import Section
from components.sidebar import subject
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.cbsn.experiment import Cbsn
from engine.core.charts.drawing import Drawing, Views
from engine.core.run import Answer
from engine.evaluation.experiment import Experiment, ExperimentCase
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.sparsity import FireTogether

KEY = "experiments"
BEFORE = Drawing("picture")
NETWORK_VIEWS = {  # what is asked of an experiment's own networks
    FireTogether.name: channels.show,
    VisualAudit.name: perturbation.show,
    RefusalAudit.name: refusal.show,
}
Alone = Callable[[ExperimentCase, str], object]
BESIDE_ALWAYS: dict[str, Alone] = {  # what needs no network of the experiment, nor its answer
    AdaptiveSmoothing.name: mixture.show,
    Cbsn.name: lambda _case, key: denoising.show(subject.image_alone(), key),
}


def show(kinds: Sequence[type[Experiment]], page: str = KEY) -> None:
    """One of the experiments; its settings stand last, but decide what is drawn above.

    Args:
        kinds: those of the question.
        page: how the page's keys in a link begin; no two pages have the same.
    """
    kind = picker.choose(kinds, page)
    key = f"{page}.{kind.name}"
    st.markdown(f"**{escape_markdown(kind.question)}**")
    above, middle, below = st.container(), st.container(), st.container()
    result: Answer | None = None
    case: ExperimentCase | None = None
    with show_problems():
        with below:
            method, case = choose(kind, key)
            picker.offer_all(kinds, page)
        with above:
            result = answer_section(method, case, page, key)
    if result and case and (side_view := NETWORK_VIEWS.get(kind.name)):
        with middle, show_problems():
            side_view(result, case, key)
    if case and (alone := BESIDE_ALWAYS.get(kind.name)):
        with middle, show_problems():
            alone(case, key)
    if kind.own_image is not None:
        chosen_subject = subject.current({"target"})
        with middle, show_problems():
            own_image.show(kind.own_image, f"{KEY}.{kind.own_image.name}", chosen_subject)


def choose(kind: type[Experiment], key: str) -> tuple[Experiment, ExperimentCase]:
    form = CaseForm(ExperimentCase, key, {"names": kind.data})
    forms.refuse_links(kind, key)
    with refusals_here(), st.expander("Settings"):
        form.ask("data", first=kind.data[0])
        form.ask("seed")
        method = kind(**forms.settings(kind, key))
    with st.spinner("Making the images"):
        return method, ExperimentCase.from_arguments(**form.given)


def answer_section(method: Experiment, case: ExperimentCase, page: str, key: str) -> Answer | None:
    return Section(
        page,
        method,
        case,
        columns=1,
        evidence=[
            measures_drawing(method.charted or method.measures, method.axis),
            *method.drawings,
        ],
        picture=lambda result: show_result(method, result, key),
        waiting=lambda: picker.draw(picker.picture_of(method, case), f"{key}.preview"),
        button="Run the experiment",
        before=method.before(case),
    ).show()


def show_result(method: Experiment, result: Views, key: str) -> None:
    main = method.main_drawing
    draw(main if main and main.view in result else BEFORE, result, f"{key}.picture")
    list_claims(result["claims"])
