"""Detectors beside each other, and what scores make of images that are made worse."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine.anomaly import KNN, ODIN, QUICK, Compare, Corrupt, FamiliarCase
from engine.anomaly.protocol.corrupt import LEVELS
from engine.evaluation.detection.corruption import CORRUPTIONS, corrupted
from engine.evaluation.detection.standing import apart_where_unseen, operating
from engine.vision.data import load
from engine.vision.models import catalog
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())


def test_each_row_is_what_the_detector_says_when_asked_alone():
    result = Compare(odin=True)(CASE)
    table = result["ranking"]
    assert table.rows == tuple(kind.name for kind in (*QUICK, ODIN))
    for kind, row in zip((*QUICK, ODIN), table.values, strict=True):
        alone = kind()(CASE)
        measures = dict(zip(alone["measures"].columns, alone["measures"].values[0], strict=True))
        below = (alone["normal"].values < alone["subject"].values[0]).mean()
        errors = measures["FPR95, unknown positive"]
        expected = [alone["p"].values[0], below, measures["AUROC"], errors]
        assert row == pytest.approx(expected, abs=1e-6)
    bonferroni = len(table.rows) * table.values[:, 0].min()
    assert result["together"].values[0] == pytest.approx(min(1, bonferroni))


def test_a_model_without_a_head_is_compared_by_what_reads_logits():
    model = tiny.linear_case().model
    result = Compare()(tiny.familiar_case(model))
    logits_alone = {kind.name for kind in QUICK if "head" not in kind.needs}
    assert {"MSP", "MaxLogit", "Energy", "GEN"} <= logits_alone
    assert set(result["ranking"].rows) == logits_alone
    assert np.isfinite(result["ranking"].values).all()


@pytest.fixture(scope="module")
def answer():
    return KNN()(tiny.familiar_case(tiny.cnn()))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_operating_point_lies_on_its_curve(answer, share):
    scores = np.sort(np.concatenate([answer["held"].values, answer["unknown"].values]))
    line = float(scores[int(share * (len(scores) - 1))])
    for name, (x, y) in operating(answer, line).items():
        curve = answer[name]
        assert (np.isclose(curve.x, x, atol=1e-6) & np.isclose(curve.y, y, atol=1e-6)).any(), name


def test_a_line_above_everything_flags_nothing_and_makes_no_false_alarm(answer):
    points = operating(answer, 1e9)
    assert points["roc"] == (0.0, 0.0)
    assert points["pr"] == (0.0, 1.0)


def test_what_sets_an_image_apart_is_split_at_the_middle_of_the_weights():
    weight = np.array([4, 1, 3, 2], np.float32)
    activations, usual = np.array([1, 5, 0, 1], np.float32), np.array([0, 2, 0, 1], np.float32)
    assert apart_where_unseen(weight, activations, usual) == pytest.approx(0.75)


PIXELS = torch.rand(4, 3, 24, 24, generator=tiny.seeded(0))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_nothing_happens_at_zero_and_more_and_more_after_it_by_the_seed(kind):
    assert torch.equal(corrupted(PIXELS, kind, 0.0), PIXELS)
    far = [float((corrupted(PIXELS, kind, s) - PIXELS).abs().mean()) for s in (0.1, 0.4, 1.0)]
    assert 0 < far[0] < far[1] < far[2]
    result = corrupted(PIXELS, kind, 0.8, seed=3)
    assert result.shape == PIXELS.shape
    assert 0 <= result.min() <= result.max() <= 1
    assert torch.equal(result, corrupted(PIXELS, kind, 0.8, seed=3))


def test_contrast_keeps_the_mean_and_shrinks_the_deviation():
    result = corrupted(PIXELS, "contrast", 1.0)
    assert result.mean((1, 2, 3)) == pytest.approx(PIXELS.mean((1, 2, 3)).numpy(), abs=1e-5)
    assert float(result.std() / PIXELS.std()) == pytest.approx(0.05, abs=0.01)


def test_a_flat_picture_is_not_changed_by_blur_or_a_turn():
    flat = torch.full((1, 3, 24, 24), 0.3)
    for kind in ("blur", "rotation", "contrast"):
        assert corrupted(flat, kind, 0.7) == pytest.approx(0.3, abs=1e-5)


def test_a_quarter_turn_turns_a_picture_by_a_quarter():
    turned = torch.rot90(PIXELS, 1, (2, 3))
    assert torch.allclose(corrupted(PIXELS, "rotation", 1.0), turned, atol=1e-4)


def test_half_of_the_picture_is_covered_at_one():
    bright = torch.ones(5, 3, 40, 40)
    covered = (corrupted(bright, "occlusion", 1.0)[:, 0] == 0.5).float().mean((1, 2))
    assert covered == pytest.approx(0.5, abs=0.02)


def test_noise_of_half_a_brightness_at_one_before_it_is_cut():
    gray = torch.full((1, 3, 200, 200), 0.5)
    result = corrupted(gray, "noise", 0.2)
    assert float(result.std()) == pytest.approx(0.1, abs=0.005)


def test_noise_on_digits_raises_the_score_as_accuracy_falls():
    data = load("digits")
    image = data.pixels(data.rows("test")[:1])[0].contiguous()
    result = Corrupt(images=128)(FamiliarCase(catalog.load("digits-mlp"), image, data))
    steps, flags = result["steps"], result["flags"]
    normal, right = steps["median normal score"], steps["accuracy"]
    assert len(normal) == len(LEVELS)
    assert right[0] > right[-1] + 0.25
    assert normal[-1] > normal[4] > normal[0]
    area = steps["AUROC against untouched"]
    assert area[0] == pytest.approx(0.5, abs=0.05)  # by chance where nothing is changed
    assert area[-1] > 0.8
    assert steps["median normal p-value"][-1] < 0.15
    assert np.median(flags["severity 0"]) == pytest.approx(0.5, abs=0.12)
    flagged = (flags.values <= 0.05).mean(0)
    assert flagged[0] < 0.12
    assert flagged[-1] > 0.3


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_blur_is_gaussian_with_a_twelfth_of_the_side_at_its_strongest(severity):
    sigma = severity * 24 / 12
    sigmas, radius = (0, 0, sigma, sigma), round(3 * sigma)
    slow = gaussian_filter(PIXELS.double().numpy(), sigmas, mode="nearest", radius=radius)
    assert corrupted(PIXELS, "blur", severity).numpy() == pytest.approx(slow, abs=1e-4)
