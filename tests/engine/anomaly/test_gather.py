"""Which images are compared with which; parts of scores, the size of rules, and bad numbers."""

import re
from dataclasses import replace
from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn

from engine import anomaly
from engine.anomaly import KNN, METHODS, QUICK, FamiliarCase, Mahalanobis
from engine.core.errors import BadData, BlindspotError, DoesNotFit
from engine.evaluation.detection import detector
from engine.evaluation.detection.bank import unit_rows
from engine.evaluation.detection.detector import LEAST
from engine.evaluation.detection.gather import exclude_image, gathered, heads_agree
from engine.evaluation.detection.held import held_bytes
from engine.evaluation.detection.rows import split
from engine.vision.models.classifier import Classifier
from tests import tiny
from tests.engine.anomaly.banks import random_bank

MODEL = tiny.cnn()


def case_of(data, image=None, **rest):
    return FamiliarCase(MODEL, tiny.image() if image is None else image, data, **rest)


def ids(bank):
    return set(bank.ids.tolist())


def test_fitted_compared_and_tried_images_have_nothing_in_common_and_are_drawn_by_the_seed():
    data = tiny.data_set(MODEL.labels, 32, 120)
    banks = gathered(case_of(data))
    assert not banks.notes
    parts = [ids(banks.fit), ids(banks.normal), ids(banks.held)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 120
    assert ids(banks.fit) == set(data.ids[data.rows("train")].tolist())
    assert abs(len(banks.normal) - len(banks.held)) <= 1
    first, again, other = (ids(gathered(case_of(data, seed=seed)).normal) for seed in (0, 0, 1))
    assert first == again != other


def test_an_image_is_not_compared_with_itself_and_moves_no_other():
    data = tiny.data_set(MODEL.labels, 32, 120)
    plain = gathered(case_of(data))
    for row in (3, 100):
        banks = gathered(case_of(data, data.pixels()[row].contiguous()))
        assert banks.notes
        for name in ("fit", "normal", "held"):
            assert ids(getattr(plain, name)) - ids(getattr(banks, name)) <= {row}
            assert row not in ids(getattr(banks, name))


def test_the_group_of_an_image_is_left_out_with_it_and_none_is_parted():
    grouped = replace(tiny.data_set(MODEL.labels, 32, 120), truth={"group": np.arange(120) // 6})
    banks = gathered(case_of(grouped, grouped.pixels()[100].contiguous()))
    left = ids(banks.fit) | ids(banks.normal) | ids(banks.held)
    assert left == set(range(120)) - set(range(96, 102))
    assert ids(gathered(case_of(grouped, group=2)).fit).isdisjoint(range(12, 18))
    data = tiny.data_set(MODEL.labels, 32, 480)
    banks = gathered(case_of(replace(data, truth={"group": np.arange(480) // 4})))
    assert set(banks.normal.groups.tolist()).isdisjoint(banks.held.groups.tolist())
    assert len(banks.held)


def test_images_of_unknown_classes_are_never_normal():
    data = tiny.data_set(MODEL.labels, 32, 120)
    unknown = np.arange(120) % 10 == 7
    fit, held_out = split(replace(data, truth={"unknown": unknown}))
    assert not unknown[fit].any()
    assert not unknown[held_out].any()


def test_where_all_images_are_of_one_split_its_halves_share_no_group():
    data = tiny.data_set(MODEL.labels, 32, 60)
    pieces = replace(data, split=np.zeros(60, np.uint8), truth={"group": np.arange(60) // 6})
    parts = [set(pieces.truth["group"][rows].tolist()) for rows in split(pieces)]
    assert [len(groups) for groups in parts] == [5, 5]
    assert parts[0].isdisjoint(parts[1])
    with pytest.raises(BadData, match="two groups are needed"):
        case_of(pieces.take(np.arange(6)))


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_a_handful_of_normal_images_gives_an_answer_and_its_smallest_p(kind, count):
    data = tiny.data_set(MODEL.labels, 32, count)
    result = kind()(case_of(data, unknown=tiny.data_set(("x",), 32, 3, seed=9)))
    assert np.isfinite(result["subject"].values).all()
    assert result["smallest"].values[0] == pytest.approx(1 / (len(split(data)[1]) + 1))
    assert result["p"].values[0] >= result["smallest"].values[0]
    assert any("too few" in note for note in result["notes"].labels)


def test_too_few_normal_images_and_an_image_of_another_size_are_sentences():
    data = tiny.data_set(MODEL.labels, 32)
    for count in (0, 1):
        with pytest.raises(BadData, match="at least two are needed"):
            case_of(data.take(np.arange(count)))
    pair = tiny.data_set(MODEL.labels, 32, 2)
    with pytest.raises(BadData, match="no normal image beside this one"):
        gathered(case_of(pair, pair.pixels()[0].contiguous()))
    with pytest.raises(BlindspotError, match=r"not \(3, 32, 32\)"):
        case_of(data, tiny.image(16))


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_identical_normal_images_and_those_of_one_class_give_an_answer(kind):
    data = tiny.data_set(MODEL.labels, 32, 60)
    same = replace(data, images=np.repeat(data.images[:1], 60, axis=0))
    for normal in (same, data.take(data.labels == 1)):
        result = kind()(case_of(normal))
        assert np.isfinite(result["subject"].values).all()
        assert 0 < result["p"].values[0] <= 1


def test_labels_of_other_classes_than_the_model_s_are_not_used():
    case = case_of(tiny.data_set(("cat", "dog"), 32, 60))
    assert not case.labeled
    result = Mahalanobis()(case)
    assert (result["held"].labels == -1).all()
    assert np.isnan(result["measures"]["accuracy"][0])


def test_logits_that_are_not_the_head_s_are_refused_by_who_needs_them():
    banks = gathered(case_of(tiny.data_set(MODEL.labels, 32)))
    assert heads_agree(banks.subject)
    without_keys = replace(banks.fit, keys=None)
    assert exclude_image(without_keys, banks.subject, None) == (without_keys, False)
    changed = replace(banks, subject=replace(banks.subject, logits=banks.subject.logits + 1))
    with pytest.raises(DoesNotFit, match="straight from the last linear layer"):
        KNN().judge(changed)


def test_a_rule_is_fitted_once_for_the_same_images_and_kept_up_to_so_many_bytes(monkeypatch):
    calls = []
    fit = KNN.fit
    monkeypatch.setattr(KNN, "fit", lambda self, train: calls.append(1) or fit(self, train))
    train = replace(random_bank(), keys=np.arange(60), model_id="a model", data_id="of this test")
    rules = [KNN().fitted(train).rule for _ in range(3)]
    KNN(k=3).fitted(train)
    KNN().fitted(train.take(np.arange(59)))
    assert len(calls) == 3
    assert rules[0] is rules[2]
    train = replace(random_bank(), keys=np.arange(60), model_id="a model", data_id="of this one")
    first = KNN(k=1).fitted(train)
    monkeypatch.setattr(detector._rules, "room", 5 * 60 * 8 * 8)  # of 60 × 8 features each
    assert KNN(k=1).fitted(train) is first
    for k in range(2, 7):
        KNN(k=k).fitted(train)
    assert KNN(k=1).fitted(train) is not first


def test_rows_come_to_length_1_and_without_labels_every_image_counts_as_right():
    rows = np.array([[3.0, -4], [0, 0], [0, 0.1]])
    assert unit_rows(rows) == pytest.approx(np.array([[0.6, -0.8], [0, 0], [0, 1]]))
    some = random_bank(5)
    assert some.right.tolist() == [True] * 5
    other = replace(some, labels=(some.predicted + np.array([0, 1, 0, 2, 1])) % 3)
    assert other.right.tolist() == [True, False, True, False, False]
    assert replace(other, labels=None).right.tolist() == [True] * 5


def test_every_method_refuses_a_picture_alone():
    for kind in METHODS:
        assert kind.unmet(tiny.cnn_case()).startswith("it needs")


TRAIN = random_bank(90, seed=1)
QUERIES = random_bank(30, seed=2)
QUERIES = replace(QUERIES, nudge=lambda heat, step: QUERIES.logits * 1.1 + heat * step)


@pytest.mark.parametrize("kind", anomaly.DETECTORS, ids=lambda kind: kind.name)
def test_the_parts_make_the_score_as_the_detector_says(kind):
    judged = kind().fit(TRAIN).rule(QUERIES)
    parts = np.stack(list(judged.parts.values()))
    joined_scores = {"sum": parts.sum(0), "product": -parts.prod(0), "alone": parts[0]}[kind.joined]
    assert judged.score == pytest.approx(joined_scores, rel=1e-9, abs=1e-9)
    assert len(parts) == (1 if kind.joined == "alone" else 2)
    assert (np.ptp(parts, 1) > 0).all()


WIDTH = 8


def test_an_array_counts_once_a_view_as_all_that_it_keeps_and_a_function_what_it_closes_over():
    array = np.zeros((10, 4))
    assert held_bytes(array) == 320
    assert held_bytes(array[:1].T) == 320
    assert held_bytes([array, {"again": array[2:]}, "words", 7]) == 320
    assert held_bytes(torch.zeros(5)) == 20
    assert held_bytes(anomaly.Head(array, np.zeros(3))) == 344
    array, other = np.zeros(4), np.zeros(2)

    def inner():
        return array

    assert held_bytes(lambda: (inner(), other)) == 48
    assert held_bytes(MethodType(inner, anomaly.Head(array, other))) == 48
    assert held_bytes(np.zeros) == 0


@pytest.mark.parametrize(
    ("detector", "size"),
    [
        (anomaly.MSP(), 0),
        (anomaly.ReAct(), 0),
        (anomaly.KNN(), 60 * WIDTH * 8),  # the directions of all images
        (anomaly.NNGuide(share=0.5), 30 * WIDTH * 8),
        (anomaly.Mahalanobis(), (3 + WIDTH + 1) * WIDTH * 8),  # means, axes and their spread
        (anomaly.ViM(), (WIDTH * WIDTH // 2 + WIDTH) * 8),  # half of the directions, and the origin
        (anomaly.COSTARR(), 2 * 3 * WIDTH * 8),  # two means for each class
    ],
    ids=lambda parameter: getattr(parameter, "name", ""),
)
def test_a_rule_is_as_large_as_what_it_has_learnt(detector, size):
    assert detector.fit(random_bank(60, WIDTH)).nbytes == LEAST + size


TESTED_KINDS = (*anomaly.DETECTORS, anomaly.Compare, anomaly.Corrupt)
SENTENCE = "not finite numbers (NaN or infinite) for "


class Quotient(nn.Module):
    """Divides by the mean of the image, so that a black one gives NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, images):
        return self.fc(images.mean((2, 3)) / images.mean((1, 2, 3))[:, None])


def model_of(network):
    return Classifier(network, "tiny", "tiny", 32, device=torch.device("cpu"))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_with_weights_that_are_not_finite_is_refused_in_a_sentence(kind, value):
    network = tiny.random_weights(tiny.Cnn(), 0)
    with torch.no_grad():
        network.fc.weight[0] = value
    with pytest.raises(DoesNotFit, match=re.escape(SENTENCE + "this image")):
        kind()(tiny.familiar_case(model_of(network)))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.name)
def test_images_that_give_numbers_that_are_not_finite_are_named_or_counted(kind):
    case = tiny.familiar_case(model_of(tiny.random_weights(Quotient(), 0)))
    with pytest.raises(DoesNotFit, match=re.escape(SENTENCE + "this image")):
        kind()(replace(case, image=torch.zeros_like(case.image)))
    images = case.normal.images.copy()
    images[np.flatnonzero(case.normal.split == 0)[:2]] = 0
    with pytest.raises(DoesNotFit, match=r"2 of \d+ normal images"):
        kind()(replace(case, normal=replace(case.normal, images=images)))
