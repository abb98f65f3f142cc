"""Defenses as an experiment: images treated and victims trained by hand, and the papers' claims."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.unlearning import ProtectedShare, ProtectionDefenses
from engine.unlearning.experiments.defenses import (
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
from engine.unlearning.experiments.protected_share import (
    ALONE,
    MIXED,
    SHARES,
    clean_condition,
    mixed_condition,
)
from engine.unlearning.experiments.victims import (
    CUDA,
    LEARNED,
    MINIMIZING,
    OF_CLASS,
    RIGHT,
    protected_rows,
)
from engine.unlearning.protection import RandomNoise
from tests.engine.unlearning.experiments.by_hand import (
    QUICK,
    SEED,
    noisy,
    right,
    small_case,
    with_images,
)
from tests.outcomes import keep

SMALL = ProtectionDefenses(**QUICK, way=OF_CLASS, epsilon=24)
COLORS = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), np.uint8)


def compressed(data):
    """Every training image as Pillow writes and reads it."""
    written = {}
    for row in data.rows("train"):
        file = BytesIO()
        Image.fromarray(data.images[row, 0]).save(file, "JPEG", quality=10)
        written[row] = np.asarray(Image.open(file))[None]
    return with_images(data, written)


def test_every_figure_is_that_of_networks_trained_on_images_treated_by_hand():
    case = small_case()
    data, result = case.data, SMALL(case)["table"]
    attack = {"epsilon": 4 / 255, "attack_steps": 5, "attack_step": 0.3}
    changes = {PLAIN: {}, MOVED: {"shift": 4, "mirror": True}, GRAY: {}, JPEG: {}, ATTACKED: attack}
    for name, images in ((clean, data), (shielded, noisy(data, RandomNoise(24, "class")))):
        for defense, recipe in changes.items():
            learned = compressed(images) if defense == JPEG else images
            expected = right(learned, data, **recipe)
            row = name(defense)
            assert [result.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(
                expected
            )
    assert len(result) == 2 * len(changes)
    assert (
        len({tuple(result.cell(row, column) for column in (RIGHT, LEARNED)) for row in result.rows})
        > 2
    )


def test_gray_images_have_their_luma_in_each_channel():
    luma = np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], COLORS)
    assert np.abs(gray(COLORS) - luma[:, None]).max() <= 1
    single = COLORS[:, :1]
    assert (gray(single) == single).all()


def test_jpeg_loses_more_at_lower_quality_and_keeps_the_form():
    smooth = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (2, 3, 16, 1))
    for images in (smooth, smooth[:, :1]):
        lost = [np.abs(jpeg(images, quality).astype(int) - images).mean() for quality in (95, 10)]
        assert jpeg(images).shape == images.shape
        assert lost[0] < lost[1] < 20


def test_only_training_images_are_treated():
    data = small_case().data
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


@pytest.mark.parametrize("cost", [-0.02, 0.0, 0.001, 0.05])
def test_nothing_is_undone_where_protection_costs_next_to_nothing(cost):
    """However much better than the clean images a defense makes the network."""
    table = {clean(PLAIN): 0.8, shielded(PLAIN): 0.8 - cost}
    table |= {shielded(defense): 0.9 for defense in (ATTACKED, JPEG)}
    for claim in SMALL.claims[2:]:
        assert -0.1 < claim.margin(lambda row, _: table[row]) <= 1e-9


def test_the_picture_shows_what_treatments_leave_of_class_wise_noise():
    picture = SMALL.picture(small_case())
    images = dict(zip(picture.rows, picture.images.transpose(0, 1, 4, 2, 3), strict=True))
    assert (images[GRAY] == images[OF_CLASS]).all()  # the images are gray
    assert (images[JPEG] == jpeg(images[OF_CLASS])).all()
    assert np.abs(images[OF_CLASS].astype(int) - images["clean"]).max() == 24


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [CUDA, MINIMIZING])
def test_what_each_defense_brings_back_is_measured_with_three_seeds(way, measure):
    method = ProtectionDefenses(way=way)
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    keep(measure, method, result, f"defenses, {method.way}, {method.data[0]}, {method.victim}")
    table = result["table"]
    assert table.cell(clean(PLAIN), RIGHT) > 0.9
    assert table.cell(shielded(PLAIN), RIGHT) < table.cell(clean(PLAIN), RIGHT)


SMALL_SHARE = ProtectedShare(**QUICK, way=OF_CLASS, epsilon=24)


@pytest.fixture(scope="module")
def shares_result():
    return SMALL_SHARE(small_case())


def test_every_figure_is_that_of_networks_trained_on_images_mixed_by_hand():
    data, table = small_case().data, SMALL_SHARE(small_case())["table"]
    noisy_ones = noisy(data, RandomNoise(24, "class"))
    for share in SHARES:
        rows = protected_rows(data, share, SEED)
        mixture = with_images(data, {row: noisy_ones.images[row] for row in rows})
        expected = right(mixture, data)
        row = mixed_condition(share)
        assert [table.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(expected)
        if share not in {0.0, 1.0}:
            rest = data.take(np.array([at for at in range(len(data)) if at not in rows]))
            expected = right(rest, data, epochs=round(2 / (1 - share)))
            row = clean_condition(share)
            assert [table.cell(row, column) for column in (RIGHT, LEARNED)] == pytest.approx(
                expected
            )
    assert len(table) == 2 * len(SHARES) - 2


def test_the_curve_is_the_mean_of_the_figures_by_share(shares_result):
    curve, table = shares_result["shares"], shares_result["table"]
    for at, share in enumerate(SHARES):
        assert curve["share"][at] == share
        assert curve[MIXED][at] == table.cell(mixed_condition(share), RIGHT)
        if 0 < share < 1:
            assert curve[ALONE][at] == table.cell(clean_condition(share), RIGHT)
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


def test_few_clean_images_are_not_enough_where_none_are_needed():
    """A protection that costs nothing leaves nothing for the clean images to bring back."""
    table = dict.fromkeys(
        [mixed_condition(0), mixed_condition(0.8), mixed_condition(1), clean_condition(0.8)], 0.9
    )
    assert SMALL_SHARE.claims[1].margin(lambda row, _: table[row]) == pytest.approx(-0.1)


def test_in_the_picture_more_and_more_images_are_protected():
    picture = SMALL_SHARE.picture(small_case()).images.astype(int)
    counts = [(row != picture[0]).any((1, 2, 3)).sum() for row in picture]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(picture[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [CUDA, MINIMIZING])
def test_how_many_images_must_be_protected_is_measured_with_three_seeds(way, measure):
    method = ProtectedShare(way=way)
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    keep(
        measure, method, result, f"share protected, {method.way}, {method.data[0]}, {method.victim}"
    )
    table = result["table"]
    assert table.cell(mixed_condition(0), RIGHT) > 0.9
    assert table.cell(mixed_condition(0.5), RIGHT) > table.cell(mixed_condition(1), RIGHT)
