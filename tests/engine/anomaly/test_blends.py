"""Blends: each is an image by itself, its corners are what they are called, and bad words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.anomaly import FVR, Blends
from engine.anomaly.doubt.blends import ITS_CLASS, NOISE, OTHERS
from engine.anomaly.doubt.blends import OTHER as THE_OTHER
from engine.anomaly.doubt.findings import NONE, SEVERAL
from engine.errors import BadData, BadSetting
from tests import tiny


def case():
    return tiny.familiar_case(tiny.cnn())


def test_every_blend_is_judged_as_an_image_by_itself():
    image_case = case()
    result = Blends(cells=4)(image_case)
    confusion, ignorance = result["confusion"], result["ignorance"]
    assert len(confusion.weights) == 15
    for at in (0, 4, 7, 11, 14):
        image = torch.einsum(
            "k,kchw->chw",
            torch.tensor(confusion.weights[at]),
            torch.from_numpy(confusion.images.astype(np.float32)),
        )
        alone = FVR()(replace(image_case, image=image))["masses"]
        # the pictures in the answer are of half precision
        assert confusion.values[at] == pytest.approx(alone.cell(SEVERAL, "mass"), abs=2e-3)
        assert ignorance.values[at] == pytest.approx(alone.cell(NONE, "mass"), abs=2e-3)


def test_both_ways_begin_at_the_image_and_end_at_their_corners():
    result = Blends(cells=6)(case())
    triangle = result["ignorance"]
    for way, corner in (("class", 1), ("noise", 2)):
        table = result[way]
        masses = sum(table[name] for name in (ITS_CLASS, THE_OTHER, OTHERS, SEVERAL, NONE))
        np.testing.assert_allclose(masses, 1, atol=1e-9)
        np.testing.assert_allclose(table["share"], np.linspace(0, 1, 7), atol=1e-9)
        ends = [triangle.values[triangle.weights[:, at] == 1][0] for at in (0, corner)]
        np.testing.assert_allclose(table[NONE][[0, -1]], ends, atol=1e-6)
    assert triangle.labels[2] == NOISE


def test_the_other_class_can_be_named_and_its_image_has_that_class():
    image_case = case()
    label = image_case.model.labels[1]
    result = Blends(toward=label, cells=4)(image_case)
    assert result["confusion"].labels[1] == label
    normal = image_case.parts[1].data
    same = normal.pixels(np.flatnonzero(normal.labels == 1)).numpy().astype(np.float16)
    partner = result["confusion"].images[1]
    assert any(np.array_equal(partner, candidate) for candidate in same)
    with pytest.raises(BadSetting, match="no class 'elephant'"):
        Blends(toward="elephant")(image_case)


def test_toward_the_class_that_it_is_taken_for_is_refused_and_never_the_default():
    image_case = case()
    result = Blends(cells=4)(image_case)
    first, other = result["confusion"].labels[:2]
    assert first != other
    with pytest.raises(BadSetting, match=f"taken for {first} already"):
        Blends(toward=first)(image_case)


def test_a_class_without_held_out_images_is_passed_over_unless_it_is_asked_for():
    image_case = case()
    other = Blends(cells=4)(image_case)["confusion"].labels[1]
    label = image_case.model.labels.index(other)
    normal = image_case.normal
    rows = np.flatnonzero((normal.labels != label) | (normal.split == 0))
    few = replace(image_case, normal=normal.take(rows))
    assert (few.parts[0].data.labels == label).sum() > 1  # it is learned all the same
    assert Blends(cells=4)(few)["confusion"].labels[1] != other
    with pytest.raises(BadData, match=f"No held-out normal image is of class {other}"):
        Blends(toward=other, cells=4)(few)


def test_noise_is_drawn_by_the_seed_and_gray_for_a_gray_image():
    gray = torch.full_like(case().image, 0.5)
    first, second = (
        Blends(cells=4)(replace(case(), image=gray, seed=seed))["ignorance"].images[2]
        for seed in (0, 1)
    )
    assert not np.array_equal(first, second)
    assert np.array_equal(first[0], first[2])
    colored = Blends(cells=4)(case())["ignorance"].images[2]
    assert not np.array_equal(colored[0], colored[2])
