"""The FVR experiment: figures by hand, margins by hand, and the claims at its usual settings."""

from time import perf_counter

import numpy as np
import pytest
import torch

from engine.anomaly import FVR, FvrClaims
from engine.anomaly.cosine import by_masses, with_head
from engine.anomaly.fvr.experiment import (
    BLEND_C,
    BLEND_I,
    C_UNKNOWN,
    C_WRONG,
    FRESH,
    I_UNKNOWN,
    I_WRONG,
    IN_SET,
    LINEAR,
    LONGER,
    NOISE_C,
    NOISE_I,
    REFUSED,
    RIGHT,
    SHUFFLED,
    WHOLE,
    new_head,
)
from engine.anomaly.fvr.masses import DoubtLines, answer_sets, masses
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.measures.detection import auroc
from engine.vision import data as data_sets
from engine.vision.data.variants import OpenSet
from engine.vision.training import fresh, outputs, train
from tests import tiny
from tests.engine.anomaly import outcomes
from tests.engine.anomaly.banks import digits


def small():
    return ExperimentCase(tiny.columns(8, ("a", "b", "c", "d")), 3)


def test_every_figure_is_that_of_a_network_trained_and_asked_by_hand():
    case = small()
    fvrclaim = FvrClaims(seeds=1, held=1)(case)["table"]
    data = OpenSet(1, case.seed + 1)(case.data)
    unknown = np.flatnonzero(data.truth["unknown"])
    tested = np.setdiff1d(data.rows("test"), unknown)
    drawn, known = tested[::2], tested[1::2]  # no validation images: half of these draw the lines
    for row in (WHOLE, LINEAR):
        model = fresh(data, FRESH, case.seed)
        if row == WHOLE:
            model = with_head(model, new_head(model, case.seed))
        train(model, data, FRESH, case.seed, objective=by_masses)
        low, high, half = (
            masses(outputs(model, data, rows).double().numpy()) for rows in (known, unknown, drawn)
        )
        answered = answer_sets(low, DoubtLines.of(half, 0.05), 0.3).any(1)
        right = low.plausibility.argmax(1) == data.labels[known]
        assert fvrclaim.cell(row, RIGHT) == pytest.approx(right[answered].mean())
        assert fvrclaim.cell(row, I_UNKNOWN) == pytest.approx(auroc(low.ignorance, high.ignorance))
        assert fvrclaim.cell(row, C_UNKNOWN) == pytest.approx(auroc(low.confusion, high.confusion))
    figures = {
        tuple(fvrclaim.cell(row, measure) for measure in FvrClaims.measures)
        for row in fvrclaim.rows
    }
    assert len(figures) == 4  # every condition is another network


def test_a_head_that_is_put_on_is_the_last_layer_and_the_model_stays_as_it_was():
    model = tiny.cnn()
    before = model.head
    changed = with_head(model, new_head(model, 0))
    image = tiny.image(model.side)[None]
    features = model.features(image)
    torch.testing.assert_close(changed.logits(image), changed.head(features).detach())
    assert model.head is before
    assert type(changed.head).__name__ == "CosineHead"


def test_the_margins_are_the_claims_as_they_are_worded():
    figures = {
        WHOLE: {
            I_UNKNOWN: 0.95, C_UNKNOWN: 0.8, C_WRONG: 0.9, I_WRONG: 0.95, RIGHT: 0.9, IN_SET: 0.97,
            LONGER: 0.1, REFUSED: 0.7, NOISE_I: 0.4, NOISE_C: 0.1, BLEND_C: 0.15, BLEND_I: 0.14,
        },
        LINEAR: {I_UNKNOWN: 0.9},
    }  # fmt: skip
    margins = [claim.margin(lambda row, name: figures[row][name]) for claim in FvrClaims.claims]
    assert margins == pytest.approx([0.05, 0.05, -0.05, 0.02, 0.2, 0.3, 0.01, 0.04])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_the_paper_claims_is_measured_with_five_seeds(measure):
    result = answer(FvrClaims(), ExperimentCase(data_sets.load("digits")))
    table, claims = result["table"], result["claims"]
    assert table.cell(WHOLE, I_UNKNOWN) > 0.93
    assert table.cell(WHOLE, NOISE_I) > table.cell(WHOLE, NOISE_C)
    assert table.cell(SHUFFLED, RIGHT) < 0.4
    outcomes.note(measure, "FVR, six of ten digits known", claims)
    for name in FvrClaims.measures:
        measure(f"FVR, {name}", outcomes.by_condition(table, name))
    train_bank = digits(0)[0]
    start = perf_counter()
    FVR().fit(train_bank)
    seconds = perf_counter() - start
    assert seconds < 60
    measure(
        f"FVR, a head on the features of {len(train_bank)} digits", f"{seconds:.1f} s (goal ≤ 60 s)"
    )
