"""Pictures of masks: every pixel is the masks' own."""

from __future__ import annotations

import numpy as np
import pytest

from components.draw import mask_pictures
from engine.sparsity import MaskRules, pruner_of
from engine.sparsity.masks import diagrams


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_weight_of_a_wall_is_a_square_of_its_own_color(prune_case, masks, theme):
    part = masks.parts[1]  # 16 filters of 8 channels
    result = diagrams.wall(prune_case.model, masks, part.name)
    drawn = mask_pictures.wall(result, theme)
    height, width = drawn.pixels.shape[:2]
    for at, (left, top, across, down) in enumerate(drawn.boxes):
        block = drawn.pixels[
            round(top * height) : round((top + down) * height),
            round(left * width) : round((left + across) * width),
        ]
        gray = (block == mask_pictures.CUT).all(-1).sum() / mask_pictures.CELL**2
        assert gray == np.isnan(result.kernels[at]).sum()


def test_positive_and_negative_weights_differ_and_the_largest_has_the_end_s_color():
    values = np.array([[-2.0, 0.0, 2.0, np.nan]])
    pixels = mask_pictures.signed_picture(values, 2.0, "light")[0]
    assert tuple(pixels[0]) == tuple(mask_pictures.DIVERGING_LIGHT[0])
    assert tuple(pixels[2]) == tuple(mask_pictures.DIVERGING_LIGHT[255])
    assert tuple(pixels[3]) == mask_pictures.CUT


def test_strips_show_the_share_and_dead_rows_stand_out(prune_case):
    masks = pruner_of(
        prune_case, "Magnitude", MaskRules(structure="filter", allocation="per layer")
    ).at(0.5)
    strip = diagrams.strips(masks)[0]
    pixels = mask_pictures.layer_strip(strip)
    orange = (pixels == mask_pictures.DEAD).all(-1)
    assert np.array_equal(orange.all(1), strip.dead)
    assert strip.dead.any()


def test_a_difference_of_equal_masks_has_one_color_only(masks):
    result = diagrams.difference(masks, masks, masks.parts[1].name)
    colors = mask_pictures.difference_picture(result, "light").reshape(-1, 3)
    mixed = np.outer(result.both.ravel(), mask_pictures.BOTH)
    mixed += np.outer(1 - result.both.ravel(), mask_pictures.PAPER["light"])
    assert np.abs(colors - mixed).max() <= 1


def test_patterns_carry_their_shares_and_words(masks):
    result = diagrams.patterns(masks)
    html = mask_pictures.patterns_html(result)
    assert html.count("<img") == len(result.shares)
    assert f"{100 * result.shares[0]:.1f} %" in html


def test_groups_that_keep_n_say_so_below(prune_case):
    masks = pruner_of(prune_case, "Magnitude", MaskRules(structure="N:M", n=2, m=4)).at(0)
    result = diagrams.groups(masks, masks.parts[1].name, 2, 4)
    exact = mask_pictures.groups_picture(result, 2, "light")
    wrong = mask_pictures.groups_picture(result, 3, "light")
    assert not (exact == mask_pictures.DEAD).all(-1).any()
    assert (wrong == mask_pictures.DEAD).all(-1).any()
