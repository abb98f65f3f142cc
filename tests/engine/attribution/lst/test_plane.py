"""On a linear model the walk lies in one plane, and the confidence there and beside it is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.lst.method import LST
from engine.attribution.lst.plane import Basis, Plane, heights
from engine.attribution.lst.tube_width import RADII, Directions, TubeWidth
from engine.core.errors import BlindspotError
from engine.core.method import quiet
from engine.vision.case.scoring import in_memory, laid_out
from tests import tiny
from tests.engine.attribution.lst import slowly

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
    for row, column in np.ndindex(len(y), len(x)):
        image = np.clip(source + x[column] * way + y[row] * aside, 0, 1).reshape(3, 8, 8)
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


def test_a_plane_needs_one_image_beside_the_line_and_holds_all_that_lie_in_it():
    case, frames = line_of_one_number()
    with pytest.raises(BlindspotError, match="straight"):
        Basis.of(case, frames)
    frames[2, 2, 7, 7] += 0.25
    plane = Basis.of(case, frames)
    assert plane.held == 1
    assert plane.places.numpy() == pytest.approx(np.array([[0, 0], [0.5, 0], [1, 0.5]]))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_plane_holds_the_widest_bend_up_whichever_way_the_eigenvectors_point(sign, monkeypatch):
    """Half way the walk is 0.1 beside the line in one number, at its end 0.2 in another."""
    case, frames = line_of_one_number()
    frames[1, 0, 0, 0] += 0.1
    frames[2, 2, 7, 7] += 0.2
    real = torch.linalg.eigh

    def turned(matrix):
        spread, sides = real(matrix)
        return spread, sides * sign * sides[2, -1].sign()

    monkeypatch.setattr(torch.linalg, "eigh", turned)
    plane = Basis.of(case, frames)
    assert plane.held == pytest.approx(0.2**2 / (0.1**2 + 0.2**2))
    assert plane.places.numpy() == pytest.approx(np.array([[0, 0], [0.5, 0], [1, 0.4]]), abs=1e-6)
    way, aside = plane.directions
    assert way[1, 2, 3].item() == aside[2, 7, 7].item() == pytest.approx(0.5)
    assert way.count_nonzero() == 1


def test_images_of_the_plane_and_beside_the_walk_are_clipped_to_proper_pixels():
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
    # near black and white a step aside of length 2 leaves the box
    ends = torch.rand(1, 3, 8, 8, generator=tiny.seeded(1)).round()
    way = torch.ones(1, 3, 8, 8)
    values = TubeWidth(draws=16).strayed(case, ends, way, quiet)
    aside, plain = Directions(case.source, way), laid_out(case.source, ends[0])
    for number in range(16):
        for radius, value in zip(RADII, values[0, number], strict=True):
            image = plain.clone()
            in_memory(image).add_(aside(0, number), alpha=radius)
            assert image.max() > 1
            assert image.min() < 0
            assert float(value) == pytest.approx(confidence(image.clamp(0, 1)), abs=1e-4)


def test_the_points_are_those_of_the_walk_also_where_it_is_stuck():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    walk = LST(eta=0.05, steps=40, frames=40)(case)
    result = Plane(cells=8, eta=0.05, steps=40)(case)
    np.testing.assert_array_equal(result["walk"].values, walk["path"].values)
    way = (case.others[0] - case.source.image).double().numpy().ravel()
    source = case.source.image.double().numpy()
    along = [(frame - source).ravel() @ way / (way @ way) for frame in walk["path"].frames]
    np.testing.assert_allclose(result["walk"].places[:, 0], along, atol=1e-3)
    assert 0 < result["figures"].values[0, 0] <= 1
    result = Plane(cells=8, eta=0.1, steps=60, epsilon=None, delta=0.05, noise=0)(case)
    assert len(result["walk"].places) < 40
    assert result["walk"].places[-1, 0] < 0.9


def test_the_walk_begins_at_the_source_with_its_noise_on_it():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    method = Plane(cells=8, eta=0.05, steps=40, noise=8)
    result = method(case)
    source, way = case.source.image.double(), (case.others[0] - case.source.image).double()
    noised = (source + method.start_noise(case.source).double()).clamp(0, 1) - source
    along = (noised * way).sum() / (way * way).sum()
    assert abs(along) > 1e-4
    first, silent = result["walk"].places[0], Plane(cells=8, eta=0.05, steps=40, noise=0)(case)
    assert first[0] == pytest.approx(along.item(), abs=1e-5)
    assert first[1] != 0
    np.testing.assert_allclose(silent["walk"].places[0], [0, 0], atol=1e-7)
    shares = case.model.logits((source + noised).float()[None]).softmax(1)[0]
    confidence = shares[case.source.target.index].item()
    assert result["walk"].values[0] == pytest.approx(confidence, abs=1e-5)
    assert 0 < result["walk"].places[1, 0] - first[0] <= 2 * 0.05


@pytest.mark.parametrize(("low", "high"), [(-0.32, 0.5), (0.0, 0.23), (-0.61, -0.02)])
def test_the_grid_s_rows_take_in_the_walk_with_its_margin_and_little_more(low, high):
    """Whole steps from the line, which is a row of its own where the walk comes near it."""
    rows = heights(torch.tensor([low, 0.5 * (low + high), high]), 0.05).numpy()
    assert rows / 0.05 == pytest.approx(np.rint(rows / 0.05), abs=1e-4)
    assert np.diff(rows) == pytest.approx(0.05)
    assert low - 0.1 - 0.051 < rows[0] <= low - 0.1 + 1e-6
    assert high + 0.1 - 1e-6 <= rows[-1] < high + 0.1 + 0.051


def test_on_a_linear_model_the_quantiles_are_those_of_a_plain_loop():
    case, confidence = slowly.linear_pair()
    result = TubeWidth(places=3, draws=16, **WALK)(case)
    target, w = case.others[0].double().numpy(), case.model.network.weight.double().numpy()
    for place, steps in enumerate((0, 30, 60)):
        x = slowly.linear_end(case, case.others[0], 0.05, steps)
        way = target - x
        across = way - w * (way * w).sum() / (w * w).sum()
        unit = across / np.sqrt((across**2).sum())
        confidences = []
        for number in range(16):
            chance = tiny.seeded(place * 1_000_003 + number)
            wild = torch.randn(3, 8, 8, generator=chance).double().numpy()
            wild -= (wild * unit).sum() * unit
            wild /= np.sqrt((wild**2).sum())
            confidences.append([confidence(np.clip(x + r * wild, 0, 1)) for r in RADII])
        for name, level in (("low", 0.05), ("high", 0.95)):
            expected = np.quantile(confidences, level, axis=0)
            np.testing.assert_allclose(result[name].values[:, place], expected, atol=2e-4)
    assert result["low"].values.shape == (4, 3)
    assert result["low"].x.tolist() == [0, 30, 60]
    assert (np.diff(result["high"].values - result["low"].values, axis=0) > 0).all()


def test_directions_are_of_unit_length_across_the_way_and_each_its_own():
    case = tiny.cnn_case()
    ways = torch.stack([tiny.image(seed=4), tiny.image(seed=5)]) - 0.5
    aside = Directions(case, ways)
    result = torch.stack([aside(place, number) for place in range(2) for number in range(3)])
    torch.testing.assert_close(result.norm(dim=1), torch.ones(6))
    flat = [in_memory(laid_out(case, way)) for way in ways]
    along = [float(result[i] @ flat[i // 3]) for i in range(6)]
    np.testing.assert_allclose(along, 0, atol=1e-4)
    assert (result @ result.T - torch.eye(6)).abs().max() < 0.1
    torch.testing.assert_close(aside(0, 0), result[0])


@pytest.mark.parametrize("seed", [2, 2**40 + 7])
def test_a_direction_follows_from_the_seed_its_place_and_its_number(seed):
    case = replace(tiny.cnn_case(), seed=seed)
    way = tiny.image(seed=4) - 0.5
    aside = Directions(case, torch.stack([way, way]))
    direction_seed = ((seed * 1_000_003 + 1) * 1_000_003 + 5) % 2**63
    wild = torch.randn(3, 32, 32, generator=tiny.seeded(direction_seed))
    wild -= (wild * way).sum() / (way * way).sum() * way
    wild = in_memory(laid_out(case, wild / wild.norm()))
    torch.testing.assert_close(aside(1, 5), wild, atol=1e-5, rtol=0)


def test_places_are_the_steps_nearest_to_equal_distances_and_the_bound_is_delta_below_the_source():
    """A seventh of 60 steps is 8.57."""
    case, confidence = slowly.linear_pair()
    method = TubeWidth(places=8, draws=16, delta=0.125, **WALK)
    stops = np.array([0, 9, 17, 26, 34, 43, 51, 60])
    assert method(case)["confidence"].x.tolist() == stops.tolist()
    images, ways, confidences, bound = method.walked(case, stops, quiet)
    assert images.shape == ways.shape == (8, 3, 8, 8)
    assert bound == pytest.approx(confidence(case.source.image) - 0.125, abs=1e-6)
    for stop, image, way, value in zip(stops, images, ways, confidences, strict=True):
        end = slowly.linear_end(case, case.others[0], 0.05, int(stop))
        np.testing.assert_allclose(image, end, atol=1e-5)
        left = slowly.linear_end(case, case.others[0], 1.0, 1) - case.source.image.numpy()
        np.testing.assert_allclose(way, 0.95**stop * left, atol=1e-5)
        assert float(value) == pytest.approx(confidence(image), abs=1e-5)


def test_where_the_walk_is_below_the_bound_there_is_no_tube(monkeypatch):
    case, _ = slowly.linear_pair()
    method = TubeWidth(places=3, draws=16, **WALK)
    walked = TubeWidth.walked

    def fallen(self, *given):
        images, ways, confidences, bound = walked(self, *given)
        confidences[1], confidences[2] = bound - 0.01, bound  # at the bound is not below it
        return images, ways, confidences, bound

    monkeypatch.setattr(TubeWidth, "walked", fallen)
    result = method(case)
    for name in ("low", "high"):
        assert (result[name].values[:, 1] == 0).all()
        assert (result[name].values[:, [0, 2]] > 0).all()
