"""All experiments of Anomaly: what they find with the usual settings, and what ships."""

import pytest

from engine.anomaly import EXPERIMENTS
from engine.core.run import answer
from engine.evaluation.experiment import HOLDS, ExperimentCase
from engine.vision import data as data_sets
from tests.outcomes import OUTCOMES_HERE, keep

each_experiment = pytest.mark.parametrize("kind", EXPERIMENTS, ids=lambda kind: kind.name)


@each_experiment
def test_conditions_are_named_without_computing_them(kind):
    """A page names them at each rerun."""
    called = []
    method = kind()
    object.__setattr__(method, "measured", lambda *arguments: called.append(arguments))
    assert len(method.conditions(ExperimentCase(data_sets.load(kind.data[0])))) >= 2
    assert not called


@each_experiment
def test_claims_speak_of_conditions_and_measures_that_there_are(kind):
    case = ExperimentCase(data_sets.load(kind.data[0]))
    table = {name: dict.fromkeys(kind.measures, 0.5) for name in kind().conditions(case)}
    for claim in kind.claims:
        assert isinstance(claim.margin(lambda row, name: table[row][name]), float)


@pytest.mark.slow
@each_experiment
def test_what_is_found_with_the_usual_settings(kind, measure):
    method = kind()
    result = answer(method, ExperimentCase(data_sets.load(kind.data[0])))
    keep(measure, method, result, f"{kind.name}, {kind.data[0]}", OUTCOMES_HERE)
    assert HOLDS in result["claims"]["outcome"].tolist()
