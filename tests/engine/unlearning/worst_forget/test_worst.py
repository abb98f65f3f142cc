"""The search for the hardest images to forget, step by step; the projection beside a QP solver."""

import numpy as np
import pytest
from scipy.optimize import minimize

from engine.evaluation.forgetting.projection import project
from engine.unlearning import WorstCase, easiest, hardest
from engine.unlearning.request import at_random
from engine.unlearning.ways.network import own_copy
from engine.unlearning.worst_forget import worst as worst_module
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, RANDOM, after_signs, search
from engine.vision.weights.case import PruneCase
from tests import tiny
from tests.engine.unlearning.trained import loss_on
from tests.refusals import assert_refused


@pytest.fixture(scope="module")
def model_and_data():
    model = tiny.learned()
    return model, tiny.columns(model.side, model.labels)


def slowly(model, data, retain, train, rng, epochs):
    """Epochs of sign steps, one weight after the other; then each image's loss by itself."""
    learner = own_copy(model)
    for _ in range(epochs):
        order = rng.permutation(retain)
        for part in np.array_split(order, max(1, len(order) // worst_module.BATCH)):
            sign_step(learner, loss_on(learner, data, part))
    return [loss_on(learner, data, row[None]).item() for row in train]


def sign_step(learner, loss):
    learner.network.zero_grad()
    loss.backward()
    for weight in learner.parameters():
        weight.data -= worst_module.RATE * weight.grad.sign()


def test_the_model_learns_on_for_two_epochs_and_no_more(model_and_data, monkeypatch):
    monkeypatch.setattr(worst_module, "BATCH", 4)
    monkeypatch.setattr(worst_module, "RATE", 0.01)
    model, data = model_and_data
    train = data.rows("train")
    result = after_signs(model, data, train[5:], train, np.random.default_rng(3))
    for epochs in (1, 2, 3):
        losses = slowly(model, data, train[5:], train, np.random.default_rng(3), epochs)
        assert np.allclose(result, losses, rtol=0.05) == (epochs == 2)
        assert epochs != 2 or result == pytest.approx(losses, rel=1e-3, abs=1e-5)
    result = after_signs(model, data, train[:0], train, np.random.default_rng(0))
    assert result == pytest.approx(slowly(model, data, train, train, None, 0), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("share", "count"), [(0.01, 1), (0.1, 2), (0.25, 6), (0.4, 10), (0.98, 24)]
)
def test_so_many_images_are_chosen_as_the_share_says(model_and_data, share, count):
    model, data = model_and_data
    assert len(data.rows("train")) == 24
    images = WorstCase(share=share, rounds=1)(PruneCase(model, data))["images"]
    assert len(set(images["id"])) == len(images["id"]) == count
    for search_for in (hardest, easiest):
        assert len(search_for(model, data, share, rounds=1).ids) == count
        assert_refused("cannot be forgotten", search_for, model, data, 1 + share, rounds=1)


def outright(model, data, count, rounds, sign):
    """The search without weights: each round takes the images of the most extreme losses."""
    train, rng = data.rows("train"), np.random.default_rng([0, 12])
    rows = np.sort(rng.permutation(train)[:count])
    for _ in range(rounds):
        losses = after_signs(model, data, np.setdiff1d(train, rows), train, rng)
        rows = train[np.sort(np.argsort(sign * losses, kind="stable")[:count])]
    return rows, losses


@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_limit_each_round_takes_the_most_extreme_losses_to_the_last_bit(
    model_and_data, sign
):
    model, data = model_and_data
    rows, losses = outright(model, data, 6, 3, sign)
    result = search(model, data, 0.25, 0, 3, sign)
    np.testing.assert_array_equal(result.rows, rows)
    np.testing.assert_array_equal(result.losses, losses[np.isin(data.rows("train"), rows)])
    assert (result.weights == 1).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_large_rate_takes_the_same_and_a_tiny_one_leaves_the_first_images(model_and_data, sign):
    model, data = model_and_data
    train = data.rows("train")
    large = search(model, data, 0.25, 0, 1, sign, rate=1e4)
    before, losses, after = large.course[0]
    assert set(large.rows) == set(train[np.argsort(sign * losses, kind="stable")[:6]])
    tiny_rate = search(model, data, 0.25, 0, 3, sign, rate=1e-9)
    assert set(tiny_rate.rows) == set(train[before == 1])
    assert set(large.rows) != set(tiny_rate.rows)
    assert after.sum() == pytest.approx(6, abs=1e-3)


def test_on_the_soft_course_weights_lie_between_and_the_objective_falls(
    model_and_data, monkeypatch
):
    monkeypatch.setattr(worst_module, "RATE", 0.003)
    model, data = model_and_data
    for difficulty, turn in ((HARDEST, 1), (EASIEST, -1)):
        views = WorstCase(difficulty, 0.25, rounds=8, rate=0.3)(PruneCase(model, data))
        result = search(model, data, 0.25, 0, 8, turn, rate=0.3)
        weights = result.course[:, 2]
        assert ((weights > 0.01) & (weights < 0.99)).any()
        assert weights.sum(1) == pytest.approx(np.full(8, 6), abs=1e-3)
        assert 0 <= weights.min() < weights.max() <= 1
        rounds = views["rounds"]
        assert (turn * (rounds["after the step"] - rounds["objective"]) <= 1e-9).all()
        assert turn * (rounds["objective"][-1] - rounds["objective"][0]) < 0
        first = result.course[0]
        assert rounds["objective"][0] == pytest.approx((first[0] * first[1]).sum() / 6)
        assert rounds["moved"][0] == pytest.approx(np.clip(first[2] - first[0], 0, 1).sum() / 6)


def test_a_weight_counts_as_much_as_its_image_is_kept(model_and_data, monkeypatch):
    """One batch an epoch: steps by the sign of the slope of Σ (1 − w) ℓ, image by image."""
    monkeypatch.setattr(worst_module, "BATCH", 64)
    monkeypatch.setattr(worst_module, "RATE", 0.01)
    model, data = model_and_data
    train = data.rows("train")
    shares = np.random.default_rng(5).random(len(train))
    result = after_signs(model, data, train, train, np.random.default_rng(3), shares)
    learner = own_copy(model)
    for _ in range(2):
        pairs = zip(shares, train, strict=True)
        sign_step(learner, sum(share * loss_on(learner, data, row[None]) for share, row in pairs))
    expected = loss_on(learner, data, train, "none")
    assert result == pytest.approx(expected.detach().numpy(), rel=1e-2, abs=1e-4)
    alike = after_signs(model, data, train, train, np.random.default_rng(3))
    assert not np.allclose(result, alike, rtol=0.01)


def test_random_images_are_a_random_request_s_evenness_spreads_weights_and_losses_are_counted(
    model_and_data,
):
    model, data = model_and_data
    views = WorstCase(RANDOM, 0.25)(PruneCase(model, data))
    assert set(views["images"]["id"]) == set(at_random(data, 0.25).ids)
    assert (np.diff(views["images"]["loss"]) >= 0).all()
    assert views["rounds"]["moved"].tolist() == [0]
    weights = [search(model, data, 0.25, 0, 2, 1, gamma=gamma).weights for gamma in (0, 0.05, 1.0)]
    assert weights[0].min() == 1
    assert weights[1].max() >= weights[2].max()
    assert weights[2].max() < 1
    views = WorstCase(HARDEST, 0.25, rounds=2)(PruneCase(model, data))
    table, result = views["losses"], search(model, data, 0.25, 0, 2, 1)
    for number, (_, losses, after) in enumerate(result.course, 1):
        round_losses = table.take(np.flatnonzero(table["round"] == number).tolist())
        for name, some in (("all", losses), ("chosen", losses[after == 1])):
            assert round_losses[name].sum() == pytest.approx(1)
            middle = round_losses["to"][int((round_losses[name].cumsum() >= 0.5 - 1e-9).argmax())]
            assert (some <= max(middle, round_losses["from"][0])).mean() >= 0.5 - 1e-9
    assert set(views["images"]["id"]) == set(data.ids[result.rows])


def solved(values, total):
    """The nearest point of {0 ≤ w ≤ 1, Σ w = total} by sequential quadratic programming."""
    return minimize(
        lambda w: ((w - values) ** 2).sum(),
        np.full(len(values), total / len(values)),
        jac=lambda w: 2 * (w - values),
        bounds=[(0, 1)] * len(values),
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": np.ones_like},
        options={"maxiter": 500, "ftol": 1e-14},
    ).x


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_projection_is_the_solver_s(seed, spread):
    rng = np.random.default_rng(seed)
    values, total = spread * rng.normal(size=12), int(rng.integers(1, 12))
    result = project(values, total)
    assert result == pytest.approx(solved(values, total), abs=1e-4)
    assert result.sum() == pytest.approx(total, abs=1e-3)
    assert 0 <= result.min() <= result.max() <= 1


def test_what_is_allowed_stays_and_far_values_become_the_largest():
    rng = np.random.default_rng(1)
    inside = rng.random(50)
    assert project(inside, inside.sum()) == pytest.approx(inside, abs=1e-6)
    far = 1e5 * rng.normal(size=500)
    result = project(far, 50)
    assert set(np.flatnonzero(result > 0.5)) == set(np.argsort(-far)[:50])
    assert result.sum() == pytest.approx(50, abs=1e-3)
    for total in (0, 7):  # none and all are whole
        assert project(np.arange(7.0), total) == pytest.approx(np.full(7, total / 7), abs=1e-6)


@pytest.mark.parametrize(
    ("values", "total"), [(np.zeros(3), 4), (np.zeros(3), -1), (np.array([0.0, np.nan]), 1)]
)
def test_what_cannot_be_projected_is_refused(values, total):
    assert_refused("cannot add up to", project, values, total)
