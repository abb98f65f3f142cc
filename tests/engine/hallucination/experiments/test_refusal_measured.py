"""The audit of a refusal over three networks; figures and claims stand in docs/measured.md."""

import pytest

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.hallucination.experiments import RefusalAudit
from engine.hallucination.experiments.inside_claims import CHANGE
from engine.hallucination.refusal.examined import CAUSES
from engine.run import answer
from tests.outcomes import OUTCOMES_HERE, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def test_where_it_is_decided_and_how_it_is_led_around_that(measure):
    method = RefusalAudit()
    result = answer(method, ExperimentCase(data_sets.load(RefusalAudit.data[0])))
    keep(measure, method, result, "RefusalAudit, scene-decliner", OUTCOMES_HERE)
    table = result["table"]
    assert table.cell(CAUSES[0], CHANGE) > table.cell(CAUSES[1], CHANGE) + 0.5
    free = result["decline free"]
    for name in free.order[1:]:
        summary = ", ".join(
            f"ρ = {rho:g}: {share:.3f}" for rho, share in zip(free["ρ"], free[name], strict=True)
        )
        measure(f"hallucination: RefusalAudit, free notes, seed 0, {name}", summary)
