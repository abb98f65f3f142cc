"""Masked mining over seeds, beside plain networks; the figures stand in docs/measured.md.

Another seed is other first weights, another order and other masks; bags of another seed are other
bags. Claims are the sheet's: more hard key tiles found than by plain attention, at equal AUC or
better; class scores rank the tiles of a class (v2).
"""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.attribution.slides import MHIM, MHIM2, BagsCase, UnlikeTiles, WholeSlideCase
from engine.attribution.slides.methods import ABMIL, BY_CLASS, STUDENT
from engine.attribution.slides.scores import MEASURES
from engine.data.whole_slide import made_slide
from engine.experiment import OUTCOMES, decided
from engine.models.catalog import DEFAULT, load
from engine.run import answer

SEEDS = 3
KINDS = {"a 9 or none": "bags:seed={}", "a 9, a 3 or a 5": "bags:kind=three,seed={}"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def named(pattern, seed):
    """The name of the bags, without a seed that is the usual one."""
    name = pattern.format(seed)
    return name if seed else name.replace(",seed=0", "").replace(":seed=0", "")


@pytest.mark.parametrize(
    ("method", "kind"),
    [(MHIM(), "a 9 or none"), (MHIM2(), "a 9 or none"), (MHIM2(), "a 9, a 3 or a 5")],
    ids=["v1", "v2", "v2, three classes"],
)
def test_which_key_tiles_each_network_finds(method, kind, measure):
    reader = load("mnist-cnn")
    tables = [
        answer(method, BagsCase(reader, data_sets.load(named(KINDS[kind], seed)), seed))["figures"]
        for seed in range(SEEDS)
    ]
    what = f"Slides, {kind}, {SEEDS} seeds, {method.title}"
    names = (*MEASURES, "tile AUROC", *(["rivals"] if "3" in kind else []))
    for row in tables[0].rows:
        told = []
        for name in names:
            values = np.array([one.cell(row, name) for one in tables])
            told.append(f"{name} {values.mean():.3f} ± {values.std(ddof=1):.3f}")
        measure(f"{what}: {row}", "; ".join(told))

    def gain(name, row=STUDENT, other=ABMIL):
        return [one.cell(row, name) - one.cell(other, name) for one in tables]

    claims = {
        "finds more hard key tiles than plain attention, by .1": np.array(gain("hard ones")) - 0.1,
        "finds more hard key tiles than plain attention": np.array(gain("hard ones")),
        "finds more key tiles than plain attention": np.array(gain("key tiles found")),
        "bag AUC not below plain attention's by .01": np.array(gain("bag AUC")) + 0.01,
    }
    if isinstance(method, MHIM2):
        claims["class scores rank key tiles with an AUROC of .9"] = (
            np.array([one.cell(BY_CLASS, "tile AUROC") for one in tables]) - 0.9
        )
        if "3" in kind:
            rivals = np.array(gain("rivals", BY_CLASS))
            claims["class scores tell rivals apart better than attention, by .05"] = rivals - 0.05
    outcomes, means, within = decided(np.stack(list(claims.values()), 1))
    for words, outcome, mean, half in zip(claims, outcomes, means, within, strict=True):
        said = f"{OUTCOMES[int(outcome)]} here: margin {mean:+.3f} ± {half:.3f}"
        measure(f"{what}: claim: {words}", said)
    assert np.mean([one.cell(STUDENT, "bag AUC") for one in tables]) > 0.7


def test_planted_regions_of_a_made_slide_are_unlike_the_rest(measure):
    case, method = WholeSlideCase(load(DEFAULT), made_slide(3584, 2688)), UnlikeTiles()
    found = answer(method, case)
    cost = found["cost"]
    network, reading = (float(cost[f"seconds, {one}"][0]) for one in ("network", "reading"))
    share = network / (network + reading)
    measure("Slides, tiles of a made section of 3584 × 2688 px", method.finding(case, found))
    measure("Slides, share of the time in the network, tiles of 224 px", f"{100 * share:.1f} %")
    assert share > 0.8
