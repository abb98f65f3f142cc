"""The parts of the view Minimal regions: what is asked, the search, and what is taken along."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from components import exports, runs
from components.charts import tables
from components.forms import method_form, refuse_links
from components.heatmaps.view import cost
from components.links import refuse
from components.minimal_regions import steps
from components.notices import plain
from components.runs import Outcome
from components.sidebar.subject import Subject
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder, naive_looks
from engine.case import ImageCase
from engine.case.target import Target
from engine.result import Table
from engine.run import Answer

KEY = "minimal"
NEARLY = 0.9  # of the whole image's probability
HARDLY = 0.05  # a probability below which the image does not show the class
SMALL = 64  # px; up to here the search takes seconds and runs by itself


@dataclass(frozen=True)
class Asked:
    """The search and its case; whether it is to explain an error."""

    method: LiMA
    case: ImageCase
    about: Subject
    error: bool

    @property
    def band(self) -> RandomOrder:
        """The same regions in random order."""
        return RandomOrder(self.method.shape, self.method.regions, self.method.cover)

    @property
    def others(self) -> OtherMaps:
        """Other methods' maps on the same regions."""
        return OtherMaps(self.method.shape, self.method.regions, self.method.cover)

    @property
    def small(self) -> bool:
        """Whether it is answered without being told to."""
        return self.case.image.shape[-1] <= SMALL


def ask_for(about: Subject) -> Asked | None:
    """Settings, and whose probability is looked at; None where that has yet to be said."""
    refuse_links(LiMA, KEY, about.case)
    refuse(f"{KEY}.error", {"true", "false"}, "Explain the error", "true or false")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left, st.popover("How the search goes", width="stretch"):
        method = method_form(LiMA, KEY, about.case)
        st.caption(cost(method, about))
    with right:
        error = st.toggle(
            "Explain the error",
            key=f"{KEY}.error", bind="query-params",
            help="Search for the true class instead of the one asked about. For an image that the "
            "model gets wrong: which part speaks for the truth, and which regions mislead.",
        )  # fmt: skip
    index = true_class(about) if error else about.case.target.index
    if index is None:
        st.info("Choose the true class, and the search is for what speaks for it.")
        return None
    case = replace(about.case.at("exact"), target=Target(index))
    return Asked(method, case, about, error)


def true_class(about: Subject) -> int | None:
    """As the data set knows it, or as the person says."""
    labels = about.case.model.labels
    example = about.chosen.example
    if example and example.label in labels:
        st.caption(f"The data set says: {plain(example.label)}.")
        return labels.index(example.label)
    refuse(f"{KEY}.truth", labels, "True class", f"a class of {about.case.model.title}")
    named = st.selectbox(
        "True class", labels, index=None, key=f"{KEY}.truth", bind="query-params",
        placeholder="what it really is",
    )  # fmt: skip
    return labels.index(named) if named else None


def question(asked: Asked) -> str:
    """The question of the page in words."""
    label = plain(asked.case.model.labels[asked.case.target.index])
    model = plain(asked.case.model.lineage.trail)
    if asked.error:
        return f"Asking **{model}**: which regions speak for **{label}**, the true class?"
    return f"Asking **{model}**: which regions are enough for **{label}**?"


def show(asked: Asked) -> None:
    """The search when told, and what it found."""
    outcome = ask(asked, "LiMA", asked.method, "Search")
    if not isinstance(outcome, Answer):
        waiting(asked, outcome)
        return
    said, first = verdict(outcome) if asked.error else enough(outcome)
    st.markdown(said)
    band = ask(asked, "RandomOrder", asked.band, "Compare with random order")
    drawn = band if isinstance(band, Answer) else None
    steps.show(outcome, drawn, asked.about, KEY, first)
    if band is not None and drawn is None:
        runs.watch([band])
    elif band is None:
        st.caption("A curve says something only where it leaves the band of random orders.")
    others(asked, outcome, drawn)
    explain(asked, outcome)


def ask(asked: Asked, slot: str, method: LiMA | RandomOrder, label: str) -> Outcome | None:
    """At once for small images, else when told."""
    if asked.small:
        return runs.ask(method, asked.case, f"{KEY}.{slot}")
    return runs.ask_when_told(method, asked.case, f"{KEY}.{slot}", label)


def others(asked: Asked, found: Answer, band: Answer | None) -> None:
    """Other methods' maps as orders of the same regions, folded away."""
    with st.expander("How do other methods do on the same regions?"):
        st.caption(OtherMaps.about())
        outcome = runs.ask_when_told(asked.others, asked.case, f"{KEY}.OtherMaps", "Compare")
        if isinstance(outcome, Answer):
            tables.table(beside(found, outcome, band), f"{KEY}.others", whole=True)
        elif outcome is not None:
            runs.watch([outcome])


def beside(found: Answer, other: Answer, band: Answer | None) -> Table:
    """Areas of the search, of other methods' maps, and the mean of random orders."""
    held = other["areas"]
    rows = {LiMA.title: found["areas"].values}
    rows |= {name: [held.cell(name, way) for way in held.order] for name in held.rows}
    if band is not None:
        rows["Random order, mean"] = [band["areas"][way].mean() for way in held.order]
    values = np.array(list(rows.values()), np.float32)
    heads = ("area under insertion", "area under deletion")
    return Table(values, tuple(rows), heads, ("probability",) * 2)


def waiting(asked: Asked, outcome: Outcome | None) -> None:
    """The picture that is going to be searched, and how far that is."""
    if outcome is None:
        count = asked.method.regions
        looks = naive_looks(count)
        st.caption(
            f"It looks at fewer than {looks:,} half-hidden copies of the image, which is what a "
            f"plain search of {count} regions takes, and can be stopped."
        )
    else:
        runs.watch([outcome])
    steps.unsearched(asked.about)


def enough(answer: Answer) -> tuple[str, int]:
    """How little of the image gives nearly what the whole gives, and the step that is told of.

    The order comes from a greedy search: its shortest prefix need not be the smallest part.
    """
    curve = answer["insertion"]
    best = steps.best_step(curve)
    nothing, whole, label = float(curve.y[0]), float(curve.y[-1]), plain(curve.y_label)
    if nothing >= NEARLY * whole:
        return (
            f"**No part is needed**: with every region hidden, “{label}” has {nothing:.2g}; the "
            f"whole image gives it {whole:.2g}."
        ), best
    if whole < HARDLY:
        return (
            f"**The whole image hardly gives “{label}” anything** ({whole:.2g}): nothing can be "
            f"enough for it. The regions below bring it to {float(curve.y.max()):.2g} at most."
        ), best
    step = int((curve.y[1:] >= NEARLY * whole).argmax()) + 1
    if step == len(curve.x) - 1:
        return (
            "**No prefix of the order found is enough**: only the whole image gives "
            f"“{label}” its {whole:.2f}."
        ), step
    return (
        f"**{100 * curve.x[step]:.0f} % of the image is enough**, the shortest prefix found "
        f"({step} of {len(curve.x) - 1} regions): with only these, “{label}” has "
        f"{curve.y[step]:.2f}; the whole image gives it {whole:.2f}."
    ), step


def verdict(answer: Answer) -> tuple[str, int]:
    """Whether the model is wrong, whether the truth can be brought out, and at which step."""
    true, first = answer["insertion"], answer["insertion of the first class"]
    best = steps.best_step(true)
    if true.y_label == first.y_label:
        return (
            f"The model gets this image right: **{plain(first.y_label)}** "
            f"({first.y[-1]:.2f}). There is no error to explain."
        ), best
    told = (
        f"The model says **{plain(first.y_label)}** ({first.y[-1]:.2f}) instead of "
        f"**{plain(true.y_label)}** ({true.y[-1]:.3f}). "
    )
    if best == len(true.x) - 1:
        return (
            f"{told}No prefix of the order found gives {plain(true.y_label)} more than the whole "
            "does."
        ), best
    if best == 0:
        return (
            f"{told}With every region hidden {plain(true.y_label)} has {true.y[0]:.2f}, and no "
            "prefix of the order found gives it more."
        ), best
    return (
        f"{told}With only {100 * true.x[best]:.0f} % of the image shown, {plain(true.y_label)} "
        f"reaches {true.y[best]:.2f} and {plain(first.y_label)} has {first.y[best]:.2f}: what is "
        "left out there misleads."
    ), best


def explain(asked: Asked, answer: Answer) -> None:
    """What it cost, how high the target got, what am I looking at, and what can be taken along."""
    ours, plainly = answer["looks"].values
    st.markdown(
        f"**{ours:.0f} forward passes**; the plain greedy search takes {plainly:.0f} "
        f"({plainly / ours:.2f} × as many). Image by image its order can be worse or better: over "
        "twenty photographs the area under insertion was the plain search's in the mean with 11 "
        "pending, and up to .08 below or above it. With as many pending as there are regions it is "
        "the plain search."
    )
    with st.expander("How probable it became within a part of the image"):
        tables.table(answer["highest"], f"{KEY}.highest", whole=True)
    st.markdown(f"**What am I looking at?** {LiMA.about()}")
    st.markdown(f"Reference: {LiMA.paper}")
    with st.popover("Take it along"):
        exports.downloads(answer, asked.about, KEY)
        st.code(
            exports.python_call(asked.method, asked.about, target=asked.case.target),
            language="python",
        )
    st.caption(plain(exports.provenance(answer)))
