"""The FVR experiment: figures by hand, margins by hand, and the claims at its usual settings."""

from time import perf_counter

import numpy as np
import pytest
import torch

from engine.anomaly import FVR, FvrClaims
from engine.anomaly.cosine import by_masses, with_head
from engine.anomaly.fvr import experiment as fvr
from engine.anomaly.fvr.masses import DoubtLines, answer_sets, masses
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.measures.detection import auroc, error_auroc
from engine.vision import data as data_sets
from engine.vision.data.variants import OpenSet
from engine.vision.training import fresh, outputs, train
from tests import tiny
from tests.engine.anomaly import outcomes
from tests.engine.anomaly.banks import digits


def test_every_figure_is_that_of_a_network_trained_and_asked_by_hand():
    case = ExperimentCase(tiny.columns(8, ("a", "b", "c", "d")), 3)
    fvrclaim = FvrClaims(seeds=1, held=1)(case)["table"]
    data = OpenSet(1, case.seed + 1)(case.data)
    unknown = np.flatnonzero(data.truth["unknown"])
    tested = np.setdiff1d(data.rows("test"), unknown)
    drawn, known = tested[::2], tested[1::2]  # no validation images: half of these draw the lines
    for row in (fvr.WHOLE, fvr.LINEAR):
        model = fresh(data, fvr.FRESH, case.seed)
        if row == fvr.WHOLE:
            model = with_head(model, fvr.new_head(model, case.seed))
        train(model, data, fvr.FRESH, case.seed, objective=by_masses)
        low, high, half = (
            masses(outputs(model, data, rows).double().numpy()) for rows in (known, unknown, drawn)
        )
        answered = answer_sets(low, DoubtLines.of(half, 0.05), 0.3).any(1)
        right = low.plausibility.argmax(1) == data.labels[known]
        assert fvrclaim.cell(row, fvr.RIGHT) == pytest.approx(right[answered].mean())
        lines = DoubtLines.of(half, 0.05)
        sets = answer_sets(low, lines, 0.3)[answered]
        noise = np.random.default_rng([case.seed, 4]).random((200, 1, 8, 8), np.float32)
        grain = masses(model.logits(torch.from_numpy(noise.repeat(3, 1))).double().numpy())
        expected = {
            fvr.I_UNKNOWN: auroc(low.ignorance, high.ignorance),
            fvr.C_UNKNOWN: auroc(low.confusion, high.confusion),
            fvr.I_WRONG: error_auroc(low.ignorance, right, 0.5),
            fvr.C_WRONG: error_auroc(low.confusion, right, 0.5),
            fvr.IN_SET: sets[np.arange(len(sets)), data.labels[known][answered]].mean(),
            fvr.LONGER: sets.sum() / len(sets) - 1,
            fvr.REFUSED: np.mean(~answer_sets(high, lines, 0.3).any(1)),
            fvr.NOISE_C: grain.confusion.mean(),
            fvr.NOISE_I: grain.ignorance.mean(),
        }
        cells = {name: fvrclaim.cell(row, name) for name in expected}
        assert cells == pytest.approx(expected, abs=1e-6)
    figures = {
        tuple(fvrclaim.cell(row, measure) for measure in FvrClaims.measures)
        for row in fvrclaim.rows
    }
    assert len(figures) == 4  # every condition is another network


def test_a_head_that_is_put_on_is_the_last_layer_and_the_model_stays_as_it_was():
    model = tiny.cnn()
    before = model.head
    changed = with_head(model, fvr.new_head(model, 0))
    image = tiny.image(model.side)[None]
    torch.testing.assert_close(changed.logits(image), changed.head(model.features(image)).detach())
    assert model.head is before
    assert type(changed.head).__name__ == "CosineHead"


def test_the_margins_are_the_claims_as_they_are_worded():
    figures = {
        fvr.WHOLE: {
            fvr.I_UNKNOWN: 0.95, fvr.C_UNKNOWN: 0.8, fvr.C_WRONG: 0.9, fvr.I_WRONG: 0.95,
            fvr.RIGHT: 0.9, fvr.IN_SET: 0.97, fvr.LONGER: 0.1, fvr.REFUSED: 0.7,
            fvr.NOISE_I: 0.4, fvr.NOISE_C: 0.1, fvr.BLEND_C: 0.15, fvr.BLEND_I: 0.14,
        },
        fvr.LINEAR: {fvr.I_UNKNOWN: 0.9},
    }  # fmt: skip
    margins = [claim.margin(lambda row, name: figures[row][name]) for claim in FvrClaims.claims]
    assert margins == pytest.approx([0.05, 0.05, -0.05, 0.02, 0.2, 0.3, 0.01, 0.04])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_the_paper_claims_is_measured_with_five_seeds(measure):
    result = answer(FvrClaims(), ExperimentCase(data_sets.load("digits")))
    table, claims = result["table"], result["claims"]
    assert table.cell(fvr.WHOLE, fvr.I_UNKNOWN) > 0.93
    assert table.cell(fvr.WHOLE, fvr.NOISE_I) > table.cell(fvr.WHOLE, fvr.NOISE_C)
    assert table.cell(fvr.SHUFFLED, fvr.RIGHT) < 0.4
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
