"""Detectors beside each other, and what scores make of images that are made worse."""

import numpy as np
import pytest

from engine.anomaly import KNN, ODIN, QUICK, Compare, Corrupt, FamiliarCase
from engine.anomaly.protocol.corrupt import LEVELS
from engine.evaluation.detection.standing import apart_where_unseen, operating
from engine.vision.data import load
from engine.vision.models import catalog
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())


def test_each_row_is_what_the_detector_says_when_asked_alone():
    result = Compare(odin=True)(CASE)
    table = result["ranking"]
    assert table.rows == tuple(kind.name for kind in (*QUICK, ODIN))
    for kind, row in zip((*QUICK, ODIN), table.values, strict=True):
        alone = kind()(CASE)
        measures = dict(zip(alone["measures"].columns, alone["measures"].values[0], strict=True))
        below = (alone["normal"].values < alone["subject"].values[0]).mean()
        errors = measures["FPR95, unknown positive"]
        expected = [alone["p"].values[0], below, measures["AUROC"], errors]
        assert row == pytest.approx(expected, abs=1e-6)
    bonferroni = len(table.rows) * table.values[:, 0].min()
    assert result["together"].values[0] == pytest.approx(min(1, bonferroni))


def test_a_model_without_a_head_is_compared_by_what_reads_logits():
    result = Compare()(tiny.familiar_case(tiny.linear_case().model))
    logits_alone = {kind.name for kind in QUICK if "head" not in kind.needs}
    assert {"MSP", "MaxLogit", "Energy", "GEN"} <= logits_alone
    assert set(result["ranking"].rows) == logits_alone
    assert np.isfinite(result["ranking"].values).all()


@pytest.fixture(scope="module")
def answer():
    return KNN()(tiny.familiar_case(tiny.cnn()))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_operating_point_lies_on_its_curve(answer, share):
    scores = np.sort(np.concatenate([answer["held"].values, answer["unknown"].values]))
    line = float(scores[int(share * (len(scores) - 1))])
    for name, (x, y) in operating(answer, line).items():
        curve = answer[name]
        assert (np.isclose(curve.x, x, atol=1e-6) & np.isclose(curve.y, y, atol=1e-6)).any(), name
    above = operating(answer, 1e9)
    assert (above["roc"], above["pr"]) == ((0.0, 0.0), (0.0, 1.0))


def test_what_sets_an_image_apart_is_split_at_the_middle_of_the_weights():
    weight = np.array([4, 1, 3, 2], np.float32)
    activations, usual = np.array([1, 5, 0, 1], np.float32), np.array([0, 2, 0, 1], np.float32)
    assert apart_where_unseen(weight, activations, usual) == pytest.approx(0.75)


def test_noise_on_digits_raises_the_score_as_accuracy_falls():
    data = load("digits")
    image = data.pixels(data.rows("test")[:1])[0].contiguous()
    result = Corrupt(images=128)(FamiliarCase(catalog.load("digits-mlp"), image, data))
    steps, flags = result["steps"], result["flags"]
    normal, right = steps["median normal score"], steps["accuracy"]
    assert len(normal) == len(LEVELS)
    assert right[0] > right[-1] + 0.25
    assert normal[-1] > normal[4] > normal[0]
    area = steps["AUROC against untouched"]
    assert area[0] == pytest.approx(0.5, abs=0.05)  # by chance where nothing is changed
    assert area[-1] > 0.8
    assert steps["median normal p-value"][-1] < 0.15
    assert np.median(flags["severity 0"]) == pytest.approx(0.5, abs=0.12)
    flagged = (flags.values <= 0.05).mean(0)
    assert flagged[0] < 0.12
    assert flagged[-1] > 0.3
