"""On a linear model the walk lies in one plane, and the confidence there is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Basis, Plane, heights
from engine.errors import BlindspotError
from engine.method import quiet
from tests import tiny
from tests.engine.attribution.level_sets import slowly

WALK = {"eta": 0.05, "steps": 60, "epsilon": None, "noise": 0}


def test_on_a_linear_model_the_plane_is_exact():
    case, confidence = slowly.linear_pair()
    result = Plane(cells=8, **WALK)(case)
    source, target = (
        image.double().numpy().ravel() for image in (case.source.image, case.others[0])
    )
    way = target - source
    w = case.model.network.weight.double().numpy().ravel()
    aside = -w * (way @ w)  # the walk leaves the line against the slope …
    aside -= way * (aside @ way) / (way @ way)  # … as far as that is not along the line
    aside *= np.linalg.norm(way) / np.linalg.norm(aside)
    assert result["figures"].values[0, 0] == pytest.approx(1, abs=1e-6)
    x, y = result["field"].x, result["field"].y
    assert result["field"].values.shape == (len(y), len(x))
    for row, up in enumerate(y):
        for column, along in enumerate(x):
            image = np.clip(source + along * way + up * aside, 0, 1).reshape(3, 8, 8)
            assert result["field"].values[row, column] == pytest.approx(confidence(image), abs=1e-4)
    end = slowly.linear_end(case, case.others[0], 0.05, 60).ravel() - source
    place = [end @ way / (way @ way), end @ aside / (way @ way)]
    np.testing.assert_allclose(result["walk"].places[0], [0, 0], atol=1e-6)
    np.testing.assert_allclose(result["walk"].places[-1], place, atol=1e-5)
    assert place[1] > 0.05
    assert np.ptp(result["walk"].values) < 1e-4
    assert result["line"].places[:, 0] == pytest.approx(np.arange(41) / 40)
    assert not result["line"].places[:, 1].any()
    line = [confidence((source + t * way).reshape(3, 8, 8)) for t in result["line"].places[:, 0]]
    np.testing.assert_allclose(result["line"].values, line, atol=1e-4)
    assert (x[0], x[-1]) == pytest.approx((-0.1, 1.1))
    assert y[0] < 0 < result["walk"].places[:, 1].max() < y[-1]
    assert 0 in y
    assert len(x) == 9
    assert np.diff(x) == pytest.approx(1.2 / 8)
    assert np.diff(y) == pytest.approx(1.2 / 8)  # the same up as along, so that angles are true


def line_of_one_number():
    """A pair that differs in one number, and frames half and all of the way."""
    case, _ = slowly.linear_pair()
    source = torch.full((3, 8, 8), 0.25)
    target = source.clone()
    target[1, 2, 3] = 0.75
    frames = torch.stack([source, source.lerp(target, 0.5), target])
    return replace(case, source=replace(case.source, image=source), others=(target,)), frames


def test_a_walk_that_never_leaves_the_line_has_no_plane():
    case, frames = line_of_one_number()
    with pytest.raises(BlindspotError, match="straight"):
        Basis.of(case, frames)


def test_one_image_beside_the_line_is_enough_for_a_plane_that_holds_all():
    case, frames = line_of_one_number()
    frames[2, 2, 7, 7] += 0.25
    plane = Basis.of(case, frames)
    assert plane.held == 1
    assert plane.places.numpy() == pytest.approx(np.array([[0, 0], [0.5, 0], [1, 0.5]]))


def test_the_plane_holds_the_widest_bend_and_tells_its_share_of_all():
    """Half way the walk is 0.1 beside the line in one number, at its end 0.2 in another."""
    case, frames = line_of_one_number()
    frames[1, 0, 0, 0] += 0.1
    frames[2, 2, 7, 7] += 0.2
    plane = Basis.of(case, frames)
    assert plane.held == pytest.approx(0.2**2 / (0.1**2 + 0.2**2))
    assert plane.places.numpy() == pytest.approx(np.array([[0, 0], [0.5, 0], [1, 0.4]]), abs=1e-6)
    way, aside = plane.directions
    assert way[1, 2, 3].item() == aside[2, 7, 7].item() == pytest.approx(0.5)
    assert way.count_nonzero() == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_the_walk_bends_up_whichever_way_the_eigenvectors_point(sign, monkeypatch):
    case, frames = line_of_one_number()
    frames[1, 0, 0, 0] += 0.1
    frames[2, 2, 7, 7] += 0.2
    real = torch.linalg.eigh

    def turned(matrix):
        spread, sides = real(matrix)
        return spread, sides * sign * sides[2, -1].sign()

    monkeypatch.setattr(torch.linalg, "eigh", turned)
    plane = Basis.of(case, frames)
    assert plane.places[2].tolist() == pytest.approx([1, 0.4])
    assert plane.directions[1, 2, 7, 7].item() == pytest.approx(0.5)


def test_images_of_the_plane_are_clipped_to_proper_pixels():
    case, confidence = slowly.linear_pair()
    source, target = case.source.image, case.others[0]
    way = target - source
    aside = way.flip(-1)
    plane = Basis(source, torch.stack([way, aside]), torch.zeros(1, 2), 1.0)
    places = torch.tensor([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0], [-4.0, 0.0], [2.0, 3.0]])
    result = Plane().looked(case, plane, places, quiet)
    for value, (along, across) in zip(result.tolist(), places.tolist(), strict=True):
        image = (source + along * way + across * aside).double().numpy()
        assert value == pytest.approx(confidence(np.clip(image, 0, 1)), abs=1e-5)
        assert (image.max() > 1 and image.min() < 0) == (abs(along) > 1)
        if abs(along) > 1:
            assert abs(confidence(image) - value) > 1e-3


def test_the_points_are_those_of_the_walk():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    walk = LST(eta=0.05, steps=40, frames=40)(case)
    result = Plane(cells=8, eta=0.05, steps=40)(case)
    np.testing.assert_array_equal(result["walk"].values, walk["path"].values)
    way = (case.others[0] - case.source.image).double().numpy().ravel()
    source = case.source.image.double().numpy()
    along = [(frame - source).ravel() @ way / (way @ way) for frame in walk["path"].frames]
    np.testing.assert_allclose(result["walk"].places[:, 0], along, atol=1e-3)
    assert 0 < result["figures"].values[0, 0] <= 1


def test_a_stuck_walk_ends_at_its_last_step_all_the_same():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    result = Plane(cells=8, eta=0.1, steps=60, epsilon=None, delta=0.05, noise=0)(case)
    assert len(result["walk"].places) < 40
    assert result["walk"].places[-1, 0] < 0.9


def test_the_walk_begins_at_the_source_with_its_noise_on_it():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    method = Plane(cells=8, eta=0.05, steps=40, noise=8)
    result = method(case)
    source, way = case.source.image.double(), (case.others[0] - case.source.image).double()
    start = method.start_noise(case.source).double()
    noised = (source + start).clamp(0, 1) - source
    along = (noised * way).sum() / (way * way).sum()
    assert abs(along) > 1e-4
    first, silent = result["walk"].places[0], Plane(cells=8, eta=0.05, steps=40, noise=0)(case)
    assert first[0] == pytest.approx(along.item(), abs=1e-5)
    assert first[1] != 0
    np.testing.assert_allclose(silent["walk"].places[0], [0, 0], atol=1e-7)
    model = case.model
    confidence = model.logits((source + noised).float()[None]).softmax(1)[
        0, case.source.target.index
    ]
    assert result["walk"].values[0] == pytest.approx(confidence.item(), abs=1e-5)
    assert 0 < result["walk"].places[1, 0] - first[0] <= 2 * 0.05


@pytest.mark.parametrize(("low", "high"), [(-0.32, 0.5), (0.0, 0.23), (-0.61, -0.02)])
def test_the_grid_s_rows_take_in_the_walk_with_its_margin_and_little_more(low, high):
    """Whole steps from the line, which is a row of its own where the walk comes near it."""
    rows = heights(torch.tensor([low, 0.5 * (low + high), high]), 0.05).numpy()
    assert rows / 0.05 == pytest.approx(np.rint(rows / 0.05), abs=1e-4)
    assert np.diff(rows) == pytest.approx(0.05)
    assert low - 0.1 - 0.051 < rows[0] <= low - 0.1 + 1e-6
    assert high + 0.1 - 1e-6 <= rows[-1] < high + 0.1 + 0.051
