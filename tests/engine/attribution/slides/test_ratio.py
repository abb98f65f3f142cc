"""The curve over r_h, against trainings made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.attribution.slides import MHIM, MaskedRatio
from engine.attribution.slides.bags import bags_of
from engine.attribution.slides.methods import ABMIL, recipe
from engine.attribution.slides.mining import learn
from engine.attribution.slides.ratio import RATIOS
from engine.attribution.slides.scores import MEASURES, asked, figures
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


def test_the_finding_names_the_share_with_the_most_hard_tiles():
    method = MaskedRatio(epochs=1, seeds=1)
    found = method(CASE)
    best = int(np.nanargmax(found["curve"]["hard ones"]))
    assert f"when {100 * RATIOS[best]:.0f} % of the tiles" in method.finding(CASE, found)
