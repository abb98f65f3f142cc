"""Mixtures and C-BSN over three seeds; figures and claims stand in docs/measured.md."""

import pytest

from engine.attribution.adasmooth.claims import ATTACKED, NORMAL, ROBUST
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.cbsn.claims import GAIN, MAIN
from engine.attribution.cbsn.experiment import Cbsn
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from tests.outcomes import OUTCOMES_HERE, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.mark.parametrize(("name", "epsilon"), [("mnist-5k", 0.2), ("digits", 0.1)])
def test_what_a_mixture_of_two_networks_gains(name, epsilon, measure):
    method = AdaptiveSmoothing(epsilon=epsilon)
    result = answer(method, ExperimentCase(data_sets.load(name)))
    keep(measure, method, result, f"AdaptiveSmoothing, {name}, ε = {epsilon}", OUTCOMES_HERE)
    table = result["table"]
    assert table.cell(ROBUST, ATTACKED) > table.cell(NORMAL, ATTACKED) + 0.2


def test_what_a_network_gains_that_never_saw_a_clean_image(measure):
    method, name = Cbsn(), Cbsn.data[0]
    result = answer(method, ExperimentCase(data_sets.load(name)))
    keep(measure, method, result, f"CBSN, {name}", OUTCOMES_HERE)
    assert result["table"].cell(MAIN, GAIN) > 0
