"""ViM: what of the features lies outside the space of normal ones, beside the energy.

    score = α ‖(z − u) N‖₂ − log Σ exp l,   u = − W⁺ b
    N: eigenvectors of E[(z − u)(z − u)ᵀ] beyond the first d
    α = mean of the highest logit / mean of ‖(z − u) N‖₂, over the normal images

Wang et al., "ViM: Out-Of-Distribution with Virtual-logit Matching" (2022),
https://arxiv.org/abs/2203.10807
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles, Head
from engine.evaluation.detection.detector import Detector, Fitted, Scored

EXACT = 1e-6  # of the biases: how nearly the logits vanish at u
NOTHING = 1e-9  # of the features' length: a residual as small as rounding


@dataclass(frozen=True)
class ViM(Detector):
    """The part of the features that normal images do not use, on the scale of logits, less energy.

    Its two terms are the residual (the part outside the space of normal features, scaled so that
    on normal images it is as large as a logit) and minus the soft maximum of the logits. An image
    is unusual when it has much of what normal images lack, or when no class speaks for it.
    """

    name = "ViM"
    title = "ViM"
    paper = (
        "Wang et al., ViM: Out-Of-Distribution with Virtual-logit Matching (2022), "
        "https://arxiv.org/abs/2203.10807"
    )
    needs = frozenset({"normal", "head", "one of many"})
    unit = "logit"
    joined = "sum"
    proof = "tests/engine/anomaly/test_vim.py::test_with_every_direction_it_is_the_energy"

    directions: int = setting(
        256,
        Slider(1, 2048, 1),
        "Directions",
        "Of the space of normal features; half of all where there are no more than that.",
    )

    def fit(self, train: Bank) -> Fitted:
        """The space, and the scale α."""
        width = train.features.shape[1]
        directions = self.directions if self.directions < width else width // 2
        notes: tuple[str, ...] = ()
        if (
            directions > len(train) // 2
        ):  # a space through nearly every image leaves none of them over
            directions = len(train) // 2
            notes = (
                f"{len(train)} normal images are too few for more than {directions} directions; "
                "so many "
                "were taken.",
            )
        fitted = fit(train, directions)
        return Fitted(fitted.rule, (*notes, *fitted.notes))


def fit(train: Bank, dimensions: int) -> Fitted:
    """ViM with a space of so many directions; with all of them it is the energy."""
    head = require_head(train)
    origin = origin_of(head)
    # around u and not the mean: from u the logits are W(z − u), without a bias
    moved = train.features - origin
    residual_of = outside(moved, dimensions)

    def left_over(features: Doubles) -> Doubles:
        return np.asarray(np.linalg.norm(residual_of(features - origin), axis=1))

    mean_residual = float(left_over(train.features).mean())
    notes: tuple[str, ...] = ()
    if mean_residual > NOTHING * float(np.linalg.norm(moved, axis=1).mean()):
        # α: on normal images the virtual logit is as large as the highest logit on average
        alpha = float(train.logits.max(1).mean()) / mean_residual
    else:
        alpha = 0.0
        if dimensions < moved.shape[1]:
            notes = ("The normal images leave no residual to compare with: only energy is left.",)

    def rule(bank: Bank) -> Scored:
        residual = alpha * left_over(bank.features)
        return Scored(residual - bank.energy, {"residual": residual, "energy": -bank.energy})

    return Fitted(rule, notes)


def origin_of(head: Head) -> Doubles:
    """u = − W⁺ b: the shortest features that make every logit zero, or come nearest to it."""
    from scipy.linalg import LinAlgError, LinAlgWarning, lstsq, solve

    # with independent rows W⁺ = Wᵀ(WWᵀ)⁻¹: a system as small as there are classes, and no SVD of W
    square = head.weight @ head.weight.T
    try:
        result = -head.weight.T @ solve(square, head.bias, assume_a="pos")
        # WWᵀ squares W's condition number, so the answer is checked and not trusted
        if np.abs(head.weight @ result + head.bias).max() <= EXACT * np.abs(head.bias).max():
            return np.asarray(result)
    except (LinAlgError, LinAlgWarning):
        pass
    result, *_ = lstsq(head.weight, -head.bias, lapack_driver="gelsy")  # rows that depend
    return np.asarray(result)


def outside(moved: Doubles, dimensions: int) -> Callable[[Doubles], Doubles]:
    """What is left of rows beside the `dimensions` directions in which rows (N, D) are largest."""
    if len(moved) < moved.shape[1] and dimensions <= len(moved):  # few images: only their own axes
        _, _, rows = np.linalg.svd(moved, full_matrices=False)
        inside = rows[:dimensions].T
        return lambda around: around - (around @ inside) @ inside.T
    _, axes = np.linalg.eigh(moved.T @ moved)
    # eigh sorts ascending: all but the last `dimensions` columns; lengths need only coordinates
    minor_axes = np.ascontiguousarray(axes[:, : axes.shape[1] - dimensions])
    return lambda around: around @ minor_axes


def require_head(bank: Bank) -> Head:
    """The head. Raises BlindspotError when the bank has none."""
    if bank.head is None:
        raise BlindspotError("This bank was made without the model's last linear layer.")
    return bank.head
