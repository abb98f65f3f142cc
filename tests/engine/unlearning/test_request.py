"""What can be asked to be forgotten, and what is refused with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.core.run import answer
from engine.sparsity import PruneCase
from engine.unlearning import ForgetRequest, WorstCase, easiest, forget_case, hardest, request
from engine.unlearning.request import splits
from engine.unlearning.worst_forget.worst import worst_case
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.training import Recipe
from tests import tiny
from tests.engine.unlearning.trained import RECIPE, class_case, original
from tests.refusals import assert_refused


def test_a_class_goes_from_training_and_the_test_and_a_share_of_it_leaves_the_test_whole(digits):
    result = splits(digits, request.of_class(digits, 3))
    assert set(digits.labels[result.forget]) == set(digits.labels[result.gone]) == {3}
    assert 3 not in digits.labels[np.concatenate([result.retain, result.test])]
    np.testing.assert_array_equal(result.train, digits.rows("train"))
    assert len(result.test) + len(result.gone) == len(digits.rows("test"))
    whole = len(result.forget)
    some, again, other = (request.of_class(digits, 3, share=0.4, seed=seed) for seed in (2, 2, 3))
    result = splits(digits, some)
    assert len(result.forget) == round(0.4 * whole)
    assert len(result.test) == len(digits.rows("test"))
    assert not len(result.gone)
    np.testing.assert_array_equal(some.ids, again.ids)
    assert set(some.ids) != set(other.ids)


def test_a_mode_goes_from_training_and_from_the_test_and_the_rest_of_its_class_stays():
    data = data_sets.load("digits+merged")
    before = data.truth["class_before"].astype(int)
    forget_request = request.of_mode(data, 0, "4")
    result = splits(data, forget_request)
    assert forget_request.words == "mode 4 of class 0 or 2 or 4 or 6 or 8"
    assert set(before[result.forget]) == set(before[result.gone]) == {4}
    for rows in (result.retain, result.test):
        assert set(before[rows]) == set(range(10)) - {4}
    assert len(result.test) + len(result.gone) == len(data.rows("test"))
    scenes = data_sets.load("scenes:count=200")
    boats = splits(scenes, request.of_mode(scenes, 0, "boat"))
    for rows, expected in ((boats.forget, True), (boats.gone, True), (boats.retain, False)):
        at_sea = rows[scenes.labels[rows] == 0]
        assert (scenes.truth["present"][at_sea, 0] == expected).all()
    assert set(scenes.labels[boats.forget]) == {0}
    assert scenes.truth["present"][boats.retain, 0].any()  # a boat in the street stays


def test_a_random_request_is_drawn_without_replacement_from_training(digits):
    ids = request.at_random(digits, 0.1, seed=1).ids
    assert len(np.unique(ids)) == len(ids) == round(0.1 * len(digits.rows("train")))
    assert (digits.split[digits.places(ids)] == 0).all()
    assert len(request.at_random(digits, count=7).ids) == 7


def test_wrong_labels_planted_images_and_those_of_a_patient_are_those_that_the_truth_names():
    noisy = data_sets.load("digits+noisy:share=0.1")
    rows = noisy.places(request.wrong_labels(noisy).ids)
    assert (noisy.labels[rows] != noisy.truth["clean_label"][rows]).all()
    assert len(rows) == (noisy.labels != noisy.truth["clean_label"]).sum()
    poisoned = data_sets.load("digits+poisoned:target=2")
    forget_request = request.planted(poisoned)
    assert forget_request.label == 2
    assert set(forget_request.ids) == set(poisoned.ids[poisoned.truth["poisoned"]])
    one = np.arange(len(poisoned)) == np.flatnonzero(poisoned.truth["poisoned"])[0]
    assert request.planted(replace(poisoned, truth={"poisoned": one})).label == 2
    data = with_groups()  # of a patient, all training images
    assert data.places(request.of_group(data, 2).ids).tolist() == list(range(12, 18))


def test_hard_images_are_those_that_the_model_still_knows_and_easy_ones_are_mislabelled():
    name = "digits+noisy:share=0.2"
    data = data_sets.load(name)
    model = original(name, RECIPE)
    wrong = data.truth["clean_label"] != data.labels
    hard, easy = (
        WorstCase(difficulty, share=0.1)(PruneCase(model, data))["images"]["id"]
        for difficulty in ("hardest", "easiest")
    )
    assert wrong[data.places(hard)].mean() < 0.03
    assert wrong[data.places(easy)].mean() > 0.9


def test_asked_as_a_method_the_hardest_are_the_same_images_with_their_losses_in_order():
    case = class_case().pruning
    for difficulty, plain in (("hardest", hardest), ("easiest", easiest)):
        images = answer(WorstCase(difficulty, share=0.05, rounds=2), case)["images"]
        forget_request = plain(case.model, case.data, 0.05, rounds=2)
        assert set(images["id"]) == set(forget_request.ids)
        assert worst_case(images["id"], difficulty).ids.tolist() == forget_request.ids.tolist()
        rising = np.diff(images["loss"]) * (1 if difficulty == "hardest" else -1)
        assert (rising >= 0).all()
        assert forget_request.kind == {"hardest": "worst", "easiest": "easy"}[difficulty]


def with_groups():
    data = tiny.columns(16, ("a", "b"))
    return replace(data, truth={"group": np.arange(len(data)) // 6})


OTHER_MODE = "The images of mode 9 of .* choose the mode again"


def of_merged(label, mode, into=2):
    return request.of_mode(data_sets.load(f"digits+merged:into={into}"), label, mode)


def only_threes_in_test(data):
    """All training images, but test images of class 3 only."""
    return data.take(np.flatnonzero((data.labels == 3) | (data.split != 2)))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda d: request.of_group(d, 0), "which images belong together"),
        (lambda d: request.of_class(d, 10), "no class 10: the last is 9"),
        (lambda d: request.of_class(d, 3, share=0.0), "share of 0"),
        (lambda d: request.of_class(d.take(np.flatnonzero(d.labels != 3)), 3), "no training image"),
        (lambda d: request.at_random(d, 1.5), "share of 1.5"),
        (lambda d: request.at_random(d, count=0), "Nothing is to be forgotten"),
        (lambda d: request.at_random(d, count=899), "898 training images, so that 899 .* fewer"),
        (lambda d: request.of_ids(d, []), "Nothing is to be forgotten"),
        (lambda d: request.of_ids(d, [0, d.ids[d.rows("train")[0]], 0]), "Image 0 .* twice"),
        (lambda d: request.of_ids(d, [d.ids[d.rows("test")[0]]]), "never learned"),
        (lambda d: request.of_ids(d, [10**6]), "no image with id 1000000"),
        (request.wrong_labels, "does not say which labels are wrong"),
        (request.planted, "nothing planted"),
        (lambda d: request.of_mode(d, 0, "4"), "which modes its classes have: its variant"),
        (
            lambda _: request.of_mode(tiny.columns(8, ("a", "b")), 0, "4"),
            "and of two classes none can be merged: choose other data",
        ),
        (lambda _: of_merged(7, "4"), "no class 7"),
        (lambda _: of_merged(1, "4"), "No part of class 1 or 3 .* by '4': choose one of 1, 3"),
        (lambda _: of_merged(4, "5", into=9), "choose another class"),
        (lambda d: ForgetRequest("a whim", np.array([1]), ""), "a whim"),
        (lambda d: request.of_group(with_groups(), 7), "no training image of group 7"),
        (lambda d: splits(d, request.at_random(d, 1.0)), "All 898 training images.*leave some"),
        (
            lambda d: splits(only_threes_in_test(d), request.of_class(d, 3)),
            "only test images of that class",
        ),
        (lambda d: splits(d, of_merged(0, "9", into=3)), OTHER_MODE),  # without any modes
        (  # under other classes
            lambda _: splits(data_sets.load("digits+merged:into=2"), of_merged(0, "9", into=3)),
            OTHER_MODE,
        ),
    ],
)
def test_what_cannot_be_forgotten_is_refused_in_one_sentence(digits, ask, words):
    assert_refused(words, ask, digits)


def test_three_images_of_ones_own_are_enough_and_two_without_a_test_or_other_data_are_not(digits):
    rows = np.concatenate([digits.rows("train")[:2], digits.rows("test")[:1]])
    three = digits.take(rows)
    forget_request = request.of_ids(three, three.ids[:1])
    result = splits(three, forget_request)
    assert [len(result.forget), len(result.retain), len(result.test)] == [1, 1, 1]
    two = digits.take(rows[:2])
    words = "no test images to measure with"
    assert_refused(words, splits, two, request.of_ids(two, two.ids[:1]))
    other = replace(digits, split=np.full(len(digits), 2, np.uint8))
    words = "only training images"
    assert_refused(words, splits, other, request.of_class(digits, 3), error=BadData)


def test_a_case_takes_the_recipe_its_model_was_trained_by_and_refuses_other_data(digits):
    model = embedded.load("digits-cnn")
    case = forget_case(model, digits, request.of_class(digits, 3))
    assert case.recipe == embedded.plan("digits-cnn").recipe
    noisy, data = data_sets.load("digits+noisy:share=0.1"), tiny.data_set(("a", "b"), 8)
    words = "learned from digits, not from"
    assert_refused(words, forget_case, model, noisy, request.wrong_labels(noisy))
    unknown = original()
    assert forget_case(unknown, digits, request.of_class(digits, 3)).recipe == Recipe("lenet")
    assert_refused("classes", forget_case, unknown, data, request.of_class(data, 0))


def test_a_case_is_named_by_all_that_the_answer_depends_on(digits):
    case = class_case()
    names = {
        case.fingerprint,
        class_case(4).fingerprint,
        class_case(seed=1).fingerprint,
        replace(case, recipe=Recipe("lenet", epochs=2)).fingerprint,
        replace(case, request=request.at_random(digits)).fingerprint,
    }
    assert len(names) == 5
    assert class_case().fingerprint == case.fingerprint
