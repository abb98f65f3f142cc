"""KLoM of models that were opened, many of each kind: curves, noise, and one image's margins."""

from functools import partial
from typing import Any

import streamlit as st

from components import forms
from components.forget.asked import MethodDetail
from components.forget.klom import curves, one_image
from components.notices import escape_markdown
from engine.core.charts.drawing import Views
from engine.evaluation.forgetting.klom import NEEDED
from engine.unlearning import KLoM
from engine.unlearning.given import GivenGroups

ABOUT = (
    "**All opened models (KLoM).** One model may be right by luck. KLoM compares the margins of "
    "all unlearned models with those of retrained ones, image by image."
)
ALL = max(NEEDED.values())  # models of each kind that count at most


def show(detail: MethodDetail, groups: GivenGroups) -> None:
    st.markdown(ABOUT)
    answer, controls = st.container(), st.container()
    slot = f"{detail.key}.KLoM"
    with controls:
        settings: dict[str, Any] = {}
        for place, name in zip(st.columns(2, gap="large"), ("form", "images"), strict=True):
            with place:
                settings |= forms.settings(KLoM, slot, (name,))
    method = KLoM(models=ALL, **settings)
    with answer:
        if reason := groups.too_few(method.form):
            st.warning(escape_markdown(reason))
            return
        count = min(ALL, groups.usable)
        detail.section(
            method,
            *curves("Unlearned"),
            columns=3,
            button="Compare all models",
            before=f"{count} original, {count} unlearned and {2 * count} retrained models are "
            "asked about some images. Nothing is trained.",
            detail=partial(closely, detail),
        ).show()


def closely(detail: MethodDetail, result: Views) -> None:
    with st.columns(2, gap="large")[0]:
        one_image(detail, result)
