"""Layers that forget in closed form: against scikit-learn, refits, and each other."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from engine.unlearning.dmm import heads

N, WIDTH = 200, 10  # those of the sheet
RNG = np.random.default_rng(0)
X = torch.from_numpy(RNG.normal(size=(N, WIDTH)))
LABELS = np.argmax(X.numpy()[:, :3] + RNG.normal(size=(N, 3)), axis=1)
Y = torch.eye(3, dtype=torch.float64)[torch.from_numpy(LABELS)]


def stays(gone):
    """All rows but those."""
    return torch.from_numpy(np.setdiff1d(np.arange(N), gone.numpy()))


def by_scikit_learn(kind, rows, penalty):
    return peer_weights(kind, X[rows].numpy(), Y[rows].numpy(), penalty)


def peer_weights(kind, x, y, penalty):
    """Weights (D, C) that scikit-learn finds."""
    if kind == heads.RIDGE:
        return Ridge(alpha=penalty, fit_intercept=False).fit(x, y).coef_.T
    peer = LogisticRegression(
        C=1 / penalty, fit_intercept=False, tol=1e-12, solver="newton-cholesky", max_iter=100
    )
    return np.stack([peer.fit(x, target).coef_[0] for target in y.T], axis=1)


@pytest.mark.parametrize("kind", heads.HEADS)
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_a_fitted_layer_is_scikit_learn_s(kind, penalty):
    expected = by_scikit_learn(kind, torch.arange(N), penalty)
    np.testing.assert_allclose(heads.train_head(kind, X, Y, penalty), expected, atol=1e-8)


@pytest.mark.parametrize("count", [1, 20, 150])
@pytest.mark.parametrize("penalty", [0.01, 10.0])
def test_the_block_formula_is_ridge_regression_fitted_again_whatever_goes(count, penalty):
    gone = torch.from_numpy(np.sort(RNG.permutation(N)[:count]))
    whole = heads.train_head(heads.RIDGE, X, Y, penalty)
    together, alone = heads.remove_images(heads.RIDGE, X, Y, whole, gone, penalty)
    again = by_scikit_learn(heads.RIDGE, stays(gone), penalty)
    np.testing.assert_allclose(together, again, atol=1e-8)
    assert np.abs(whole.numpy() - again).max() > 1e-4
    off = np.abs(alone.numpy() - again).max()
    assert off < 1e-8 if count == 1 else off > 1e-4  # of one image, the sum is exact too


def test_the_sums_of_single_images_leave_as_much_as_the_sheet_says():
    """Of 20 images of 200 in ten dimensions, 12 % of the change."""
    shares = []
    for seed in range(20):
        gone = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(N)[:20]))
        whole = heads.train_head(heads.RIDGE, X, Y, 1.0)
        _, alone = heads.remove_images(heads.RIDGE, X, Y, whole, gone, 1.0)
        again = heads.train_head(heads.RIDGE, X[stays(gone)], Y[stays(gone)], 1.0)
        shares.append(float((X @ (alone - again)).norm() / (X @ (whole - again)).norm()))
    assert 0.06 < np.median(shares) < 0.24


def test_the_block_formula_of_logistic_regression_is_a_step_of_newton_on_what_stays():
    gone = torch.arange(20)
    rows, whole = stays(gone), heads.train_head(heads.LOGISTIC, X, Y, 1.0)
    together, alone = heads.remove_images(heads.LOGISTIC, X, Y, whole, gone, 1.0)
    for index in range(3):
        step = heads.stepped(heads.LOGISTIC, X[rows], Y[rows, index], whole[:, index], 1.0)
        torch.testing.assert_close(together[:, index], whole[:, index] + step, atol=1e-8, rtol=0)
    again = torch.from_numpy(by_scikit_learn(heads.LOGISTIC, rows, 1.0))
    before, after, summed = ((result - again).norm() for result in (whole, together, alone))
    assert after < min(0.2 * before, summed)
    *_, last = heads.newton(heads.LOGISTIC, X[rows], Y[rows], whole, 1.0)
    torch.testing.assert_close(last, again, atol=1e-8, rtol=0)


@pytest.mark.parametrize("kind", heads.HEADS)
def test_slopes_are_those_of_the_losses(kind):
    weights = torch.from_numpy(RNG.normal(size=(WIDTH, 3))).requires_grad_()
    summed_loss(kind, weights, 2.0).backward()
    torch.testing.assert_close(weights.grad, heads.slope(kind, X, Y, weights.detach(), 2.0))


def summed_loss(kind, weights, penalty):
    return sum(heads.loss(kind, X, Y[:, at], weights[:, at], penalty) for at in range(3))


def test_newton_comes_home_from_far_away_and_a_class_that_goes_altogether_has_weights():
    far = torch.full((WIDTH, 3), 30.0, dtype=torch.float64)
    path = list(heads.newton(heads.LOGISTIC, X, Y, far, 0.1))
    expected = by_scikit_learn(heads.LOGISTIC, torch.arange(N), 0.1)
    np.testing.assert_allclose(path[-1], expected, atol=1e-8)
    losses = [float(summed_loss(heads.LOGISTIC, iterate, 0.1)) for iterate in (far, *path)]
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    gone = torch.from_numpy(np.flatnonzero(LABELS == 1))
    rows = stays(gone)
    assert heads.train_head(heads.LOGISTIC, X[rows], Y[rows], 1.0).isfinite().all()
    whole = heads.train_head(heads.RIDGE, X, Y, 1.0)
    together, _ = heads.remove_images(heads.RIDGE, X, Y, whole, gone, 1.0)
    assert together[:, 1].abs().max() < 1e-10
