"""The point nearest to a feature vector at which the model's first classes are an ordered list.

With logits z = W y + b of features y, "the first K classes are t_1 … t_K in this order, each ahead
by κ" is a set of C − 1 linear inequalities:

    z_{t_k} − z_{t_{k+1}} ≥ κ  for k < K,      z_{t_K} − z_i ≥ κ  for every i that is no t_k

In matrix form D z ≥ κ, so A y ≥ c with A = D W and c = κ − D b. The nearest point of that
polyhedron is y* = f + Aᵀ μ, where μ solves the dual, a non-negative least-squares problem:

    min ½ μᵀ G μ − (c − A f)ᵀ μ,  μ ≥ 0,      G = A Aᵀ = D W Wᵀ Dᵀ

It is solved by an active set in float64 that begins with the constraints that were active before:
those most violated enter in blocks, those with a negative multiplier leave. Only G_PP of the few
active constraints P is ever factored, so C = 1000 takes milliseconds.

Paniagua, Grainger and Wu 2023, "QuadAttacK: A Quadratic Programming Approach to Learning Ordered
Top-K Adversarial Attacks", https://arxiv.org/abs/2312.11510 (there: an interior-point solver).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
NEAR = 1e-7  # a violation below this, in logits, is none
BLOCK = 32  # constraints that enter at once
ROUNDS = 2000
RIDGE = 1e-11  # of the largest entry of G: dependent rows can be factored too


@dataclass(frozen=True)
class Nearest:
    """A projection.

    Args:
        point: y*, (n,).
        multipliers: μ, (C − 1,), at least 0.
        residual: the largest error in the optimality conditions: a violated inequality, in logits,
            or a multiplier times the slack of its inequality.
    """

    point: Doubles
    multipliers: Doubles
    residual: float


class Polyhedron:
    """All features y at which W y + b has its first K classes in the order wanted.

    Args:
        weight: W, (C, n).
        bias: b, (C,).
        order: t_1 … t_K, distinct, K < C.
        margin: κ, in logits.
    """

    def __init__(self, weight: Doubles, bias: Doubles, order: Sequence[int], margin: float) -> None:
        ahead, behind = class_pairs(order, len(weight))
        self.rows = weight[ahead] - weight[behind]  # A, (C − 1, n)
        self.least = margin - (bias[ahead] - bias[behind])  # c
        self.gram = self.rows @ self.rows.T
        self.active = np.zeros(0, np.int64)  # of the last projection

    @property
    def empty(self) -> bool:
        """Whether no features at all give the order: a linear program says so.

        Linearly independent rows can always be met; only where they are dependent, as with fewer
        features than classes, is the program asked.
        """
        if np.linalg.matrix_rank(self.rows) == len(self.rows):
            return False
        from scipy.optimize import linprog

        result = linprog(
            np.zeros(self.rows.shape[1]), A_ub=-self.rows, b_ub=-self.least, bounds=(None, None)
        )
        return bool(result.status == 2)

    def nearest(self, features: Doubles) -> Nearest:
        """The projection of features (n,) onto it; it must not be `empty`."""
        missing = self.least - self.rows @ features  # how much each inequality lacks
        multipliers = nonnegative(self.gram, missing, self.active)
        self.active = np.flatnonzero(multipliers)
        point = features + self.rows.T @ multipliers
        slack = self.rows @ point - self.least
        residual = max(float(-slack.min()), float(np.abs(multipliers * slack).max()), 0.0)
        return Nearest(point, multipliers, residual)


def class_pairs(order: Sequence[int], classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which class must be ahead of which, (C − 1,) each."""
    chosen = list(order)
    rest = [index for index in range(classes) if index not in set(chosen)]
    ahead = chosen[:-1] + [chosen[-1]] * len(rest)
    return np.array(ahead, np.int64), np.array(chosen[1:] + rest, np.int64)


def nonnegative(
    gram: Doubles, linear_term: Doubles, start: NDArray[np.int64], near: float = NEAR
) -> Doubles:
    """min ½ μᵀ G μ − qᵀ μ over μ ≥ 0, after Lawson and Hanson, with blocks that enter at once.

    Args:
        gram: G, (m, m), positive semidefinite.
        linear_term: q, (m,).
        start: which multipliers are tried first.
        near: a gradient below this counts as none.
    """
    multipliers = np.zeros(len(linear_term))
    inside = np.zeros(len(linear_term), bool)
    inside[start] = True
    ridge = RIDGE * float(gram.diagonal().max())
    for turn in range(ROUNDS):
        before = multipliers.copy()
        active_set_step(gram, linear_term, multipliers, inside, ridge)
        # q − G μ is what each inequality still lacks, in logits
        gradient = np.where(inside, -np.inf, linear_term - gram @ multipliers)
        stuck = turn > 0 and np.array_equal(before, multipliers)  # a block hindered itself
        entering = np.argsort(gradient)[::-1][: 1 if stuck else BLOCK]
        entering = entering[gradient[entering] > near]
        if not len(entering):
            break
        inside[entering] = True
    return multipliers


def active_set_step(
    gram: Doubles,
    linear_term: Doubles,
    multipliers: Doubles,
    inside: NDArray[np.bool_],
    ridge: float,
) -> None:
    """Move to the best multipliers of those inside, of which some may have to leave; in place."""
    while inside.any():
        places = np.flatnonzero(inside)
        part = gram[np.ix_(places, places)] + ridge * np.eye(len(places))
        best = np.linalg.solve(part, linear_term[places])
        if (best > 0).all():
            multipliers[:] = 0
            multipliers[places] = best
            return
        now, low = multipliers[places], best <= 0
        # how far towards the best until a multiplier reaches 0 (α of Lawson and Hanson)
        steps = now[low] / np.maximum(now[low] - best[low], 1e-300)
        step = float(steps.min())
        moved = now + step * (best - now)
        dropped = low & (moved <= 1e-14)
        # whatever rounding leaves of the one that limits the step: else the loop might not end
        dropped[np.flatnonzero(low)[steps.argmin()]] = True
        moved[dropped] = 0
        multipliers[places] = moved
        inside[places[dropped]] = False
