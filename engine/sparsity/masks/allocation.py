"""How many weights stay in each layer.

- global: all layers compete; a layer keeps what is among the best of all.
- per layer: the same share of each layer is cut.
- uniform: the same share of each layer stays.
- uniform+: as uniform, but the first convolution stays whole and the head keeps a fifth or more;
  the others share what is left of the budget, so that the total is right.
- ER, ERK: small layers stay denser: d = ε (in + out) / (in · out), with ERK over all dimensions of
  a kernel: d = ε Σ dims / Π dims. A layer that would be fuller than full is whole, and ε is solved
  for the others again.
- SNIP ratio, GraSP ratio: the shares that a global choice by those scores would give each layer.

Mocanu et al. 2018 (ER, https://arxiv.org/abs/1707.04780), Evci et al. 2020 (ERK,
https://arxiv.org/abs/1911.11134), Liu et al., "The Unreasonable Effectiveness of Random Pruning"
(2022), https://arxiv.org/abs/2202.02643. The published code of uniform+ misses the budget below
and above a density of 0.2; here it is solved exactly.
"""

from collections.abc import Sequence
from math import prod

from engine.core.errors import BadSetting
from engine.vision.weights.parts import PrunableWeight

HEAD_DENSITY = 0.2
RULES = ("uniform", "uniform+", "ER", "ERK")  # that look at shapes only
RATIOS = ("SNIP ratio", "GraSP ratio")  # that look at other scores
ALLOCATIONS = ("global", "per layer", *RULES, *RATIOS)


def densities(
    rule: str, parts: Sequence[PrunableWeight], density: float, sizes: Sequence[int] | None = None
) -> tuple[float, ...]:
    """The share that stays in each part, such that the shares times sizes meet the budget.

    Args:
        rule: one of RULES.
        parts: whose shapes count.
        density: the share of everything that is to stay.
        sizes: how many units each part has; its weights when left out.

    Raises:
        BadSetting: no such rule, or what the rule holds dense alone is more than the budget.
    """
    if rule not in RULES:
        raise BadSetting(f"{rule!r} is no rule for layers: choose one of {', '.join(RULES)}.")
    counts = [part.size for part in parts] if sizes is None else list(sizes)
    match rule:
        case "uniform":
            return (density,) * len(parts)
        case "uniform+":
            return uniform_plus(parts, counts, density)
        case "ER":
            # outputs and inputs alone, also of a convolution: that is what tells ER from ERK
            raws = [(p.shape[0] + p.shape[1]) / (p.shape[0] * p.shape[1]) for p in parts]
        case _:
            raws = [sum(p.shape) / prod(p.shape) for p in parts]
    return solved(raws, counts, density)


def solved(raws: Sequence[float], counts: Sequence[int], density: float) -> tuple[float, ...]:
    """Shares in proportion to `raws`, none above 1, that meet the budget exactly."""
    total = sum(counts)
    dense: set[int] = set()
    while len(dense) < len(raws):
        rest = [i for i in range(len(raws)) if i not in dense]
        # stays above 0: a saturated layer takes less than the share it asked for
        budget = density * total - sum(counts[i] for i in dense)
        scale = budget / sum(raws[i] * counts[i] for i in rest)
        most = max(raws[i] for i in rest)
        if scale * most <= 1:
            return tuple(1.0 if i in dense else scale * raws[i] for i in range(len(raws)))
        # only the fullest saturate at a time: what they leave makes ε rise, and others may follow
        dense |= {i for i in rest if raws[i] == most}
    return (1.0,) * len(raws)


def uniform_plus(
    parts: Sequence[PrunableWeight], counts: Sequence[int], density: float
) -> tuple[float, ...]:
    """The first convolution whole, the head at a fifth or more, the rest alike."""
    total = sum(counts)
    first = [i for i, part in enumerate(parts) if part.role == "first" and part.is_conv]
    head = [i for i, part in enumerate(parts) if part.role == "head"]
    reserved = sum(counts[i] for i in first)
    rest = total - reserved
    share = (density * total - reserved) / rest if rest else 1.0
    of_head = share
    if head and share < HEAD_DENSITY:
        heads = sum(counts[i] for i in head)
        rest -= heads
        of_head = HEAD_DENSITY
        share = (density * total - reserved - HEAD_DENSITY * heads) / rest if rest else 1.0
        reserved += round(HEAD_DENSITY * heads)
    if share <= 0:
        most = 1 - reserved / total
        raise BadSetting(
            f"uniform+ holds {reserved / total:.1%} of the weights whatever is cut: choose a ratio "
            f"below {most:.3f}."
        )
    return tuple(1.0 if i in first else of_head if i in head else share for i in range(len(parts)))
