"""What is measured of mixtures of two networks, and what the paper claims of them.

Bai et al., "Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing"
(2023), https://arxiv.org/abs/2301.12554
"""

from engine.evaluation.experiment import Claim, Value

ALPHAS = (0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
NORMAL, ROBUST, ADAPTIVE = "normal network (α = 0)", "robust network (α = 1)", "α by image"
CLEAN, ATTACKED = "clean images right", "attacked images right"
SURE, BROKEN = "attacked, and certain", "certain, but changed"
GAP, ATTACKS_AUC = "surer when right", "attacks found (AUC)"
LITTLE = 0.02  # of attacked images, that a mixture may lose


def alpha_condition(alpha: float) -> str:
    """A condition."""
    return {0.0: NORMAL, 1.0: ROBUST}.get(alpha, f"mixture, α = {alpha:g}")


ABOVE = tuple(alpha_condition(alpha) for alpha in ALPHAS if 0.5 < alpha < 1)


def gains(of: Value) -> float:
    """Of the best mixture above one half: what it has more than it needs, the least of three.

    Where the robust network is as right on clean images as the normal one, no gap can be closed.
    """
    half, gap = (of(NORMAL, CLEAN) + of(ROBUST, CLEAN)) / 2, of(NORMAL, CLEAN) - of(ROBUST, CLEAN)
    return max(
        min(of(name, CLEAN) - half, of(name, ATTACKED) - of(ROBUST, ATTACKED) + LITTLE, gap)
        for name in ABOVE
    )


def above_curve(of: Value) -> float:
    """How far the adaptive mixture lies above the best fixed one that is as right when clean."""
    as_clean = [
        of(name, ATTACKED)
        for name in map(alpha_condition, ALPHAS)
        if of(name, CLEAN) >= of(ADAPTIVE, CLEAN)
    ]
    return of(ADAPTIVE, ATTACKED) - max(as_clean, default=of(NORMAL, ATTACKED))


CLAIMS = (
    Claim(
        "Above one half, accuracy is gained and hardly any robustness lost",
        "the normal network is the more accurate one, and some α above 0.5 closes half of that gap "
        "and loses at most 2 points under attack",
        gains,
    ),
    Claim(
        "Below one half, robustness is lost",
        "at α = 0.25, fewer attacked images right than halfway between both networks",
        lambda of: (
            (of(NORMAL, ATTACKED) + of(ROBUST, ATTACKED)) / 2 - of(alpha_condition(0.25), ATTACKED)
        ),
    ),
    Claim(
        "The robust network is surer where it is right",
        "its margin on clean images that it reads right is larger than on others and attacked ones "
        "that it misreads",
        lambda of: of(ROBUST, GAP),
    ),
    Claim(
        "Where the robust network leads by enough, the normal one cannot change the answer",
        "none of the attacked images that are certain is answered unlike the robust network",
        lambda of: 1e-6 - max(of(name, BROKEN) for name in (*ABOVE, ROBUST)),
    ),
    Claim(
        "Setting α for each image beats any fixed one",
        "more attacked images right than with any fixed α that is as right on clean images",
        above_curve,
    ),
)
