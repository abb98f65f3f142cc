"""Maps before and after an attack: the numbers are those of maps that are made one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.attribution.robustness import FGSM, MapsFollow
from engine.attribution.robustness.followed import MAPS, NEW, SAME
from engine.attribution.robustness.scored import attacked_pixels
from engine.case import PairCase
from engine.case.target import Target
from tests import tiny


def pair(epsilon=64):
    case = tiny.cnn_case()
    first = int(case.model.logits(case.image[None])[0].argmax())
    case = replace(case, target=Target(first))
    return PairCase(case, (attacked_pixels(FGSM(epsilon=epsilon)(case)),))


def test_the_correlations_are_those_of_maps_made_one_by_one():
    case = pair()
    found = MapsFollow()(case)
    said = int(case.model.logits(case.others[0][None])[0].argmax())
    rows = [kind for kind in MAPS if not kind.unmet(case.source)]
    assert found["followed"].rows == tuple(kind.title for kind in rows)
    assert len(rows) >= 6
    for kind in rows:
        before = kind()(case.source)["map"].values
        after = replace(case.source, image=case.others[0])
        now = replace(after, target=Target(said))
        for name, asked in ((SAME, after), (NEW, now)):
            values = np.abs(kind()(asked)["map"].values)
            wanted = spearmanr(np.abs(before).ravel(), values.ravel()).statistic
            assert found["followed"].cell(kind.title, name) == pytest.approx(wanted, abs=1e-4)


def test_where_nothing_was_changed_every_map_is_the_same():
    case = tiny.pair_case(tiny.cnn())
    found = MapsFollow()(PairCase(case.source, (case.source.image,)))
    np.testing.assert_allclose(found["followed"].values, 1.0, atol=1e-6)


def test_the_sentence_names_the_map_that_moved_most():
    case = pair()
    method = MapsFollow()
    found = method(case)
    table = found["followed"]
    low = table.rows[int(np.nanargmin(table[NEW]))]
    assert f"{low} most" in method.finding(case, found)
