"""LFA's eight rows: closed forms on a linear model, limits of each other, and who is best where."""

from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from math import comb, factorial

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.heatmaps.partition import Partition, square_tiles
from engine.attribution.lfa import LFA, ROWS, LocalModel, methods
from engine.attribution.lfa import fit as fits
from engine.attribution.lfa.fit import Linear as Model
from engine.attribution.lfa.fit import change_coordinates, evaluate_neighborhood, look_again
from engine.attribution.lfa.ground import NOTHING, Ground
from engine.attribution.lfa.neighborhoods import ENDS, FEW, NEAR, NEIGHBORHOODS, Radii, kernel_of
from engine.core.errors import BlindspotError
from engine.evaluation.measures.agreement import matrix
from engine.vision.case import ImageCase
from tests import tiny

MULTIPLIED = [name for name in ROWS if NEIGHBORHOODS[name].multiplied]
SQUARED = [name for name in ROWS if NEIGHBORHOODS[name].squared]
MATCHED = ["SmoothGrad", "Integrated gradients", "Gradient × input"]


class Smooth(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        generator = tiny.seeded(4)
        self.hidden, self.out = nn.Linear(inputs, 12), nn.Linear(12, 2)
        for part in (self.hidden, self.out):
            part.weight.data = 1.5 * torch.randn(part.weight.shape, generator=generator)

    def forward(self, images):
        return self.out(nn.functional.softplus(self.hidden(images.mean(1).flatten(1))))


def ground(network, side, seed=0):
    """Every pixel a feature, of one color each, so that + and × can be turned exactly."""
    image = torch.rand(1, side, side, generator=tiny.seeded(seed))
    image = (0.2 + 0.8 * image).expand(3, -1, -1).contiguous()
    case = ImageCase(tiny.classifier(network, side), image, target=1)
    return Ground(case, square_tiles(image, side * side))


@pytest.fixture
def linear():
    weight = torch.randn(3, 3, 3, generator=tiny.seeded(1))
    return ground(tiny.Linear(weight), 3), weight


@pytest.fixture(scope="module")
def smooth():
    return ground(Smooth(9), 3)


@pytest.fixture(scope="module")
def answered(smooth):
    return LFA(features="pixels", samples=300)(smooth.case)


def fit_of(held, name, **reach):
    return fits.fit_linear(evaluate_neighborhood(held, name, Radii(**reach), 0, slopes=True))


def drawn(held, name, seed=0, **reach):
    """The points of a neighborhood."""
    return NEIGHBORHOODS[name].draw(held, Radii(**reach), tiny.seeded(seed))


@pytest.mark.parametrize("name", ROWS)
def test_all_eight_find_a_linear_model(linear, name):
    linear_ground, weight = linear
    v = weight.sum(0).flatten().double()
    expected = v * linear_ground.feature.double() if name in MULTIPLIED else v
    result = fit_of(linear_ground, name, samples=600, kernel=1.0)
    assert result.weights.numpy() == pytest.approx(expected.numpy(), abs=1e-4)
    method = LocalModel(explainer=name, features="pixels", samples=600, kernel=1.0)
    heat = method(linear_ground.case)["map"].values.ravel()
    assert heat == pytest.approx(expected.numpy(), abs=1e-4)


def test_c_lime_tends_to_smoothgrad(smooth):
    smoothed = fit_of(smooth, "SmoothGrad", samples=4000, noise=0.3).weights
    fitted = [
        fit_of(smooth, "C-LIME", samples=samples, noise=0.3).weights
        for samples in (100, 1000, 20000)
    ]
    near = [nn.functional.cosine_similarity(fit, smoothed, dim=0).item() for fit in fitted]
    assert near == sorted(near)
    assert near[-1] > 0.99


def test_fading_becomes_gradient_times_input_and_adds_up_to_the_rise_of_the_score(smooth):
    exact = fit_of(smooth, "Gradient").weights
    little = fit_of(smooth, "SmoothGrad", noise=0.005).weights
    assert little.numpy() == pytest.approx(exact.numpy(), rel=0.02, abs=1e-3)
    late = fit_of(smooth, "Integrated gradients", low=0.99).weights
    assert late.numpy() == pytest.approx((exact * smooth.feature).numpy(), rel=0.02, abs=1e-3)
    result = fit_of(smooth, "Integrated gradients", samples=200).weights.sum().item()
    both = smooth.case.score(torch.stack([smooth.case.image, smooth.baseline])).double()
    assert result == pytest.approx((both[0] - both[1]).item(), rel=1e-3)


def test_occlusion_is_what_each_feature_loses(smooth):
    result = fit_of(smooth, "Occlusion").weights
    for place in range(9):
        image = smooth.case.image.clone()
        image[:, place // 3, place % 3] = 0
        scores = smooth.case.score(torch.stack([smooth.case.image, image]))
        assert result[place].item() == pytest.approx((scores[0] - scores[1]).item(), abs=1e-4)


def brute_shapley(held):
    d = held.count
    by = torch.tensor([*product((0.0, 1.0), repeat=d)])
    score = dict(
        zip(map(tuple, by.tolist()), held.scores(by, multiplied=True).tolist(), strict=True)
    )
    shares = np.zeros(d)
    for members, i in product(score, range(d)):
        if not members[i]:
            size = int(sum(members))
            weight = factorial(size) * factorial(d - size - 1) / factorial(d)
            shares[i] += weight * (score[*members[:i], 1.0, *members[i + 1 :]] - score[members])
    return shares


def test_kernelshap_with_all_coalitions_is_shapley(smooth):
    result = fit_of(smooth, "KernelSHAP", samples=512).weights
    assert result.numpy() == pytest.approx(brute_shapley(smooth), abs=1e-5)
    assert kernel_of(4, 1) == kernel_of(4, 3) == 3 / (4 * 1 * 3)  # (d − 1) ÷ (C(d, k) k (d − k))
    assert kernel_of(4, 2) == 3 / (6 * 2 * 2)


def test_tossed_coalitions_leave_out_nothing_and_everything_and_are_weighed_by_the_kernel():
    smooth_ground = ground(Smooth(4), 2)
    tossed = 0
    for seed in range(10):
        points = drawn(smooth_ground, "KernelSHAP", seed, samples=15)
        assert points.by[:2].tolist() == [[0] * 4, [1] * 4]
        assert points.weights[:2].tolist() == [ENDS, ENDS]
        sizes = points.by[2:].sum(1).int().tolist()
        assert set(sizes) <= {1, 2, 3}
        kernel = np.array([kernel_of(4, size) for size in sizes])
        assert points.weights[2:].numpy() == pytest.approx(kernel / kernel.sum())
        tossed += len(sizes)
    assert tossed / 150 == pytest.approx(14 / 16, abs=0.1)  # of 2⁴ subsets all but two count


@pytest.mark.parametrize("name", ["Gradient", "Gradient × input"])
@pytest.mark.parametrize("samples", [20, 1000])
def test_where_a_few_points_say_it_all_no_more_are_looked_at(smooth, name, samples):
    points = drawn(smooth, name, samples=samples)
    assert len(points.by) == min(samples, FEW)
    assert points.weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("name", ROWS)
def test_weights_of_points_add_up_to_one_but_for_the_two_ends_of_shapley(smooth, name):
    points = drawn(smooth, name, samples=80)
    weights = points.weights[2:] if name == "KernelSHAP" else points.weights
    assert len(points.weights) == len(points.by) == len(points.at)
    assert weights.sum().item() == pytest.approx(1)


def drawn_alpha(held, name, **reach):
    """α of each point; all features fade together."""
    at = drawn(held, name, **reach).at
    assert (at == at[:, :1]).all()
    return at[:, 0].double().numpy()


def test_fading_draws_once_in_each_equal_part_and_at_its_end_just_below_one(smooth):
    for low in (0.0, 0.25):
        alpha = drawn_alpha(smooth, "Integrated gradients", samples=50, low=low)
        parts = (alpha - low) / (1 - low) * 50
        assert np.floor(parts).tolist() == list(range(50))
        assert parts.std() != pytest.approx(np.arange(50).std(), abs=1e-6)  # not on a raster
    below = (1 - drawn_alpha(smooth, "Gradient × input")) / NEAR
    assert 0 <= below.min() < 0.1
    assert 0.9 < below.max() <= 1.001
    assert below.mean() == pytest.approx(0.5, abs=0.15)
    noise = drawn(smooth, "Gradient").at
    assert noise.std().item() == pytest.approx(NEAR, rel=0.1)  # of the smallest spread


def looked(held, **reach):
    return {
        name: evaluate_neighborhood(held, name, Radii(**reach), 0, slopes=True) for name in ROWS
    }


def test_each_is_best_where_it_was_fitted(smooth, answered):
    sights = looked(smooth, samples=300)
    models = {name: fits.fit_linear(sight) for name, sight in sights.items()}
    for view, loss_of, names in (
        ("squared loss", fits.squared_loss, SQUARED),
        ("gradient loss", fits.gradient_loss, MATCHED),
    ):
        for name in names:
            sight = sights[name]
            loss = loss_of(sight, models[name].weights)
            others = [
                loss_of(sight, change_coordinates(model, sight.row, smooth))
                for model in models.values()
            ]
            assert loss <= min(others) * (1 + 1e-9) + 1e-12
            lost = answered[view].values[:, ROWS.index(name)]
            assert lost[ROWS.index(name)] <= lost.min() * (1 + 1e-6) + 1e-12


def test_every_loss_has_its_unit_in_each_column(answered):
    result = answered
    for name in ("squared loss", "fresh squared loss", "no change", "fresh no change"):
        assert result[name].units == ("logit²",) * 8
        assert result[name].values.shape[1] == len(result[name].order) == 8
    assert result["gradient loss"].units == ("(logit per step of a feature)²",) * 8
    assert result["no change"].rows == ("squared loss", "gradient loss")
    for by in ("cosine", "order"):
        maps = [(name, result[f"map {name}"].values) for name in ROWS]
        assert result[f"agreement {by}"].values == pytest.approx(matrix(maps, by).values, abs=1e-5)


def tile_of(*colors):
    """Four pixels as one feature, the rest as another, over a model whose nothing is black."""
    image, labels = torch.full((3, 4, 4), 0.5), torch.ones(4, 4, dtype=torch.int64)
    image[:, :2, :2], labels[:2, :2] = torch.tensor(colors).reshape(2, 2), 0
    case = ImageCase(tiny.classifier(tiny.Linear(torch.ones(3, 4, 4)), 4), image, 1)
    return Ground(case, Partition(labels))


def both_ways(held, weight):
    """A × weight of the first feature as a + weight, and a + weight as a × one."""
    weights = torch.tensor([weight, 0.0], dtype=torch.float64)
    times, plus = NEIGHBORHOODS["LIME"], NEIGHBORHOODS["C-LIME"]
    return (
        change_coordinates(Model(times, weights, 0.0), plus, held)[0].item(),
        change_coordinates(Model(plus, weights, 0.0), times, held)[0].item(),
    )


@pytest.mark.parametrize(
    ("color", "plus"),
    [(0.25, 12.0), (0.0, 0.0), (0.9 * NOTHING, 0.0), (1.1 * NOTHING, 3.0 / (1.1 * NOTHING))],
)
def test_a_tile_of_one_color_is_turned_by_that_color_unless_it_is_nothing(color, plus):
    result = both_ways(tile_of(*[color] * 4), 3.0)
    assert result == pytest.approx((plus, 3.0 * color), rel=1e-5)


def test_weights_go_from_plus_to_times_and_back_and_regions_share_one(smooth):
    times = fit_of(smooth, "LIME")
    plus = change_coordinates(times, NEIGHBORHOODS["C-LIME"], smooth)
    assert (plus * smooth.feature).numpy() == pytest.approx(times.weights.numpy(), abs=1e-12)
    heat = LocalModel(explainer="Occlusion", features="grid", count=9)(smooth.case)["map"]
    assert heat.values.shape == (3, 3)
    assert heat.unit == "logit per feature"


@pytest.mark.parametrize("tilt", [0.0, 1e-2, 1e-4])
def test_a_tile_that_is_on_average_nothing_is_not_blown_up(tilt):
    plus, times = both_ways(tile_of(0.4, -0.4, 0.4, -0.4 + tilt), 3.0)
    assert abs(plus) <= 3 * tilt / 0.6  # W Σc / Σc², not W over the mean of c
    assert abs(times) <= tilt


def test_a_mixed_tile_gets_the_smallest_slopes_that_say_the_same():
    colors = torch.tensor([0.1, 0.7, -0.3, 0.2], dtype=torch.float64).repeat(3)  # three channels
    slopes = torch.linalg.pinv(colors[None])[:, 0] * 3.0  # the least-norm g of g · c = 3
    plus, times = both_ways(tile_of(0.1, 0.7, -0.3, 0.2), 3.0)
    assert plus == pytest.approx(slopes.sum().item(), rel=1e-6)
    assert times == pytest.approx((colors * 3.0 / 12).sum().item(), rel=1e-6)


def test_looking_again_has_the_last_quarter_of_progress_an_eighth_for_each(smooth):
    reports = []
    LFA(features="pixels", samples=50)(
        smooth.case, lambda done, words="": reports.append((done, words))
    )
    again = {words.split(" again")[0]: done for done, words in reports if " again" in words}
    assert {"C-LIME", "Gradient", "LIME", "KernelSHAP"} <= set(again)
    for name, done in again.items():  # when its points are all looked at
        assert done == pytest.approx(0.75 + 0.25 * (ROWS.index(name) + 1) / 8)
    assert max(done for done, words in reports if " again" not in words and done < 1) <= 0.75


def test_slopes_of_features_are_differences_of_scores(smooth):
    by, step = torch.rand(1, 9, generator=tiny.seeded(2)), 5e-3 * torch.eye(9)
    for multiplied in (False, True):
        _, slopes = smooth.slopes(by, multiplied=multiplied)
        up, down = (smooth.scores(by + sign * step, multiplied=multiplied) for sign in (1, -1))
        assert slopes[0].numpy() == pytest.approx(((up - down) / 1e-2).numpy(), rel=2e-2, abs=2e-3)


def test_disagreement_is_the_spread_of_places_among_the_eight(answered):
    result = answered
    places = []
    for name in ROWS:
        sizes = np.abs(result[f"map {name}"].values).ravel()
        places.append([(sizes < size).sum() / 8 for size in sizes])  # no two are equal
    assert result["disagreement"].values.ravel() == pytest.approx(np.std(places, axis=0), abs=1e-6)
    assert 0 < result["disagreement"].values.max() <= 0.5
    assert not result["disagreement"].signed  # a spread; the maps themselves have two signs
    assert all(result[f"map {name}"].signed for name in ROWS)
    tile, row = tile_of(0.1, 0.2, 0.3, 0.4), NEIGHBORHOODS["LIME"]
    weights = [torch.tensor(pair).double() for pair in ((1.0, -2.0), (-3.0, 1.0))]
    spread = methods.disagreement(tile, [Model(row, weight, 0.0) for weight in weights])
    assert (spread.values == 0.5).all()  # places 0 and 1, and 1 and 0


def test_saying_that_nothing_changes_is_judged_too(smooth, answered):
    result, sights = answered, looked(smooth, samples=300, kernel=0.5)
    for column, name in enumerate(ROWS):
        values, weights = sights[name].values, sights[name].points.weights
        mean = (weights * values).sum() / weights.sum() if sights[name].row.intercept else 0.0
        expected = float(0.5 * (weights * (values - mean) ** 2).sum())
        assert result["no change"].values[0, column] == pytest.approx(expected, rel=1e-4)
        slopes = float((sights[name].slopes ** 2).sum(1).mean())
        assert result["no change"].values[1, column] == pytest.approx(slopes, rel=1e-4)


class Still(nn.Module):
    def forward(self, images):
        return torch.stack([images.sum((1, 2, 3)) * 0 + k for k in range(2)], 1)


@pytest.mark.parametrize(
    ("kind", "network", "image", "words"),
    [
        (LocalModel, tiny.Linear(torch.zeros(3, 40, 40)), torch.ones(3, 40, 40), "1600 pixels"),
        (LFA, Still(), torch.full((3, 3, 3), 0.5), "nothing to explain"),
        (LFA, Smooth(9), torch.zeros(3, 3, 3), "color that the model takes for nothing"),
    ],
)
def test_what_cannot_be_explained_is_refused(kind, network, image, words):
    case = ImageCase(tiny.classifier(network, image.shape[-1]), image, target=1)
    with pytest.raises(BlindspotError, match=words):
        kind(features="pixels")(case)


def test_as_many_pixels_as_a_model_is_fitted_to_are_not_refused():
    model = tiny.classifier(tiny.Linear(torch.zeros(3, 32, 32)))
    case = ImageCase(model, tiny.image(), target=1)
    assert methods.partition_of(case, "pixels", 4).count == 1024
    assert methods.partition_of(case, "grid", 4).count == 4
    for height, width in ((20, 60), (60, 20)):
        with pytest.raises(BlindspotError, match="has 1200 pixels"):
            methods.partition_of(replace(case, image=torch.rand(3, height, width)), "pixels", 4)


def refusal(words, refused):
    return pytest.raises(BlindspotError, match=words) if refused else nullcontext()


@pytest.mark.parametrize(("step", "refused"), [(0.99, True), (1.0, False)])
def test_an_image_is_blank_only_where_it_is_nearer_to_nothing_than_half_a_step(step, refused):
    """One number of one pixel decides, above or below: nothing is black here."""
    for sign in (1, -1):
        image = torch.zeros(3, 2, 2)
        image[1, 0, 1] = sign * step * methods.BLANK
        case = ImageCase(tiny.classifier(tiny.Linear(torch.ones(3, 2, 2)), 2), image, 1)
        with refusal("takes for nothing", refused):
            methods.refuse_blank(Ground(case, square_tiles(image, 4)))


@pytest.mark.parametrize(
    ("moved", "steepest", "refused"),
    [(0.0, 0.0, True), (0.9, 0.9, True), (1.0, 0.0, False), (0.0, 1.0, False)],
)
def test_a_score_that_moves_or_slopes_in_one_neighborhood_is_explained(
    smooth, moved, steepest, refused
):
    """Both bounds are STILL; the other neighborhoods are still, or have no slopes."""
    plain = evaluate_neighborhood(smooth, "Gradient", Radii(samples=2), 0, slopes=True)
    values, slopes = torch.zeros(2).double(), torch.zeros(2, 9).double()
    still = replace(plain, values=values.clone(), slopes=slopes.clone())
    values[0], slopes[1, 4] = -moved * methods.STILL, -steepest * methods.STILL
    looks = [replace(still, slopes=None), still, replace(still, values=values, slopes=slopes)]
    for sights in (looks, looks[::-1]):
        with refusal("nothing to explain", refused):
            methods.refuse_still(smooth.case, sights)


@pytest.mark.parametrize("name", ["C-LIME", "SmoothGrad", "Gradient", "LIME", "KernelSHAP"])
def test_fresh_samples_have_nothing_to_do_with_those_fitted_to(smooth, name):
    reach = Radii(samples=400)
    first = evaluate_neighborhood(smooth, name, reach, 0, slopes=False).points
    second = look_again(smooth, name, reach, 0).points
    count = min(len(first.at), len(second.at))
    values = [points.at[-count:].double().flatten() for points in (first, second)]
    chance = 4 / len(values[0]) ** 0.5  # four standard errors of a correlation of nothing
    assert abs(np.corrcoef(*values)[0, 1]) < chance
    assert torch.equal(second.at, look_again(smooth, name, reach, 0).points.at)
    assert not torch.equal(second.at, look_again(smooth, name, reach, 1).points.at)


def test_a_seed_s_other_seed_is_not_another_case_s():
    assert len({*range(200), *map(fits.another, range(200))}) == 400


def test_where_nothing_is_drawn_the_fresh_sample_is_the_same_and_is_not_asked_for_again(smooth):
    first = evaluate_neighborhood(smooth, "Occlusion", Radii(), 0, slopes=True)
    assert look_again(smooth, "Occlusion", Radii(), 0, [first]).values is first.values
    every = evaluate_neighborhood(smooth, "KernelSHAP", Radii(samples=512), 0, slopes=True).points
    inside = look_again(smooth, "KernelSHAP", Radii(samples=512), 0).points
    for part in ("by", "at", "weights"):
        assert torch.equal(getattr(inside, part), getattr(every, part)[2:])
    assert inside.weights.sum().item() == pytest.approx(1)


def test_the_same_points_are_asked_once_only_where_the_same_is_asked(smooth):
    def look(name, seed=0, *, slopes=True, known=()):
        reach = Radii(samples=60)
        return evaluate_neighborhood(smooth, name, reach, seed, slopes=slopes, known=known)

    sloped, scores = look("SmoothGrad"), look("C-LIME", slopes=False)
    assert look("C-LIME", known=[sloped]).slopes is sloped.slopes
    assert look("SmoothGrad", known=[scores]).slopes is not None
    assert not torch.equal(look("SmoothGrad", 1, known=[sloped]).values, sloped.values)
    points = look("Occlusion", slopes=False).points
    added = replace(sloped, row=NEIGHBORHOODS["C-LIME"], points=points)
    for name in ("LIME", "Occlusion"):  # the same ξ, but multiplied, or a fall
        row = NEIGHBORHOODS[name]
        sight = fits.predictions_at(smooth, row, points, slopes=False, known=[added])
        assert sight.values is not added.values


def test_coalitions_to_judge_by_have_each_size_as_often_as_shapley_s_kernel_weighs_it():
    reach, chance = Radii(samples=5000), tiny.seeded(0)
    points = NEIGHBORHOODS["KernelSHAP"].redraw(ground(Smooth(25), 5), reach, chance)
    sizes = torch.bincount(points.at.sum(1).long(), minlength=25).double() / 5000
    expected = np.array([kernel_of(25, k) * comb(25, k) for k in range(1, 25)])
    assert sizes[0] == 0
    assert sizes[1:25].numpy() == pytest.approx(expected / expected.sum(), abs=0.02)
    assert points.at.mean(0).numpy() == pytest.approx(0.5, abs=0.03)  # no feature is preferred


def test_advice_follows_fresh_samples_where_they_disagree_with_those_fitted_to():
    result = LFA(features="pixels", samples=50, noise=0.5)(ground(Smooth(25), 5).case)
    home = ROWS.index("C-LIME")
    assert result["squared loss"].values[:, home].argmin() == home  # as least squares must
    fresh = result["fresh squared loss"].values[:, home]
    assert fresh[home] > 1.5 * result["squared loss"].values[home, home]
    assert result["advice"].notes[home] == ROWS[int(fresh.argmin())] != "C-LIME"
    assert result["advice"].units == ("row", "logit²", "logit²")


def test_fresh_losses_are_those_of_a_second_sample_scored_by_hand(smooth, answered):
    result = answered
    sight = look_again(smooth, "C-LIME", Radii(samples=300), 0)
    weights = torch.tensor(result["map Gradient"].values).flatten().double()
    values = smooth.case.score(smooth.moved(sight.points.at, multiplied=False)).double()
    left = values - sight.points.by.double() @ weights
    expected = (0.5 * (left - left.mean()) ** 2).mean().item()
    row, column = ROWS.index("Gradient"), ROWS.index("C-LIME")
    assert result["fresh squared loss"].values[row, column] == pytest.approx(expected, rel=1e-4)
    still = (0.5 * (values - values.mean()) ** 2).mean().item()
    assert result["fresh no change"].values[0, column] == pytest.approx(still, rel=1e-4)


def test_where_all_lose_more_than_no_change_the_advice_is_none():
    lost = np.full((8, 8), 2.0, np.float32)
    lost[3, 0] = 0.5
    lost[4, 1] = 1.0  # as much as saying that nothing changes
    table = methods.advice_table(lost, np.ones(8, np.float32), "logit²")
    assert table.notes == ("Integrated gradients", *["none"] * 7)
    assert table["best"][0] == 3
    assert np.isnan(table["best"][1:]).all()


def test_distance_is_that_of_the_moved_image_also_where_features_are_kept_in_part(smooth):
    """‖x − x_ξ‖ ÷ ‖x − b‖: all faded to a quarter is three quarters of the way to nothing."""
    assert smooth.distances(torch.full((1, 9), 0.25)).item() == pytest.approx(0.75)
    blank = Ground(replace(smooth.case, image=smooth.baseline), smooth.partition)
    assert blank.distances(torch.zeros(1, 9)).tolist() == [0]  # there is no way to go
    by = torch.rand(5, 9, generator=tiny.seeded(6))
    away = (smooth.case.image - smooth.moved(by, multiplied=True)).flatten(1).norm(dim=1)
    expected = away / (smooth.case.image - smooth.baseline).norm()
    assert smooth.distances(by).numpy() == pytest.approx(expected.numpy(), rel=1e-5)


@pytest.mark.parametrize("kernel", [0.2, 0.5, 3.0])
def test_lime_weighs_images_by_how_near_they_are_in_shares_of_the_way_to_nothing(smooth, kernel):
    """π = exp(−D²/κ²), D = ‖x − x_ξ‖ ÷ ‖x − b‖ over all pixels; weights add up to 1."""
    points = drawn(smooth, "LIME", 3, kernel=kernel, samples=40)
    images = smooth.moved(points.by, multiplied=True).double().numpy()
    image, empty = (tensor.double().numpy() for tensor in (smooth.case.image, smooth.baseline))
    away = np.sqrt(((image - images) ** 2).sum((1, 2, 3)) / ((image - empty) ** 2).sum())
    slow = np.exp(-((away / kernel) ** 2))
    assert points.weights.numpy() == pytest.approx(slow / slow.sum(), rel=1e-4)


def test_kappa_reaches_the_map_and_the_losses(smooth):
    maps, losses, at = [], [], ROWS.index("LIME")
    for kernel in (0.3, 5.0):
        method = LocalModel("LIME", features="pixels", samples=600, kernel=kernel)
        fit = fit_of(smooth, "LIME", samples=600, kernel=kernel).weights.numpy()
        maps.append(method(smooth.case)["map"].values)
        assert maps[-1].ravel() == pytest.approx(fit, abs=1e-4)
        result = LFA(features="pixels", samples=100, kernel=kernel)(smooth.case)
        fit = fit_of(smooth, "LIME", samples=100, kernel=kernel).weights.numpy()
        assert result["map LIME"].values.ravel() == pytest.approx(fit, abs=1e-4)
        losses.append(result["squared loss"].values[:, at])
    assert not np.allclose(*maps, rtol=0.05)
    assert not np.allclose(*losses)
