"""What a search for minimal regions says: how little is enough, and how good its order is."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.attribution.lima import LiMA, OtherMaps, RandomOrder, findings
from engine.result import Curve, Scores, Table
from tests import tiny

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


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.0, 0.2, 0.75, 0.9, 0.8], "50 % of the image is enough: with only the first 2 of 4"),
        ([0.0, 0.9, 0.1, 0.2, 0.8], "25 % of the image is enough: with only the first 1 of 4"),
        ([0.0, 0.1, 0.1, 0.2, 0.8], "No part is enough: in the order found only the whole image"),
        ([0.9, 0.1, 0.1, 0.2, 0.8], "No part is needed: with every region hidden, “cat” has 0.9"),
        ([0.0, 0.04, 0.03, 0.01, 0.002], "hardly gives “cat” anything (0.002)"),
    ],
)
def test_the_first_part_with_nine_tenths_of_the_whole_is_enough(values, told):
    sentence, step = findings.sufficient_area(CAT, {"insertion": curve(*values)})
    assert told in sentence
    if "of 4 regions" in sentence:
        assert f"the first {step} of 4 regions" in sentence
    assert LiMA().finding(CAT, {"insertion": curve(*values)}) == sentence


def test_the_class_has_the_name_that_the_case_s_model_gives_it():
    sentence, _ = findings.sufficient_area(
        CAT, {"insertion": curve(0.0, 0.75, 0.8, label="a name of another file")}
    )
    assert "“cat” has 0.75" in sentence


@pytest.mark.parametrize(
    ("true", "told"),
    [
        ([0.0, 0.1, 0.6, 0.3, 0.2], "With only 50 % of the image shown, “cat” reaches 0.60"),
        ([0.0, 0.0, 0.1, 0.1, 0.2], "No part shown in the order found gives “cat” more"),
        ([0.7, 0.1, 0.1, 0.1, 0.2], "With every region hidden “cat” has 0.70"),
    ],
)
def test_what_misleads_is_said_only_where_a_part_does_better_than_the_whole(true, told):
    first = curve(*[0.8] * 5, label="dog")
    sentence, _ = findings.misled(
        CAT, {"insertion": curve(*true), "insertion of the first class": first}
    )
    assert told in sentence
    assert ("misleads" in sentence) == (true[2] == 0.6)


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
    columns = {"insertion": (drawn, "probability"), "deletion": (drawn[::-1], "probability")}
    assert told in findings.better(areas_of(inserted, deleted), {"areas": Table.of(columns)})


def test_an_order_no_better_than_random_is_called_so():
    band = RandomOrder(shape="grid", regions=16)(tiny.cnn_case())
    assert "this order says little" in findings.better(areas_of(0, 1), band)
    assert "are both better than all of 5 random orders" in findings.better(areas_of(2, -1), band)


def test_the_areas_of_random_orders_are_said_from_the_lowest_to_the_highest():
    drawn = np.array([0.4, 0.6, 0.3])
    columns = {"insertion": (drawn, "probability"), "deletion": (drawn / 2, "probability")}
    finding = RandomOrder().finding(CAT, {"areas": Table.of(columns)})
    assert "of 3 random orders: insertion 0.300 to 0.600, deletion 0.150 to 0.300." in finding


def test_the_map_that_shows_best_and_the_one_that_hides_best_are_named():
    columns = {"insertion": ([0.5, 0.7], "probability"), "deletion": ([0.1, 0.2], "probability")}
    areas = Table.of(columns, ["RISE", "Occlusion"])
    assert OtherMaps().finding(CAT, {"areas": areas}) == (
        "Occlusion has the largest area under insertion (0.700), RISE the smallest under deletion "
        "(0.100)."
    )
    assert findings.best_orders(areas.take([])) == ""
