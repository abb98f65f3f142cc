"""Robustness with what does not fit, which is said, and with the maps that a visitor chooses."""

import pytest
import torch

from components.robustness import maps
from components.robustness.form import KEY
from components.views import ROBUSTNESS
from engine.attribution.quadattack.methods import QuadAttacK
from engine.attribution.quadattack.ordered_case import OrderedCase, drawn_order
from engine.attribution.robustness.followed import KINDS, MAPS, MORE, MapsFollow
from engine.attribution.robustness.gradient_steps import FGSM, PGD
from engine.attribution.robustness.scored import BEFORE, attacked_pixels
from engine.attribution.safecv.method import SafeCV
from engine.core.run import answer
from engine.evaluation.trust import OtherClass, TrustCase
from engine.vision.case import PairCase
from engine.vision.models import catalog
from tests import tiny
from tests.pages.test_robustness import case_of, order_of
from tests.visits import pills, problems, settled, visit, words

FEW = {f"{KEY}.SafeCV.queries": "50"}  # the search that only asks is not what is looked at here


class Detached(tiny.Cnn):
    """No gradient comes back through it."""

    def forward(self, images):
        return super().forward(images.detach())


class InNumpy(tiny.Cnn):
    """NumPy in, NumPy out, as people wrap an ONNX file."""

    def forward(self, images):
        with torch.no_grad():
            return super().forward(torch.from_numpy(images.numpy()))


def of_network(network):
    return tiny.classifier(tiny.random_weights(network), name="odd one")


@pytest.fixture
def robustness_page(monkeypatch):
    """The page about a model, once all is answered or refused."""

    def page(model=tiny.cnn, **link):
        monkeypatch.setattr(catalog, "load", lambda name="": model())
        return settled(visit(FEW | link, ROBUSTNESS))

    return page


def test_a_change_of_nothing_is_the_image_itself(robustness_page):
    at = robustness_page(**{f"{KEY}.epsilon": "0"})
    case = case_of(at)
    result = answer(PGD(epsilon=0), case)
    assert result["pictures"].images[0, 0].tolist() == result["pictures"].images[0, 2].tolist()
    assert PGD(epsilon=0).finding(case, result) in words(at)
    assert "Nothing is changed" in words(at)
    assert not problems(at)
    assert any("did not change the answer" in header.value for header in at.header)


def test_a_change_that_ruins_the_image_is_said_to(robustness_page):
    at = robustness_page(**{f"{KEY}.epsilon": "64", f"{KEY}.attack": FGSM.title})
    case, method = case_of(at), FGSM(epsilon=64)
    likeness = float(answer(method, case)["figures"]["SSIM"][0])
    assert likeness < 0.5
    assert f"The image itself is ruined by then (SSIM {likeness:.2f}" in words(at)


def test_an_attack_that_fails_shows_its_best_try_and_says_so(robustness_page):
    at = robustness_page(**{f"{KEY}.epsilon": "1", f"{KEY}.QuadAttacK.weight": "0"})
    case = case_of(at)
    result = answer(PGD(epsilon=1), case)
    assert not result["figures"]["another class"][0]
    assert "did not make it say another class" in PGD(epsilon=1).finding(case, result)
    assert PGD(epsilon=1).finding(case, result) in words(at)
    order = drawn_order(len(case.model.labels), case.target.index)
    ordered, method = OrderedCase(case, order), QuadAttacK(weight=0.0)
    tried = answer(method, ordered)
    assert not tried["success"]["success"][0]
    assert "its best try, drawn here" in method.finding(ordered, tried)
    assert method.finding(ordered, tried) in words(at)
    for attempt in (result, tried):  # the pictures are there, of what was tried
        assert f"{attempt['pictures'].caption(0, 2)} after" in words(at)
        assert attempt["pictures"].columns[0] == BEFORE
    assert not problems(at)


def test_a_link_with_a_class_twice_has_it_once_and_says_so(robustness_page):
    at = robustness_page(**{f"{KEY}.order": ["class 1", "class 1", "class 0"]})
    assert order_of(at).value == ["class 1", "class 0"]
    assert any("“class 1” as Your order more than once" in sentence for sentence in problems(at))
    assert "Can it be made to say class 1, class 0?" in words(at)


def test_a_list_of_more_classes_than_there_are_is_cut_and_said(robustness_page):
    class_names = [f"class {index}" for index in range(14)]
    at = robustness_page(lambda: of_network(tiny.Cnn(classes=20)), **{f"{KEY}.order": class_names})
    assert case_of(at).target.index >= len(class_names)
    assert order_of(at).value == class_names[:10]
    (sentence,) = [s for s in problems(at) if "“class 10” as Your order" in s]
    assert "at most 10" in sentence
    # so that the next is answered in its first run
    robustness_page(**{f"{KEY}.order": class_names[:3]})
    few = robustness_page(**{f"{KEY}.order": class_names})  # of a model with four classes
    assert order_of(few).value == ["class 0", "class 1", "class 2"]
    assert any("as Your order" in s and "at most 3" in s for s in problems(few))


def test_a_model_with_one_class_cannot_be_made_to_say_another(robustness_page):
    at = robustness_page(lambda: of_network(tiny.Cnn(classes=1)))
    reason = "odd one has one class only: it cannot be made to say another."
    refused = [sentence for sentence in problems(at) if reason in sentence]
    assert len(refused) == 4, problems(at)  # of one attack, an order, asking alone, and by length
    assert any("no image of the attack above to compare" in sentence for sentence in problems(at))


def test_a_model_with_two_classes_is_asked_for_the_other(robustness_page):
    at = robustness_page(lambda: of_network(tiny.Cnn(classes=2)))
    case = case_of(at)
    assert order_of(at).value == [case.model.labels[1 - case.target.index]]
    assert not problems(at)


@pytest.mark.parametrize("network", [Detached, InNumpy])
def test_a_model_without_gradients_is_only_asked(robustness_page, network):
    at = robustness_page(lambda: of_network(network()))
    reason = "odd one gives no gradients, and this attack needs them"
    for method in (PGD, QuadAttacK):
        assert any(sentence.startswith(f"{method.title}: {reason}") for sentence in problems(at))
    case, search = case_of(at), SafeCV(queries=50)
    assert search.finding(case, answer(search, case)) in words(at)
    next(button for button in at.button if button.label == "Attack them all").click().run()
    at = settled(at)
    assert sum(reason in sentence for sentence in problems(at)) == 3, problems(at)


CHOSEN = ["Grad-CAM", "Gradient"]
SMALL = {"model": "Digits CNN", "image": "From a data set", "data": "Digits, 8 × 8"}


def test_maps_are_chosen_and_asked_about_another_class():
    at = settled(visit(SMALL | {f"{KEY}.compared": CHOSEN}, ROBUSTNESS))
    case = case_of(at)
    pair = PairCase(case, (attacked_pixels(answer(PGD(), case)),))
    result = maps.merge_answers([answer(MapsFollow(map=title), pair) for title in CHOSEN])
    assert result["followed"].rows == tuple(CHOSEN)
    assert MapsFollow().finding(pair, result) in words(at)

    trial = next(trial for trial in maps.TRIALS if isinstance(trial[0], OtherClass))[1]
    button = next(candidate for candidate in at.button if candidate.label.startswith(trial))
    text = words(settled(button.click().run()))
    views = {title: OtherClass()(TrustCase(case, KINDS[title]()))["check"] for title in CHOSEN}
    assert "\n".join(maps.trial_lines(OtherClass(), result["followed"], views)) in text
    assert maps.pass_counts(result, views, "are about this class") in text


def test_by_itself_the_eight_are_chosen_and_are_there_again_after_a_model_that_has_fewer():
    at = settled(visit(SMALL, ROBUSTNESS))
    row = pills(at, f"{KEY}.compared")
    fitting = [kind.title for kind in (*MAPS, *MORE) if not kind.unmet(case_of(at))]
    assert list(row.options) == fitting or [option.content for option in row.options] == fitting
    eight = row.value
    assert eight == [explainer.title for explainer in MAPS]
    at = settled(at.selectbox(key="model").set_value("digits-vit").run())
    assert set(pills(at, f"{KEY}.compared").value) < set(eight)
    at = settled(at.selectbox(key="model").set_value("digits-cnn").run())
    assert pills(at, f"{KEY}.compared").value == eight
    at = settled(pills(at, f"{KEY}.compared").set_value([]).run())
    assert "Choose at least one heat map" in " ".join(notice.value for notice in at.info)
