"""C-BSN as an experiment: its figures, by hand."""

import numpy as np
import pytest
import torch

from engine.attribution.cbsn import Cbsn, experiment
from engine.attribution.cbsn.claims import (
    CLAIMS,
    CONTROL,
    GAIN,
    HIDDEN,
    LESION,
    MAIN,
    WHITE,
    WHITE_CONTROL,
)
from engine.attribution.cbsn.experiment import kept_contrast
from engine.attribution.cbsn.learning import DenoiserConfig, denoise_both, learn
from engine.attribution.cbsn.noise import FACTORS, FILTERS, Filter, psnr
from engine.attribution.cbsn.seen import MASKED, OPEN, error
from engine.core.method import quiet
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase, deviation_column
from tests import tiny

QUICK = Cbsn(seeds=1, steps=3, images=5, blocks=1)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(tiny.squares_with_twins(), seed=4)


@pytest.fixture(scope="module")
def result(case):
    return answer(QUICK, case)


def test_figures_are_those_of_networks_trained_and_filters_tuned_by_hand(case, result):
    table = result["table"]
    for condition, correlation, stride in (
        (MAIN, 0.65, 5),
        (CONTROL, 0.65, 1),
        (WHITE, 0.0, 5),
        (WHITE_CONTROL, 0.0, 1),
    ):
        train = QUICK.noisy(case, "train", correlation, 60)
        test = QUICK.noisy(case, "test", correlation, 5)
        net = learn(train.noisy, DenoiserConfig(stride, 2, 2.0, 1, 24, 3, rate=1e-3), 4, quiet)
        hidden, denoised = denoise_both(net, test.noisy, stride)
        before = psnr(test.noisy, test.clean)
        assert (psnr(test.clean, test.clean) == 100).all()  # an image without error
        twins = denoise_both(net, test.twins + test.noise, stride)[1]
        expected = {
            GAIN: np.mean(psnr(denoised, test.clean) - before),
            HIDDEN: np.mean(psnr(hidden, test.clean) - before),
            LESION: kept_contrast(denoised - twins, test.clean - test.twins, test.masks),
        }
        figures = {name: table.cell(condition, name) for name in expected}
        assert figures == pytest.approx(expected, abs=1e-4)
    validation, test = (
        QUICK.noisy(case, split, 0.65, count) for split, count in (("validation", 10), ("test", 5))
    )
    for name in FILTERS:
        filters = [Filter(name, factor) for factor in FACTORS]
        tuned = max(filters, key=lambda f: psnr(f(validation.noisy), validation.clean).mean())
        gained = psnr(tuned(test.noisy), test.clean) - psnr(test.noisy, test.clean)
        assert table.cell(name, GAIN) == pytest.approx(gained.mean(), abs=1e-4)
        assert np.isnan(table.cell(name, HIDDEN))


def test_networks_learn_from_no_test_slice_and_see_no_clean_one(case, monkeypatch):
    training_images = []
    original = experiment.learn
    monkeypatch.setattr(
        experiment,
        "learn",
        lambda images, *rest: training_images.append(images) or original(images, *rest),
    )
    QUICK.condition(MAIN, case, quiet)
    train = QUICK.noisy(case, "train", 0.65, 60)
    assert torch.equal(training_images[0], train.noisy)
    assert (training_images[0] - train.clean).std().item() == pytest.approx(QUICK.sigma, rel=0.1)
    groups = [set(case.data.rows(split).tolist()) for split in ("train", "test")]
    assert not groups[0] & groups[1]


def test_half_a_lesion_is_half_kept_and_an_erased_one_is_seen_in_the_error():
    clean, masks = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    clean[0, 0, 1:3, 1:3], masks[0, 0, 1:3, 1:3] = 0.4, True
    elsewhere = torch.full_like(clean, 7.0) * ~masks
    assert kept_contrast(0.5 * clean + elsewhere, clean, masks) == pytest.approx(0.5)
    assert np.isnan(kept_contrast(clean, torch.zeros_like(clean), masks))
    without_twins = ExperimentCase(tiny.squares())
    assert np.isnan(QUICK.condition(MAIN, without_twins, quiet)[0][LESION])
    clean = np.full((32, 32, 3), 90, np.uint8)
    clean[10:16, 10:16] = 130  # a lesion
    erased = np.full_like(clean, 90)
    noise = 0.15 * 255 * np.random.default_rng(0).standard_normal((32, 32, 1))
    noisy = np.clip(clean + noise, 0, 255).astype(int)
    removed = np.clip(128 + 3 * (noisy - erased), 0, 255)
    assert np.isin(removed, (0, 255)).mean() > 0.2  # why the noise that was removed is not shown
    difference = error(clean, erased)
    assert (difference[10:16, 10:16] == 128 - 3 * 40).all()
    difference[10:16, 10:16] = 128
    assert (difference == 128).all()


def test_what_is_shown_is_of_the_first_networks_with_three_times_its_error(case, result):
    assert result["center"].cell(MASKED, "at the center") == 0
    assert result["center"].cell(OPEN, "at the center") > 0
    curves = [column for name in (MAIN, CONTROL) for column in (f"{name}, blind spot", name)]
    assert list(result["gained"].order) == ["steps", *curves]
    assert result["autocorrelation"]["noise"][1] == pytest.approx(0.65, abs=0.1)
    assert abs(result["autocorrelation"]["after S_b"][1]) < 0.4
    assert result["found"].columns[-1] == "clean"
    view = result["found"]
    pictures = {name: view.images[:, at].astype(int) for at, name in enumerate(view.columns)}
    expected = 128 + 3 * (pictures["C-BSN"] - pictures["clean"])
    np.testing.assert_array_equal(pictures["error × 3"], expected.clip(0, 255))
    assert np.ptp(pictures["error × 3"]) > 0


def test_claims_are_margins_in_decibels_and_the_sentence_says_what_is_left_of_lesions(result, case):
    assert set(result["claims"].units[1:]) == {"dB"}
    figures = {
        MAIN: (4.0, 3.5, 0.95),
        CONTROL: (1.0, 0.5, 1.0),
        WHITE: (5.0, 4.0, 1.0),
        WHITE_CONTROL: (5.5, 5.0, 1.0),
        **dict.fromkeys(FILTERS, (2.0, 0, 1.0)),
    }

    def of(condition, measure):
        return figures[condition][(GAIN, HIDDEN, LESION).index(measure)]

    margins = [claim.margin(of) for claim in CLAIMS]
    assert margins == pytest.approx([1, 2, 0.5, 0.5, 2, 20 * np.log10(0.95) + 1])
    assert result["table"].units[0] == "dB"
    assert deviation_column(GAIN) in result["table"].order
    table = result["table"]
    sentence = QUICK.finding(case, result)
    assert sentence.startswith(f"Without a clean image it gains {table.cell(MAIN, GAIN):.1f} dB")
    first = max(FILTERS, key=lambda name: table.cell(name, GAIN))
    assert f"; {first}, the best filter, gains {table.cell(first, GAIN):.1f} dB" in sentence
    for row in (MAIN, first):
        assert f"keeps {100 * table.cell(row, LESION):.0f} % of the lesions' contrast" in sentence
