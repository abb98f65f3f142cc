"""The mixture on one image under attack: the dial, and what each network reads."""

import streamlit as st

from components import forms
from components.asked_image import SIDEBAR_IMAGE, TEST, choose_image
from components.picks import pick
from components.section import Section
from components.sidebar.subject import image_alone
from engine.attribution.adasmooth.experiment import NETWORKS
from engine.attribution.adasmooth.mixed_answers import FIXED, NETS, MixedAnswers
from engine.attribution.adasmooth.mixing import EPSILON
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing
from engine.core.result import Table
from engine.evaluation.experiment import ExperimentCase
from engine.vision.models import catalog

MIXING = (
    "Nonlinear mixing: a small network sets α by image; it learned from attacks up to "
    f"ε = {EPSILON:g}."
)


def show(case: ExperimentCase, key: str) -> None:
    st.header("On one image under attack")
    key = f"{key}.one"  # a setting of the experiment is called images too
    about = pick("Asked about", (TEST, SIDEBAR_IMAGE), f"{key}.about", "segments")
    sidebar_image = image_alone() if about == SIDEBAR_IMAGE else None
    model = catalog.load(NETWORKS[catalog.word_of(case.data.name)][0])
    image = choose_image(case.data, case.seed, model, sidebar_image, key)
    slot = f"{key}.MixedAnswers"
    answer, dial = st.container(), st.container()
    forms.refuse_links(MixedAnswers, slot)
    with dial:
        settings = forms.settings(MixedAnswers, slot, ("mixing",))
        if settings["mixing"] == FIXED:
            settings |= forms.settings(MixedAnswers, slot, ("alpha",))
        else:
            st.caption(MIXING)
        with st.popover("Settings of the attack"):
            settings |= forms.settings(MixedAnswers, slot, ("epsilon", "steps", "against"))
    with answer:
        Section(
            key,
            MixedAnswers(**settings),
            image.case,
            MixedAnswers.title,
            evidence=(
                Drawing("picture"),
                Drawing(
                    "answers",
                    "Attacked, it is read as" if settings["epsilon"] else "It is read as",
                    BarGroups(series=dict(zip(NETS, NETS, strict=True)), title="%", span=(0, 118)),
                    part=likeliest_classes,
                    finding=lambda result: (
                        f"The robust network leads by "
                        f"{100 * result['numbers'].cell('attacked', 'margin'):.0f} points."
                    ),
                ),
            ),
        ).show()


def likeliest_classes(table: Table) -> Table:
    order = (-table.values.max(1)).argsort(kind="stable")[:3]
    return table.take(order.tolist())
