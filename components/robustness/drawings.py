"""What is drawn of an attack: pictures, the model's first classes with their ranks, its way."""

from engine.attribution.quadattack.order_losses import AD, CW, QUAD
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines

AROUND, ROOM = 120, 40  # px around the rows, and of each: long names have two lines
PICTURES = Drawing("pictures")
FIGURES = Drawing("figures", "How large the change is", wide=True)
OF_ORDER = Drawing(
    "figures",
    "How large that change is",
    wide=True,
    part=lambda figures: figures.select(["L∞", "RMS", "L2", "SSIM"]),
)


def class_ranks(result: Views) -> Dots:
    table = result["classes"]
    places = zip(table["rank before"], table["rank after"], table.rows, strict=True)
    names = [f"{after:.0f} (was {before:.0f})  {name}" for before, after, name in places]
    return Dots(
        series={"before": "before", "after": "after"},
        joined=True,
        names=names,
        title="probability",
        span=(-0.03, 1.03),
        height=AROUND + ROOM * len(names),
    )


def first_words(result: Views) -> str:
    table = result["classes"]
    before, after = (
        table.rows[list(table[name]).index(1)] for name in ("rank before", "rank after")
    )
    return (
        f"Before each name: its rank now, and its rank before the change. First was {before}, "
        f"first is {after}."
    )


CLASSES = Drawing("classes", "What it says, before and after", class_ranks, first_words)
MARGIN = Drawing(
    "margin",
    "The way there",
    Lines(x="step", series={"margin": "margin"}, line=0.0, line_name="its probability is 50 %"),
    lambda result: (
        f"The margin of the first class over all others together, {result['margin'].y[0]:.1f} at "
        f"the start and {result['margin'].y.min():.1f} at its lowest (logits); below 0 it has less "
        "than 50 %."
    ),
)
SEARCH = Drawing(
    "search",
    "The way there",
    Lines(
        x="step",
        series={"places right": "places right", "size": "size of the change (L2)"},
        title="places right; L2",
    ),
    lambda result: (
        f"At most {result['search']['places right'].max():.0f} places were right at once. "
        "Each success makes the order count less and the size of the change count more."
    ),
)
SUCCESS = Drawing(
    "success",
    "How often the order is found",
    Lines(
        x="K",
        series={name: name for name in (QUAD, CW, AD)},
        span=(-3, 103),
        title="images, %",
        x_title="classes in the list",
    ),
    lambda _result: "Each list was drawn by chance and is the same for all three attacks.",
)
SIZES = Lines(
    x="K",
    series={name: name for name in (QUAD, CW, AD)},
    title="RMS, /255",
    x_title="classes in the list",
)
SIZE = Drawing(
    "size",
    "With how large a change",
    SIZES,
    lambda _result: "Median over the images on which all three succeed; none where there are none.",
)
OWN_SIZE = Drawing(
    "own size",
    "With how large a change, each over its own successes",
    SIZES,
    lambda _result: "Each attack's median is over its own successes, so the images differ.",
)
SEVERITY = Drawing(
    "severity",
    "Pixels, game by game",
    Lines(
        x="simulation",
        series={
            "pixels": "this game",
            "fewest so far": "fewest so far",
            "mean of ten": "mean of ten",
        },
        title="pixels changed",
    ),
    lambda result: (
        f"{result['game']['queries'][0]:.0f} queries; games without success leave a gap."
    ),
)
TREE = Drawing("tree", "The tree: key points in order, how often visited, and what it took")
FOLLOWED = Drawing(
    "followed", "How much each map is still the same",
    Dots(series={"old class": "the old class, before and after",
                 "what it says now": "the old class before, the new one after"},
         title="rank correlation", span=(-1.03, 1.03), line=0.0, line_name="no relation"),
    lambda _result: "1: the same order of all pixels; 0: no relation. A map that stays at 1 while "
    "the answer is another one does not show why.",
    wide=True,
)  # fmt: skip
