"""What the three models answer: their confusions, an attack on their confidence, all figures."""

from functools import partial

import numpy as np
import streamlit as st

from components.forget.asked import WORDS, MethodDetail, Rows, each_model
from components.picks import pick
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.charts.spread import BarsAndLine
from engine.core.result import Table
from engine.unlearning import Confusion, Judged, MembershipAttack

IMAGES = ("test", "forgotten", "retained")
UNITS = {"share": "Shares", "nat": "Distances in nats", "": "Distances"}


def confusion(detail: MethodDetail) -> Rows:
    test_count = len(detail.case.case.splits.test)
    of = pick(
        "Images", IMAGES if test_count else IMAGES[1:], f"{detail.key}.Confusion.of", "segments"
    )
    drawings = each_model("", confused, partial(confusion_finding, detail), detail.names)
    return [[detail.section(Confusion(of=of), *drawings, columns=3)]]


def confused(name: str, result: Views) -> Matrix:
    counts: Table = result[name]
    shares = counts.values / np.maximum(counts.values.sum(1, keepdims=True), 1)
    return Matrix(
        colors=100 * shares,
        span=(0, 100),
        height=300,
        title="label",
        x_title="the model says",
        texts=[[f"{count:.0f}" if count else "" for count in row] for row in counts.values],
        hovers=[
            [
                f"{label} is called {answer}: {100 * share:.0f} %"
                for answer, share in zip(counts.columns, row, strict=True)
            ]
            for label, row in zip(counts.rows, shares, strict=True)
        ],
    )


def confusion_finding(detail: MethodDetail, name: str, result: Views) -> str:
    counts: Table = result[name]
    label, values = detail.case.case.request.label, counts.values
    if label is None or not values[label].sum():
        share = np.trace(values) / max(values.sum(), 1)
        return f"{100 * share:.0f} % of {values.sum():.0f} images are told right."
    row = values[label]
    most = int(row.argmax())
    return (
        f"{row[label]:.0f} of {row.sum():.0f} images of “{counts.rows[label]}” are still called "
        f"so; most often it says “{counts.order[most]}” ({row[most]:.0f} times)."
    )


def attack(detail: MethodDetail) -> Rows:
    st.caption(
        "Bars: how often the model is how sure of images that it learned and kept (members), and "
        "of test images (strangers). Shaded: where the attacker says “member”; its edge is the "
        "threshold. Line: the forgotten images. Members and strangers are drawn by the seed, as "
        "many of each class. An attacker within 5 points of 50 % (two standard errors with fewer "
        "than 400 images) knows nothing, and its picture is gray. Right for the forgotten images "
        "is what the retrained model shows, not 100 %."
    )
    return [
        [
            Section(
                f"{detail.key}.{name}",
                MembershipAttack(model=name),
                detail.case,
                explained=False,
                evidence=[
                    Drawing(
                        "histogram", WORDS[name].capitalize(), attack_histograms, attack_finding
                    )
                ],
            )
            for name in detail.names
        ]
    ]


def attack_histograms(result: Views) -> BarsAndLine:
    regions: Table = result["regions"]
    regions_said = zip(regions["from"], regions["to"], regions["member"], strict=True)
    return BarsAndLine(
        bars={"members": "members", "strangers": "strangers"},
        lines={"forgotten": "forgotten"},
        shaded=[(100 * low, 100 * high) for low, high, says in regions_said if says],
        x_title="probability of the label (%)",
        title="images (%)",
        x_factor=100,
        height=300,
        faint=not result["figures"]["informative"][0],
    )


def attack_finding(result: Views) -> str:
    figures: Table = result["figures"]
    words = (
        f"It takes {100 * figures['MIA'][0]:.0f} % of the forgotten images for strangers. It is "
        f"right on {100 * figures['attack accuracy'][0]:.0f} % of the images it was fitted to"
    )
    if figures["informative"][0]:
        return f"{words}."
    return f"{words}, hardly more than by chance: this says nothing."


def all_figures(detail: MethodDetail) -> Rows:
    st.caption(
        "Forgetting is good where “after” is like “never saw it”; no figure is good by being high. "
        "Distances between weights say how far a model moved, not how well: networks that answer "
        "alike can lie far apart."
    )
    tables = (Drawing("figures", word, part=partial(of_unit, unit)) for unit, word in UNITS.items())
    return [[detail.section(Judged(), *tables)]]


def of_unit(unit: str, figures: Table) -> Table:
    units = zip(figures.order, figures.units, strict=True)
    names = [n for n, column_unit in units if column_unit == unit and np.isfinite(figures[n]).any()]
    values = np.array([figures[name] for name in names])
    models = tuple(WORDS[name] for name in figures.rows)
    return Table.grid(values, names, models, (unit,) * len(models))
