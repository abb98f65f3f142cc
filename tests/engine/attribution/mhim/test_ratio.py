"""The curve over r_h, against trainings made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from engine.attribution.mhim import MHIM, MaskedRatio
from engine.attribution.mhim.bags import bags_of
from engine.attribution.mhim.methods import ABMIL, POOLINGS, recipe
from engine.attribution.mhim.mining import learn
from engine.attribution.mhim.ratio import RATIOS
from engine.attribution.mhim.scores import MEASURES, evaluate_bags, figures
from engine.core.result import Table
from engine.core.run import answer
from tests import tiny

CASE = tiny.bags_case()


def test_each_point_is_the_mean_of_trainings_made_by_hand():
    result = answer(MaskedRatio(epochs=2, seeds=2), CASE)
    bags, expected_runs, usual = bags_of(CASE), [], []
    rows = bags.slides.rows("test")
    for seed in (0, 1):
        case = replace(CASE, seed=seed)
        plain = learn(case, bags, recipe(2)).model
        usual.append(figures(evaluate_bags(plain, bags, rows), bags, rows))
        how = MHIM(high=RATIOS[3]).mining()
        student = learn(case, bags, recipe(2), how=how, begins=plain).model
        expected_runs.append(figures(evaluate_bags(student, bags, rows), bags, rows))
    for measure in MEASURES:
        values = [run[measure] for run in expected_runs]
        curve = result["curve"]
        assert curve[measure][3] == pytest.approx(np.mean(values))
        low = np.mean(values) - np.std(values, ddof=1)
        assert curve[f"{measure}, low"][3] == pytest.approx(low)
        mean = np.mean([run[measure] for run in usual])
        assert result["plain"].cell(ABMIL, measure) == pytest.approx(mean)
        assert curve[f"{measure}, {ABMIL}"].tolist() == pytest.approx([mean] * len(RATIOS))
    assert len(result["runs"]) == 2 * (3 + len(RATIOS))


def curve_of(means, spread, seeds=2):
    """Hard key tiles found over the shares, with bands as wide as that either way."""
    bands = {"": 0, ", low": -spread, ", high": spread}
    columns = {f"hard ones{end}": (np.add(means, more), "share") for end, more in bands.items()}
    return {
        "curve": Table.of(columns),
        "plain": Table.of({"hard ones": ([0.1, 0.2, 0.25], "share")}, list(POOLINGS)),
        "runs": Table.of({"seed": (np.arange(seeds), "")}),
    }


@pytest.mark.parametrize(
    ("means", "spread", "seeds", "words"),
    [
        ([0.4, 0.5, 0.7, 0.6, 0.5], 0.1, 2, "Most hard key tiles are found when 5 % of the tiles"),
        ([0.55, 0.58, 0.54, 0.5, 0.5], 0.05, 2, "no clear difference: 58 % of the hard key tiles"),
        ([0.7, 0.6, 0.5, 0.5, 0.5], 0.05, 2, "finds no more of the hard ones: 70 % at 0 %"),
        ([0.4, 0.5, 0.7, 0.6, 0.5], 0.0, 1, "One seed decides nothing: 70 % of the hard key"),
        ([np.nan] * 5, 0.0, 2, "No key tile of the test bags is known to be hard"),
    ],
)
def test_the_finding_says_more_only_where_bands_stay_apart(means, spread, seeds, words):
    sentence = MaskedRatio().finding(CASE, curve_of(means, spread, seeds))
    assert words in sentence
    assert "plain attention 25 %" in sentence or np.isnan(means[0])
