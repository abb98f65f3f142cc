"""The way of an attack: what the model says of the images kept, and curves of all steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.attribution.robustness import FGSM, PGD, OrderedCase, QuadAttacK
from engine.attribution.robustness import way as ways
from engine.attribution.robustness.scored import attacked_pixels
from engine.attribution.robustness.way import AttackTrajectory
from engine.case import ImageCase
from engine.case.target import Target
from engine.measures.levels import levels_of, levels_to_pixels
from tests import tiny


@pytest.fixture(scope="module")
def case():
    model = tiny.mlp(scale=1.0)
    image = levels_to_pixels(levels_of(tiny.image(8)))
    return ImageCase(model, image, Target(int(model.logits(image[None])[0].argmax())))


@pytest.mark.parametrize("method", [PGD(epsilon=24, steps=30), FGSM(epsilon=24)], ids=str)
def test_each_image_kept_gets_what_stands_beside_it(case, method):
    result = method(case)
    path, top = result["path"], result["top"]
    assert len(path.frames) <= ways.FRAMES + 1
    assert path.steps[0] == 0
    assert path.steps[-1] == len(result["source confidence"].y) - 1  # the found one comes last
    assert torch.equal(torch.from_numpy(path.frames[0].copy()), case.image)
    last = torch.from_numpy(path.frames[-1].copy())
    assert torch.equal(last, attacked_pixels(result))
    shares = case.model.logits(attacked_pixels(result)[None])[0].softmax(0)
    best = shares.topk(len(top.values[0]))
    np.testing.assert_allclose(top.values[-1], best.values.numpy(), atol=1e-6)
    assert top.labels[-1] == tuple(case.model.labels[index] for index in best.indices)
    assert path.values[-1] == pytest.approx(float(shares[case.target.index]), abs=1e-6)
    assert result["target confidence"].y_label == f"confidence in {top.labels[-1][0]}"


@pytest.mark.parametrize("norm", ["L∞", "L2"])
def test_curves_are_those_of_the_steps_themselves_and_stay_in_the_ball(case, norm, monkeypatch):
    method, images, original = PGD(epsilon=2, steps=4, norm=norm), [], AttackTrajectory.add

    def noted(self, image, logits):
        images.append(image.clone())
        original(self, image, logits)

    monkeypatch.setattr(AttackTrajectory, "add", noted)
    result = method(case)
    assert torch.equal(images[0], case.image)
    shares = case.model.logits(torch.stack(images).contiguous()).softmax(1)
    np.testing.assert_allclose(
        result["source confidence"].y, shares[:, case.target.index], atol=1e-5
    )
    distances = [float((image - case.image).double().square().mean().sqrt()) for image in images]
    np.testing.assert_allclose(result["rmse to source"].y, distances, rtol=1e-5, atol=1e-9)
    assert 1 / 255 < max(distances) <= 2 / 255 + 1e-6


def test_one_step_from_the_image_is_not_told_twice(case):
    assert len(FGSM(epsilon=24)(case)["source confidence"].y) == 3  # image, step, 8 bits
    assert len(PGD(epsilon=0)(case)["source confidence"].y) == 2


def test_a_list_is_watched_by_its_first_class(case):
    order = tuple(index for index in range(4) if index != case.target.index)[:2]
    result = QuadAttacK(steps=12)(OrderedCase(case, order))
    assert result["target confidence"].y_label == f"confidence in {case.model.labels[order[0]]}"
    assert len(result["source confidence"].y) == 1 + 12 + 1 + 1


def test_several_searches_are_told_one_behind_the_other(case):
    order = tuple(index for index in range(4) if index != case.target.index)[:2]
    result = QuadAttacK(steps=5, searches=3)(OrderedCase(case, order))
    assert len(result["source confidence"].y) == 1 + 3 * (5 + 1) + 1
    assert result["path"].steps[-1] == 3 * (5 + 1) + 1
    last = torch.from_numpy(result["path"].frames[-1].copy())
    assert torch.equal(last, attacked_pixels(result))


def test_few_images_of_large_ones_are_kept(monkeypatch):
    levels, logits = torch.zeros(3, 10, 10, dtype=torch.int16), torch.zeros(4)
    monkeypatch.setattr(ways, "LARGEST", (4 + 1) * 4 * levels.numel())
    assert AttackTrajectory(levels, logits, 100).wanted == {0, 33, 67, 100}
    monkeypatch.setattr(ways, "LARGEST", 1)
    assert AttackTrajectory(levels, logits, 100).wanted == {0, 100}
    assert AttackTrajectory(levels, logits, 0).wanted == {0}
