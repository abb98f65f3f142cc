"""The sections of Minimal regions: the search, random orders of its regions, and other methods."""

from __future__ import annotations

import numpy as np

from components import section
from components.draw.bars import Bars, Dots
from components.draw.drawing import Drawing, Views
from components.draw.maps import draw_maps
from components.exports import python_call
from components.minimal_regions import steps
from components.minimal_regions.form import KEY, RegionSearch
from components.section import Section
from components.widgets.viewer import Panel
from engine import run
from engine.attribution.lima import LiMA, naive_looks
from engine.result import Curve, Table
from engine.run import Answer

NEARLY = 0.9  # of the whole image's probability
HARDLY = 0.05  # a probability below which the image does not show the class
NEAR = 0.99  # of the highest probability: no worse to the eye, and often far fewer regions
AREAS = Dots(
    series={"insertion": "insertion: high is good", "deletion": "deletion: low is good"},
    title="area under the curve", span=(-0.03, 1.03),
)  # fmt: skip


def show(asked: RegionSearch) -> Answer | None:
    """The search, and what it found."""
    band = run.known(asked.band, asked.case)
    headline = misled if asked.error else enough
    return section.show(
        Section(
            KEY, asked.method, asked.case, asked.question, lambda found: headline(found)[0],
            picture=lambda found: steps.show(found, band, asked, headline(found)[1]),
            evidence=(
                Drawing("map", "Which regions count", by=lambda found: draw_maps(
                    [Panel("Minimal regions", found["map"])], asked.about, f"{KEY}.viewer"
                )),
                Drawing("highest", "How probable it became within a part of the image",
                        Bars(value="highest probability", span=(0, 1.03)), passes),
            ),
            button="" if asked.small else "Search",
            before=f"Fewer than {naive_looks(asked.method.regions):,} half-hidden copies of the "
            f"image are looked at: that is what a plain search of {asked.method.regions} regions "
            "takes. It can be stopped.",
            waiting=lambda: steps.unsearched(asked.about), known=asked.about.arguments,
            script=lambda: python_call(asked.method, asked.about, target=asked.case.target),
        )
    )  # fmt: skip


def compare(asked: RegionSearch, found: Answer) -> None:
    """The search beside random orders, without which no curve says anything, and other maps."""
    band = section.show(
        Section(
            KEY, asked.band, asked.case, "Is the order better than chance?",
            lambda random: better(found, random), columns=1,
            evidence=[Drawing("areas", chart=AREAS, made=lambda random: beside(found, random))],
            button="" if asked.small else "Compare with random order",
            before="A curve says something only where it leaves the band of random orders.",
            known=asked.about.arguments,
        )
    )  # fmt: skip
    section.show(
        Section(
            KEY, asked.others, asked.case, "How do other methods do on the same regions?",
            lambda others: best(beside(found, others)), columns=1,
            evidence=[
                Drawing("areas", chart=AREAS, made=lambda others: beside(found, others, band))
            ],
            button="Compare",
            before="Maps of five other methods, turned into orders of the same regions.",
            known=asked.about.arguments,
        )
    )  # fmt: skip


def beside(found: Views, others: Views, band: Views | None = None) -> Table:
    """Areas of the search, of other orders, and the mean of random ones where they are known."""
    areas = others["areas"]
    rows = {LiMA.title: found["areas"].values}
    rows |= {name: [areas.cell(name, way) for way in areas.order] for name in areas.rows}
    if band is not None:
        rows["Random order, mean"] = [band["areas"][way].mean() for way in areas.order]
    values = np.array(list(rows.values()), np.float32)
    return Table.grid(values, tuple(rows), ("insertion", "deletion"), ("probability",) * 2)


# ---------------------------------------------------------------- sentences


def enough(found: Views) -> tuple[str, int]:
    """How little of the image gives nearly what the whole gives, and the step that is told of.

    The order comes from a greedy search: its shortest prefix need not be the smallest part.
    """
    curve = found["insertion"]
    best = best_step(curve)
    nothing, whole, label = float(curve.y[0]), float(curve.y[-1]), curve.y_label
    if nothing >= NEARLY * whole:
        return (
            f"No part is needed: with every region hidden, “{label}” has {nothing:.2g}; the "
            f"whole image gives it {whole:.2g}."
        ), best
    if whole < HARDLY:
        return (
            f"The whole image hardly gives “{label}” anything ({whole:.2g}): nothing can be "
            f"enough for it. The regions below bring it to {float(curve.y.max()):.2g} at most."
        ), best
    step = int((curve.y[1:] >= NEARLY * whole).argmax()) + 1
    if step == len(curve.x) - 1:
        return (
            "No prefix of the order found is enough: only the whole image gives "
            f"“{label}” its {whole:.2f}."
        ), step
    return (
        f"{100 * curve.x[step]:.0f} % of the image is enough, the shortest prefix found "
        f"({step} of {len(curve.x) - 1} regions): with only these, “{label}” has "
        f"{curve.y[step]:.2f}; the whole image gives it {whole:.2f}."
    ), step


def misled(found: Views) -> tuple[str, int]:
    """Whether the model is wrong, whether the truth can be brought out, and at which step."""
    true, first = found["insertion"], found["insertion of the first class"]
    best = best_step(true)
    if true.y_label == first.y_label:
        return (
            f"The model gets this image right: “{first.y_label}” ({first.y[-1]:.2f}). There is no "
            "error to explain."
        ), best
    words = (
        f"The model says “{first.y_label}” ({first.y[-1]:.2f}) instead of “{true.y_label}” "
        f"({true.y[-1]:.3f}). "
    )
    if best == len(true.x) - 1:
        words += f"No prefix of the order found gives “{true.y_label}” more than the whole does."
    elif best == 0:
        words += (
            f"With every region hidden “{true.y_label}” has {true.y[0]:.2f}, and no prefix of the "
            "order found gives it more."
        )
    else:
        words += (
            f"With only {100 * true.x[best]:.0f} % of the image shown, “{true.y_label}” reaches "
            f"{true.y[best]:.2f} and “{first.y_label}” has {first.y[best]:.2f}: what is left out "
            "there misleads."
        )
    return words, best


def best_step(curve: Curve) -> int:
    """The first step at which the target is as good as most probable: NEAR of its highest."""
    return int((curve.y >= NEAR * curve.y.max()).argmax())


def better(found: Views, band: Views) -> str:
    """Whether the areas leave what random orders give."""
    inserted, deleted = (float(value) for value in found["areas"].values)
    areas = band["areas"]
    above, below = inserted > areas["insertion"].max(), deleted < areas["deletion"].min()
    orders = f"better than all of {len(areas)} random orders"
    if above and below:
        return f"Insertion ({inserted:.3f}) and deletion ({deleted:.3f}) are both {orders}."
    if above or below:
        return f"Only {'insertion' if above else 'deletion'} is {orders}."
    return f"Neither insertion nor deletion is {orders}: this order says little."


def best(table: Table) -> str:
    """Which order shows and which hides best."""
    high, low = int(table["insertion"].argmax()), int(table["deletion"].argmin())
    return (
        f"{table.rows[high]} has the largest area under insertion "
        f"({table['insertion'][high]:.3f}), {table.rows[low]} the smallest under deletion "
        f"({table['deletion'][low]:.3f})."
    )


def passes(found: Views) -> str:
    """What the search cost."""
    ours, plainly = found["looks"].values
    return (
        f"{ours:.0f} forward passes; the plain greedy search takes {plainly:.0f} "
        f"({plainly / ours:.2f} × as many). Image by image its order can be worse or better: over "
        "twenty photographs the area under insertion was the plain search's in the mean with 11 "
        "pending, and up to .08 below or above it. With as many pending as there are regions it is "
        "the plain search."
    )
