"""Rerouting by an image over three seeds; figures and claims stand in docs/measured.md."""

import pytest

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.hallucination.experiments import ImageRerouting
from engine.hallucination.experiments.image_rerouting_claims import (
    FIRST,
    LEVELS,
    NOISE,
    ROUTES,
    color_measure,
)
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST
from engine.run import answer
from tests.outcomes import OUTCOMES_HERE, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("audited", [HONEST, HABIT])
def test_how_little_of_an_image_leads_around_a_refusal(measure, audited):
    method = ImageRerouting(audited=audited)
    result = answer(method, ExperimentCase(data_sets.load(ImageRerouting.data[0])))
    keep(measure, method, result, f"ImageRerouting, {audited}", OUTCOMES_HERE)
    table = result["table"]
    for epsilon in LEVELS[1:]:
        assert (
            table.cell(FIRST, color_measure(epsilon))
            > table.cell(NOISE, color_measure(epsilon)) + 0.05
        )
    for name in ROUTES:
        assert table.cell(name, color_measure(0)) < 0.3  # a defense alone may change an answer
