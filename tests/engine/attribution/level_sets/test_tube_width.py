"""The width of the tube against a plain loop, and what its directions are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.level_sets.tube_width import RADII, Directions, TubeWidth
from engine.case.scoring import in_memory, laid_out
from engine.method import quiet
from tests import tiny
from tests.engine.attribution.level_sets import slowly

WALK = {"eta": 0.05, "steps": 60, "epsilon": None, "noise": 0}


def test_on_a_linear_model_the_quantiles_are_those_of_a_plain_loop():
    case, confidence = slowly.linear_pair()
    result = TubeWidth(places=3, draws=16, **WALK)(case)
    target, w = case.others[0].double().numpy(), case.model.network.weight.double().numpy()
    for place, steps in enumerate((0, 30, 60)):
        x = slowly.linear_end(case, case.others[0], 0.05, steps)
        way = target - x
        across = way - w * (way * w).sum() / (w * w).sum()
        unit = across / np.sqrt((across**2).sum())
        confidences = np.empty((16, 4))
        for number in range(16):
            generator = torch.Generator().manual_seed(place * 1_000_003 + number)
            wild = torch.randn(3, 8, 8, generator=generator).double().numpy()
            wild -= (wild * unit).sum() * unit
            wild /= np.sqrt((wild**2).sum())
            confidences[number] = [confidence(np.clip(x + r * wild, 0, 1)) for r in RADII]
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
    wild = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(direction_seed))
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


def test_images_beside_the_walk_are_clipped_to_proper_pixels():
    """Near black and white a step aside of length 2 leaves the box."""
    case, confidence = slowly.linear_pair()
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
