"""The audit with its usual settings; figures and claims stand in docs/measured.md."""

import pytest

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.hallucination.experiments import VisualAudit
from engine.hallucination.experiments.audit_claims import LEVELS, NOISE, PLAIN, success
from engine.run import answer
from tests.outcomes import OUTCOMES_HERE, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def test_how_little_of_an_image_makes_the_model_say_a_phrase(measure):
    method = VisualAudit()
    result = answer(method, ExperimentCase(data_sets.load(VisualAudit.data[0])))
    keep(measure, method, result, "VisualAudit, scenes", OUTCOMES_HERE)
    table = result["table"]
    assert table.cell(NOISE, success(LEVELS[-1])) < 0.05
    assert table.cell(PLAIN, success(LEVELS[-1])) > 0.5
