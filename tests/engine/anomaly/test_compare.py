"""The table of detectors says what each says alone."""

import numpy as np
import pytest

from engine.anomaly import ODIN, QUICK, Compare
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
