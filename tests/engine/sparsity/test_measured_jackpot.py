"""What a search for masks gains over magnitude, over networks of three seeds, and its claims."""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.models import embedded
from engine.sparsity import PruneCase
from engine.sparsity.criteria.jackpot import AFTER_SEARCH, DENSE, START, Jackpot
from engine.training import fresh, train

SEEDS = 3
POINTS = 5  # that the search should gain over magnitude at 95 %
RATIOS = (0.95, 0.98)


def cases(model, data):
    plan, images = embedded.plan(model), data_sets.load(data)
    for seed in range(SEEDS):
        network = fresh(images, plan.recipe, seed)
        train(network, images, plan.recipe, seed)
        yield PruneCase(network, images, seed)


def spread(values, form=".1f"):
    return f"{np.mean(values):{form}} ± {np.std(values, ddof=1):{form}}"


def late(answer):
    """Exchanges in the last third of the steps."""
    row = answer["swaps"]["swapped"]
    return int(row[len(row) - len(row) // 3 :].sum())


def verdict(holds):
    return "holds" if holds else "does not hold here"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "data"), [("digits-cnn", "digits"), ("mnist-cnn", "mnist-5k")])
def test_a_searched_mask_is_near_magnitude_s_and_right_more_often(model, data, measure):
    prune_cases = list(cases(model, data))
    for ratio in RATIOS:
        answers = [Jackpot(ratio=ratio)(case) for case in prune_cases]
        free = [Jackpot(ratio=ratio, restriction=0.0)(case) for case in prune_cases]
        right = {
            name: [100 * answer["figures"][name] for answer in answers]
            for name in (DENSE, START, AFTER_SEARCH)
        }
        gains = np.subtract(right[AFTER_SEARCH], right[START])
        of_free = [100 * answer["figures"][AFTER_SEARCH] for answer in free]
        iou = [answer["overlap"].cell("all", "IoU") for answer in answers]
        chance = (1 - ratio) / (1 + ratio)  # d ÷ (2 − d)
        ends = [(late(answer), late(other)) for answer, other in zip(answers, free, strict=True)]
        what = f"Lottery Jackpots, LeNet on {data}, {SEEDS} seeds, {ratio:.0%} cut"
        measure(
            f"{what}, right (%)",
            f"whole model {spread(right[DENSE])}, magnitude {spread(right[START])}, searched "
            f"{spread(right[AFTER_SEARCH])}, without restriction {spread(of_free)}",
        )
        measure(
            f"{what}; claim: at least {POINTS} points over magnitude",
            f"{verdict(gains.min() >= POINTS)} ({spread(gains)} points; magnitude is "
            f"{np.mean(np.subtract(right[DENSE], right[START])):.1f} below the whole model)",
        )
        measure(
            f"{what}; claim: the mask is much nearer to magnitude's than chance",
            f"{verdict(min(iou) > 5 * chance)} (IoU {spread(iou, '.2f')}, chance {chance:.3f})",
        )
        measure(
            f"{what}; claim: with the restriction fewer exchanges in the last third",
            f"{verdict(all(restricted < other for restricted, other in ends))} "
            f"({', '.join(f'{restricted} against {other}' for restricted, other in ends)})",
        )
        for result in (*answers, *free):
            assert result["weights"].notes[0] == result["weights"].notes[1]
        assert min(iou) > 5 * chance
        assert np.mean(gains) > 0
    assert np.mean(gains) >= POINTS  # at the last ratio, where magnitude fails
