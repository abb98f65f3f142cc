"""What the generators that ship draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.models import embedded
from engine.unlearning import Samples
from engine.unlearning.generator.judging import PICTURED_SAMPLES, read_by
from engine.unlearning.generator.weights import shipped_case


def strip_images(view, row, column):
    """The single images of a strip, (n, 1, side, side) in [0, 1]."""
    strip = view.images[row, column, :, :, 0]
    side = len(strip)
    images = np.stack([strip[:, at * (side + 1) :][:, :side] for at in range(PICTURED_SAMPLES)])
    return torch.from_numpy(images / np.float32(255))[:, None]


@pytest.fixture(scope="module")
def found():
    return Samples()(shipped_case("digits-generator"))


def test_samples_are_read_as_asked_by_another_judge():
    """An MLP that never judged them reads the pictures themselves."""
    result = Samples(each=8)(shipped_case("digits-generator"))
    judge, right = embedded.load("digits-mlp"), []
    for row in range(10):
        right += (read_by(judge, strip_images(result["sheet"], row, 0)) == row).tolist()
    assert np.mean(right) >= 0.85
    assert result["read"].values.diagonal().mean() >= 0.9
    assert np.allclose(result["read"].values.sum(1), 1)


def test_the_floor_lies_below_the_samples(found):
    figures = found["figures"]
    floor, far = (figures.cell(name, "distance") for name in ("real images", "samples"))
    assert 0 < floor < far
    assert figures["images compared"].tolist() == [200, 200]
    assert figures.cell("real images", "read as asked") > 0.95


def test_the_sentence_is_made_of_the_figures(found):
    case = shipped_case("digits-generator")
    figures = found["figures"]
    sentence = Samples().finding(case, found)
    assert f"{100 * figures.cell('samples', 'read as asked'):.0f} % of the samples" in sentence
    assert f"{figures.cell('samples', 'distance'):.1f}" in sentence


def test_without_guidance_for_a_class_any_class_is_drawn():
    result = Samples(guidance=0.0, each=8)(shipped_case("digits-generator"))
    assert result["read"].values.diagonal().mean() < 0.4
