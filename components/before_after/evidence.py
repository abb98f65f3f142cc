"""What the figures rest on: outcomes by what was taken out, two axes, things and relations."""

from functools import partial

import numpy as np

from components.before_after.counted import count_table
from components.before_after.pair import OpenPair, pair_opener
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter
from engine.core.charts.matrix import Matrix
from engine.core.charts.stacked import Stacked
from engine.core.result import Table
from engine.evaluation.language.beaf.figures import (
    FEWEST,
    FIGURES,
    KINDS,
    OUTCOMES,
    decided,
    kind_of,
    relation,
)
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.sayings import PARTNER

OUTCOME_BARS = Stacked(
    parts={name: name for name in OUTCOMES}, written=True, span=(0, 100), title="% of the pairs"
)
FIGURE_DOTS = Dots(
    series={"share": "all pairs"},
    intervals={"share": ("low", "high")},
    span=(-3, 103),
    title="% (90 % of resampled scenes)",
)


def drawings(pair: OpenPair | None, threshold: float | None) -> tuple[Drawing, ...]:
    axes = (
        []
        if pair is None
        else [
            Drawing(
                "records",
                f"Two axes: scene {pair.row} and its copies, question by question",
                made=partial(answers_of, row=pair.row, threshold=threshold),
                chart=partial(two_axes, row=pair.row, threshold=threshold),
                finding=partial(axes_words, row=pair.row, threshold=threshold),
            )
        ]
    )
    return (
        Drawing(
            "records", "What was taken out", OUTCOME_BARS, partial(kind_words, threshold=threshold),
            part=partial(count_table, "kinds", threshold=threshold),
        ),
        Drawing(
            "records", "All figures", FIGURE_DOTS, partial(figure_words, threshold=threshold),
            part=partial(figure_rows, threshold=threshold),
        ),
        Drawing(
            "records", "Every pair: p(yes) before and after", before_after, scatter_words,
            part=about_removed,
        ),
        *axes,
        Drawing(
            "records", "Thing by thing", part=partial(count_table, "things", threshold=threshold),
            finding=partial(thing_words, threshold=threshold),
        ),
        Drawing(
            "records", "What one thing does to the answer about another",
            Matrix(signed=True, span=(-50, 50), form=".0f", bar="points by which p(yes) falls",
                   outlined=[(category, other) for category, other in PARTNER.items()],
                   x_title="asked for", title="taken out", height=560),
            lambda result: relation_words(relation(result["records"])), part=relation,
        ),
    )  # fmt: skip


# ---------------------------------------------------------------- figures


def figure_rows(records: Table, threshold: float | None) -> Table:
    result = count_table("figures", records, threshold)
    columns = {
        "share": [result[name][0] for name in FIGURES],
        "low": [result[f"{name}, low"][0] for name in FIGURES],
        "high": [result[f"{name}, high"][0] for name in FIGURES],
    }
    return Table.of({name: (column, "share") for name, column in columns.items()}, FIGURES)


def figure_words(result: Views, threshold: float | None) -> str:
    figures = count_table("figures", result["records"], threshold)
    other = result["reading"]["read otherwise by a part of a word"][0]
    taken = result["reading"]["taken over from the one before"][0]
    return (
        f"Accuracy is {100 * figures['accuracy'][0]:.0f} %, TU {100 * figures['TU'][0]:.0f} %. ID: "
        f"low is good. Left out: {figures['unclear'][0]:.0f} pairs with an answer that is neither "
        f"yes nor no. The released script would take over {taken:.0f} answers and misread "
        f"{other:.0f}."
    )


def kind_words(result: Views, threshold: float | None) -> str:
    table = count_table("kinds", result["records"], threshold)
    rates = [
        f"{name} {100 * table['SB+'][at]:.0f} % ({100 * table['SB+, low'][at]:.0f} to "
        f"{100 * table['SB+, high'][at]:.0f}, {table['pairs'][at]:.0f} pairs)"
        for at, name in enumerate(table.rows)
    ]
    return f"SB+, where yes stays: {'; '.join(rates)}."


def thing_words(result: Views, threshold: float | None) -> str:
    table = count_table("things", result["records"], threshold)
    falls = np.nan_to_num(table["p(yes) falls by"], nan=-1.0)
    return (
        f"Most stubborn: {table.rows[0]}, yes stays in {100 * table['SB+'][0]:.0f} % of "
        f"{table['pairs'][0]:.0f} pairs. p(yes) falls most for {table.rows[int(falls.argmax())]}."
    )


# ---------------------------------------------------------------- pairs


def about_removed(records: Table) -> Table:
    places = np.flatnonzero(records["asked"] == records["removed"])
    part = records.take(places.tolist())
    columns = {name: (part[name], part.units[at]) for at, name in enumerate(part.order)}
    return Table.of(columns | {"kind": (kind_of(part), ""), "place": (places, "")})


def before_after(result: Views) -> Scatter:
    table = about_removed(result["records"])
    known = np.isfinite(table["p before"]) & np.isfinite(table["p after"])
    places = [table["place"][known & (table["kind"] == at)].tolist() for at in range(len(KINDS))]
    names = [
        f"scene {scene:.0f}, {CATEGORIES[int(category)]}"
        for scene, category in zip(table["scene"], table["removed"], strict=True)
    ]
    return Scatter(
        x="p before",
        y="p after",
        groups=("kind", KINDS),
        names=names,
        span=(-4, 104),
        x_span=(-4, 104),
        x_title="p(yes) before (%)",
        title="p(yes) after (%)",
        height=420,
        press=pair_opener(result["records"], places),
    )


def scatter_words(result: Views) -> str:
    table = about_removed(result["records"])
    stay = int(((table["p before"] >= 0.5) & (table["p after"] >= 0.5)).sum())
    return (
        f"Lower right: seen and let go. Upper right: {stay} of {len(table)} where yes stays. Lower "
        "left: never seen. Press a mark to open its pair."
    )


# ---------------------------------------------------------------- two axes


def answers_of(result: Views, row: int, threshold: float | None) -> Table:
    """Right (1) and wrong (0) of one scene: a row for the original and for each copy."""
    records = scene_records(result["records"], row)
    before, after = decided(records, threshold)
    queried = list(dict.fromkeys(records["asked"].tolist()))
    removed = list(dict.fromkeys(records["removed"].tolist()))
    right = np.full((1 + len(removed), len(queried)), np.nan)
    rows = zip(records["removed"], records["asked"], records["there"], before, after, strict=True)
    for out, category, present, was, now in rows:
        column = queried.index(category)
        right[0, column] = np.nan if np.isnan(was) else was == present
        truth = bool(present) and out != category
        right[1 + removed.index(out), column] = np.nan if np.isnan(now) else now == truth
    names = ["as it is", *(f"without the {CATEGORIES[category]}" for category in removed)]
    return Table.grid(
        right, names, [CATEGORIES[category] for category in queried], [""] * len(queried)
    )


def scene_records(records: Table, row: int) -> Table:
    return records.take(np.flatnonzero(records["scene"] == row).tolist())


def two_axes(result: Views, row: int, threshold: float | None) -> Matrix:
    table = answers_of(result, row, threshold)
    row_names = [name.removeprefix("without the ") for name in table.rows]
    framed = [(at, table.order.index(name)) for at, name in enumerate(row_names) if at]
    marks = {1.0: "✓", 0.0: "✗"}
    texts = [[marks.get(float(cell), "?") for cell in line] for line in table.values]
    return Matrix(span=(0, 1), texts=texts, outlined=framed, x_title="asked for", height=300)


def axes_words(result: Views, row: int, threshold: float | None) -> str:
    table = answers_of(result, row, threshold)
    known = np.isfinite(table.values)
    wrong = f"{int((table.values[known] == 0).sum())} of {int(known.sum())}"
    return (
        f"{wrong} wrong (✗). A column of errors is a habit of the word, a row of errors an odd "
        "image. Framed: asked for what was taken out."
    )


def relation_words(table: Table) -> str:
    cells = np.array(table.values)
    np.fill_diagonal(cells, np.nan)
    if not np.isfinite(cells).any():
        return f"No two things have {FEWEST} pairs: ask about more scenes."
    row, column = np.unravel_index(np.nanargmax(cells), cells.shape)
    tie = "a pair by habit" if PARTNER.get(int(row)) == column else "no pair by habit"
    return (
        f"Strongest: without the {CATEGORIES[row]}, p(yes) about the {CATEGORIES[column]} falls by "
        f"{100 * cells[row, column]:.0f} points ({tie}). Framed: partners asked for when their "
        f"leader is out. Empty: under {FEWEST} pairs."
    )
