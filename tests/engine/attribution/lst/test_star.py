"""Where walks end: on a star's limbs, in a triangle and a grid, many at once, and one in short."""

import numpy as np
import pytest
import torch

from engine.attribution.lst import star
from engine.attribution.lst.blind_spot import SIDE, BlindSpot, averaged_end
from engine.attribution.lst.grid import Grid
from engine.attribution.lst.method import LST
from engine.attribution.lst.simplex import Simplex, barycentric, corners, statistics
from engine.attribution.lst.spots import blind_spots
from engine.attribution.lst.star import Star
from engine.attribution.lst.traversal import Traversal
from engine.core.errors import BlindspotError
from engine.core.result import Path
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target
from engine.vision.models.pace import Pace
from tests import tiny
from tests.engine.attribution.lst import slowly

WALK = {"eta": 0.05, "steps": 60, "epsilon": None, "noise": 0}


def test_limbs_are_the_segments_looked_at_one_by_one():
    case, confidence = slowly.linear_pair(targets=5)
    result = Star(points=9, **WALK)(case)
    source = case.source.image.double().numpy()
    for row, target in enumerate(case.others):
        for name, end in (
            ("limbs", slowly.linear_end(case, target, 0.05, 60)),
            ("controls", target.double().numpy()),
        ):
            expected = [confidence(source + t * (end - source)) for t in np.linspace(0, 1, 9)]
            np.testing.assert_allclose(result[name].values[row], expected, atol=1e-4)
        for name in ("limbs", "controls"):
            assert result[name].x == pytest.approx(np.arange(9) / 8)
            assert result[name].y.tolist() == [0, 1, 2, 3, 4]
    assert result["limbs"].values.shape == (5, 9)
    assert np.ptp(result["limbs"].values) < 1e-4
    assert np.ptp(result["controls"].values) > 0.05


def test_a_limb_holds_while_its_lowest_value_stays_above_the_bound_and_not_at_it():
    """0.75 may fall by less than 0.25; the first value of a limb is the source's."""
    case = tiny.pair_case(tiny.mlp(scale=1.0), 3)
    limbs = torch.tensor([[0.75, 0.5, 0.625], [0.75, 0.9375, 0.5625], [0.75, 0.5, 0.25]])
    controls = torch.tensor([[0.75, 0.25, 0.5], [0.75, 0.0, 0.75], [0.75, 0.75, 0.75]])
    left = torch.tensor([0.125, 0.25, 0.0])
    result = Star(delta=0.25).figures(case, limbs, controls, left)
    assert result.order == tuple(star.COLUMNS)
    assert result.values.tolist() == [
        [0.5, 0.625, 0.25, 0.5, 0, 0.125],
        [0.5625, 0.75, 0.0, 0.5, 1, 0.25],
        [0.25, 0.5, 0.75, 0.75, 0, 0.0],
    ]


def test_the_figures_and_ends_belong_to_the_limbs():
    case = tiny.pair_case(tiny.mlp(scale=1.0), 4)
    result = Star(points=9, eta=0.05, steps=60, delta=0.05)(case)
    limbs, controls, table = (result[name] for name in ("limbs", "controls", "figures"))
    columns = dict(zip(table.columns, table.values.T, strict=True))
    for name, values in (("limb", limbs.values), ("control", controls.values)):
        np.testing.assert_allclose(columns[f"lowest on the {name}"], values.min(1))
        np.testing.assert_allclose(columns[f"mean on the {name}"], values.mean(1), rtol=1e-5)
    reference = limbs.values[0, 0]
    np.testing.assert_array_equal(columns["holds"], limbs.values.min(1) > reference - 0.05)
    assert (limbs.values[:, -1] != limbs.values[:, -2]).all()
    np.testing.assert_array_equal(result["ends"].values, limbs.values[:, -1])
    ends = torch.tensor(result["ends"].frames).float()
    confidences = case.model.logits(ends).softmax(1)[:, case.source.target.index]
    np.testing.assert_allclose(result["ends"].values, confidences, atol=5e-3)
    for row, target in enumerate(case.others):
        left = (ends[row] - target).square().mean().sqrt()
        assert columns["RMSE to target"][row] == pytest.approx(float(left), abs=1e-3)
        assert table.rows[row] == case.model.labels[int(case.model.logits(target[None]).argmax())]


def test_it_has_the_walk_s_figures_and_a_small_end():
    case = tiny.pair_case(tiny.cnn())
    walk, short = LST()(case), BlindSpot()(case)
    np.testing.assert_array_equal(short["figures"].values, walk["figures"].values)
    assert short["top"].labels == walk["top"].labels
    end = short["end"].frames
    assert end.shape[1:] == walk["end"].frames.shape[1:]  # it is small already
    np.testing.assert_allclose(end, walk["end"].frames, atol=1e-3)
    assert short["figures"].cell("walk", "RMSE to source") > 0


def test_a_large_end_is_averaged_down_and_twins_are_refused():
    frames = torch.rand(2, 3, 2 * SIDE, 2 * SIDE, generator=tiny.seeded()).numpy()
    result = averaged_end(Path(frames, np.array([0.25, 0.75], np.float32), "probability"))
    pools = frames[1].reshape(3, SIDE, 2, SIDE, 2).mean((2, 4))
    assert result.frames.shape == (1, 3, SIDE, SIDE)
    np.testing.assert_allclose(result.frames[0], pools, atol=1e-3)
    assert result.values.tolist() == [0.75]
    case = tiny.pair_case(tiny.mlp(), 2)
    twin = PairCase(case.source, (*case.others, case.others[0].clone()))
    with pytest.raises(BlindspotError, match="Two of the images are the same"):
        Grid(eta=0.05, steps=40)(twin)


def test_walks_in_batches_end_where_each_would_alone_and_tell_the_share_that_is_done():
    """Two walks together and then one: a step of the first batch counts twice."""
    case = tiny.pair_case(tiny.mlp(scale=1.0), 3)
    case.model._paces["gradient"] = Pace(2, False, "gradient", 0.0)
    method, shares = Star(eta=0.05, steps=20), []
    result = blind_spots(method, case, lambda done, *_words: shares.append(done))
    first = [2 * step / 20 / 3 for step in range(1, 21)]
    assert shares == pytest.approx([*first, *((2 + step / 20) / 3 for step in range(1, 21))])
    for end, target in zip(result, case.others, strict=True):
        walk = Traversal(
            case.model,
            case.source.image[None],
            target[None],
            torch.tensor([case.source.target.index]),
            method.rules(),
            method.start_noise(case.source),
        )
        for _ in range(20):
            walk.step()
        torch.testing.assert_close(end, walk.x[0], atol=1e-5, rtol=0)


def test_each_cell_is_the_end_of_its_own_walk():
    case = tiny.pair_case(tiny.mlp(scale=1.0), 2)
    model, images = case.model, (case.source.image, *case.others)
    result = Grid(eta=0.05, steps=40)(case)
    frames = result["images"].frames.reshape(3, 3, 3, 8, 8)
    for row, column in np.ndindex(3, 3):
        target, source = images[row], images[column]
        label = int(model.logits(source[None])[0].argmax())
        if row == column:
            np.testing.assert_allclose(frames[row, column], source, atol=5e-4)
            end = source[None].numpy()
        else:
            pair = PairCase(ImageCase(model, source, Target(label)), (target,))
            end = LST(eta=0.05, steps=40)(pair)["end"].frames
            np.testing.assert_allclose(frames[row, column], end[0], atol=1e-3)
        logits = model.logits(torch.tensor(end))
        expected = float(logits.softmax(1)[0, label])
        assert result["confidence"].values[row, column] == pytest.approx(expected, abs=2e-3)
        assert result["kept"].values[row, column] == (logits.argmax() == label)
        left = float((torch.tensor(end[0]) - target).square().mean().sqrt())
        assert result["rmse"].values[row, column] == pytest.approx(left, abs=1e-3)
        assert result["confidence"].rows[column] == model.labels[label]
    assert np.diag(result["rmse"].values).max() == 0


@pytest.fixture(scope="module")
def linear_example():
    case, confidence = slowly.linear_pair(targets=2)
    return case, confidence, Simplex(cells=6, **WALK)(case)


def test_on_a_linear_model_every_point_is_the_blend_s_own_confidence(linear_example):
    case, confidence, result = linear_example
    source = case.source.image.double().numpy()
    spots = [slowly.linear_end(case, target, 0.05, 60) for target in case.others]
    raw = [target.double().numpy() for target in case.others]
    for name, ends in (("blind spots", spots), ("raw targets", raw)):
        triangle = result[name]
        ways = [(end - source) / 6 for end in ends]
        blends = [source + i * ways[0] + j * ways[1] for i, j in np.ndindex(7, 7) if i + j <= 6]
        expected = [confidence(image) for image in blends]
        assert len(triangle.values) == len(expected) == 28
        np.testing.assert_allclose(triangle.values, expected, atol=1e-4)
        np.testing.assert_allclose(triangle.images, np.stack([source, *ends]), atol=5e-4)
    flat, steep = (np.ptp(result[name].values) for name in ("blind spots", "raw targets"))
    assert flat < 1e-4
    assert steep > 0.05


def test_points_can_be_blended_and_their_statistics_are_those_of_each_triangle(linear_example):
    case, _, result = linear_example
    triangle = result["raw targets"]
    blends = np.einsum("nk,kchw->nchw", triangle.weights, triangle.images.astype("f4"))
    shares = case.model.logits(torch.tensor(blends)).softmax(1)[:, case.source.target.index]
    np.testing.assert_allclose(triangle.values, shares, atol=2e-3)
    np.testing.assert_allclose(triangle.weights.sum(1), 1, atol=1e-6)
    for row, name in enumerate(("blind spots", "raw targets")):
        expected = statistics(result[name].values, barycentric(6))
        np.testing.assert_allclose(result["statistics"].values[row], expected, rtol=1e-5, atol=1e-6)
    assert len(result["statistics"].order) == len(result["statistics"].units) == 8


def test_points_corners_and_statistics_are_those_worked_out_by_hand():
    points = [(2 - i - j, i, j) for i, j in np.ndindex(3, 3) if i + j <= 2]
    assert barycentric(2).tolist() == [list(point) for point in points]
    # in the order above: shares count what lies above a bound; the lowest is off both paths
    values = np.array([0.75, 0.5, 0.25, 0.75, 0.125, 1.0], np.float32)
    result = statistics(values, barycentric(2))
    to_b, to_a = 0.75 + 0.5 + 0.25, 0.75 + 0.75 + 1.0
    shares = [1 / 6, 3 / 6, 3 / 6, 4 / 6]  # above 0.75, 0.65, 0.55 and 0.45
    expected = [0.75, 3.375 / 6, *shares, (to_a + to_b) / 6, 0.25 - 0.75]
    assert result == pytest.approx(np.array(expected), rel=1e-6)
    images = torch.stack([tiny.image(seed=seed) for seed in (1, 2, 3)])
    images[2] = images[0] + 0.5 * (images[1] - images[0]) + 0.1 * (images[2] - images[0])
    s, a, b = corners(images).double()
    length = (images[1] - images[0]).norm()
    for first, second, (i, j) in ((s, a, (0, 1)), (s, b, (0, 2)), (a, b, (1, 2))):
        distance = (images[i] - images[j]).norm() / length
        assert float((first - second).norm()) == pytest.approx(float(distance), rel=1e-4)
    assert s.tolist() == [0, 0]
    assert a.tolist() == [1, 0]
