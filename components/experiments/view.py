"""The page of a question's experiments: sentence, picture, claims, figures, settings."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components import forms, section
from components.case_form import CaseForm
from components.draw.drawing import Drawing, Views
from components.draw.groups import PointGroups
from components.draw.lines import Lines
from components.draw.stacked import Stacked
from components.experiments import own_image, picker
from components.experiments.claims import (
    between,
    by_width,
    engaged,
    figures,
    hulls,
    list_claims,
    rules,
)
from components.links import refusals_here
from components.notices import plain, spoken
from components.section import Section
from components.sidebar import subject
from engine.arguments.trained import ExperimentArguments
from engine.experiment import Experiment, ExperimentCase, spread
from engine.result import Table

KEY = "experiments"
HULLS = Drawing(
    "hulls", "What can be chosen with fewer of the others",
    chart=lambda found: Lines(
        x="false alarms", series={one: one for one in found["hulls"].order[1:]},
        span=(-3, 103), title="rare images found (%)", x_title="false alarms (%)",
    ),
    finding=lambda found: hulls(found["hulls"]),
)  # fmt: skip
GAPS = Drawing(
    "gaps", "What sparsity costs, by width",
    chart=lambda found: Lines(
        x="width", series={one: one for one in rules(found["gaps"])},
        intervals={one: (spread(one),) for one in rules(found["gaps"])},
        ticks=found["gaps"]["width"].tolist(), log=True, line=0.0,
        title="dense minus sparse (points)", x_title="width (times the usual channels)",
    ),
    finding=lambda found: by_width(found["gaps"]),
)  # fmt: skip
PROJECTION = Drawing(
    "projection", "Where SMOTE draws",
    chart=lambda found: in_plane(found["projection"]),
    finding=lambda found: between(found["projection"]),
)  # fmt: skip


CHAIN = (
    Drawing("examples", "Three images on their way through the experts"),
    Drawing(
        "chain", "What each expert says of them",
        chart=Stacked(
            parts={
                "belief in the answer": "belief in the answer",
                "belief in other classes": "belief in other classes", "vacuity": "no evidence",
            },
            rest="vacuity", title="%",
        ),
        finding=lambda found: engaged(found["chain"]),
    ),
    Drawing(
        "left", "What is left after each expert",
        chart=lambda found: Lines(
            x="experts", series={name: name for name in found["left"].order[1:]},
            title="left over (power of ten)", x_title="experts asked",
            ticks=found["left"]["experts"].tolist(),
        ),
        finding=lambda _: "An image engages the next expert while its line lies above that of "
        "the share it needs, which depends on all test images.",
    ),
)  # fmt: skip


def in_plane(table: Table) -> PointGroups:
    """Its first group as thin lines, the others as points."""
    lines, *points = dict.fromkeys(table.rows)
    return PointGroups(
        x=table.order[0], y=table.order[1], height=460,
        looks={lines: "thin", **dict.fromkeys(points, "dots")},
    )  # fmt: skip


def show(kinds: Sequence[type[Experiment]], page: str = KEY) -> None:
    """One of the experiments; its settings stand last, but decide what is drawn above.

    Args:
        kinds: those of the question.
        page: how the page's keys in a link begin; no two pages have the same.
    """
    kind = picker.choose(kinds, page)
    key = f"{page}.{kind.name}"
    st.markdown(f"**{plain(kind.question)}**")
    above, own, below = st.container(), st.container(), st.container()
    with spoken():
        with below:
            method, case = choose(kind, key)
            picker.offer_all(kinds, page)
        with above:
            asked(method, case, page, key)
    if kind.own_image is not None:
        about = subject.current({"target"})
        with own, spoken():
            own_image.show(kind.own_image, f"{KEY}.{kind.own_image.name}", about)


def choose(kind: type[Experiment], key: str) -> tuple[Experiment, ExperimentCase]:
    """Data, seed and settings; all of it is in the link."""
    form = CaseForm(ExperimentArguments, key, {"names": kind.data})
    forms.refuse_links(kind, key)
    with refusals_here(), st.expander("Settings"):
        form.ask("data", first=kind.data[0])
        form.ask("seed")
        method = kind(**forms.settings(kind, key))
    with st.spinner("Making the images"):
        return method, ExperimentArguments(**form.given).case()


def asked(method: Experiment, case: ExperimentCase, page: str, key: str) -> None:
    """The answer when it is known, else the picture and how the experiment is run."""
    section.show(
        Section(
            page, method, case, columns=1,
            evidence=[figures(method.measures, method.axis), GAPS, PROJECTION, HULLS, *CHAIN],
            picture=lambda found: answered(found, key),
            waiting=lambda: picker.draw(picker.picture_of(method, case), f"{key}.preview"),
            button="Run the experiment",
            before=method.before(case),
        )
    )  # fmt: skip


def answered(found: Views, key: str) -> None:
    """The picture and the claims."""
    picker.draw(found["picture"], f"{key}.picture")
    list_claims(found["claims"])
