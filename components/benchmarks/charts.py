"""The figures of Benchmarks: POPE by split, CHAIR against recall, and what goes with what."""

from collections.abc import Mapping
from math import isfinite, nan
from typing import cast

import numpy as np

from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.language.polling import SPLITS
from engine.hallucination import POPE

Answers = Mapping[str, Answer]
SIDE, PLACE = "side", "number"  # what is drawn of several answers; of a decoding among them
NAMED = 2  # decodings in a caption of two lines; the table below has all


def by_split(answers: Answers, rate: str) -> Table:
    order = [(split, name) for split in SPLITS for name in answers]
    columns = {}
    for name, answer in answers.items():
        rates = cast(Table, answer["rates"])
        for column in (rate, f"{rate} low", f"{rate} high"):
            shares = [
                rates.cell(split, column) if strategy == name else nan for split, strategy in order
            ]
            columns[column.replace(rate, name)] = shares, "share"
    return Table.of(columns, [f"{split}: {name}" for split, name in order])


def split_dots(answers: Answers, rate: str, title: str, line: float | None = None) -> Drawing:
    def shape(result: Views) -> Dots:
        values = result[SIDE].values
        drawn = 100 * values[np.isfinite(values)]
        low = min([*drawn, line or 100.0])
        high = max([*drawn, line or 0.0])
        return Dots(
            series={name: name for name in answers},
            intervals={name: (f"{name} low", f"{name} high") for name in answers},
            title=f"{title} (%)",
            line=line,
            line_name="without a leaning" if line else "",
            span=(max(low - 4, 0), min(high + 4, 101)),
        )

    return Drawing(SIDE, title, shape, lambda _: split_words(answers, rate))


def scenes_words(answers: Answers, count: int) -> str:
    asked_count = int(next(iter(answers.values()))["rates"]["scenes"][0])
    if asked_count == count:
        return f"All {count:,} scenes were asked about."
    return (
        f"{asked_count:,} of {count:,} scenes were asked about: the others have fewer than "
        f"{POPE().pairs} things."
    )


def split_words(answers: Answers, rate: str) -> str:
    figures = [
        f"{name} " + " / ".join(percent(share, 0) for share in answer["rates"][rate])
        for name, answer in list(answers.items())[:NAMED]
    ]
    rate_title = rate[0].upper() + rate[1:]
    return (
        f"{rate_title} in %, random / popular / adversarial: {'; '.join(figures)}. "
        "Bars: 95 % of redraws."
    )


def chair_table(answers: Answers) -> Table:
    rates = [cast(Table, answer["rates"]) for answer in answers.values()]
    columns = {
        name: (np.concatenate([rate[name] for rate in rates]), unit)
        for name, unit in zip(rates[0].order, rates[0].units, strict=True)
    }
    columns[PLACE] = np.arange(len(answers)), ""
    return Table.of(
        columns,
        [
            f"{name}, {rate['words'][0]:.0f} words"
            for name, rate in zip(answers, rates, strict=True)
        ],
    )


def percent(value: float, digits: int) -> str:
    return f"{100 * value:.{digits}f}" if isfinite(value) else "–"


def trade(rates: Table) -> Scatter:
    recall, invented = (np.nan_to_num(rates[name]) for name in ("recall", "CHAIR_i"))
    return Scatter(
        x="recall",
        y="CHAIR_i",
        shown=len(rates) == 1,
        intervals={name: (f"{name} low", f"{name} high") for name in ("recall", "CHAIR_i")},
        groups=(PLACE, rates.rows),
        height=290,
        x_span=(max(100 * recall.min() - 12, 0), min(100 * recall.max() + 12, 104)),
        span=(0, 145 * max(invented.max(), 0.04)),
        x_title="recall: % of things there that are named →",
        title="← CHAIR_i: % of mentions made up",
    )


def trade_words(rates: Table) -> str:
    figures = [
        f"{name.rpartition(',')[0]} {percent(chair_i, 1)} % at recall {percent(recall, 0)} %, "
        f"{words:.0f} words"
        for name, chair_i, recall, words in zip(
            rates.rows[:NAMED], rates["CHAIR_i"], rates["recall"], rates["words"], strict=False
        )
    ]
    return f"Made up: {'; '.join(figures)}. Better is right and low; who says less invents less."


def matrix() -> Drawing:
    def shape(result: Views) -> Matrix:
        false_yes, together = result["false yes"].values, result["together"].values
        counts = result["asked"].values
        names = result["together"].rows
        texts = [
            [f"{100 * share:.0f}" if np.isfinite(share) else "" for share in row]
            for row in false_yes
        ]
        hovers = [
            [
                f"{left} and {top}: together in {together[a, b]:.0f} scenes; "
                + (
                    f"yes to an absent {top}: {false_yes[a, b] * counts[a, b]:.0f} of "
                    f"{counts[a, b]:.0f}"
                    if np.isfinite(false_yes[a, b])
                    else f"an absent {top} was not asked for"
                )
                for b, top in enumerate(names)
            ]
            for a, left in enumerate(names)
        ]
        off = together.astype(float)
        np.fill_diagonal(off, np.nan)
        return Matrix(
            colors=off,
            texts=texts,
            hovers=hovers,
            title="is there",
            x_title="is asked for",
            bar="scenes in which both are",
            height=560,
        )

    return Drawing("together", "What goes together, and what is said yes to", shape, matrix_words)


def matrix_words(result: Views) -> str:
    counts, names = result["asked"].values, result["asked"].rows
    false_yes = np.nan_to_num(result["false yes"].values) * counts
    row, column = np.unravel_index(int(false_yes.argmax()), false_yes.shape)
    if not false_yes[row, column]:
        return "Color: in how many scenes both are. No absent thing got a yes."
    return (
        f"Color: scenes with both. Number: % of yes to the absent thing. Most: {names[column]} "
        f"where there is {names[row]}, {false_yes[row, column]:.0f} of {counts[row, column]:.0f} "
        f"(together in {result['together'].values[row, column]:.0f} scenes)."
    )
