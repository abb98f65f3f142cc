"""The format of a training that nobody here made is found from labeled images, or none is."""

from dataclasses import replace

import numpy as np
import pytest

from engine.vision.models import format_rounds
from engine.vision.models.architectures import wrap
from engine.vision.models.format_rounds import assigned
from engine.vision.models.format_search import FormatCase, FormatSearch, formats_in
from engine.vision.models.input_format import CIFAR10, NORMALIZATIONS, InputFormat, format_of
from engine.vision.shares import wilson
from tests import plain_loop
from tests.plain_loop import PlainTraining

PLAIN = PlainTraining()
OTHERS = [
    PlainTraining(side=28, mean=(0, 0, 0), std=(1, 1, 1), channels="BGR"),
    PlainTraining(mean=CIFAR10[0], std=CIFAR10[1], channels="gray"),
    PlainTraining(side=64, mean=(0, 0, 0), std=(1 / 255,) * 3),
    PlainTraining("resnet10t", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
]


def untrained():
    return wrap(plain_loop.untrained(PLAIN), "file:x", "Own", architecture=PLAIN.architecture)


def searched(how, data, orders=(), images=128):
    model = wrap(plain_loop.trained(how), "file:x", "Own", architecture=how.architecture)
    assert model.side in {160, 176}  # as timm's card has it, which is wrong
    return FormatSearch(images=images)(FormatCase(model, data, orders))


@pytest.mark.parametrize(
    ("how", "sides"),
    [
        (PLAIN, (28, 64, 96)),
        *(
            pytest.param(how, FormatSearch.usual_sides, marks=pytest.mark.slow)
            for how in (PLAIN, *OTHERS)
        ),
    ],
    ids=str,
)
def test_the_format_of_a_plain_training_is_found_again(how, sides, monkeypatch):
    monkeypatch.setattr(FormatSearch, "usual_sides", sides)
    table = searched(how, plain_loop.data_set(how.side))["formats"]
    rights = table["right 0"] / table["images"]
    results = [
        share
        for form, share in zip(formats_in(table), rights, strict=True)
        if (form.side, form.channels) == (how.side, how.channels)
        and np.allclose(form.mean, how.mean, atol=0.06)
    ]
    assert table["images"][0] == 128
    assert rights[0] > 0.8  # a training of four epochs
    assert max(results) > rights[0] - 0.04  # a neighbor, as 32 beside 28 px, may be as good
    counted = plain_loop.accuracy(plain_loop.trained(how), how)
    assert rights[0] == pytest.approx(counted, abs=0.08)
    assert (rights[table["images"] == 128] > 0.8).all()  # hopeless ones were given up early


def test_only_training_images_are_looked_at(monkeypatch):
    monkeypatch.setattr(FormatSearch, "usual_sides", (28,))
    data = plain_loop.data_set()
    spoiled = replace(data, images=np.where((data.split == 2)[:, None, None, None], 0, data.images))
    first, second = (searched(PLAIN, some, images=32)["formats"] for some in (data, spoiled))
    np.testing.assert_array_equal(first.values, second.values)


def test_a_network_that_learned_nothing_is_right_in_no_format(monkeypatch):
    monkeypatch.setattr(FormatSearch, "usual_sides", (28, 40))
    case = FormatCase(untrained(), plain_loop.data_set())
    table = FormatSearch(images=64)(case)["formats"]
    assert max(table["right 0"] / table["images"]) < 0.4


@pytest.mark.parametrize("seed", range(3))
def test_an_order_of_classes_is_found_on_other_images_than_it_is_judged_by(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(10)
    labels = rng.integers(0, 10, 300)
    noisy = np.where(rng.random(300) < 0.2, rng.integers(0, 10, 300), np.argsort(order)[labels])
    np.testing.assert_array_equal(assigned(noisy, labels, 10), order)
    score = format_rounds.FormatScore(InputFormat(32), noisy, labels)
    assert score.right_by_assignment(10) / 300 == pytest.approx(0.82, abs=0.06)
    guesses = format_rounds.FormatScore(InputFormat(32), rng.integers(0, 10, 300), labels)
    low, high = wilson(guesses.right_by_assignment(10), 300)
    assert low < 0.1 < high + 0.03  # no better than chance: nothing is found in noise


def test_the_names_of_normalizations_are_told_apart():
    words = [InputFormat(32, *pair).normalization for pair in NORMALIZATIONS.values()]
    assert words == list(NORMALIZATIONS)


class Clock:
    """Seconds that pass only while a network computes, and where each of its batches ends."""

    def __init__(self, patch, for_an_image):
        self.now, answers = 0.0, format_rounds.FormatRounds.answers
        self.ends = []

        def slow(search, model, start, end):
            self.now += for_an_image * (end - start)
            self.ends.append(end)
            return answers(search, model, start, end)

        patch.setattr(format_rounds, "monotonic", lambda: self.now)
        patch.setattr(format_rounds.FormatRounds, "answers", slow)


@pytest.mark.parametrize(("for_an_image", "at_least"), [(0.3, 20), (2.0, 2), (100.0, 1)])
def test_a_slow_network_is_not_asked_forever_and_the_answer_says_so(
    monkeypatch, for_an_image, at_least
):
    monkeypatch.setattr(FormatSearch, "usual_sides", (28, 64))
    model = wrap(plain_loop.trained(PLAIN), "file:x", "Own", architecture=PLAIN.architecture)
    clock = Clock(monkeypatch, for_an_image)
    answer = FormatSearch()(FormatCase(model, plain_loop.data_set()))
    batch = for_an_image * format_rounds.BATCH
    assert clock.now <= format_rounds.SECONDS + 3 * batch  # each round ends within a batch
    tried, planned = int(answer["tried"]["tried"][0]), int(answer["tried"]["planned"][0])
    assert at_least <= tried < planned
    assert 1 <= len(answer["formats"]) <= tried
    if for_an_image < 100:  # there is time for one format in full: four images for each class
        assert clock.ends[:3] == [16, 32, 4 * 10]
    if for_an_image < 1:
        best = formats_in(answer["formats"])[0]
        assert (best.side, best.normalization) == (32, "−1 … 1")


def test_a_format_far_behind_the_best_is_given_up_after_a_batch():
    case = FormatCase(untrained(), plain_loop.data_set())
    search = format_rounds.FormatRounds(case, 40, (28,), lambda *_: None)
    for best_low, looked in ((0.0, 40), (0.99, format_rounds.BATCH)):
        search.best_low = best_low
        assert len(search.score(format_of(case.model), 40, 1.0).labels) == looked
        assert search.best_low < 0.5 or best_low
    assert len(search.score(format_of(case.model), 10, 1.0).labels) == 10


def test_a_network_that_is_fast_enough_is_tried_in_every_format(monkeypatch):
    monkeypatch.setattr(FormatSearch, "usual_sides", (28, 40))
    model, rounds, shares = untrained(), [], []
    Clock(monkeypatch, 0.0)
    scored = format_rounds.FormatRounds.scored

    def noted(search, formats, images, until):
        rounds.append((until, {input_format.side for input_format in formats}, images))
        return scored(search, formats, images, until)

    monkeypatch.setattr(format_rounds.FormatRounds, "scored", noted)
    case = FormatCase(model, plain_loop.data_set())
    answer = FormatSearch(images=48)(case, lambda share, *_: shares.append(share))
    assert answer["tried"]["tried"][0] == answer["tried"]["planned"][0] > 20
    assert [until for until, _, _ in rounds] == [0.5, 0.75, 1]  # shares of the time
    assert [len(sides) for _, sides, _ in rounds[:2]] == [4, 3]  # all sides, then the best
    assert [images for _, _, images in rounds] == [40, 40, 48]  # four of each class, then all
    assert shares == sorted(shares)
    assert shares[-20] < 0.9
