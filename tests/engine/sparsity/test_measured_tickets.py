"""What searched and learned masks gain over magnitude, and late rewinding over a random mask."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from engine.evaluation.experiment import OUTCOMES
from engine.sparsity import LearnedPattern, MaskRules, Pruner, Rewinding, pruned
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.jackpot.criterion import AFTER_SEARCH, DENSE, START, Jackpot
from engine.vision import data as data_sets
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe, outputs
from tests.engine.sparsity.cases import trained_cnns
from tests.outcomes import mean_sd

pytestmark = pytest.mark.slow
SEEDS = 3
POINTS = 5  # that the search should gain over magnitude at 95 %
RATIOS = (0.95, 0.98)
spread = partial(mean_sd, digits=1)


def late(answer):
    """Exchanges in the last third of the steps."""
    row = answer["swaps"]["swapped"]
    return int(row[len(row) - len(row) // 3 :].sum())


def verdict(holds):
    return "holds" if holds else "does not hold here"


@pytest.mark.parametrize(("model", "data"), [("digits-cnn", "digits"), ("mnist-cnn", "mnist-5k")])
def test_a_searched_mask_is_near_magnitude_s_and_right_more_often(model, data, measure):
    prune_cases = trained_cnns(model, data)
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
            f"{verdict(min(iou) > 5 * chance)} (IoU {mean_sd(iou, 2)}, chance {chance:.3f})",
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


def point_text(table, row):
    value = {name: float(table[name][row]) for name in table.order}
    return (
        f"ticket {100 * value['ticket']:.1f} % ({100 * value['lowest ticket']:.1f} to "
        f"{100 * value['highest ticket']:.1f}), dense {100 * value['dense']:.1f} %, random mask "
        f"{100 * value['random']:.1f} %; distance to dense {value['pruning distance']:.2f} "
        f"({value['pruning angle']:.0f}°), random {value['pruning distance, random']:.2f} "
        f"({value['pruning angle, random']:.0f}°); between orders {value['order distance']:.2f} "
        f"({value['order angle']:.0f}°), random {value['order distance, random']:.2f} "
        f"({value['order angle, random']:.0f}°); barrier {100 * value['barrier']:.1f} points"
    )


@pytest.mark.parametrize(("name", "epochs"), [("digits", 6), ("mnist-5k", 4)])
def test_a_ticket_lies_nearer_to_the_dense_network_than_a_random_mask(name, epochs, measure):
    case = TrainCase(data_sets.load(name), Recipe("resnet8", epochs=epochs, rate=0.1))
    result = Rewinding(points=4, seeds=SEEDS)(case)
    table, claims = result["rewinding"], result["claims"]
    title = f"Late rewinding, ResNet-8 on {name}, 10 % kept, {epochs} epochs, {SEEDS} seeds"
    for row, point in enumerate(table.rows):
        measure(f"{title}, {point}", point_text(table, row))
    outcomes = [
        f"{row}: {OUTCOMES[int(at)]}"
        for row, at in zip(claims.rows, claims["outcome"], strict=True)
    ]
    measure(f"{title}, claims", "; ".join(outcomes))
    is_late = (table["rewound to"] >= 0.005) & (table["rewound to"] < 1)
    assert is_late.sum() == 2
    assert (table["pruning distance"] < table["pruning distance, random"])[is_late].all()
    assert table["pruning distance"][-1] == table["order distance"][-1] == 0
    assert np.isfinite(table.values).all()


def right(case, scores, pattern):
    """The share of test images that the pruned network gets right, in percent."""
    n, m = (int(word) for word in pattern.split(":"))
    masks = Pruner(case.model, scores, MaskRules(structure="N:M", n=n, m=m)).at(0.5)
    rows = case.data.rows("test")
    predictions = outputs(pruned(case.model, masks, pattern), case.data, rows).argmax(1).numpy()
    return 100 * (predictions == case.data.labels[rows]).mean()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("pattern", ["1:8", "1:4", "2:4"])
def test_learned_masks_beat_the_largest_weights_by_a_point_where_few_stay(
    networks, measure, pattern
):
    method = LearnedPattern(pattern=pattern)
    learned = np.array([right(case, method(case)["scores"], pattern) for case in networks])
    plain = np.array([right(case, Magnitude()(case)["scores"], pattern) for case in networks])
    measure(
        f"Digits CNN, {SEEDS} seeds, {pattern} with frozen weights",
        f"right by magnitude {spread(plain)} %, learned {spread(learned)} %, "
        f"learned − magnitude {spread(learned - plain)} points",
    )
    if pattern != "2:4":
        assert np.mean(learned - plain) >= 1


def noisy(data):
    """The same digits through noise, another task for the same network."""
    noise = np.random.default_rng(1).normal(0, 60, data.images.shape)
    images = np.clip(data.images + noise, 0, 255).astype(np.uint8)
    return replace(data, name="noisy digits", images=images)


@pytest.mark.timeout(1200)
def test_a_mask_learned_on_one_data_set_is_no_worse_a_beginning_on_another(networks, measure):
    """Few images of the other data set, where what comes along could help most."""
    gains, figures = [], []
    few = LearnedPattern(pattern="1:8", each=5, epochs=20, strength=5.0)
    for case in networks:
        other = replace(case, data=noisy(case.data))
        first = LearnedPattern(pattern="1:8")(case)["scores"]
        carried = right(other, few(replace(other, learned=first))["scores"], "1:8")
        plain = right(other, few(other)["scores"], "1:8")
        figures.append((plain, carried, right(other, first, "1:8")))
        gains.append(carried - plain)
    plain, carried, still = np.array(figures).T
    measure(
        f"Digits CNN, {SEEDS} seeds, 1:8 learned on 5 noisy images of a class",
        f"right on noisy images from magnitude's mask {spread(plain)} %, from the mask of plain "
        f"digits {spread(carried)} % ({spread(gains)} points); that mask as it is "
        f"{spread(still)} %",
    )
    assert np.mean(gains) >= -1
