"""Noise that neighbors share, and the filters beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.attribution.experiments.cbsn.noise import (
    BLOCK,
    FACTORS,
    FILTERS,
    KEEP,
    Filter,
    autocorrelation,
    best_filter,
    drawn_noise,
    estimated,
    psnr,
    shrinkage,
)


def noise(sigma=0.1, correlation=0.65, side=300):
    return drawn_noise((1, 1, side, side), sigma, correlation, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.65, 0.7])
def test_noise_has_the_deviation_and_the_correlation_that_were_asked_for(correlation):
    result = noise(0.2, correlation)
    shared = autocorrelation(result, 4)
    assert result.std().item() == pytest.approx(0.2, rel=0.03)
    assert shared[0] == pytest.approx(1)
    assert shared[1] == pytest.approx(correlation, abs=0.03)
    assert abs(shared[3:]).max() < 0.03


def test_autocorrelation_is_that_of_moved_copies():
    result = torch.randn(1, 1, 8, 9, generator=torch.Generator().manual_seed(2)).double()
    values = (result - result.mean())[0, 0].numpy()
    expected = ((values[:, 2:] * values[:, :-2]).mean() + (values[2:] * values[:-2]).mean()) / 2
    assert autocorrelation(result, 2)[2] == pytest.approx(expected / (values**2).mean(), abs=1e-6)
    assert np.isnan(autocorrelation(result, 8)[8])


def test_psnr_is_ten_logarithms_of_the_mean_square_and_clips():
    truth = torch.full((1, 1, 4, 4), 0.5)
    assert psnr(truth + 0.1, truth)[0] == pytest.approx(20, abs=1e-3)
    assert psnr(truth + 9, truth)[0] == pytest.approx(-10 * np.log10(0.25), abs=1e-3)


def test_the_estimate_is_right_for_white_noise_and_too_low_where_neighbors_share_it():
    white, shared = (
        noise(correlation=correlation)[0].permute(1, 2, 0).numpy() for correlation in (0.0, 0.65)
    )
    assert estimated(white) == pytest.approx(0.1, rel=0.05)
    assert estimated(shared) < 0.06


def test_block_shrinkage_is_the_mean_over_all_places_of_a_block():
    from scipy.fft import dctn, idctn

    image = np.random.default_rng(0).normal(size=(20, 18, 1))
    result = shrinkage(image, 0.4)
    total, count = np.zeros((20, 18)), 0
    row, column = 9, 8
    for top in range(row - BLOCK + 1, row + 1):
        for left in range(column - BLOCK + 1, column + 1):
            parts = dctn(image[top : top + BLOCK, left : left + BLOCK, 0], norm="ortho")
            shrunk = np.where(abs(parts) < KEEP * 0.4, 0, parts)
            shrunk[0, 0] = parts[0, 0]
            total[row, column] += idctn(shrunk, norm="ortho")[row - top, column - left]
            count += 1
    assert result[row, column, 0] == pytest.approx(total[row, column] / count)
    assert shrinkage(image, 0.0) == pytest.approx(image)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_takes_white_noise_off_and_is_given_its_best_factor(name):
    ramp = torch.linspace(0.2, 0.8, 40)
    truth = ramp.expand(1, 3, 40, 40) if name == "total variation" else ramp.expand(1, 1, 40, 40)
    noisy = truth + drawn_noise(truth.shape, 0.1, 0.0, torch.Generator().manual_seed(0))
    result = best_filter(name, noisy, truth)
    nearness = [psnr(Filter(name, factor)(noisy), truth)[0] for factor in FACTORS]
    assert result.factor == FACTORS[int(np.argmax(nearness))]
    assert max(nearness) > psnr(noisy, truth)[0] + 4
