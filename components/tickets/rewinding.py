"""Late rewinding: tickets from different moments of a training, and their stability."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components import forms
from components.draw.drawing import draw
from components.draw.fields import FieldChart
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.evaluation.experiment import HOLDS, NOT_HERE, OUTCOMES, UNDECIDED
from engine.sparsity import Rewinding
from engine.vision.lab import TrainCase
from engine.vision.models.small import TITLES

KEY = "rewinding"
SETTINGS = ("density", "points", "seeds", "levels")
MARKS = {HOLDS: "✓", NOT_HERE: "✗", UNDECIDED: "?"}
ACROSS = "rewound to (% of all steps)"
LINE_POINTS = 7  # points on the line between two tickets
CONNECTED = 2.0  # points of error: below it two networks count as connected

ACCURACY = Lines(
    x="",
    series={"dense": "dense network", "ticket": "ticket", "random": "random mask"},
    bands={"dense": ("lowest dense", "highest dense", "dense, all seeds")},
    intervals={name: (f"lowest {name}", f"highest {name}") for name in ("ticket", "random")},
    x_title=ACROSS,
    title="right test images (%)",
)
DISTANCES = Lines(
    x="",
    x_title=ACROSS,
    title="distance between kept weights",
    series={
        "pruning distance": "ticket: pruned or dense",
        "pruning distance, random": "random mask: pruned or dense",
        "order distance": "ticket: two orders of images",
        "order distance, random": "random mask: two orders of images",
    },
)


def show(case: TrainCase, known: Mapping[str, Any] | None = None) -> None:
    """The section about a training, with its settings below the picture."""
    answer, controls, below = st.container(), st.container(), st.container()
    with controls:
        method = Rewinding(
            **forms.folded_settings(Rewinding, KEY, SETTINGS, "Settings of rewinding")
        )
    with answer:
        Section(
            KEY,
            method,
            case,
            "How early can a ticket be taken?",
            below=below,
            picture=lambda result: draw(PICTURE, result, f"{KEY}.accuracy"),
            evidence=EVIDENCE,
            known=known or {},
            button="Rewind tickets",
            before=f"A ticket keeps {100 * method.density:.2g} % of the weights of "
            f"{TITLES[case.recipe.architecture]} on {case.data.card.title}. It is given the "
            f"weights of up to {method.points} moments of the training and trained on, in "
            "two orders of images, beside the dense network and a random mask. That is about "
            f"{trainings(method)} trainings; a seed that is done is kept, one that "
            "is stopped begins anew.",
        ).show()


def usual_case() -> TrainCase:
    """ResNet-8 at a high rate without a warm-up, on small images: minutes, not an hour."""
    return TrainCase.from_arguments(**Rewinding.argument_defaults)


def trainings(method: Rewinding) -> int:
    return method.seeds * (4 + method.levels + (method.points - 2) * (4 + method.levels))


def late_rows(table: Table) -> list[int]:
    """The rows of tickets rewound past the first weights and not to the end."""
    place = table["rewound to"]
    return np.flatnonzero((place > 0) & (place < 1)).tolist()


def best_ticket(result: Views) -> int:
    table: Table = result["rewinding"]
    return max(late_rows(table), key=lambda row: float(table["ticket"][row]))


def trained_on(table: Table) -> Table:
    """The rows after which there is training left: the trained network just pruned is far off."""
    return table.take(np.flatnonzero(table["rewound to"] < 1).tolist())


def gain(result: Views) -> str:
    table, late = result["rewinding"], best_ticket(result)
    gains = [
        f"{name} {100 * table[column][0]:.1f} % from the first weights, "
        f"{100 * table[column][late]:.1f} % from {table.rows[late]}"
        for name, column in (("ticket", "ticket"), ("random mask", "random"))
    ]
    return (
        f"Right test images: {'; '.join(gains)} (the best of {len(late_rows(table))} later moments "
        "on these images; the claim below is about their mean). The trained network just pruned "
        "(100 %): "
        f"{100 * table['ticket'][-1]:.1f} %. Bars and band: from the lowest to the highest seed."
    )


def stability(result: Views) -> str:
    table, row = result["rewinding"], best_ticket(result)
    figures = [
        f"{words} {table[f'{what} distance'][row]:.2f} apart ({table[f'{what} angle'][row]:.0f}°), "
        f"of a random mask {table[f'{what} distance, random'][row]:.2f}"
        for what, words in (
            ("pruning", "ticket and dense network end"),
            ("order", "two orders of images"),
        )
    ]
    return (
        f"From {table.rows[row]}: {'; '.join(figures)}. Kept weights only; later moments leave "
        "fewer steps."
    )


def lines(result: Views) -> Lines:
    names = trained_on(result["rewinding"]).rows
    return Lines(
        x="α",
        series={name: name for name in names},
        title="wrong test images (%)",
        x_title="α, from one ticket to the other",
    )


def risen(result: Views) -> str:
    table = trained_on(result["rewinding"])
    points = 100 * table["barrier"]
    errors = ", ".join(f"{row}: {value:.1f}" for row, value in zip(table.rows, points, strict=True))
    return (
        f"Error rises above the mean of the ends, in points: {errors} (below {CONNECTED:g}: "
        "connected). BatchNorm's statistics are counted anew at each α."
    )


def best_samples(result: Views) -> Table:
    table, name = result["samples"], result["rewinding"].rows[best_ticket(result)]
    rows = [at for at, row in enumerate(table.rows) if row.rpartition(" · ")[0] == name]
    reached = [at for at in rows if np.isfinite(table.values[at, 1:]).any()]
    reached_rows = table.take(reached)
    return replace(
        reached_rows, rows=tuple(f"{row.rpartition(' · ')[2]} right" for row in reached_rows.rows)
    )


def images_needed(result: Views) -> str:
    """Images until the highest accuracy that dense network and ticket both reached."""
    table = best_samples(result)
    both = np.flatnonzero(np.isfinite(table["dense"]) & np.isfinite(table["ticket"]))
    if not len(both):
        return "No accuracy is reached by both in every seed."
    row = {name: float(table[name][both[-1]]) for name in table.order}
    return (
        f"To {100 * row['accuracy']:.0f} % the dense network was shown {row['dense']:,.0f} images, "
        f"the ticket {row['ticket']:,.0f} after its rewind point, and with finding it "
        f"{row['ticket and finding it']:,.0f}. Empty: not reached in every seed."
    )


def ground(result: Views, lead: str = "") -> FieldChart:
    """The plane with both ways over it; both planes have one scale."""
    planes = [result[name].values for name in ("plane", "late plane") if name in result]
    span = (
        float(min(plane.min() for plane in planes)),
        float(max(plane.max() for plane in planes)),
    )
    way = result[f"{lead}way"]
    places = np.linspace(0, len(way.values) - 1, LINE_POINTS).round().astype(int)
    thinned = replace(way, places=way.places[places], values=way.values[places])
    ways = {"rewound weights and tickets": result[f"{lead}arms"], "between the tickets": thinned}
    return FieldChart(ways=ways, span=span)


def late_ground(result: Views) -> FieldChart:
    return ground(result, "late ")


def barrier_sentence(result: Views, lead: str = "") -> str:
    first, start, second = result[f"{lead}arms"].values
    return (
        f"Loss {start:.2f} at the rewound weights (0, 0), {first:.2f} and {second:.2f} at the "
        f"tickets, at most {result[f'{lead}way'].values.max():.2f} between (white). First seed."
    )


def around_late(result: Views) -> str:
    return barrier_sentence(result, "late ")


def list_claims(result: Views) -> None:
    claims: Table = result["claims"]
    st.markdown("\n".join(claim_line(claims, row) for row in range(len(claims))))


def claim_line(claims: Table, row: int) -> str:
    outcome, tolerance = int(claims["outcome"][row]), claims["tolerance"][row]
    margin = f"{claims['margin'][row]:+.3f}".replace("-", "−")
    within = f" ± {tolerance:.3f}" if np.isfinite(tolerance) else ""
    return (
        f"- {MARKS[outcome]} **{escape_markdown(claims.rows[row])}**: {OUTCOMES[outcome]} here. "
        f"Taken to mean: {escape_markdown(claims.notes[row])}; margin {margin}{within}."
    )


PICTURE = Drawing("rewinding", chart=ACCURACY, finding=gain, part=trained_on)
EVIDENCE = (
    Drawing("rewinding", "Where training leads", DISTANCES, stability),
    Drawing("barrier", "On the line between two tickets", lines, risen),
    Drawing("plane", "Loss around the ticket from the first weights", ground, barrier_sentence),
    Drawing("late plane", "Loss around the ticket rewound last", late_ground, around_late),
    Drawing("claims", "What the paper says", by=list_claims),
    Drawing("samples", "Images shown until an accuracy", made=best_samples, finding=images_needed),
)
