"""What COSTARR's own views say: likeness and logit, both halves, the dimensions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.result import Table
from engine.evaluation.detection.standing import apart_where_unseen

SAME_ORDER = 0.95  # Spearman from which on two scores order images alike
HARDLY = 0.005  # of AUROC


def factors(result: Mapping[str, Any]) -> str:
    parts = result["subject"].parts
    return (
        f"This image: likeness {float(parts['likeness'][0]):.3f}, logit "
        f"{float(parts['logit'][0]):.3f}. On a dotted line the product is the same. When all "
        "likenesses lie near 1 the logit decides alone: switch it off to see."
    )


def which_half(table: Table) -> str:
    """Which half counts, and whether the order is MaxLogit's. Args: table: the ablation."""
    rho, areas = float(table["Spearman with MaxLogit"][0]), table["AUROC"]
    correlation = f"{rho:.2f}".replace("-", "−")
    words = f"Over other normal images its order and MaxLogit's correlate at {correlation}"
    words += ": here COSTARR is MaxLogit. " if rho >= SAME_ORDER else ". "
    if np.isfinite(areas).all():
        more = "more than" if areas[0] > areas[1:3].max() + HARDLY else "no more than"
        words += f"Of these unknown images both halves together tell {more} one of them. "
    return (
        f"{words}Not verified, since no code of the authors was found: the formulas, how the "
        "halves are joined, and the paper's figures on ImageNet."
    )


def hardly_weighed(table: Table) -> str:
    """How much of what sets the image apart lies where the head hardly looks.

    Args:
        table: the dimensions.
    """
    share = apart_where_unseen(table["weight"], table["features"], table["usual features"])
    return (
        f"{100 * share:.0f} % of what sets this image's features apart from its class lies in the "
        "half of the dimensions that the head weighs least."
    )
