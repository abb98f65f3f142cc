"""Other orders of LiMA's regions: random ones, other methods' maps, and what is said of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder, findings
from engine.attribution.lima.other_maps import area_table, by_mean
from engine.attribution.lima.seeing import SAME, segment_image
from engine.core.errors import BlindspotError
from engine.core.result import Curve, Scores, Table
from engine.core.run import recompute
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny

METHOD = OtherMaps(shape="grid", regions=16, samples=200)


@pytest.fixture
def nearly_linear():
    """A sum whose probability is all but linear, and that of nothing and of the whole image."""
    case = tiny.linear_case()
    case.model.network.weight.data *= 0.002
    ends = case.model.logits(torch.stack([torch.zeros_like(case.image), case.image])).softmax(1)
    return case, ends[:, case.target.index].tolist()


def test_exact_maps_order_the_parts_of_a_sum(nearly_linear):
    """On a linear score the best order sorts the regions by what they add; three maps find it."""
    case, (nothing, everything) = nearly_linear
    partition = Partition.of(case, "grid", 16)
    worth = partition.sums(case.model.network.weight.detach() * case.image)
    steps = np.concatenate([[0], np.cumsum(np.sort(worth.numpy())[::-1])]) / float(worth.sum())
    best = np.trapezoid(nothing + steps * (everything - nothing), dx=1 / partition.count)
    areas = METHOD(case)["areas"]
    for title in ("KernelSHAP", "Integrated gradients"):
        assert areas.cell(title, "insertion") == pytest.approx(best, abs=2e-3)
        assert areas.cell(title, "deletion") == pytest.approx(nothing + everything - best, abs=2e-3)
    assert "Grad-CAM" not in areas.rows  # it needs a map


def test_a_map_that_is_the_same_everywhere_puts_nothing_in_order_and_regions_go_by_their_mean():
    """The score of a model without weights never moves: nothing is lost, and there is no slope."""
    case = tiny.linear_case(seed=3)
    case.model.network.weight.data.zero_()
    assert not {"Occlusion", "Integrated gradients"} & set(METHOD(case)["areas"].rows)
    labels = torch.tensor([[0, 0, 0], [1, 2, 2]])
    ranks = by_mean(Partition(labels), np.array([[1.0, 1, 1], [2, 1.2, 1.4]], np.float32))
    assert ranks.tolist() == [[2, 2, 2], [0, 1, 1]]


def test_its_share_of_progress_rises_from_map_to_map_to_the_end():
    """Four maps share four fifths alike, and the curves have what is left."""
    shares = []
    with recompute(lambda _case: True):  # a map that another test has asked for is computed again
        METHOD(tiny.linear_case(), lambda done, *_words: shares.append(done))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    for number in (1, 2, 3, 4):
        assert min(abs(done - number * 0.2) for done in shares) < 1e-6


def test_the_table_has_the_search_s_areas_the_maps_and_the_mean_of_random_orders():
    case = tiny.cnn_case()
    result = LiMA(shape="grid", regions=16)(case)
    band, other = RandomOrder(shape="grid", regions=16)(case), METHOD(case)
    table = area_table(result, other, band)
    maps = ("KernelSHAP", "RISE", "Occlusion", "Integrated gradients", "Grad-CAM")
    assert table.rows == ("LiMA", *maps, "Random order, mean")
    assert table.values[0] == pytest.approx(result["areas"].values)
    assert table.values[-1, 1] == pytest.approx(band["areas"]["deletion"].mean())
    assert table.values[2].tolist() == pytest.approx(
        [other["areas"].cell("RISE", way) for way in ("insertion", "deletion")]
    )
    assert table.values[0, 0] == table.values[:, 0].max()


RANDOM = RandomOrder(shape="grid", regions=16, orders=4)


def test_the_band_holds_what_a_sum_gives(nearly_linear):
    """On a score that is a sum, shown and hidden of one order add up to both ends, so do areas."""
    case, ends = nearly_linear
    result = RANDOM(case)
    areas = result["areas"]
    assert areas["insertion"] + areas["deletion"] == pytest.approx(sum(ends), abs=2e-3)
    for name, first in (("insertion", ends[0]), ("deletion", ends[1])):
        low, high = result[f"{name} low"].y, result[f"{name} high"].y
        assert (low <= high).all()
        assert [low[0], high[0]] == pytest.approx([first, first], abs=1e-6)
        assert (low < high - 1e-9).sum() > 30


def test_its_curves_are_those_of_the_probability_and_another_seed_draws_other_orders():
    case = tiny.cnn_case()
    margin = replace(case, target=Target(3, versus=0, reading="margin"))
    result, *others = (RANDOM(question) for question in (case, margin, replace(case, seed=1)))
    same, other = (answer["areas"]["insertion"] for answer in others)
    assert np.array_equal(result["areas"]["insertion"], same)
    assert not np.array_equal(other, same)
    assert 0 <= result["insertion low"].y.min() <= result["insertion high"].y.max() <= 1


@pytest.mark.parametrize("kind", [LiMA, RandomOrder])
def test_an_image_that_is_its_own_cover_is_refused(kind):
    case = ImageCase(tiny.cnn(), torch.zeros(3, 32, 32), Target(1))
    with pytest.raises(BlindspotError, match=r"same as what hides its regions \(black\)"):
        kind(shape="grid", regions=16)(case)


def test_half_a_step_of_one_number_is_enough_to_be_no_cover():
    case = ImageCase(tiny.cnn(), torch.zeros(3, 32, 32), Target(1))
    case.image[1, 3, 4] = SAME
    assert segment_image(case, "grid", 16, "black").partition.count == 16
    case.image[1, 3, 4] = 0.99 * SAME
    with pytest.raises(BlindspotError, match="same as what hides"):
        segment_image(case, "grid", 16, "black")


@pytest.mark.parametrize("shape", ["grid", "superpixels"])
def test_the_band_is_the_least_and_most_of_its_orders_shown_region_by_region(shape):
    case = tiny.cnn_case()
    result = RandomOrder(shape=shape, regions=12, orders=3, cover="mean")(case)
    labels = Partition.of(case, shape, 12).labels
    count = int(labels.max()) + 1
    generator = np.random.default_rng(case.seed)
    area = np.linspace(0, 1, 51)
    assert result["insertion low"].x == pytest.approx(area)
    curves, areas = {"insertion": [], "deletion": []}, {"insertion": [], "deletion": []}
    for _ in range(3):
        ranks = torch.from_numpy(generator.permutation(count))[labels]
        shown = torch.stack([ranks < step for step in range(count + 1)])
        mask_areas = shown.double().mean((1, 2)).numpy()
        for name, masks in (("insertion", shown), ("deletion", ~shown)):
            images = torch.where(masks[:, None], case.image, case.baseline("mean"))
            p = case.model.logits(images).softmax(1)[:, case.target.index].numpy()
            curves[name].append(np.interp(area, mask_areas, p))
            areas[name].append(np.trapezoid(p, mask_areas))
    for name, curve in curves.items():
        assert result[f"{name} low"].y == pytest.approx(np.min(curve, 0), abs=1e-5)
        assert result[f"{name} high"].y == pytest.approx(np.max(curve, 0), abs=1e-5)
        assert result["areas"][name] == pytest.approx(areas[name], abs=1e-5)


CAT = SimpleNamespace(model=SimpleNamespace(labels=("dog", "cat")), target=SimpleNamespace(index=1))


def curve(*values, label="cat"):
    area = np.linspace(0, 1, len(values), dtype=np.float32)
    return Curve(area, np.array(values, np.float32), "share", label, "probability")


def areas_of(inserted, deleted):
    values = np.array([inserted, deleted])
    return {"areas": Scores(values, ("insertion", "deletion"), "probability")}


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0.0, 0.4, 0.995, 0.997, 1.0], 2),
        ([0.0, 0.4, 0.97, 0.985, 1.0], 4),
        ([0.0, 0.9, 0.5, 0.2, 0.8], 1),
        ([0.0, 0.001, 0.003, 0.002, 0.001], 2),
        ([0.3, 0.3, 0.3, 0.3, 0.3], 0),
    ],
)
def test_of_steps_that_are_as_good_the_first_is_shown(values, step):
    assert findings.best_step(curve(*values)) == step


MISLED = {
    "a part does better": [0.0, 0.1, 0.6, 0.3, 0.2],
    "no part does better": [0.0, 0.0, 0.1, 0.1, 0.2],
    "hiding all does better": [0.7, 0.1, 0.1, 0.1, 0.2],
}
ENOUGH = {
    "half": [0.0, 0.2, 0.75, 0.9, 0.8],
    "a quarter": [0.0, 0.9, 0.1, 0.2, 0.8],
    "only the whole": [0.0, 0.1, 0.1, 0.2, 0.8],
    "nothing": [0.9, 0.1, 0.1, 0.2, 0.8],
    "not even the whole": [0.0, 0.04, 0.03, 0.01, 0.002],
}


def test_sentences(snapshot):
    dog = curve(*[0.8] * 5, label="dog")
    other_file = {"insertion": curve(0.0, 0.75, 0.8, label="a name of another file")}
    columns = {"insertion": ([0.5, 0.7, 0.4], ""), "deletion": ([0.2, 0.3, 0.1], "")}
    areas = Table.of(columns, ["RISE", "Occlusion", "Gradient"])
    looks = Scores(np.array([1666.0, 2550.0]), ("ours", "plain"), "forward passes")
    assert {
        "enough": {
            name: findings.sufficient_area(CAT, {"insertion": curve(*values)})
            for name, values in ENOUGH.items()
        },
        "misled": {
            name: findings.misled(
                CAT, {"insertion": curve(*values), "insertion of the first class": dog}
            )
            for name, values in MISLED.items()
        },
        "the class has the name that the case's model gives it": LiMA().finding(CAT, other_file),
        "random orders": RandomOrder().finding(CAT, {"areas": areas}),
        "best of all orders": OtherMaps().finding(CAT, {"areas": areas}),
        "best of no order": findings.best_orders(areas.take([])),
        "passes": findings.passes({"looks": looks}),
    } == snapshot


def test_what_the_whole_image_gives_is_read_where_the_whole_image_is_shown():
    """At the end of insertion, which begins with nothing."""
    results = {
        "insertion": curve(0.11, 0.62, 0.33),
        "deletion": curve(0.33, 0.2, 0.11),
        "insertion of the first class": curve(0.05, 0.4, 0.77, label="dog"),
        "deletion of the first class": curve(0.77, 0.3, 0.05, label="dog"),
    }
    assert findings.at_step(CAT, results, 1) == (
        "1 of 2 regions (50 %): “cat” 0.62 with only these (“dog” 0.40), 0.20 without, 0.33 whole."
    )
    sentence, _ = findings.misled(CAT, results)
    assert "says “dog” (0.77) instead of “cat” (0.330)" in sentence
    assert "With only 50 % of the image shown, “cat” reaches 0.62 and “dog” has 0.40" in sentence
    right = results | {"insertion of the first class": results["insertion"]}
    assert "gets this image right: “cat” (0.33)" in findings.misled(CAT, right)[0]
    assert "dog" not in findings.at_step(CAT, right, 1)


@pytest.mark.parametrize(
    ("inserted", "deleted", "told"),
    [
        (0.61, 0.19, "are both better than all of 5 random orders"),
        (0.61, 0.30, "Only insertion is better than all of 5"),
        (0.50, 0.19, "Only deletion is better than all of 5"),
        (0.59, 0.21, "Neither insertion nor deletion is better than all of 5"),
        (0.60, 0.20, "Neither insertion nor deletion is better than all of 5"),
    ],
)
def test_better_than_all_random_orders_is_better_than_the_best_of_them(inserted, deleted, told):
    """Of insertion the best order is the highest, of deletion the lowest."""
    drawn = np.array([0.4, 0.6, 0.3, 0.5, 0.2])
    band = {"areas": Table.of({"insertion": (drawn, ""), "deletion": (drawn[::-1], "")})}
    assert told in findings.better(areas_of(inserted, deleted), band)


def test_an_order_no_better_than_random_is_called_so():
    band = RandomOrder(shape="grid", regions=16)(tiny.cnn_case())
    assert "this order says little" in findings.better(areas_of(0, 1), band)
    assert "are both better than all of 5 random orders" in findings.better(areas_of(2, -1), band)
