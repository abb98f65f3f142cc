"""Linear layers that forget in closed form: ridge regression, and logistic regression by Newton.

Each class has its own column of weights: ridge regression of 0 and 1 on the features, or logistic
regression of the class against the rest, both with the penalty λ/2 ‖w‖². With A the curvature of
the whole training, X_F the features (k, D) of the images that go, H = X_F A⁻¹ X_Fᵀ, s the slope of
the answer at each score (1 for ridge, p (1 − p) for logistic) and r = y − p what is unexplained,
one step of Newton on what stays is the block formula

    w − A⁻¹ X_Fᵀ (I − S H)⁻¹ r.

Ridge regression is quadratic, so that this is its retraining, exactly; logistic regression takes a
few steps more. The additive form, −Σ A⁻¹ x_i r_i / (1 − s_i h_ii), counts each image as if it alone
went, as a datamodel does: exact for one image.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

RIDGE, LOGISTIC = "ridge", "logistic"
HEADS = (RIDGE, LOGISTIC)
MOST_STEPS = 100  # of Newton
DONE = 1e-10  # a step this small, beside the weights, is the last one
SLACK = 1e-12  # of the loss: rounding that is no reason for a shorter step


def head_outputs(kind: str, scores: Tensor) -> Tensor:
    """The answer to each score: itself, or a probability."""
    return scores if kind == RIDGE else scores.sigmoid()


def slopes(kind: str, scores: Tensor) -> Tensor:
    """The derivative of the answer at each score."""
    if kind == RIDGE:
        return torch.ones_like(scores)
    p = scores.sigmoid()
    return p * (1 - p)


def curvature(kind: str, x: Tensor, scores: Tensor, penalty: float) -> Tensor:
    """A of one class, (D, D): Xᵀ S X + λ I."""
    inner = (x * slopes(kind, scores)[:, None]).T @ x
    return inner + penalty * torch.eye(x.shape[1], dtype=x.dtype)


def loss(kind: str, x: Tensor, y: Tensor, weights: Tensor, penalty: float) -> Tensor:
    """What one class's weights (D,) are chosen to make small, a sum over the images."""
    scores = x @ weights
    if kind == RIDGE:
        fit = (scores - y).square().sum() / 2
    else:
        # −y log p − (1 − y) log(1 − p) without a logarithm of what may be rounded to 0
        fit = (F.softplus(scores) - y * scores).sum()
    return fit + penalty / 2 * weights.square().sum()


def slope(kind: str, x: Tensor, y: Tensor, weights: Tensor, penalty: float) -> Tensor:
    """The gradient of the loss by the weights, of one class (D,) or of all (D, C)."""
    return x.T @ (head_outputs(kind, x @ weights) - y) + penalty * weights


def newton(kind: str, x: Tensor, y: Tensor, start: Tensor, penalty: float) -> Iterator[Tensor]:
    """Weights (D, C) after each step; the last is the answer. A step is halved until it helps.

    Args:
        kind: RIDGE or LOGISTIC.
        x: features, (n, D), in double precision.
        y: 0 and 1, (n, C).
        start: weights, (D, C).
        penalty: λ, above 0.
    """
    weights = start.clone()
    for _ in range(MOST_STEPS):
        largest = 0.0
        for index in range(y.shape[1]):
            step = stepped(kind, x, y[:, index], weights[:, index], penalty)
            weights[:, index] += step
            largest = max(largest, float(step.abs().max()))
        yield weights.clone()
        if largest <= DONE * max(1.0, float(weights.abs().max())):
            return


def stepped(kind: str, x: Tensor, y: Tensor, weights: Tensor, penalty: float) -> Tensor:
    """What one step adds to one class's weights, (D,)."""
    inner = curvature(kind, x, x @ weights, penalty)
    # λ > 0 makes A positive definite, though features may depend on each other
    step = -torch.linalg.solve(inner, slope(kind, x, y, weights, penalty))
    before = loss(kind, x, y, weights, penalty)
    for _ in range(30):
        if loss(kind, x, y, weights + step, penalty) <= before + SLACK * before.abs():
            break
        # far from the minimum p (1 − p) is nearly 0 and a full step overshoots
        step = step / 2
    return step


def train_head(kind: str, x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """Weights (D, C), trained from nothing until they stay."""
    start = torch.zeros(x.shape[1], y.shape[1], dtype=x.dtype)
    return list(newton(kind, x, y, start, penalty))[-1]


def remove_images(
    kind: str, x: Tensor, y: Tensor, weights: Tensor, gone: Tensor, penalty: float
) -> tuple[Tensor, Tensor]:
    """Weights after the images go, by the block formula and by the additive one, both (D, C).

    Args:
        kind: RIDGE or LOGISTIC.
        x: features of all training images, (n, D).
        y: 0 and 1, (n, C).
        weights: trained on all of them, (D, C).
        gone: the rows that go, (k,).
        penalty: λ.
    """
    removed = x[gone]
    together, alone = weights.clone(), weights.clone()
    for index in range(y.shape[1]):
        scores = x @ weights[:, index]
        reach = torch.linalg.solve(curvature(kind, x, scores, penalty), removed.T)  # A⁻¹ X_Fᵀ
        own_slopes = slopes(kind, scores[gone])
        # S H: removing rows is a change of A of rank k, so that k × k is all that is inverted
        hat = own_slopes[:, None] * (removed @ reach)
        # at a minimum for all images, what stays has the slope of −(what goes): X_Fᵀ r
        residual = y[gone, index] - head_outputs(kind, scores[gone])
        inner = torch.eye(len(gone), dtype=x.dtype) - hat
        together[:, index] -= reach @ torch.linalg.solve(inner, residual)
        alone[:, index] -= reach @ (residual / inner.diagonal())
    return together, alone
