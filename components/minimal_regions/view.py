"""The sections of Minimal regions: the search, random orders of its regions, and other methods."""

from streamlit.delta_generator import DeltaGenerator

from components.draw.maps import draw_maps
from components.exports import python_call
from components.minimal_regions import steps
from components.minimal_regions.form import KEY, RegionSearch
from components.section import Section
from components.widgets.viewer import Panel
from engine.attribution.lima import findings, naive_looks
from engine.attribution.lima.other_maps import area_table
from engine.core import run
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing
from engine.core.run import Answer

AREAS = Dots(
    series={"insertion": "insertion: high is good", "deletion": "deletion: low is good"},
    title="area under the curve",
    span=(-0.03, 1.03),
)


def show(search: RegionSearch, rest: DeltaGenerator) -> Answer | None:
    """The picture and its curves; in `rest`, below the controls, what else was found."""
    band = run.kept_answer(search.band, search.case)
    describe = findings.misled if search.error else findings.sufficient_area
    return Section(
        KEY,
        search.method,
        search.case,
        search.question,
        lambda result: describe(search.case, result)[0],
        picture=lambda result: steps.show(result, band, search, describe(search.case, result)[1]),
        evidence=(
            Drawing(
                "map",
                "Which regions count",
                by=lambda result: draw_maps(
                    [Panel("Minimal regions", result["map"])], search.about, f"{KEY}.viewer"
                ),
            ),
            Drawing(
                "highest",
                "How probable it became within a part of the image",
                Bars(value="highest probability", span=(0, 1.03)),
                findings.passes,
            ),
        ),
        below=rest,
        button="" if search.small else "Search",
        before=f"Fewer than {naive_looks(search.method.regions):,} half-hidden copies of the "
        f"image are looked at: that is what a plain search of {search.method.regions} regions "
        "takes. It can be stopped.",
        waiting=lambda: steps.unsearched(search.about),
        known=search.about.arguments,
        script=lambda: python_call(search.method, search.about, target=search.case.target),
    ).show()


def compare(search: RegionSearch, answer: Answer) -> None:
    """The search beside random orders, without which no curve says anything, and other maps."""
    band = Section(
        KEY,
        search.band,
        search.case,
        "Is the order better than chance?",
        lambda random: findings.better(answer, random),
        evidence=[Drawing("areas", chart=AREAS, made=lambda random: area_table(answer, random))],
        button="" if search.small else "Compare with random order",
        before="A curve says something only where it leaves the band of random orders.",
        known=search.about.arguments,
    ).show()
    Section(
        KEY,
        search.others,
        search.case,
        "How do other methods do on the same regions?",
        lambda others: findings.best_orders(area_table(answer, others)),
        evidence=[
            Drawing("areas", chart=AREAS, made=lambda others: area_table(answer, others, band))
        ],
        button="Compare",
        before="Maps of five other methods, turned into orders of the same regions.",
        known=search.about.arguments,
    ).show()
