"""What slow tests keep of an experiment: its figures and what became of the paper's claims."""

from collections.abc import Callable, Iterable, Mapping
from math import isnan

import numpy as np

from engine.core.run import Answer, answer
from engine.evaluation.experiment import (
    NOT_HERE,
    OUTCOMES,
    Claim,
    Experiment,
    ExperimentCase,
    decided,
    deviation_column,
)
from engine.vision import data as data_sets

OUTCOMES_HERE = OUTCOMES | {NOT_HERE: "not so here"}


def keep(
    measure: Callable[[str, str], None],
    method: Experiment,
    found: Answer,
    where: str,
    outcomes: Mapping[int, str] = OUTCOMES,
) -> str:
    """Keep figures with their deviation over seeds, and claims with their 90 % intervals.

    What comes back is how each entry begins, for a test that keeps more.
    """
    table, claims = found["table"], found["claims"]
    where = f"{method.family}: {where}, {method.seeds} seeds"
    for row in table.rows:
        figures = [
            with_deviation(table.cell(row, name), table.cell(row, deviation_column(name)))
            for name in method.measures
        ]
        measure(f"{where}; {row}: {', '.join(method.measures)}", "; ".join(figures))
    factor, called = (1, "dB") if method.margin_unit == "dB" else (100, "points")
    for row, words in enumerate(claims.rows):
        margin, tolerance = factor * claims["margin"][row], factor * claims["tolerance"][row]
        outcome = outcomes[int(claims["outcome"][row])]
        measure(f"{where}; claim: {words}", f"{outcome} ({margin:+.1f} ± {tolerance:.1f} {called})")
    return where


def measured(
    measure: Callable[[str, str], None],
    method: Experiment,
    where: str,
    outcomes: Mapping[int, str] = OUTCOMES,
) -> Answer:
    """The experiment's answer about its first data set, which is kept."""
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    keep(measure, method, result, where, outcomes)
    return result


def margins_of(claims: Iterable[Claim], table: Mapping[str, Mapping[str, float]]) -> list[float]:
    """The margins of claims on figures by row and name."""
    return [claim.margin(lambda row, name: table[row][name]) for claim in claims]


def outcome_words(margins: Iterable[float]) -> str:
    """What became of a claim here, by the spread of its margin over seeds."""
    (outcome,), (mean,), (within,) = decided(np.asarray(margins)[:, None])
    return f"{OUTCOMES[int(outcome)]} here: margin {mean:+.3f} ± {within:.3f}"


def with_deviation(value: float, deviation: float) -> str:
    """A figure and its deviation over seeds, where it is defined."""
    return "not defined" if isnan(value) else f"{value:.3f} ± {deviation:.3f}"


def mean_sd(values: Iterable[float], digits: int = 3) -> str:
    """Mean and standard deviation over seeds."""
    array = np.asarray(values)
    return f"{array.mean():.{digits}f} ± {array.std(ddof=1):.{digits}f}"
