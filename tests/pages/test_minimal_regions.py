"""The view Minimal regions: search, steps, curves, errors explained, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from components.minimal_regions import steps, view
from components.views import MINIMAL_REGIONS
from engine.attribution.lima import LiMA, RandomOrder
from engine.case import ImageCase
from engine.models import catalog
from engine.result import Curve, Scores, Table
from tests import tiny
from tests.visits import said, settled, visit, words

LINK = {"minimal.shape": "grid", "minimal.regions": "16"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A tiny network of 32 px, so that everything is answered at once."""
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())


def open_view(**link):
    return settled(visit(LINK | link, MINIMAL_REGIONS))


def case_of(at):
    return at.session_state["subject"].case


def stepper(at):
    return next(one for one in at.main.slider if one.key.startswith("minimal.step"))


def test_a_small_image_is_searched_at_once_beside_random_orders():
    at = open_view()
    assert not said(at)
    told = words(at)
    assert "attribution.LiMA r3" in told
    assert "random orders" in told
    found = LiMA(shape="grid", regions=16)(case_of(at))
    ours, plain = found["looks"].values
    assert f"{ours:.0f} forward passes; the plain greedy search takes {plain:.0f}" in told


def first_of(at):
    """The step that the headline tells of."""
    return view.enough(LiMA(shape="grid", regions=16)(case_of(at)))[1]


def test_the_picture_opens_at_the_headline_s_prefix_and_tells_each_step_s_numbers():
    at = open_view()
    curve = LiMA(shape="grid", regions=16)(case_of(at))["insertion"]
    slider = stepper(at)
    assert slider.value == first_of(at)
    slider.set_value(3).run()
    assert f"3 of 16 regions, {100 * curve.x[3]:.0f} % of the image" in words(at)
    assert f"{curve.y[3]:.2f} with only these" in words(at)


def test_the_link_keeps_the_step_and_opens_at_it():
    at = open_view()
    best = stepper(at).value
    other = 3 if best != 3 else 4
    stepper(at).set_value(other).run()
    assert at.query_params["minimal.step"] in (str(other), [str(other)])
    again = open_view(**{"minimal.step": str(other)})
    assert stepper(again).value == other
    assert f"{other} of 16 regions" in words(again)
    stepper(again).set_value(best).run()
    assert "minimal.step" not in again.query_params


def test_a_link_s_step_is_of_its_own_search_only():
    at = open_view(**{"minimal.step": "3"})
    labels = case_of(at).model.labels
    other = next(n for n, name in enumerate(labels) if n != case_of(at).target.index)
    at.selectbox(key="target").set_value(labels[other]).run()
    settled(at)
    assert stepper(at).value == first_of(at)
    assert "minimal.step" not in at.query_params


@pytest.mark.parametrize("word", ["17", "-1", "2.5", "all", "9" * 30])
def test_a_step_that_there_is_not_gets_a_sentence(word):
    at = open_view(**{"minimal.step": word})
    assert any("a whole number from 0 to 16" in told for told in said(at))
    assert stepper(at).value == first_of(at)


def test_a_large_image_waits_for_a_button_and_its_random_orders_for_another(monkeypatch):
    model = tiny.classifier(tiny.random_weights(tiny.Cnn()), 80, "bigger")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    at = open_view()
    assert "attribution.LiMA" not in words(at)
    go(at, "minimal.LiMA.go")
    assert "attribution.LiMA r3" in words(at)
    assert "random orders of the same" not in words(at)
    go(at, "minimal.RandomOrder.go")
    assert "random orders" in words(at)


def go(at, key):
    next(button for button in at.main.button if button.key == key).click().run()
    settled(at)


def test_an_error_is_explained_by_both_classes_along_one_path():
    at = open_view()
    labels = case_of(at).model.labels
    first = labels[case_of(at).target.index]
    at.toggle(key="minimal.error").set_value(True).run()
    assert any("Choose the true class" in told for told in said(at))
    other = next(label for label in labels if label != first)
    at.selectbox(key="minimal.target").set_value(other).run()
    settled(at)
    told = words(at)
    assert f"Which regions speak for “{other}”, the true class?" in told
    assert f"The model says “{first}”" in told
    assert f"instead of “{other}”" in told
    at.selectbox(key="minimal.target").set_value(first).run()
    settled(at)
    assert "There is no error to explain" in words(at)


def test_the_true_class_is_the_data_set_s_where_it_is_known(monkeypatch):
    labels = tuple("0123456789")
    network = tiny.random_weights(tiny.Cnn(classes=10))

    def made(name=""):
        model = tiny.classifier(network, 8, "ten")
        model.labels = labels
        return model

    monkeypatch.setattr(catalog, "load", made)
    link = {"image": "From a data set", "data": "Digits, 8 × 8", "kind": "3"}
    at = open_view(**link, **{"minimal.error": "true"})
    assert "The data set says: 3." in words(at)
    assert "Which regions speak for “3”" in words(at)


class Still(nn.Module):
    """Says the same of everything."""

    def __init__(self, last):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.0, 0.0, 0.0, last]))

    def forward(self, images):
        return self.logits.expand(len(images), -1) + 0 * images.mean((1, 2, 3))[:, None]


def test_a_constant_model_gets_a_sentence_and_no_number(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.classifier(Still(0.0), name="still"))
    at = open_view()
    assert any("it does not look at this image" in told for told in said(at))
    assert "forward passes" not in words(at)


def test_a_class_of_no_probability_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.classifier(Still(-80.0), name="no"))
    at = open_view()
    labels = case_of(at).model.labels
    at.selectbox(key="target").set_value(labels[3]).run()
    settled(at)
    assert any("never gives" in told for told in said(at))
    assert "forward passes" not in words(at)


def found_for(target=1):
    case = tiny.cnn_case(target=target)
    method = LiMA(shape="grid", regions=16)
    return method(case), RandomOrder(shape="grid", regions=16)(case)


def test_the_picture_keeps_what_is_shown_and_dims_the_rest_to_three_tenths():
    picture = np.full((64, 64, 3), 200, np.uint8)
    rank = np.zeros((64, 64), np.float32)
    rank[:, 32:] = 1
    shown = steps.searched(picture, rank, 1)
    side = steps.SIDE
    assert (shown[10, 10] == 200).all()
    assert (shown[10, side - 10] == 60).all()
    assert (shown[10, side // 2] == steps.RED).all()
    assert (steps.searched(picture, rank, 2) == 200).all()
    assert (steps.searched(picture, rank, 0) == 60).all()


def drawn(found, band, way, step):
    """The figure and the finding of one of the two curves."""
    drawing = steps.curve(found, band, way, step)
    return drawing.chart.figure(drawing.made(found)), drawing.finding(found)


def test_the_line_stands_at_the_step_and_captions_tell_the_areas():
    found, band = found_for()
    for at, way in enumerate(("insertion", "deletion")):
        figure, finding = drawn(found, band, way, 5)
        (line,) = [shape.x0 for shape in figure.layout.shapes]
        assert line == pytest.approx(100 * float(found["insertion"].x[5]))
        areas = band["areas"][way]
        assert finding.startswith(f"Area {found['areas'].values[at]:.3f}")
        assert finding.endswith(f"random orders {areas.min():.3f} to {areas.max():.3f}.")


def test_the_first_class_is_drawn_only_where_it_is_another_one():
    case = tiny.cnn_case()
    first = int(case.model.logits(case.image[None])[0].argmax())
    for target in (first, (first + 1) % 4):
        asked = ImageCase(case.model, case.image, target)
        figure, _ = drawn(LiMA(shape="grid", regions=16)(asked), None, "insertion", 1)
        names = {trace.name for trace in figure.data}
        assert names == {case.model.labels[target], case.model.labels[first]}


def test_an_order_no_better_than_random_is_called_so():
    found, band = found_for()
    areas = found["areas"]
    poor = {**found, "areas": type(areas)(np.array([0, 1], np.float32), areas.labels, areas.unit)}
    assert "this order says little" in view.better(poor, band)
    good = {**found, "areas": type(areas)(np.array([2, -1], np.float32), areas.labels, areas.unit)}
    assert "are both better than all of 5 random orders" in view.better(good, band)


@pytest.mark.parametrize(
    ("curve", "step"),
    [
        ([0.0, 0.4, 0.995, 0.997, 1.0], 2),
        ([0.0, 0.4, 0.97, 0.985, 1.0], 4),
        ([0.0, 0.9, 0.5, 0.2, 0.8], 1),
        ([0.0, 0.001, 0.003, 0.002, 0.001], 2),
        ([0.3, 0.3, 0.3, 0.3, 0.3], 0),
    ],
)
def test_of_steps_that_are_as_good_the_first_is_shown(curve, step):
    shares = np.linspace(0, 1, 5, dtype=np.float32)
    shown = Curve(shares, np.array(curve, np.float32), "share of the image", "cat", "probability")
    assert view.best_step(shown) == step


@pytest.mark.parametrize(
    ("curve", "told"),
    [
        (
            [0.0, 0.2, 0.75, 0.9, 0.8],
            "50 % of the image is enough, the shortest prefix found (2 of",
        ),
        (
            [0.0, 0.9, 0.1, 0.2, 0.8],
            "25 % of the image is enough, the shortest prefix found (1 of",
        ),
        ([0.0, 0.1, 0.1, 0.2, 0.8], "No prefix of the order found is enough"),
        ([0.9, 0.1, 0.1, 0.2, 0.8], "No part is needed: with every region hidden, “cat” has 0.9"),
        ([0.0, 0.04, 0.03, 0.01, 0.002], "hardly gives “cat” anything (0.002)"),
    ],
)
def test_the_first_part_with_nine_tenths_of_the_whole_is_enough(curve, told):
    area = np.linspace(0, 1, 5, dtype=np.float32)
    found = Curve(area, np.array(curve, np.float32), "share of the image", "cat", "probability")
    said, step = view.enough({"insertion": found})
    assert told in said
    if "of 4 regions" in said:
        assert f"({step} of 4 regions)" in said


@pytest.mark.parametrize(
    ("true", "told"),
    [
        ([0.0, 0.1, 0.6, 0.3, 0.2], "With only 50 % of the image shown, “cat” reaches 0.60"),
        ([0.0, 0.0, 0.1, 0.1, 0.2], "No prefix of the order found gives “cat” more than the whole"),
        ([0.7, 0.1, 0.1, 0.1, 0.2], "With every region hidden “cat” has 0.70"),
    ],
)
def test_what_misleads_is_said_only_where_a_part_does_better_than_the_whole(true, told):
    area = np.linspace(0, 1, 5, dtype=np.float32)
    curves = {
        "insertion": Curve(area, np.array(true, np.float32), "share", "cat", "probability"),
        "insertion of the first class": Curve(
            area, np.full(5, 0.8, np.float32), "share", "dog", "probability"
        ),
    }
    said, _ = view.misled(curves)
    assert told in said
    assert ("misleads" in said) == (true[2] == 0.6)


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
    held = {"insertion": (drawn, "probability"), "deletion": (drawn[::-1], "probability")}
    band = {"areas": Table.of(held)}
    areas = Scores(np.array([inserted, deleted]), ("insertion", "deletion"), "probability")
    assert told in view.better({"areas": areas}, band)


def curve(*values, label="cat"):
    area = np.linspace(0, 1, len(values), dtype=np.float32)
    return Curve(area, np.array(values, np.float32), "share", label, "probability")


def test_what_the_whole_image_gives_is_read_where_the_whole_image_is_shown():
    """At the end of insertion, which begins with nothing."""
    found = {
        "insertion": curve(0.11, 0.62, 0.33), "deletion": curve(0.33, 0.2, 0.11),
        "insertion of the first class": curve(0.05, 0.4, 0.77, label="dog"),
        "deletion of the first class": curve(0.77, 0.3, 0.05, label="dog"),
    }  # fmt: skip
    told = steps.at_step(found, 1)
    assert told == (
        "1 of 2 regions, 50 % of the image: “cat” 0.62 with only these, 0.20 without them; "
        "“dog” 0.40 with only these. The whole image: 0.33."
    )
    said, _ = view.misled(found)
    assert "says “dog” (0.77) instead of “cat” (0.330)" in said
    assert "With only 50 % of the image shown, “cat” reaches 0.62 and “dog” has 0.40" in said
    right = {"insertion": found["insertion"], "insertion of the first class": found["insertion"]}
    assert "gets this image right: “cat” (0.33)" in view.misled(right)[0]
