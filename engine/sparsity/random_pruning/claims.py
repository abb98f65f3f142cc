"""What random pruning is said to do, as margins over figures of named conditions.

Liu et al., "The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for
Sparse Training" (2022), https://arxiv.org/abs/2202.02643
"""

from engine.evaluation.experiment import Claim, Value

DENSE, UNIFORM, ER, ERK = "dense", "uniform", "ER", "ERK"
RULES = (UNIFORM, ER, ERK)
WIDTHS = (0.25, 0.5, 1.0, 2.0)  # × 4 was left out for its time
NARROWEST, WIDEST = WIDTHS[0], WIDTHS[-1]
SNIP, SNIP_RATIO = "SNIP", "SNIP ratio"
PICKED, SHUFFLED = f"{SNIP} × 1", f"{SNIP_RATIO} × 1"
RIGHT, BEFORE = "test images right", "right before training"
ERROR, SCRAMBLED_AUROC = "calibration error (ECE)", "scrambled images told apart (AUROC)"


def at(rule: str, width: float) -> str:
    """The condition of a rule at a width."""
    return f"{rule} × {width:g}"


def gap(of: Value, rule: str, width: float) -> float:
    """By how much the dense network of this width has more test images right."""
    return of(at(DENSE, width), RIGHT) - of(at(rule, width), RIGHT)


# Points of accuracy are those of the sheet in shared/papers/sparsity.md.
CLAIMS = (
    Claim(
        "The wider the network, the less random pruning costs",
        f"the gap to dense is a point smaller at × {WIDEST:g} than at × {NARROWEST:g}, with ERK",
        lambda of: gap(of, ERK, NARROWEST) - gap(of, ERK, WIDEST) - 0.01,
    ),
    Claim(
        "That is so with the same share of every layer, too",
        "the same with uniform",
        lambda of: gap(of, UNIFORM, NARROWEST) - gap(of, UNIFORM, WIDEST) - 0.01,
    ),
    Claim(
        "A wide random network is as good as the dense one",
        f"at most a point below it at × {WIDEST:g}, with ERK",
        lambda of: 0.01 - gap(of, ERK, WIDEST),
    ),
    Claim(
        "How many weights each layer keeps matters",
        f"ERK is over 1.5 points above uniform at × {NARROWEST:g}",
        lambda of: gap(of, UNIFORM, NARROWEST) - gap(of, ERK, NARROWEST) - 0.015,
    ),
    Claim(
        "Which ones it keeps does not",
        "with as many in each layer, drawn weights end within 1.5 points of SNIP's",
        lambda of: 0.015 - abs(of(PICKED, RIGHT) - of(SHUFFLED, RIGHT)),
    ),
    Claim(
        "Before training neither is better than chance",
        "both have less than 20 % right, twice chance",
        lambda of: 0.2 - max(of(PICKED, BEFORE), of(SHUFFLED, BEFORE)),
    ),
    Claim(
        "A wide random network knows better than the dense one how sure it may be",
        f"its calibration error is smaller at × {WIDEST:g}, with ERK",
        lambda of: of(at(DENSE, WIDEST), ERROR) - of(at(ERK, WIDEST), ERROR),
    ),
    Claim(
        "And better what it does not know",
        f"its confidence tells scrambled images apart more often at × {WIDEST:g}, with ERK",
        lambda of: of(at(ERK, WIDEST), SCRAMBLED_AUROC) - of(at(DENSE, WIDEST), SCRAMBLED_AUROC),
    ),
)
