"""The curve over r_h, against trainings made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.attribution.slides import MHIM, MaskedRatio
from engine.attribution.slides.bags import bags_of
from engine.attribution.slides.methods import ABMIL, POOLINGS, recipe
from engine.attribution.slides.mining import learn
from engine.attribution.slides.ratio import RATIOS
from engine.attribution.slides.scores import MEASURES, asked, figures
from engine.result import Table
from engine.run import answer
from tests import tiny

CASE = tiny.bags_case()


def test_each_point_is_the_mean_of_trainings_made_by_hand():
    found = answer(MaskedRatio(epochs=2, seeds=2), CASE)
    bags, rows, wanted, usual = bags_of(CASE), None, [], []
    rows = bags.slides.rows("test")
    for seed in (0, 1):
        case = replace(CASE, seed=seed)
        plain = learn(case, bags, recipe(2)).model
        usual.append(figures(asked(plain, bags, rows), bags, rows))
        how = MHIM(high=RATIOS[3]).mining()
        own = learn(case, bags, recipe(2), how=how, begins=plain).model
        wanted.append(figures(asked(own, bags, rows), bags, rows))
    for measure in MEASURES:
        values = [one[measure] for one in wanted]
        curve = found["curve"]
        assert curve[measure][3] == pytest.approx(np.mean(values))
        low = np.mean(values) - np.std(values, ddof=1)
        assert curve[f"{measure}, low"][3] == pytest.approx(low)
        mean = np.mean([one[measure] for one in usual])
        assert found["plain"].cell(ABMIL, measure) == pytest.approx(mean)
        assert curve[f"{measure}, {ABMIL}"].tolist() == pytest.approx([mean] * len(RATIOS))
    assert len(found["runs"]) == 2 * (3 + len(RATIOS))


def curve_of(means, spread):
    """Hard key tiles found over the shares, with bands as wide as that either way."""
    means = np.array(means)
    low, high = means - spread, means + spread
    columns = {"hard ones": means, "hard ones, low": low, "hard ones, high": high}
    plain = Table.of({"hard ones": ([0.1, 0.2, 0.25], "share")}, list(POOLINGS))
    return {"curve": Table.of({n: (v, "share") for n, v in columns.items()}), "plain": plain}


def test_the_finding_names_a_share_only_where_its_band_is_apart_from_that_of_none():
    told = MaskedRatio().finding(CASE, curve_of([0.4, 0.5, 0.7, 0.6, 0.5], 0.1))
    assert told.startswith("Most hard key tiles are found when 5 % of the tiles are masked")
    assert told.endswith("70 %, with plain attention 25 %.")
    told = MaskedRatio().finding(CASE, curve_of([0.55, 0.58, 0.54, 0.5, 0.5], 0.05))
    assert "no clear difference: 58 % of the hard key tiles are found at 2 %, 55 % at 0 %" in told
    told = MaskedRatio().finding(CASE, curve_of([0.7, 0.6, 0.5, 0.5, 0.5], 0.05))
    assert "when 0 % of the tiles are masked" in told
