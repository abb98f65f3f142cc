"""The view Minimal regions: search, steps, curves, errors explained, bad input."""

import numpy as np
import pytest
import torch
from torch import nn

from components.minimal_regions import steps
from components.views import MINIMAL_REGIONS
from engine.attribution.lima import LiMA, RandomOrder
from engine.attribution.lima.findings import sufficient_area
from engine.vision.case import ImageCase
from engine.vision.models import catalog
from tests import tiny
from tests.visits import problems, settled, visit, words

LINK = {"minimal.shape": "grid", "minimal.regions": "16"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())


def open_view(**link):
    return settled(visit(LINK | link, MINIMAL_REGIONS))


def case_of(at):
    return at.session_state["subject"].case


def stepper(at):
    return next(slider for slider in at.main.slider if slider.key.startswith("minimal.step"))


def test_a_small_image_is_searched_at_once_and_a_link_keeps_the_step_of_the_picture():
    at = open_view()
    assert not problems(at)
    text = words(at)
    assert "attribution.LiMA r3" in text
    assert "random orders" in text
    result = LiMA(shape="grid", regions=16)(case_of(at))
    ours, plain = result["looks"].values
    assert f"{ours:.0f} forward passes; the plain greedy search takes {plain:.0f}" in text
    best, curve = stepper(at).value, result["insertion"]
    assert best == first_of(at)
    other = 3 if best != 3 else 4
    for step in (best, other):
        text = words(stepper(at).set_value(step).run())
        assert f"{step} of 16 regions ({100 * curve.x[step]:.0f} %)" in text
        assert f"{curve.y[step]:.2f} with only these" in text
    assert at.query_params["minimal.step"] in (str(other), [str(other)])
    again = open_view(**{"minimal.step": str(other)})
    assert stepper(again).value == other
    assert f"{other} of 16 regions" in words(again)
    stepper(again).set_value(best).run()
    assert "minimal.step" not in again.query_params


def first_of(at):
    """The step that the headline tells of."""
    case = case_of(at)
    return sufficient_area(case, LiMA(shape="grid", regions=16)(case))[1]


def test_a_link_s_step_is_of_its_own_search_only():
    at = open_view(**{"minimal.step": "3"})
    labels = case_of(at).model.labels
    at.selectbox(key="target").set_value(labels[(case_of(at).target.index + 1) % 4]).run()
    settled(at)
    assert stepper(at).value == first_of(at)
    assert "minimal.step" not in at.query_params


@pytest.mark.parametrize("word", ["17", "-1", "2.5", "all", "9" * 30])
def test_a_step_that_there_is_not_gets_a_sentence(word):
    at = open_view(**{"minimal.step": word})
    assert any("a whole number from 0 to 16" in sentence for sentence in problems(at))
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
    settled(at.button(key=key).click().run())


def test_an_error_is_explained_by_both_classes_along_one_path():
    at = open_view()
    labels = case_of(at).model.labels
    first = labels[case_of(at).target.index]
    at.toggle(key="minimal.error").set_value(True).run()
    assert any("Choose the true class" in sentence for sentence in problems(at))
    other = next(label for label in labels if label != first)
    at.selectbox(key="minimal.target").set_value(other).run()
    settled(at)
    text = words(at)
    assert f"Which regions speak for “{other}”, the true class?" in text
    assert f"The model says “{first}”" in text
    assert f"instead of “{other}”" in text
    at.selectbox(key="minimal.target").set_value(first).run()
    settled(at)
    assert "There is no error to explain" in words(at)


def test_the_true_class_is_the_data_set_s_where_it_is_known(monkeypatch):
    model = tiny.classifier(tiny.random_weights(tiny.Cnn(classes=10)), 8, "ten")
    model.labels = tuple("0123456789")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    link = {"image": "From a data set", "data": "Digits, 8 × 8", "kind": "3"}
    at = open_view(**link, **{"minimal.error": "true"})
    assert "The data set says: 3." in words(at)
    assert "Which regions speak for “3”" in words(at)


class Still(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.0, 0.0, 0.0, last]))

    def forward(self, images):
        return self.logits.expand(len(images), -1) + 0 * images.mean((1, 2, 3))[:, None]


@pytest.mark.parametrize(
    ("last", "reason"), [(0.0, "it does not look at this image"), (-80.0, "never gives")]
)
def test_a_constant_model_or_a_class_of_no_probability_gets_a_sentence(monkeypatch, last, reason):
    model = tiny.classifier(Still(last), name=f"still {last}")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    at = open_view(**({"target": model.labels[3]} if last else {}))
    assert any(reason in sentence for sentence in problems(at))
    assert "forward passes" not in words(at)


def test_the_picture_keeps_what_is_shown_and_dims_the_rest_to_three_tenths():
    picture = np.full((64, 64, 3), 200, np.uint8)
    rank = np.zeros((64, 64), np.float32)
    rank[:, 32:] = 1
    dimmed = steps.highlighted_regions(picture, rank, 1)
    side = steps.SIDE
    assert (dimmed[10, 10] == 200).all()
    assert (dimmed[10, side - 10] == 60).all()
    assert (dimmed[10, side // 2] == steps.RED).all()
    assert (steps.highlighted_regions(picture, rank, 2) == 200).all()
    assert (steps.highlighted_regions(picture, rank, 0) == 60).all()


def drawn(found, band, way, step):
    drawing = steps.curve(found, band, way, step)
    return drawing.chart.figure(drawing.made(found)), drawing.finding(found)


def test_the_line_stands_at_the_step_and_captions_tell_the_areas():
    grid, case = {"shape": "grid", "regions": 16}, tiny.cnn_case(target=1)
    result, band = LiMA(**grid)(case), RandomOrder(**grid)(case)
    for at, way in enumerate(("insertion", "deletion")):
        figure, finding = drawn(result, band, way, 5)
        (line,) = [shape.x0 for shape in figure.layout.shapes]
        assert line == pytest.approx(100 * float(result["insertion"].x[5]))
        areas = band["areas"][way]
        assert finding.startswith(f"Area {result['areas'].values[at]:.3f}")
        assert finding.endswith(f"random orders {areas.min():.3f} to {areas.max():.3f}.")


def test_the_first_class_is_drawn_only_where_it_is_another_one():
    case = tiny.cnn_case()
    first = int(case.model.logits(case.image[None])[0].argmax())
    for target in (first, (first + 1) % 4):
        result = LiMA(shape="grid", regions=16)(ImageCase(case.model, case.image, target))
        figure, _ = drawn(result, None, "insertion", 1)
        names = {trace.name for trace in figure.data}
        assert names == {case.model.labels[target], case.model.labels[first]}
