"""Predictions of a number before and after a range of it is forgotten, and how near is near."""

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import Look, PointGroups
from engine.core.charts.lines import Lines
from engine.core.charts.ranking import RankingCell, RankingHead, RankingRow, RankingTable, tint
from engine.core.charts.words import NONE
from engine.core.result import Table
from engine.evaluation.experiment import deviation_column
from engine.evaluation.forgetting.attack import informative
from engine.unlearning.deep_regression.claims import (
    AIN,
    ATTACK,
    BLINDSPOT,
    DISTANCE,
    FORGOTTEN,
    MEMBERS,
    ORIGINAL,
    PAIRED,
    PROXY,
    RETAINED,
    RETRAINED,
    SECOND,
)
from engine.unlearning.deep_regression.figures import densities

TRUE = "as it is"  # the line on which predictions are right
DRAWN = (ORIGINAL, RETRAINED, BLINDSPOT)
FULL = 0.55  # tint of the distance of the original
HEADS = {
    DISTANCE: ("cm²", "1-Wasserstein distance of the predictions on the forgotten images"),
    PAIRED: ("cm²", "mean difference of the predictions for each forgotten image"),
    RETAINED: ("cm²", "mean absolute error on test images outside the range"),
    FORGOTTEN: ("cm²", "mean absolute error on test images in the range; high where forgotten"),
    MEMBERS: ("of the forgotten", "share that an attacker takes for training images"),
    ATTACK: ("50 % is chance", "on the images that the attacker was fitted to"),
    AIN: (
        "100 % is right",
        "steps until the range is learned again, of the retrained network's; at most 10 epochs",
    ),
}


def in_groups(table: Table) -> Table:
    """Each test image once for each network that is drawn, and a line on which all is right."""
    names = [name for name in DRAWN if name in table.order]
    areas = table["area"]
    ends = np.array([0.0, float(areas.max())])
    x = np.concatenate([*(areas for _ in names), ends])
    y = np.concatenate([*(table[name] for name in names), ends])
    rows = [name for name in names for _ in areas] + [TRUE, TRUE]
    unit = table.units[0]
    return Table.of({"area": (x, unit), "prediction": (y, unit)}, rows)


def over_areas(result: Views) -> PointGroups:
    """Points over the true area; the range that is forgotten is shaded."""
    low, high = result["band"].values.tolist()
    looks: dict[str, Look] = {**dict.fromkeys(DRAWN, "dots"), TRUE: "thin"}
    return PointGroups(
        x="area",
        y="prediction",
        looks=looks,
        shaded=((low, high),),
        height=440,
        x_title="area of the lesion (cm²); shaded: forgotten",
    )


def mean_predictions(result: Views) -> str:
    """Mean prediction in the shaded range, by network."""
    table: Table = result["predictions"]
    low, high = result["band"].values.tolist()
    inside = (table["area"] >= low) & (table["area"] <= high)
    means = [
        f"{name} {float(table[name][inside].mean()):.1f}" for name in DRAWN if name in table.order
    ]
    return (
        f"Mean prediction for the {int(inside.sum())} test images in the shaded range, whose mean "
        f"area is {float(table['area'][inside].mean()):.1f} cm²: {', '.join(means)} (first seed)."
    )


def smoothed(result: Views) -> Table:
    """The densities of predictions on the forgotten images; names say how far each is away."""
    table: Table = result["forgotten"]
    unit, figures = table.units[0], result["table"]
    samples = {
        name: np.asarray(table[name], np.float64)
        for name in table.order[1:]
        if name not in {SECOND, PROXY}
    }
    drawn = densities(samples, unit)
    return drawn.renamed(
        {
            name: f"{name}, W = {figures.cell(name, DISTANCE):.1f}"
            for name in samples
            if name != RETRAINED and name in figures.rows
        }
    )


def smallest_width(result: Views) -> str:
    """What W is, and whose is smallest."""
    table: Table = result["table"]
    others = [name for name in table.rows if name not in {RETRAINED, SECOND, ORIGINAL, PROXY}]
    words = (
        "Predictions on the forgotten training images (first seed). W: 1-Wasserstein distance to "
        "the retrained network's in cm², the mean over seeds."
    )
    if not others:
        return words
    best = min(others, key=lambda name: table.cell(name, DISTANCE))
    words += f" Nearest: {best}, {table.cell(best, DISTANCE):.1f}."
    references = [name for name in (PROXY, SECOND) if name in table.rows]
    if references:
        distances = ", ".join(f"{name} {table.cell(name, DISTANCE):.1f}" for name in references)
        words += f" Beside that: {distances}."
    return words


def ranked(table: Table) -> Table:
    """The retrained network's figures, then the others' by their distance to it."""
    near = table[DISTANCE]
    order = sorted(range(len(table)), key=lambda at: (table.rows[at] != RETRAINED, near[at]))
    return table.take(order)


def standing(result: Views) -> RankingTable:
    """The retrained network on top, the others by their distance to it."""
    table = ranked(result["table"])
    ordered = table.rows
    is_informative = {name: says_something(result, name) for name in ordered}
    original_distance = table.cell(ORIGINAL, DISTANCE) if ORIGINAL in table.rows else float("nan")

    def cell(name: str, measure: str) -> RankingCell:
        value, deviation = table.cell(name, measure), table.cell(name, deviation_column(measure))
        share = measure in {MEMBERS, ATTACK, AIN}
        factor, form = (100, ".0f") if share else (1, ".2f")
        text = f"{factor * value:{form}}{' %' if share else ''}" if np.isfinite(value) else NONE
        small = f"± {factor * deviation:{form}}" if np.isfinite(deviation) else ""
        is_ranking = measure == DISTANCE
        return RankingCell(
            text,
            small,
            tint(value / original_distance, FULL) if is_ranking else 0.0,
            bold=is_ranking,
            ignored=measure == MEMBERS and not is_informative[name],
        )

    heads = [RankingHead("network")]
    heads += [RankingHead(name, below, about) for name, (below, about) in HEADS.items()]
    rows = [
        RankingRow(
            name, [cell(name, measure) for measure in HEADS], "bottom" if name == RETRAINED else ""
        )
        for name in ordered
    ]
    return RankingTable("How near each network is to the retrained one", heads, rows)


def says_something(result: Views, name: str) -> bool:
    """Whether the attack on a network is right more often than by chance."""
    low, high = result["band"].values.tolist()
    areas = result["predictions"]["area"]
    images = 2 * int(((areas < low) | (areas > high)).sum())  # test images that are not of the band
    return informative(result["table"].cell(name, ATTACK), images)


def reading_hint(result: Views) -> str:
    """How the table is read, and where the attack says nothing."""
    words = "Good is near the retrained network, in every column. Mean ± standard deviation."
    silent = [name for name in result["table"].rows if not says_something(result, name)]
    if silent:
        words += f" Gray: the attack is near chance for {', '.join(silent)} and says nothing there."
    if not np.isfinite(result["table"][AIN]).all():
        words += (
            " AIN is missing: with one seed or more the retrained network did not learn the range "
            "while it was taught, or knew it at once."
        )
    return words


PREDICTIONS = Drawing(
    "predictions", "Area and prediction, test images", over_areas, mean_predictions, part=in_groups
)
DRAWINGS = (
    Drawing(
        "forgotten",
        "What is predicted for the forgotten images",
        chart=Lines(x="prediction", title="density", x_title="predicted area (cm²)"),
        finding=smallest_width,
        made=smoothed,
    ),
    Drawing(
        "band",
        "Every network beside the retrained one",
        standing,
        reading_hint,
        made=lambda result: ranked(result["table"]),
    ),
)
