"""Defenses, and the share of protected images: victims trained by hand, and the claims."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from engine.unlearning import ProtectedShare, ProtectionDefenses
from engine.unlearning.protection.defenses import (
    ATTACKED,
    GRAY,
    JPEG,
    MOVED,
    PLAIN,
    clean,
    gray,
    jpeg,
    shielded,
    treated,
)
from engine.unlearning.protection.protected_share import (
    ALONE,
    MIXED,
    SHARES,
    clean_condition,
    mixed_condition,
)
from engine.unlearning.protection.random_noise import RandomNoise
from engine.unlearning.protection.victims import CUDA, MINIMIZING, OF_CLASS, RIGHT, protected_rows
from tests.engine.unlearning.protection import by_hand
from tests.in_memory import written
from tests.outcomes import measured

SMALL = ProtectionDefenses(**by_hand.QUICK, way=OF_CLASS, epsilon=24)
COLORS = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), np.uint8)


def compressed(data):
    files = {
        row: written(Image.fromarray(data.images[row, 0]).save, "JPEG", quality=10)
        for row in data.rows("train")
    }
    images = {row: np.asarray(Image.open(BytesIO(file)))[None] for row, file in files.items()}
    return by_hand.with_images(data, images)


def test_every_figure_is_that_of_networks_trained_on_images_treated_by_hand():
    case = by_hand.small_case()
    data, result = case.data, SMALL(case)["table"]
    attack = {"epsilon": 4 / 255, "attack_steps": 5, "attack_step": 0.3}
    changes = {PLAIN: {}, MOVED: {"shift": 4, "mirror": True}, GRAY: {}, JPEG: {}, ATTACKED: attack}
    for name, images in ((clean, data), (shielded, by_hand.noisy(data, RandomNoise(24, "class")))):
        for defense, recipe in changes.items():
            learned = compressed(images) if defense == JPEG else images
            expected = by_hand.right(learned, data, **recipe)
            row = name(defense)
            assert by_hand.shares(result, row) == pytest.approx(expected)
    assert len(result) == 2 * len(changes)
    assert len({tuple(by_hand.shares(result, row)) for row in result.rows}) > 2


def test_gray_images_have_their_luma_jpeg_loses_more_at_lower_quality_in_training_images_only():
    luma = np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], COLORS)
    assert np.abs(gray(COLORS) - luma[:, None]).max() <= 1
    single = COLORS[:, :1]
    assert (gray(single) == single).all()
    smooth = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (2, 3, 16, 1))
    for images in (smooth, smooth[:, :1]):
        lost = [np.abs(jpeg(images, quality).astype(int) - images).mean() for quality in (95, 10)]
        assert jpeg(images).shape == images.shape
        assert lost[0] < lost[1] < 20
    data = by_hand.small_case().data
    result = treated(data, jpeg)
    moved = (result.images != data.images).any((1, 2, 3))
    assert set(np.flatnonzero(moved)) == set(data.rows("train"))


def test_claims_on_figures_made_by_hand():
    table = {
        clean(PLAIN): 0.9,
        shielded(PLAIN): 0.3,
        clean(MOVED): 0.9,
        shielded(MOVED): 0.5,
        shielded(ATTACKED): 0.75,
        shielded(JPEG): 0.45,
    }
    margins = [claim.margin(lambda row, _: table[row]) for claim in SMALL.claims]
    assert margins == pytest.approx([0.3, 0.1, 0.15, -0.15])
    for cost in (-0.02, 0.0, 0.001, 0.05):  # next to nothing: however good a defense is
        table = dict.fromkeys((shielded(ATTACKED), shielded(JPEG)), 0.9)
        table |= {clean(PLAIN): 0.8, shielded(PLAIN): 0.8 - cost}
        for claim in SMALL.claims[2:]:
            assert -0.1 < claim.margin(lambda row, _, table=table: table[row]) <= 1e-9


def test_the_picture_shows_what_treatments_leave_of_class_wise_noise():
    picture = SMALL.picture(by_hand.small_case())
    images = dict(zip(picture.rows, picture.images.transpose(0, 1, 4, 2, 3), strict=True))
    assert (images[GRAY] == images[OF_CLASS]).all()  # the images are gray
    assert (images[JPEG] == jpeg(images[OF_CLASS])).all()
    assert np.abs(images[OF_CLASS].astype(int) - images["clean"]).max() == 24


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [CUDA, MINIMIZING])
def test_what_each_defense_brings_back_is_measured_with_three_seeds(way, measure):
    method = ProtectionDefenses(way=way)
    where = f"defenses, {method.way}, {method.data[0]}, {method.victim}"
    table = measured(measure, method, where)["table"]
    assert table.cell(clean(PLAIN), RIGHT) > 0.9
    assert table.cell(shielded(PLAIN), RIGHT) < table.cell(clean(PLAIN), RIGHT)


SMALL_SHARE = ProtectedShare(**by_hand.QUICK, way=OF_CLASS, epsilon=24)


def test_every_figure_is_that_of_networks_trained_on_images_mixed_by_hand():
    data, result = by_hand.small_case().data, SMALL_SHARE(by_hand.small_case())
    table, curve = result["table"], result["shares"]
    noisy_ones = by_hand.noisy(data, RandomNoise(24, "class"))
    for at, share in enumerate(SHARES):
        rows, mixed = protected_rows(data, share, by_hand.SEED), mixed_condition(share)
        mixture = by_hand.with_images(data, {row: noisy_ones.images[row] for row in rows})
        assert by_hand.shares(table, mixed) == pytest.approx(by_hand.right(mixture, data))
        assert (curve["share"][at], curve[MIXED][at]) == (share, table.cell(mixed, RIGHT))
        if 0 < share < 1:
            rest = data.take(np.setdiff1d(np.arange(len(data)), rows))
            expected = by_hand.right(rest, data, epochs=round(2 / (1 - share)))
            assert by_hand.shares(table, clean_condition(share)) == pytest.approx(expected)
            assert curve[ALONE][at] == table.cell(clean_condition(share), RIGHT)
    assert len(table) == 2 * len(SHARES) - 2
    assert curve[ALONE][0] == table.cell(mixed_condition(0), RIGHT)
    assert np.isnan(curve[ALONE][-1])


def test_claims_on_shares_made_by_hand():
    table = {
        mixed_condition(0): 0.9,
        mixed_condition(0.8): 0.85,
        mixed_condition(1): 0.4,
        clean_condition(0.8): 0.75,
    }
    margins = [claim.margin(lambda row, _: table[row]) for claim in SMALL_SHARE.claims]
    assert margins == pytest.approx([0.2, 0.05, -0.05])
    table = dict.fromkeys(table, 0.9)
    assert SMALL_SHARE.claims[1].margin(lambda row, _: table[row]) == pytest.approx(-0.1)


def test_in_the_picture_more_and_more_images_are_protected():
    picture = SMALL_SHARE.picture(by_hand.small_case()).images.astype(int)
    counts = [(row != picture[0]).any((1, 2, 3)).sum() for row in picture]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(picture[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [CUDA, MINIMIZING])
def test_how_many_images_must_be_protected_is_measured_with_three_seeds(way, measure):
    method = ProtectedShare(way=way)
    where = f"share protected, {method.way}, {method.data[0]}, {method.victim}"
    table = measured(measure, method, where)["table"]
    assert table.cell(mixed_condition(0), RIGHT) > 0.9
    assert table.cell(mixed_condition(0.5), RIGHT) > table.cell(mixed_condition(1), RIGHT)
