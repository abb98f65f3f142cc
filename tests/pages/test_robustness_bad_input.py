"""Robustness with what does not fit: it is said, and the rest of the page goes on."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from components.robustness.form import KEY
from components.views import ROBUSTNESS
from engine.attribution.robustness import FGSM, PGD, OrderedCase, QuadAttacK, SafeCV, drawn_order
from engine.attribution.robustness.scored import BEFORE
from engine.models import catalog
from engine.models.extras import ONNX
from engine.models.onnx_file import onnx_file
from tests import tiny
from tests.visits import problems, settled, visit, words

FEW = {f"{KEY}.SafeCV.queries": "50"}  # the search that only asks is not what is looked at here


class Detached(tiny.Cnn):
    """No gradient comes back through it."""

    def forward(self, images):
        return super().forward(images.detach())


@cache
def of_bytes(content):
    """A session of a file: opening one takes as long as many images."""
    import onnxruntime

    return onnxruntime.InferenceSession(content)


class OfOnnx(tiny.Cnn):
    """An ONNX file in a module, as people wrap one: NumPy in, NumPy out."""

    session = None

    def forward(self, images):
        if self.session is None:
            return super().forward(images)
        session = of_bytes(self.session)
        (logits,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        return torch.from_numpy(logits)


def of_network(network):
    return tiny.classifier(tiny.random_weights(network), name="odd one")


def of_onnx():
    model = of_network(OfOnnx())
    torch.manual_seed(0)
    model.network.session = onnx_file(model, torch.rand(2, 3, tiny.SIDE, tiny.SIDE)).data
    return model


@pytest.fixture
def opened(monkeypatch):
    """The page about a model, once all is answered or refused."""

    def page(model=tiny.cnn, **link):
        monkeypatch.setattr(catalog, "load", lambda name="": model())
        return settled(visit(FEW | link, ROBUSTNESS))

    return page


def case_of(at):
    return at.session_state["subject"].case


def order_of(at):
    return next(widget for widget in at.multiselect if widget.key == f"{KEY}.order")


def test_a_change_of_nothing_is_the_image_itself(opened):
    at = opened(**{f"{KEY}.epsilon": "0"})
    case = case_of(at)
    result = PGD(epsilon=0)(case)
    assert result["pictures"].images[0, 0].tolist() == result["pictures"].images[0, 2].tolist()
    assert PGD(epsilon=0).finding(case, result) in words(at)
    assert "Nothing is changed" in words(at)
    assert not problems(at)
    assert any("did not change the answer" in header.value for header in at.header)


def test_a_change_that_ruins_the_image_is_said_to(opened):
    at = opened(**{f"{KEY}.epsilon": "64", f"{KEY}.attack": FGSM.title})
    case, method = case_of(at), FGSM(epsilon=64)
    result = method(case)
    likeness = float(result["figures"]["SSIM"][0])
    assert likeness < 0.5
    assert f"The image itself is ruined by then (SSIM {likeness:.2f}" in words(at)


def test_an_attack_that_fails_shows_its_best_try_and_says_so(opened):
    at = opened(**{f"{KEY}.epsilon": "1", f"{KEY}.QuadAttacK.weight": "0"})
    case = case_of(at)
    result = PGD(epsilon=1)(case)
    assert not result["figures"]["another class"][0]
    assert "did not make it say another class" in PGD(epsilon=1).finding(case, result)
    assert PGD(epsilon=1).finding(case, result) in words(at)
    order = drawn_order(len(case.model.labels), case.target.index)
    ordered, method = OrderedCase(case, order), QuadAttacK(weight=0.0)
    tried = method(ordered)
    assert not tried["success"]["success"][0]
    assert "its best try, drawn here" in method.finding(ordered, tried)
    assert method.finding(ordered, tried) in words(at)
    for attempt in (result, tried):  # the pictures are there, of what was tried
        assert f"{attempt['pictures'].caption(0, 2)} after" in words(at)
        assert attempt["pictures"].columns[0] == BEFORE
    assert not problems(at)


def test_a_link_with_a_class_twice_has_it_once_and_says_so(opened):
    at = opened(**{f"{KEY}.order": ["class 1", "class 1", "class 0"]})
    assert order_of(at).value == ["class 1", "class 0"]
    assert any("“class 1” as Your order more than once" in sentence for sentence in problems(at))
    assert "Can it be made to say class 1, class 0?" in words(at)


def test_a_list_of_more_classes_than_there_are_is_cut_and_said(opened):
    class_names = [f"class {index}" for index in range(14)]
    at = opened(lambda: of_network(tiny.Cnn(classes=20)), **{f"{KEY}.order": class_names})
    predicted = case_of(at).target.index
    assert predicted >= len(class_names)
    assert order_of(at).value == class_names[:10]
    assert any(
        "“class 10” as Your order" in sentence and "at most 10" in sentence
        for sentence in problems(at)
    )
    opened(
        **{f"{KEY}.order": class_names[:3]}
    )  # so that all is answered in the first run of the next
    few = opened(**{f"{KEY}.order": class_names})  # of a model with four classes
    assert order_of(few).value == ["class 0", "class 1", "class 2"]
    assert any(
        "as Your order" in sentence and "at most 3" in sentence for sentence in problems(few)
    )


def test_a_model_with_one_class_cannot_be_made_to_say_another(opened):
    at = opened(lambda: of_network(tiny.Cnn(classes=1)))
    reason = "odd one has one class only: it cannot be made to say another."
    refused = [sentence for sentence in problems(at) if reason in sentence]
    assert len(refused) == 4, problems(at)  # of one attack, an order, asking alone, and by length
    assert any("no image of the attack above to compare" in sentence for sentence in problems(at))


def test_a_model_with_two_classes_is_asked_for_the_other(opened):
    at = opened(lambda: of_network(tiny.Cnn(classes=2)))
    case = case_of(at)
    assert order_of(at).value == [case.model.labels[1 - case.target.index]]
    assert not problems(at)


@pytest.mark.parametrize(
    "model",
    [
        lambda: of_network(Detached()),
        pytest.param(of_onnx, marks=pytest.mark.skipif(not ONNX.installed, reason="no ONNX here")),
    ],
    ids=["detached", "an ONNX file"],
)
def test_a_model_without_gradients_is_only_asked(opened, model):
    at = opened(model)
    reason = "odd one gives no gradients, and this attack needs them"
    for method in (PGD, QuadAttacK):
        assert any(sentence.startswith(f"{method.title}: {reason}") for sentence in problems(at)), (
            problems(at)
        )
    case, search = case_of(at), SafeCV(queries=50)
    assert search.finding(case, search(case)) in words(at)
    next(button for button in at.button if button.label == "Attack them all").click().run()
    at = settled(at)
    assert sum(reason in sentence for sentence in problems(at)) == 3, problems(at)
