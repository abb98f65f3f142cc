"""Networks of three seeds on held-out slices; figures and claims stand in docs/measured.md."""

from __future__ import annotations

import pytest

from engine import data as data_sets
from engine.attribution.experiments.cbsn import Cbsn
from engine.attribution.experiments.cbsn.claims import GAIN, MAIN
from engine.experiment import ExperimentCase
from engine.run import answer
from tests.outcomes import OUTCOMES_HERE, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def test_what_a_network_gains_that_never_saw_a_clean_image(measure):
    method, name = Cbsn(), Cbsn.data[0]
    result = answer(method, ExperimentCase(data_sets.load(name)))
    keep(measure, method, result, f"CBSN, {name}", OUTCOMES_HERE)
    assert result["table"].cell(MAIN, GAIN) > 0
