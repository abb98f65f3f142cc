"""All experiments of Anomaly: what they find with the usual settings, and what ships."""

from __future__ import annotations

import pytest

from engine import data as data_sets
from engine.anomaly import EXPERIMENTS
from engine.experiment import HOLDS, NOT_HERE, UNDECIDED, ExperimentCase
from engine.run import answer

WORDS = {HOLDS: "holds", NOT_HERE: "not so here", UNDECIDED: "undecided"}
each = pytest.mark.parametrize("kind", EXPERIMENTS, ids=lambda kind: kind.name)


@each
def test_conditions_are_named_without_computing_them(kind):
    """A page names them at each rerun."""
    called = []
    method = kind()
    object.__setattr__(method, "measured", lambda *given: called.append(given))
    case = ExperimentCase(data_sets.load(kind.data[0]))
    assert len(method.conditions(case)) >= 3
    assert not called


@each
def test_claims_speak_of_conditions_and_measures_that_there_are(kind):
    case = ExperimentCase(data_sets.load(kind.data[0]))
    table = {name: dict.fromkeys(kind.measures, 0.5) for name in kind().conditions(case)}
    for claim in kind.claims:
        assert isinstance(claim.margin(lambda row, name: table[row][name]), float)


@pytest.mark.slow
@each
def test_what_is_found_with_the_usual_settings(kind, measure):
    method = kind()
    found = answer(method, ExperimentCase(data_sets.load(kind.data[0])))
    table, claims = found["table"], found["claims"]
    where = f"anomaly: {kind.name}, {kind.data[0]}, {method.seeds} seeds"
    for row in table.rows:
        figures = [f"{table.cell(row, name):.3f} ± {table.cell(row, name + ' (sd)'):.3f}"
                   for name in kind.measures]  # fmt: skip
        measure(f"{where}; {row}: {', '.join(kind.measures)}", "; ".join(figures))
    for row, words in enumerate(claims.rows):
        margin, tolerance = 100 * claims["margin"][row], 100 * claims["tolerance"][row]
        outcome = WORDS[int(claims["outcome"][row])]
        measure(f"{where}; claim: {words}", f"{outcome} ({margin:+.1f} ± {tolerance:.1f} points)")
    assert HOLDS in claims["outcome"].tolist()
