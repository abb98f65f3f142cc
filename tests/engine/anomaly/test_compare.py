"""Detectors beside each other, and where the line stands on the curves of one."""

import numpy as np
import pytest

from engine.anomaly import KNN, ODIN, QUICK, Compare
from engine.anomaly.protocol.standing import apart_where_unseen, operating
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
        expected = [
            alone["p"].values[0],
            below,
            measures["AUROC"],
            measures["FPR95, unknown positive"],
        ]
        assert row == pytest.approx(expected, abs=1e-6)
    bonferroni = len(table.rows) * table.values[:, 0].min()
    assert result["together"].values[0] == pytest.approx(min(1, bonferroni))


def test_a_model_without_a_head_is_compared_by_what_reads_logits():
    model = tiny.linear_case().model
    result = Compare()(tiny.familiar_case(model))
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


def test_a_line_above_everything_flags_nothing_and_makes_no_false_alarm(answer):
    points = operating(answer, 1e9)
    assert points["roc"] == (0.0, 0.0)
    assert points["pr"] == (0.0, 1.0)


def test_what_sets_an_image_apart_is_split_at_the_middle_of_the_weights():
    weight = np.array([4, 1, 3, 2], np.float32)
    activations, usual = np.array([1, 5, 0, 1], np.float32), np.array([0, 2, 0, 1], np.float32)
    assert apart_where_unseen(weight, activations, usual) == pytest.approx(0.75)
