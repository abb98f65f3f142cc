"""Where an image stands among others of its kind, by the Dice of a map's outline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.trust import AmongOthers, TrustCase
from engine.attribution.trust.among import outline_dice, told
from engine.case import ImageCase
from engine.case.target import Target
from engine.data import load as load_data
from engine.errors import BadData
from engine.measures.outlines import outlined
from engine.models.catalog import load
from engine.result import Table
from tests import tiny

FEW = 10


@pytest.fixture(scope="module")
def phantoms():
    return load_data("phantoms")


@pytest.fixture(scope="module")
def model():
    return load("phantom-cnn")


def rows_with_a_finding(data):
    rows = data.rows("test")
    return [row for row in rows.tolist() if data.truth["mask"][row].any()]


def about(model, data, row):
    image = data.pixels(np.array([row]))[0].contiguous()
    asked = ImageCase(model, image, Target(int(data.labels[row])))
    return TrustCase(asked, GradCam(), data.truth["mask"][row], "phantoms")


def dice_by_hand(model, data, row):
    case = about(model, data, row)
    inside = outlined(GradCam()(case.asked)["map"].values).inside
    both = 2 * (inside & case.mask).sum() + 1
    return both / (inside.sum() + case.mask.sum() + 1)


def test_every_dice_is_that_of_a_map_asked_for_and_cut_by_hand(model, phantoms):
    rows = rows_with_a_finding(phantoms)
    found = AmongOthers(images=FEW)(about(model, phantoms, rows[1]))
    assert found["here"].values[0] == pytest.approx(dice_by_hand(model, phantoms, rows[1]))
    rest = [row for row in rows if row != rows[1]]
    others = [rest[at] for at in np.linspace(0, len(rest) - 1, FEW).astype(int)]
    wanted = [dice_by_hand(model, phantoms, row) for row in others]
    np.testing.assert_allclose(found["others"]["Dice"], wanted, atol=1e-6)
    assert list(found["others"].rows) == [phantoms.classes[phantoms.labels[row]] for row in others]
    assert len(set(wanted)) > FEW // 2  # they could not be told apart otherwise


def test_the_image_itself_is_not_among_the_others(model, phantoms):
    rows = rows_with_a_finding(phantoms)
    asked = AmongOthers(images=FEW)
    own = about(model, phantoms, rows[0])
    rest = [one.image for one, _ in asked.others(own.asked, phantoms)]
    assert len(rest) == FEW  # another one is taken
    assert not any(torch.equal(one, own.asked.image) for one in rest)


def test_it_says_why_there_is_nothing_to_compare_with(model, phantoms):
    case = about(model, phantoms, rows_with_a_finding(phantoms)[0])
    assert not AmongOthers.unmet(case)
    assert "nobody knows where" in AmongOthers.unmet(replace(case, mask=None))
    nothing = replace(case, mask=np.zeros_like(case.mask))
    assert "needs a finding" in AmongOthers.unmet(nothing)
    with pytest.raises(BadData, match="nothing is there"):
        AmongOthers(images=FEW)(nothing)
    photographs = tiny.trust_case()  # a network that nothing is known of
    assert "with masks that are known" in AmongOthers.unmet(photographs)
    for name in ("", "bars", "phantoms:count=9"):  # none, without masks, out of range
        assert "with masks that are known" in AmongOthers.unmet(replace(case, others=name))
    held = replace(case.asked, target=replace(case.asked.target, versus=0))
    assert "one class" in AmongOthers.unmet(replace(case, asked=held))
    nowhere = AmongOthers(images=FEW)
    with pytest.raises(BadData, match="No truth is known"):
        nowhere(replace(case, mask=None))


def test_where_nothing_is_outlined_dice_is_0_however_small_the_finding():
    mask = np.zeros((8, 8), np.bool_)
    mask[2, 2] = True
    assert outline_dice(np.zeros_like(mask), mask) == 0
    assert outline_dice(mask, mask) == 1


def test_classes_of_another_kind_are_not_compared(model, phantoms):
    case = about(model, phantoms, rows_with_a_finding(phantoms)[0])
    renamed = replace(phantoms, classes=("a", "b", "c", "d"))
    assert not list(AmongOthers().others(case.asked, renamed))


def test_the_sentence_counts_those_with_a_lower_dice():
    others = Table.of({"Dice": (np.array([0.1, 0.4, 0.4, 0.9], np.float32), "")})
    assert told(0.41, others) == "Dice 0.41: higher than on 3 of 4 other images (median 0.40)."
    assert "higher than on 1 of 4" in told(0.4, others)  # alike is not lower


def test_a_question_is_another_one_with_other_images_and_those_of_trials_stay(model, phantoms):
    case = about(model, phantoms, rows_with_a_finding(phantoms)[0])
    named = [replace(case, others=name) for name in ("", "phantoms", "phantoms:seed=3")]
    assert len({one.fingerprint for one in named}) == len(named)
    assert named[0].fingerprint == TrustCase(case.asked, case.method, case.mask).fingerprint
