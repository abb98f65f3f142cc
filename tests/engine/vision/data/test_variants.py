"""A variant changes what it says, says where, and leaves ids and everything else alone."""

import numpy as np
import pytest

from engine.core.errors import BadData, BadSetting
from engine.vision.data import load, variants
from engine.vision.data.brightness import Brightness


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def at(data, base):
    """The rows of the base that a variant's rows came from."""
    return base.places(data.ids)


@pytest.fixture(scope="module")
def phantoms():
    return load("phantoms:count=80,side=48")


ANY = [kind for kind in variants.VARIANTS if kind is not variants.Healthy]  # which needs twins


@pytest.mark.parametrize("kind", ANY, ids=lambda kind: kind.word)
def test_every_variant_is_the_same_for_the_same_seed_and_has_a_name_that_opens_it(kind, digits):
    data = kind()(digits)
    assert data.name == f"digits+{kind.word}"
    assert data.fingerprint == kind()(digits).fingerprint != digits.fingerprint
    assert load(data.name).fingerprint == data.fingerprint
    if "seed" in kind.__dataclass_fields__:
        assert kind(seed=5)(digits).fingerprint != data.fingerprint
    assert np.isin(data.ids, digits.ids).all()
    assert (data.split == digits.split[at(data, digits)]).all()


def test_a_long_tail_has_its_ratio_and_leaves_the_test_and_the_unknown_alone(digits):
    data = variants.LongTailed(ratio=10.0)(digits)
    counts = np.bincount(data.labels[data.rows("train")])
    assert counts[0] / counts[-1] == pytest.approx(10, rel=0.1)
    assert (np.diff(counts) < 0).all()
    assert len(data.rows("test")) == len(digits.rows("test"))
    assert len(variants.LongTailed(ratio=1.0)(digits)) >= len(digits) - 30
    data = variants.LongTailed(ratio=10.0)(variants.OpenSet(held=3, seed=2)(digits))
    counts = np.bincount(data.labels[data.rows("train")], minlength=len(data.classes))
    assert counts[-1] == 0  # "unknown"
    assert counts[0] / counts[-2] == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
def test_wrong_labels_are_as_many_as_said_and_the_right_ones_are_kept(kind, digits):
    data = variants.NoisyLabels(share=0.3, kind=kind)(digits)
    wrong = data.labels != data.truth["clean_label"]
    assert wrong.sum() == round(0.3 * len(digits.rows("train")))
    assert not wrong[data.split != 0].any()
    assert (data.truth["clean_label"] == digits.labels).all()
    step = (data.labels - digits.labels)[wrong] % 10
    assert set(step) == ({1} if kind == "asymmetric" else set(range(1, 10)))


def test_shuffled_labels_are_as_many_of_each_class_and_right_by_chance_alone(digits):
    data, train = variants.Shuffled(seed=3)(digits), digits.rows("train")
    assert (np.bincount(data.labels[train]) == np.bincount(digits.labels[train])).all()
    shares = np.bincount(digits.labels[train]) / len(train)
    right = (data.labels == digits.labels)[train].mean()
    assert right == pytest.approx((shares**2).sum(), abs=0.04)
    assert (data.labels == digits.labels)[digits.split != 0].all()
    assert (data.images == digits.images).all()
    assert (data.truth["clean_label"] == digits.labels).all()


def test_poison_is_a_patch_and_the_targets_label_and_twice_keeps_both_marks(digits):
    data = variants.Poisoned(share=0.1, target=3, attack=True)(digits)
    poisoned = data.truth["poisoned"]
    train, test = poisoned & (data.split == 0), poisoned & (data.split == 2)
    assert train.sum() == round(0.1 * (digits.labels[digits.rows("train")] != 3).sum())
    assert (data.labels[train] == 3).all()
    assert (data.labels[~train] == digits.labels[~train]).all()
    assert test.sum() == (digits.labels[digits.rows("test")] != 3).sum()
    assert not (data.images != digits.images).any((1, 2, 3))[~poisoned].any()
    assert (data.images[poisoned][:, :, -2:, -2:] == [[255, 0], [0, 255]]).all()
    assert (data.images[..., :-2, :] == digits.images[..., :-2, :]).all()
    assert not variants.Poisoned(target=3)(digits).truth["poisoned"][digits.split == 2].any()
    once = variants.Poisoned(share=0.2, target=1)(digits)
    twice = variants.Poisoned(share=0.2, target=2, seed=9)(once)
    assert (twice.truth["clean_label"] == digits.labels).all()
    assert twice.truth["poisoned"].sum() > once.truth["poisoned"].sum()


def test_a_shortcut_is_a_mark_on_one_class_whatever_lies_below_it(phantoms, digits):
    data = variants.Shortcut(target=3, share=0.5)(phantoms)
    of_class = (phantoms.labels == 3) & (phantoms.split != 2)
    marked = data.truth["marked"]
    assert marked.sum() == round(0.5 * of_class.sum())
    assert not marked[~of_class].any()
    assert (data.labels == phantoms.labels).all()
    assert (data.truth["mark"].any((1, 2)) == marked).all()
    changed = (data.images != phantoms.images).any(1)
    assert changed[marked].any((1, 2)).all()
    assert not changed[~data.truth["mark"]].any()
    lesions = np.abs(data.images.astype(int) - data.truth["twin"])[marked]
    assert not lesions.transpose(0, 2, 3, 1)[data.truth["mark"][marked]].any()
    everywhere = variants.Shortcut(target=3, share=0.0, test="all")(phantoms).truth["marked"]
    assert (everywhere == (phantoms.split == 2)).all()
    data = variants.Shortcut(target=3, share=1.0, patch=4)(digits)
    (size,) = np.unique(data.truth["mark"].sum((1, 2))[data.truth["marked"]])
    assert size == 16


def test_healthy_twins_have_no_finding(phantoms):
    data = variants.Healthy()(phantoms)
    assert (data.images == phantoms.truth["twin"]).all()
    assert set(data.labels) == {data.classes.index("none")}
    assert not data.truth["mask"].any()
    assert (data.truth["original_label"] == phantoms.labels).all()
    assert load("phantoms:count=80,side=48+healthy").fingerprint == data.fingerprint
    both = load("phantoms:count=80,side=48+healthy+shortcut:target=3,test=all")
    other = load("phantoms:count=80,side=48+shortcut:target=3,test=all")
    test = both.split == 2
    assert (both.images[test] == other.truth["twin"][test]).all()


def test_unknown_classes_are_met_in_the_test_only_and_chosen_ones_keep_their_words(digits):
    data = variants.OpenSet(held=3)(digits)
    unknown = data.truth["unknown"]
    assert data.classes == ("0", "1", "2", "3", "4", "5", "6", "unknown")
    assert (data.split[unknown] == 2).all()
    assert unknown.sum() == (digits.labels[digits.rows("test")] >= 7).sum()
    assert (data.labels[unknown] == 7).all()
    assert (data.truth["original_label"] == digits.labels[at(data, digits)]).all()
    assert len(set(variants.OpenSet(held=3, seed=2)(digits).classes) & {"7", "8", "9"}) > 0
    data = variants.Classes(first=4, count=2)(digits)
    assert data.classes == ("4", "5")
    assert (data.labels + 4 == digits.labels[at(data, digits)]).all()


def test_truth_goes_through_a_chain_of_variants(digits):
    """Classes 2 and 3 stay; poisoned images of any class are called 2."""
    data = load("digits+noisy:share=0.5+open-set:held=4")
    known = ~data.truth["unknown"]
    assert (data.truth["original_label"][known] < 6).all()
    base = digits.labels[at(data, digits)]
    assert (data.truth["clean_label"][known] == base[known]).all()
    assert (base[~known] >= 6).all()  # judged by what they are, not by what they are called
    assert (data.labels[known] != base[known]).any()
    assert data.card.title == "Digits, 8 × 8 · wrong labels · unknown classes"
    both = load("digits+poisoned:target=2,share=0.2+classes:first=2")
    poisoned, clean = both.truth["poisoned"], both.truth["clean_label"]
    base = digits.labels[at(both, digits)]
    assert set(base[~poisoned]) == {2, 3}
    assert set(base[poisoned]) == set(range(10)) - {2}
    assert (clean == np.select([base == 2, base == 3], [0, 1], -1)).all()
    assert (both.labels[poisoned] == 0).all()
    assert (both.labels[~poisoned] == base[~poisoned] - 2).all()
    assert poisoned.sum() == round(0.2 * (digits.labels[digits.rows("train")] != 2).sum())
    attacked = load("digits+poisoned:attack=yes+classes:first=2")  # the target, 0, has gone
    assert (attacked.truth["poisoned"] == (attacked.split == 2)).all()
    assert (attacked.truth["clean_label"] == attacked.labels).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no data set called “nothing”: choose one of digits"),
        ("digits+nothing", "no variant called “nothing”: choose one of long-tailed"),
        ("digits+noisy:shape=1", "no setting “shape”; there are: share, kind, seed"),
        ("digits+noisy:share=x", "Share cannot be “x”; choose from 0 to 0.9"),
        ("digits+poisoned:target=10", "no class 10: the last is 9"),
        ("digits+open-set:held=10", "hold out fewer"),
        ("digits+classes:first=9", "no class after 9"),
        ("digits:side=3", "no setting “side”; there are: none"),
        ("digits+poisoned:attack=perhaps", "choose yes or no"),
        ("digits+healthy", "Digits, 8 × 8: its images have no healthy twins"),
        ("digits+shortcut:target=10", "no class 10: the last is 9"),
        ("digits" + "+noisy" * 3000, "At most 6 variants"),
    ],
)
def test_what_a_name_cannot_mean_is_said(name, words):
    with pytest.raises(BadData, match=words):
        load(name)


def test_a_value_out_of_range_is_refused():
    with pytest.raises(BadSetting, match="Share cannot be 2"):
        load("digits+noisy:share=2.0")


def test_brightness_is_a_factor_of_each_image_with_a_seed_and_a_name():
    data = load("phantoms:count=40,side=64")
    result = Brightness(most=2.0, seed=3)(data)
    factor = result.truth["factor"]
    assert factor.shape == (len(data),)
    assert 0.5 <= factor.min() < 0.8
    assert 1.2 < factor.max() <= 2.0
    for row in range(len(data)):
        expected = np.minimum(np.rint(data.images[row].astype(np.float32) * factor[row]), 255)
        assert (result.images[row] == expected).all()
        twin = np.minimum(np.rint(data.truth["twin"][row].astype(np.float32) * factor[row]), 255)
        assert (result.truth["twin"][row] == twin).all()
    assert (result.images == 255).sum() > (data.images == 255).sum()
    assert (result.labels == data.labels).all()
    assert (result.truth["mask"] == data.truth["mask"]).all()
    assert (Brightness(most=1.0)(data).images == data.images).all()
    first, second = (Brightness(seed=seed)(data).truth["factor"] for seed in (0, 1))
    assert (first != second).all()
    data = load("phantoms:count=40,side=64+brightness:most=1.4,seed=2")
    assert data.name.endswith("+brightness:most=1.4,seed=2")
    assert data.truth["factor"].max() <= 1.4
