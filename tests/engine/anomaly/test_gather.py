"""Which images are compared with which: never with itself, never with what was fitted to."""

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import KNN, METHODS, QUICK, FamiliarCase, Mahalanobis
from engine.anomaly.case import split
from engine.anomaly.detectors import detector
from engine.anomaly.gather import gathered, heads_agree
from engine.errors import BadData, BlindspotError, DoesNotFit
from tests import tiny
from tests.engine.anomaly.banks import random_bank

MODEL = tiny.cnn()


def case_of(data, image=None, **rest):
    return FamiliarCase(MODEL, tiny.image() if image is None else image, data, **rest)


def ids(bank):
    return set(bank.ids.tolist())


def test_fitted_compared_and_tried_images_have_nothing_in_common():
    data = tiny.data_set(MODEL.labels, 32, 120)
    banks = gathered(case_of(data))
    parts = [ids(banks.fit), ids(banks.normal), ids(banks.held)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 120
    assert ids(banks.fit) == set(data.ids[data.rows("train")].tolist())
    assert abs(len(banks.normal) - len(banks.held)) <= 1


def test_an_image_is_not_compared_with_itself_and_moves_no_other():
    data = tiny.data_set(MODEL.labels, 32, 120)
    plain = gathered(case_of(data))
    for row in (3, 100):
        banks = gathered(case_of(data, data.pixels()[row].contiguous()))
        assert banks.notes
        for name in ("fit", "normal", "held"):
            assert ids(getattr(plain, name)) - ids(getattr(banks, name)) <= {row}
            assert row not in ids(getattr(banks, name))


def test_the_group_of_an_image_is_left_out_with_it():
    data = tiny.data_set(MODEL.labels, 32, 120)
    grouped = replace(data, truth={"group": np.arange(120) // 6})
    banks = gathered(case_of(grouped, grouped.pixels()[100].contiguous()))
    left = ids(banks.fit) | ids(banks.normal) | ids(banks.held)
    assert left == set(range(120)) - set(range(96, 102))
    named = gathered(case_of(grouped, group=2))
    assert ids(named.fit).isdisjoint(range(12, 18))


def test_groups_are_never_parted_between_drawing_the_line_and_trying_it():
    data = tiny.data_set(MODEL.labels, 32, 480)
    banks = gathered(case_of(replace(data, truth={"group": np.arange(480) // 4})))
    assert set(banks.normal.groups.tolist()).isdisjoint(banks.held.groups.tolist())
    assert len(banks.held)


def test_the_draw_of_the_held_images_is_the_seed_s():
    data = tiny.data_set(MODEL.labels, 32, 120)
    first, again, other = (ids(gathered(case_of(data, seed=seed)).normal) for seed in (0, 0, 1))
    assert first == again != other


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
    held_count = len(split(data)[1])
    assert result["smallest"].values[0] == pytest.approx(1 / (held_count + 1))
    assert result["p"].values[0] >= result["smallest"].values[0]
    assert any("too few" in note for note in result["notes"].labels)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_normal_images_is_a_sentence(count):
    with pytest.raises(BadData, match="at least two are needed"):
        case_of(tiny.data_set(MODEL.labels, 32, 8).take(np.arange(count)))


def test_two_images_of_which_one_is_asked_about_are_too_few():
    data = tiny.data_set(MODEL.labels, 32, 2)
    with pytest.raises(BadData, match="no normal image beside this one"):
        gathered(case_of(data, data.pixels()[0].contiguous()))


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_identical_normal_images_give_an_answer(kind):
    data = tiny.data_set(MODEL.labels, 32, 60)
    same = replace(data, images=np.repeat(data.images[:1], 60, axis=0))
    result = kind()(case_of(same))
    assert np.isfinite(result["subject"].values).all()
    assert 0 < result["p"].values[0] <= 1


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_normal_images_of_one_class_give_an_answer(kind):
    data = tiny.data_set(MODEL.labels, 32, 60)
    result = kind()(case_of(data.take(data.labels == 1)))
    assert np.isfinite(result["subject"].values).all()


def test_labels_of_other_classes_than_the_model_s_are_not_used():
    data = tiny.data_set(("cat", "dog"), 32, 60)
    case = case_of(data)
    assert not case.labeled
    result = Mahalanobis()(case)
    assert (result["held"].labels == -1).all()
    assert np.isnan(result["measures"]["accuracy"][0])


def test_an_image_of_another_size_is_a_sentence():
    with pytest.raises(BlindspotError, match=r"not \(3, 32, 32\)"):
        case_of(tiny.data_set(MODEL.labels, 32), tiny.image(16))


def test_logits_that_are_not_the_head_s_are_refused_by_who_needs_them():
    banks = gathered(case_of(tiny.data_set(MODEL.labels, 32)))
    assert heads_agree(banks.subject)
    changed = replace(banks, subject=replace(banks.subject, logits=banks.subject.logits + 1))
    with pytest.raises(DoesNotFit, match="straight from the last linear layer"):
        KNN().judge(changed)


def test_a_rule_is_fitted_once_for_the_same_images(monkeypatch):
    calls = []
    fit = KNN.fit
    monkeypatch.setattr(KNN, "fit", lambda self, train: calls.append(1) or fit(self, train))
    train = replace(random_bank(), keys=np.arange(60), model_id="a model", data_id="of this test")
    rules = [KNN().fitted(train).rule for _ in range(3)]
    KNN(k=3).fitted(train)
    KNN().fitted(train.take(np.arange(59)))
    assert len(calls) == 3
    assert rules[0] is rules[2]


def test_rules_are_remembered_up_to_so_many_bytes(monkeypatch):
    train = replace(random_bank(), keys=np.arange(60), model_id="a model", data_id="of this one")
    first = KNN(k=1).fitted(train)
    monkeypatch.setattr(detector._rules, "room", 5 * 60 * 8 * 8)  # of 60 × 8 features each
    assert KNN(k=1).fitted(train) is first
    for k in range(2, 7):
        KNN(k=k).fitted(train)
    assert KNN(k=1).fitted(train) is not first


def test_every_method_refuses_a_picture_alone():
    for kind in METHODS:
        assert kind.unmet(tiny.cnn_case()).startswith("it needs")
