"""What single experiments show beside what all of them do; another one has no such view."""

from __future__ import annotations

from components.experiments.claims import (
    by_share,
    by_width,
    engaged,
    half_reached,
    hulls,
    measure_columns,
    mixtures,
    partners,
    rules,
    smote_sentence,
    sure,
)
from components.experiments.denoising import DENOISING
from components.experiments.mixture import CERTIFICATES, PLANE
from components.experiments.perturbation import AUDITED
from components.experiments.poison import PLANES, POISONED
from components.experiments.ranges import PREDICTIONS, RANGES
from components.experiments.recommender import SWAYED_USERS
from components.experiments.refusal import AUDIT
from components.experiments.rerouting import REROUTED
from engine.anomaly.experiments.smote import SEGMENTS
from engine.charts.drawing import Drawing
from engine.charts.groups import PointGroups
from engine.charts.lines import Lines
from engine.charts.matrix import Matrix
from engine.charts.reliability import Reliability, models_in_bins
from engine.charts.stacked import Stacked
from engine.experiment import deviation_column
from engine.result import Table


def in_plane(table: Table) -> PointGroups:
    """Segments as thin lines, the others as points."""
    names = dict.fromkeys(table.rows)
    return PointGroups(
        x=table.order[0],
        y=table.order[1],
        height=460,
        looks={name: "thin" if name == SEGMENTS else "dots" for name in names},
    )


HULLS = Drawing(
    "hulls",
    "What can be chosen with fewer of the others",
    chart=lambda result: Lines(
        x="false alarms",
        series={column: column for column in result["hulls"].order[1:]},
        span=(-3, 103),
        title="rare images found (%)",
        x_title="false alarms (%)",
    ),
    finding=lambda result: hulls(result["hulls"]),
)
GAPS = Drawing(
    "gaps",
    "What sparsity costs, by width",
    chart=lambda result: Lines(
        x="width",
        series={rule: rule for rule in rules(result["gaps"])},
        intervals={rule: (deviation_column(rule),) for rule in rules(result["gaps"])},
        ticks=result["gaps"]["width"].tolist(),
        log=True,
        line=0.0,
        title="dense minus sparse (points)",
        x_title="width (times the usual channels)",
    ),
    finding=lambda result: by_width(result["gaps"]),
)
PROJECTION = Drawing(
    "projection",
    "Where SMOTE draws",
    chart=lambda result: in_plane(result["projection"]),
    finding=lambda result: smote_sentence(result["projection"]),
)
CHAIN = (
    Drawing("examples", "Three images on their way through the experts"),
    Drawing(
        "chain",
        "What each expert says of them",
        chart=Stacked(
            parts={
                "belief in the answer": "belief in the answer",
                "belief in other classes": "belief in other classes",
                "vacuity": "no evidence",
            },
            rest="vacuity",
            title="%",
        ),
        finding=lambda result: engaged(result["chain"]),
    ),
    Drawing(
        "left",
        "What is left after each expert",
        chart=lambda result: Lines(
            x="experts",
            series={name: name for name in result["left"].order[1:]},
            title="left over (power of ten)",
            x_title="experts asked",
            ticks=result["left"]["experts"].tolist(),
        ),
        finding=lambda _: (
            "An image engages the next expert while its line lies above that of "
            "the share it needs, which depends on all known test images."
        ),
    ),
)


def reliability(word: str, title: str, way: str) -> Drawing:
    """Confidence and right answers of the dense network and the sparsest ticket.

    Args:
        word: how the views of bins begin.
        title: above it.
        way: how its measures end.
    """
    names = {"dense": "dense", "ticket": "sparsest ticket"}
    return Drawing(
        f"{word} ticket",
        title,
        Reliability(models=names),  # it comes last
        lambda result: sure(result["table"], way),
        made=lambda result: models_in_bins({name: result[f"{word} {name}"] for name in names}),
    )


def bindings(table: Table) -> Matrix:
    """A frame around each pair that is bound."""
    places = [(row, table.order.index(name)) for row, name in enumerate(table.notes) if name]
    return Matrix(outlined=places, form=".0f", height=560, x_title="class of the new task")


REPROGRAMMED = (
    Drawing(
        "transfer",
        "What is left on the new task, by weights kept",
        chart=lambda result: Lines(
            x="weights kept",
            series={column: column for column in measure_columns(result["transfer"])},
            intervals={
                column: (deviation_column(column),)
                for column in measure_columns(result["transfer"])
            },
            ticks=(100 * result["transfer"]["weights kept"]).tolist(),
            log=True,
            span=(0, 104),
            title="test images right (%)",
            x_title="weights kept (%)",
        ),
        finding=lambda result: by_share(result["transfer"]),
    ),
    reliability("prompt", "Is it as sure as it is right? Inside a prompt", "inside a prompt"),
    reliability("probe", "Is it as sure as it is right? With a new head", "with a new head"),
    Drawing("prompts", "What was learned around the images"),
    Drawing(
        "bound",
        "Which angle stands for which digit, in the dense network",
        chart=lambda result: bindings(result["bound"]),
        finding=lambda result: partners(result["bound"]),
    ),
)
PROTECTED = Drawing(
    "shares",
    "What is learned when some images stay clean",
    chart=lambda result: Lines(
        x="share",
        series={column: column for column in measure_columns(result["shares"])},
        intervals={
            column: (deviation_column(column),) for column in measure_columns(result["shares"])
        },
        ticks=(100 * result["shares"]["share"]).tolist(),
        span=(0, 104),
        title="clean test images right (%)",
        x_title="training images protected (%)",
    ),
    finding=lambda result: mixtures(result["shares"]),
)
REACHED = Drawing(
    "reached",
    "How many slices reach a Dice",
    chart=lambda result: Lines(
        x="Dice",
        series={column: column for column in result["reached"].order[1:]},
        ticks=[0.0, 0.25, 0.5, 0.75, 1.0],
        span=(-3, 103),
        title="test slices (%)",
        x_title="Dice of the outline, at least",
    ),
    finding=lambda result: half_reached(result["reached"]),
)
WITHOUT_DETECTOR = Drawing("found without")
OF_ONE = (
    REACHED, WITHOUT_DETECTOR, GAPS, PROJECTION, HULLS, *CHAIN, *REPROGRAMMED, *RANGES, *POISONED,
    CERTIFICATES, *DENOISING, *AUDITED, *AUDIT, *REROUTED,
)  # fmt: skip
BEFORE = Drawing("picture")
# What makes the point better than images, once it has learned.
MAIN_DRAWINGS = (
    Drawing("found"),
    PROTECTED,
    PREDICTIONS,
    SWAYED_USERS,
    Drawing("channels"),
    PLANES,
    PLANE,
)
