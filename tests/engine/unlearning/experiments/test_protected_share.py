"""The share of protected images as an experiment: mixtures made and learned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.unlearning import ProtectedShare
from engine.unlearning.experiments.protected_share import (
    ALONE,
    MIXED,
    SHARES,
    clean_condition,
    mixed_condition,
)
from engine.unlearning.experiments.victims import (
    CUDA,
    LEARNED,
    MINIMIZING,
    OF_CLASS,
    RIGHT,
    protected_rows,
)
from engine.unlearning.protection import RandomNoise
from tests.engine.unlearning.experiments.by_hand import (
    QUICK,
    SEED,
    noisy,
    right,
    small_case,
    with_images,
)
from tests.outcomes import keep

SMALL = ProtectedShare(**QUICK, way=OF_CLASS, epsilon=24)


@pytest.fixture(scope="module")
def found():
    return SMALL(small_case())


def test_every_figure_is_that_of_networks_trained_on_images_mixed_by_hand():
    data, table = small_case().data, SMALL(small_case())["table"]
    noisy_ones = noisy(data, RandomNoise(24, "class"))
    for share in SHARES:
        rows = protected_rows(data, share, SEED)
        mixture = with_images(data, {row: noisy_ones.images[row] for row in rows})
        expected = right(mixture, data)
        row = mixed_condition(share)
        assert [table.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(expected)
        if share not in {0.0, 1.0}:
            rest = data.take(np.array([at for at in range(len(data)) if at not in rows]))
            expected = right(rest, data, epochs=round(2 / (1 - share)))
            row = clean_condition(share)
            assert [table.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(
                expected
            )
    assert len(table) == 2 * len(SHARES) - 2


def test_the_curve_is_the_mean_of_the_figures_by_share(found):
    curve, table = found["shares"], found["table"]
    for at, share in enumerate(SHARES):
        assert curve["share"][at] == share
        assert curve[MIXED][at] == table.cell(mixed_condition(share), RIGHT)
        if 0 < share < 1:
            assert curve[ALONE][at] == table.cell(clean_condition(share), RIGHT)
    assert curve[ALONE][0] == table.cell(mixed_condition(0), RIGHT)
    assert np.isnan(curve[ALONE][-1])


def test_claims_on_figures_made_by_hand():
    table = {
        mixed_condition(0): 0.9,
        mixed_condition(0.8): 0.85,
        mixed_condition(1): 0.4,
        clean_condition(0.8): 0.75,
    }
    margins = [claim.margin(lambda row, _: table[row]) for claim in SMALL.claims]
    assert margins == pytest.approx([0.2, 0.05, -0.05])


def test_few_clean_images_are_not_enough_where_none_are_needed():
    """A protection that costs nothing leaves nothing for the clean images to bring back."""
    table = dict.fromkeys(
        [mixed_condition(0), mixed_condition(0.8), mixed_condition(1), clean_condition(0.8)], 0.9
    )
    assert SMALL.claims[1].margin(lambda row, _: table[row]) == pytest.approx(-0.1)


def test_in_the_picture_more_and_more_images_are_protected():
    picture = SMALL.picture(small_case()).images.astype(int)
    counts = [(row != picture[0]).any((1, 2, 3)).sum() for row in picture]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(picture[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [CUDA, MINIMIZING])
def test_how_many_images_must_be_protected_is_measured_with_three_seeds(way, measure):
    method = ProtectedShare(way=way)
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    keep(
        measure, method, result, f"share protected, {method.way}, {method.data[0]}, {method.victim}"
    )
    table = result["table"]
    assert table.cell(mixed_condition(0), RIGHT) > 0.9
    assert table.cell(mixed_condition(0.5), RIGHT) > table.cell(mixed_condition(1), RIGHT)
