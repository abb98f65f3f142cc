"""Gradient matching: U, its gradient, the elastic net and the two gradients, derived by hand."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from engine.unlearning.eng.figures import direction
from engine.unlearning.eng.gradient_matching import (
    RIDGE,
    ElasticNet,
    FairVictim,
    Matching,
    bounds,
    copies,
    crossing,
    fair_loss,
    fisher,
    proximal,
)
from engine.unlearning.eng.rows import FairRows, FairTable, shifted

COLUMNS = 4


def rows(count=60, seed=0):
    """Rows whose first column is tied to the group, and whose last one has two values."""
    rng = np.random.default_rng(seed)
    group, task = rng.permutation(count) % 2, rng.integers(0, 2, count)
    values = rng.normal(size=(count, COLUMNS))
    values[:, 0] += 1.5 * group
    values[:, -1] = rng.integers(0, 2, count)
    return FairRows(
        *(torch.from_numpy(array.astype(np.float64)) for array in (values, task, group))
    )


@pytest.fixture
def table():
    numeric = torch.tensor([True] * (COLUMNS - 1) + [False])
    parts = {name: rows(seed=at) for at, name in enumerate(("train", "validation", "test"))}
    return FairTable(tuple("abcd"), **parts, numeric=numeric, about="")


@pytest.fixture
def matching(table):
    poison = copies(table, 0.2, np.random.default_rng(5))
    return Matching(FairVictim(COLUMNS, 3), table.train, poison, table.validation, 2.0)


def by_hand(z, group):
    """U, Fisher's direction M⁻¹Δ, and U's gradient by each z, with loops and an inverse."""
    means, size = {}, z.shape[1]
    within = np.zeros((size, size))
    for group_index in (0, 1):
        members = z[group == group_index]
        means[group_index] = sum(members) / len(members)
        for row in members:
            within += np.outer(row - means[group_index], row - means[group_index]) / len(members)
    matrix = within + RIDGE * np.trace(within) / (2 * size) * np.eye(size)
    gap = means[1] - means[0]
    v = np.linalg.inv(matrix) @ gap
    slope = np.zeros_like(z)
    for at, row in enumerate(z):
        group_index = group[at]
        away, count = row - means[group_index], (group == group_index).sum()
        sign = 1 if group_index else -1
        slope[at] = 2 * sign * v / count - 2 * (v @ away) * v / count
        slope[at] -= (v @ v) * RIDGE * 2 * away / (2 * size * count)
    return gap @ v, v, slope


def test_u_its_gradient_and_direction_are_those_by_hand_and_of_sklearn_whatever_the_scale():
    fair_rows = rows()
    z = fair_rows.values.clone().requires_grad_()
    score = fisher(z, fair_rows.group)
    value, _, slope = by_hand(fair_rows.values.numpy(), fair_rows.group.numpy().astype(int))
    assert score.item() == pytest.approx(value, rel=1e-9)
    result = torch.autograd.grad(score, z)[0].numpy()
    assert result == pytest.approx(slope, rel=1e-7, abs=1e-12)
    scaled = fisher(7 * fair_rows.values + 3, fair_rows.group)
    assert scaled.item() == pytest.approx(score.item(), rel=1e-9)
    twice, both = fair_rows.values.repeat(2, 1), torch.arange(2).repeat_interleave(60).double()
    assert fisher(twice, both).item() == pytest.approx(0, abs=1e-20)
    assert fisher(torch.ones(60, 3).double(), fair_rows.group).item() == 0  # a constant one
    z, group = fair_rows.values.numpy(), fair_rows.group.numpy()
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(z, group).coef_[0]
    for axis in (direction(z, group), by_hand(z, group.astype(int))[1]):
        cosine = axis @ peer / np.linalg.norm(axis) / np.linalg.norm(peer)
        assert cosine == pytest.approx(1, abs=1e-4)


def test_a_proximal_step_is_the_least_of_all_places_and_the_crossing_where_sides_are_equal():
    places = np.linspace(-3, 3, 60_001)
    for moved in (-2.0, -0.2, 0.04, 0.4, 1.7):
        for step, lasso, ridge in ((0.5, 0.3, 0.2), (1.0, 0.05, 0.0), (2.0, 0.0, 0.4)):
            cost = 0.5 * (places - moved) ** 2 + step * (lasso * abs(places) + ridge * places**2)
            result = proximal(torch.tensor(moved, dtype=torch.float64), step, lasso, ridge).item()
            assert result == pytest.approx(places[cost.argmin()], abs=1e-4)
            assert (result == 0) == (abs(moved) <= step * lasso)
    share = crossing(3.0, 1.0)
    assert share * 3.0 == pytest.approx((1 - share) * 1.0)
    assert crossing(3.0, -1.0) == 0
    assert np.isnan(crossing(-1.0, 1.0))


def test_the_loss_of_the_victim_is_that_by_hand():
    fair_rows, victim = rows(), FairVictim(COLUMNS, 1)
    first, second = victim.encoder[0], victim.encoder[2]
    z = (fair_rows.values @ first.weight.T.detach() + first.bias.detach()).clamp(min=0)
    z = (z @ second.weight.T.detach() + second.bias.detach()).numpy()
    scores = z @ victim.head.weight[0].detach().numpy() + victim.head.bias.item()
    task, group = fair_rows.task.numpy(), fair_rows.group.numpy()
    chance = 1 / (1 + np.exp(-scores))
    expected = -np.mean(task * np.log(chance) + (1 - task) * np.log(1 - chance))
    for value in (0, 1):
        gap = z[(task == value) & (group == 1)].mean(0) - z[(task == value) & (group == 0)].mean(0)
        expected += 2.0 * (gap**2).sum() / 2
    assert victim.loss(fair_rows, 2.0).item() == pytest.approx(expected, rel=1e-9)
    assert victim.right(fair_rows) == np.mean((scores > 0) == (task == 1))
    alone = fair_rows.take(np.flatnonzero(group == 1))  # one group: nothing to be apart from
    z = torch.from_numpy(z[group == 1])
    logits = torch.from_numpy(scores[group == 1])
    assert fair_loss(z, logits, alone, 9.0).item() == fair_loss(z, logits, alone, 0.0).item()


def flat_slope(loss, weights):
    return torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, weights)])


def test_poison_s_and_clean_rows_gradients_add_up_to_that_of_all_rows(matching):
    delta = 0.3 * torch.ones_like(matching.poison.values)
    victim, weights = matching.victim, matching.weights
    both = matching.clean.joined(shifted(matching.poison, delta))
    whole = flat_slope(victim.loss(both, 2.0), weights)
    z = victim.encoder(both.values)
    parts = z.clone()
    parts[len(matching.clean) :] = parts[len(matching.clean) :].detach()
    clean = flat_slope(fair_loss(parts, victim.head(parts)[:, 0], both, 2.0), weights)
    lower, share = matching.lower(delta), matching.share
    assert share == pytest.approx(0.2)
    assert torch.allclose(share * lower + clean, whole, atol=1e-12)
    u = -matching.upper
    push, pull = (-lower @ u).item(), (clean / (1 - share) @ u).item()
    expected = max(pull, 0) / (push + max(pull, 0)) if push > 0 else float("nan")
    assert matching.threshold(delta) == pytest.approx(expected, nan_ok=True)


def test_the_upper_gradient_and_that_of_the_mismatch_are_finite_differences(matching):
    first, h = matching.weights[0], 1e-6
    place, column = 5, 1
    at = place * COLUMNS + column
    scores = []
    for step in (h, -h):
        with torch.no_grad():
            first[place, column] += step
            z = matching.victim.represented(matching.validation)
            scores.append(fisher(z, matching.validation.group).item())
            first[place, column] -= step
    assert matching.upper[at].item() == pytest.approx(-(scores[0] - scores[1]) / (2 * h), rel=1e-4)
    delta = 0.1 * torch.ones_like(matching.poison.values)
    net = ElasticNet(1, 0.0, 0.0)
    slope = net.slope(matching, delta)
    for row, column in ((0, 0), (3, 2), (7, 1)):
        moved = [delta.clone(), delta.clone()]
        moved[0][row, column] += h
        moved[1][row, column] -= h
        up, down = (len(delta) * matching.mismatch(perturbation).item() for perturbation in moved)
        assert slope[row, column].item() == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-6)


def test_matching_lowers_the_value_within_its_bounds_and_sparsity_makes_zeros(table, matching):
    low, high = bounds(table, matching.poison)
    start = torch.zeros_like(low)
    zeros = []
    for lasso in (0.0, 0.2, 1.0):
        net = ElasticNet(60, lasso, 0.005)
        delta = net.matched(matching, start, low, high)
        assert lasso == 1 or net.value(matching, delta) < net.value(matching, start)
        assert ((delta >= low) & (delta <= high)).all()
        assert (delta[:, -1] == 0).all()  # a category
        zeros.append(int((delta[:, :-1] == 0).sum()))
        size = (lasso * delta.abs() + 0.005 * delta**2).sum().item()
        value = len(delta) * matching.mismatch(delta).item() + size
        assert net.value(matching, delta) == pytest.approx(value)
    assert zeros[0] < zeros[1] < zeros[2]
    free = ElasticNet(60, 0.0, 0.0).matched(matching, start, low, high)
    assert matching.mismatch(free) < matching.mismatch(start) - 0.1
