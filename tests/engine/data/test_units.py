"""Units of one group answer alike, and those of another do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.data.units import gabor_units, on_off_units


def stripes(angle, phase=0.0, side=18):
    at = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    along = x * np.cos(angle) + y * np.sin(angle)
    return torch.cos(2 * np.pi * along / 6 + phase)


def test_a_gabor_unit_answers_most_to_stripes_of_its_orientation_wherever_they_begin():
    units = gabor_units()
    assert len(units) == 60
    for phase in (0.0, 1.0, 2.5):
        images = torch.stack([stripes(np.pi * g / 4, phase) for g in range(4)])
        answers = units(images.float())  # (4, 60)
        assert (answers.argmax(0) == units.group).all()
        group_answers = answers[units.group, torch.arange(60)]
        assert group_answers.min() > 2 * answers.sort(0).values[-2].max()


def test_groups_are_as_large_as_each_other_and_the_seed_decides():
    units = gabor_units(count=40, orientations=4)
    assert torch.bincount(units.group).tolist() == [10] * 4
    assert torch.equal(units.filters, gabor_units(count=40).filters)
    assert not torch.equal(units.filters, gabor_units(count=40, seed=1).filters)


def test_on_cells_answer_to_light_and_off_cells_to_dark():
    units = on_off_units()
    at = torch.arange(18) - 8.5
    spot = torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / 4)
    light, dark = units(torch.stack([spot, -spot]))
    on = units.group == 0
    assert (light[on] > 0).all()
    assert (dark[~on] > 0).all()
    assert light[~on].max() == dark[on].max() == 0


@pytest.mark.parametrize("units", [gabor_units(8), on_off_units(8)])
def test_answers_can_be_climbed(units):
    image = torch.randn(2, 18, 18, generator=torch.Generator().manual_seed(0)).requires_grad_()
    units(image).sum().backward()
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0
