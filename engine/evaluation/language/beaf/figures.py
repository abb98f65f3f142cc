"""BEAF's figures from answers before and after a thing was taken out: no model is needed.

Ye-Bin et al. 2024, BEAF, https://arxiv.org/abs/2407.13442. The figures are those of the released
script. Where it reads answers by parts of words or takes one over from the answer before it, that
is counted apart; see `official_reading`.
"""

from collections.abc import Mapping, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Array, Table
from engine.evaluation.language.resampling import middle_interval, resampled_sums
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.sayings import LEADER

OUTCOMES = ("TU", "IG", "SB+", "SB−")  # of the question about the thing that was taken out
FIGURES = (*OUTCOMES, "ID", "F1(TU, ID)", "accuracy", "precision", "recall", "F1")
KINDS = ("the partner of a thing that stays", "a thing whose partner stays", "any other thing")
CLEAR = 0.5  # opacity from which on a thing is clearly to be seen
FEWEST = 5  # pairs, below which no mean is told
PERCENT = 90  # of the resamples lie in an interval
WHEN = ("before", "after")
COUNTED = (*OUTCOMES, "removed", "flipped", "kept", "TP", "FP", "TN", "FN")

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]


# ---------------------------------------------------------------- what an answer says


def yes_value(text: str) -> float:
    """1 for yes, 0 for no, by the first of these words; NaN where neither is said."""
    words = (word.strip(".,;:!?\"'") for word in text.lower().split())
    return next((float(word == "yes") for word in words if word in {"yes", "no"}), nan)


def official_reading(texts: Sequence[str]) -> tuple[Numbers, Bools]:
    """Answers as the released script reads them, and which of them it only took over, (n,) each.

    "yes" anywhere counts first, then "no" anywhere, also within "not", "know" or "another". An
    answer with neither silently gets that of the one before it; the script breaks off where the
    first one has neither, which is NaN here.
    """
    values, taken_over, last = np.zeros(len(texts)), np.zeros(len(texts), np.bool_), nan
    for at, text in enumerate(texts):
        lower = text.lower()
        taken_over[at] = "yes" not in lower and "no" not in lower
        last = last if taken_over[at] else float("yes" in lower)
        values[at] = last
    return values, taken_over


def decided(records: Table, threshold: float | None = None) -> tuple[Numbers, Numbers]:
    """Yes (1), no (0) or neither (NaN) before and after, (records,) each.

    Args:
        records: as `BEAF` gives them.
        threshold: p(yes) from which on it counts as yes; None for the word that is said.
    """
    if threshold is None:
        return as_numbers(records["says before"]), as_numbers(records["says after"])
    chances = as_numbers(records["p before"]), as_numbers(records["p after"])
    before, after = (np.where(np.isnan(p), nan, p >= threshold) for p in chances)
    return before, after


def as_numbers(column: Array) -> Numbers:
    return np.asarray(column, np.float64)


# ---------------------------------------------------------------- figures


def beaf_figures(records: Table, threshold: float | None = None) -> Table:
    """The ten figures of BEAF as shares, with the ends of their intervals, one row.

    The intervals are the middle 90 % of resamples of the scenes. A pair of answers of which one
    is neither yes nor no is left out, and counted as "unclear".
    """
    before, after = decided(records, threshold)
    scene_counts = counts(records, before, after)
    estimates, resampled = figures(scene_counts.sum(0)), figures(resampled_sums(scene_counts))
    columns: dict[str, tuple[object, str]] = {}
    for name in FIGURES:
        low, high = middle_interval(resampled[name], PERCENT)
        columns |= {
            name: ([float(estimates[name])], "share"),
            f"{name}, low": ([low], "share"),
            f"{name}, high": ([high], "share"),
        }
    columns["pairs"] = ([int(scene_counts[:, COUNTED.index("removed")].sum())], "pairs")
    columns["unclear"] = ([int(np.isnan(before + after).sum())], "pairs")
    return Table.of(columns, rows=("all pairs",))


def counts(records: Table, before: Numbers, after: Numbers) -> Numbers:
    """What is counted in each scene, (scenes, len(COUNTED))."""
    scene = np.asarray(records["scene"])
    scenes, place = np.unique(scene, return_inverse=True)
    categories, removed = np.asarray(records["asked"]), np.asarray(records["removed"])
    present = np.asarray(records["there"]) == 1  # before; after, the removed thing is gone
    asks_removed, clear = categories == removed, ~np.isnan(before + after)
    right_before, right_after = before == present, after == (present & ~asks_removed)
    yes_before, yes_after = before == 1, after == 1
    direct = asks_removed & clear
    is_first = first_records(scene, categories) & ~np.isnan(before)
    tallied = (
        direct & yes_before & ~yes_after,
        direct & ~yes_before & yes_after,
        direct & yes_before & yes_after,
        direct & ~yes_before & ~yes_after,
        direct,
        # by correctness, as the script has it; the words flip alike, since the truth stays
        ~asks_removed & clear & (right_before != right_after),
        ~asks_removed & clear,
    )
    result = np.zeros((len(scenes), len(COUNTED)))
    for column, mask in enumerate(tallied):
        # unbuffered: `+=` would count one record of a scene that comes again
        np.add.at(result[:, column], place[mask], 1)
    for rows, yes, true in (
        (is_first, yes_before, present),
        (~np.isnan(after), yes_after, present & ~asks_removed),
    ):
        for column, mask in enumerate(
            (yes & true, yes & ~true, ~yes & ~true, ~yes & true), len(tallied)
        ):
            np.add.at(result[:, column], place[rows & mask], 1)
    return result


def first_records(scene: NDArray[np.integer], categories: NDArray[np.integer]) -> Bools:
    """The first record of each question about a scene: an original is asked only once."""
    keys = np.stack([scene, categories])
    _, first = np.unique(keys, axis=1, return_index=True)
    return np.isin(np.arange(len(scene)), first)


def figures(held: Numbers) -> dict[str, Numbers]:
    """The figures of counts (…, len(COUNTED)), each (…); NaN where nothing can be divided."""
    by_name = dict(zip(COUNTED, np.moveaxis(held, -1, 0), strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        results = {name: by_name[name] / by_name["removed"] for name in OUTCOMES}
        results["ID"] = by_name["flipped"] / by_name["kept"]
        # indecision is an error: its complement is what is good
        results["F1(TU, ID)"] = harmonic(results["TU"], 1 - results["ID"])
        right, yes = by_name["TP"] + by_name["TN"], by_name["TP"] + by_name["FP"]
        results["accuracy"] = right / (yes + by_name["TN"] + by_name["FN"])
        results["precision"] = by_name["TP"] / yes
        results["recall"] = by_name["TP"] / (by_name["TP"] + by_name["FN"])
        results["F1"] = harmonic(results["precision"], results["recall"])
    return results


def harmonic(first: Numbers, second: Numbers) -> Numbers:
    """The harmonic mean; 0 where both are 0."""
    total = first + second
    return np.where(total == 0, 0.0, 2 * first * second / np.where(total == 0, 1, total))


# ---------------------------------------------------------------- by what was taken out


def kind_of(records: Table) -> NDArray[np.int64]:
    """Of each record, which of KINDS the thing is that was taken out, (records,)."""
    removed, company = np.asarray(records["removed"]), np.asarray(records["company"])
    led = np.isin(removed, list(LEADER))
    return np.where(company == 0, 2, np.where(led, 0, 1))


def by_kind(records: Table, threshold: float | None = None) -> Table:
    """Outcomes where a partner, a leader or anything else was taken out; kinds that occur."""
    kinds = kind_of(records)
    return by_group(records, threshold, {name: kinds == at for at, name in enumerate(KINDS)})


def thing_outcomes(records: Table, threshold: float | None = None) -> Table:
    """Outcomes of each thing that was taken out, the most stubborn yes first."""
    removed = np.asarray(records["removed"])
    table = by_group(
        records, threshold, {name: removed == at for at, name in enumerate(CATEGORIES)}
    )
    return table.take(np.argsort(-np.nan_to_num(table["SB+"]), kind="stable").tolist())


def by_group(records: Table, threshold: float | None, groups: Mapping[str, Bools]) -> Table:
    """A row for each group that occurs: outcomes, ID, by how much p(yes) falls, and pairs."""
    members = {name: np.flatnonzero(group) for name, group in groups.items() if group.any()}
    parts = [records.take(rows.tolist()) for rows in members.values()]
    results = [beaf_figures(part, threshold) for part in parts]
    names = (*OUTCOMES, "SB+, low", "SB+, high", "ID", "pairs")
    columns: dict[str, tuple[object, str]] = {
        name: ([result[name][0] for result in results], "" if name == "pairs" else "share")
        for name in names
    }
    columns["p(yes) falls by"] = ([fall(part) for part in parts], "share")
    return Table.of(columns, rows=tuple(members))


def fall(records: Table) -> float:
    """The mean fall of p(yes) in the questions about what was taken out."""
    about = np.asarray(records["asked"]) == np.asarray(records["removed"])
    fell = np.asarray(records["p before"] - records["p after"], np.float64)[about]
    return float(np.nanmean(fell)) if np.isfinite(fell).any() else nan


def relation(records: Table) -> Table:
    """By how much p(yes) about each thing falls when another one is taken out: the mean.

    Returns:
        A row for each thing that was taken out, a column for each that was asked for; NaN where
        fewer than FEWEST pairs have both.
    """
    removed, categories = np.asarray(records["removed"]), np.asarray(records["asked"])
    fell = np.asarray(records["p before"] - records["p after"], np.float64)
    is_finite = np.isfinite(fell)
    total, pair_counts = np.zeros((2, len(CATEGORIES), len(CATEGORIES)))
    np.add.at(total, (removed[is_finite], categories[is_finite]), fell[is_finite])
    np.add.at(pair_counts, (removed[is_finite], categories[is_finite]), 1)
    with np.errstate(invalid="ignore"):
        cells = total / np.where(pair_counts < FEWEST, nan, pair_counts)
    return Table.grid(cells, CATEGORIES, CATEGORIES, ["share"] * len(CATEGORIES))


# ---------------------------------------------------------------- pairs


def moved_against(records: Table, threshold: float | None = None) -> Numbers:
    """By how much an answer is further from the truth after than before, −1 to 1, (records,).

    An answer that is neither yes nor no is as far from the truth as half.
    """
    before, after = (np.nan_to_num(decisions, nan=0.5) for decisions in decided(records, threshold))
    return added_errors(records, before, after)


def added_errors(records: Table, before: Numbers, after: Numbers) -> Numbers:
    """By how much further from the truth the second of two shares of yes is, (records,)."""
    about = np.asarray(records["asked"]) == np.asarray(records["removed"])
    present = np.asarray(records["there"]) == 1
    return np.abs(after - (present & ~about)) - np.abs(before - present)


def worst(records: Table, threshold: float | None = None) -> list[int]:
    """The places of all records, those whose answer moved most against the truth first.

    Among those that are alike, questions about a partner whose leader stays come first, where a
    habit would show, then things that were clearly to be seen, then those whose p(yes) moved most.
    """
    about = np.asarray(records["asked"]) == np.asarray(records["removed"])
    chances = (np.nan_to_num(as_numbers(records[f"p {when}"]), nan=0.5) for when in WHEN)
    # lexsort goes by its last key first
    keys = (
        -added_errors(records, *chances),
        np.asarray(records["opacity"]) < CLEAR,
        ~(about & (kind_of(records) == 0)),
        -moved_against(records, threshold),
    )
    results: list[int] = np.lexsort(keys).tolist()
    return results
