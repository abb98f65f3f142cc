"""What learning N:M masks on frozen weights is worth, over three networks that differ in seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.sparsity import LearnedPattern, MaskRules, Pruner, pruned
from engine.sparsity.criteria.magnitude import Magnitude
from engine.training import outputs
from tests.engine.sparsity.cases import digits_cnns

SEEDS = 3


@pytest.fixture(scope="module")
def cases():
    """The digits CNN from its recipe, with three seeds."""
    return digits_cnns(SEEDS)


def right(case, scores, pattern):
    """The share of test images that the pruned network gets right, in percent."""
    n, m = (int(word) for word in pattern.split(":"))
    masks = Pruner(case.model, scores, MaskRules(structure="N:M", n=n, m=m)).at(0.5)
    rows = case.data.rows("test")
    predictions = outputs(pruned(case.model, masks, pattern), case.data, rows).argmax(1).numpy()
    return 100 * (predictions == case.data.labels[rows]).mean()


def mean_sd(values):
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("pattern", ["1:8", "1:4", "2:4"])
def test_learned_masks_beat_the_largest_weights_by_a_point_where_few_stay(cases, measure, pattern):
    method = LearnedPattern(pattern=pattern)
    learned = np.array([right(case, method(case)["scores"], pattern) for case in cases])
    plain = np.array([right(case, Magnitude()(case)["scores"], pattern) for case in cases])
    measure(
        f"Digits CNN, {SEEDS} seeds, {pattern} with frozen weights",
        f"right by magnitude {mean_sd(plain)} %, learned {mean_sd(learned)} %, "
        f"learned − magnitude {mean_sd(learned - plain)} points",
    )
    if pattern != "2:4":
        assert np.mean(learned - plain) >= 1


def noisy(data):
    """The same digits through noise, another task for the same network."""
    noise = np.random.default_rng(1).normal(0, 60, data.images.shape)
    images = np.clip(data.images + noise, 0, 255).astype(np.uint8)
    return replace(data, name="noisy digits", images=images)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_mask_learned_on_one_data_set_is_no_worse_a_beginning_on_another(cases, measure):
    """Few images of the other data set, where what comes along could help most."""
    gains, figures = [], []
    few = LearnedPattern(pattern="1:8", each=5, epochs=20, strength=5.0)
    for case in cases:
        other = replace(case, data=noisy(case.data))
        first = LearnedPattern(pattern="1:8")(case)["scores"]
        carried = right(other, few(replace(other, learned=first))["scores"], "1:8")
        plain = right(other, few(other)["scores"], "1:8")
        figures.append((plain, carried, right(other, first, "1:8")))
        gains.append(carried - plain)
    plain, carried, still = np.array(figures).T
    measure(
        f"Digits CNN, {SEEDS} seeds, 1:8 learned on 5 noisy images of a class",
        f"right on noisy images from magnitude's mask {mean_sd(plain)} %, from the mask of plain "
        f"digits {mean_sd(carried)} % ({mean_sd(gains)} points); that mask as it is "
        f"{mean_sd(still)} %",
    )
    assert np.mean(gains) >= -1
