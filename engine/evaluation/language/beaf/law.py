"""How often contrastive decoding says yes, when the yes is a habit of the words.

A yes/no answer weighs evidence x ~ N(±d²/2, d²) against prior log-odds b. A weak stream that sees
nothing knows b alone. Contrasted with strength α the prior counts b / (1 + α), so

    false yes = Φ((b / (1 + α) − d²/2) / d),   missed = Φ(−(b / (1 + α) + d²/2) / d)

Derived for this project; for the contrast see Leng et al. 2024 (VCD), equation 3.
"""

from math import log


def log_odds(share: float) -> float:
    """b of a prior probability."""
    return log(share / (1 - share))


def false_yes(evidence: float, prior: float, alpha: float = 0.0) -> float:
    """How often an absent thing is said to be there.

    Args:
        evidence: d, how far apart the two cases look, in standard deviations.
        prior: b, log-odds of "yes" without looking.
        alpha: strength of the contrast.
    """
    from scipy.stats import norm

    return float(norm.cdf((prior / (1 + alpha) - evidence**2 / 2) / evidence))


def missed(evidence: float, prior: float, alpha: float = 0.0) -> float:
    """How often a thing that is there is denied."""
    from scipy.stats import norm

    return float(norm.cdf(-(prior / (1 + alpha) + evidence**2 / 2) / evidence))


def evidence_for(rate: float, prior: float) -> float:
    """The d that gives a rate of false yes without contrast. Raises ValueError for none."""
    from scipy.optimize import brentq

    # b / d − d / 2 falls with d for b ≥ 0: one root, and at b = 0 none for a rate of a half or more
    return float(brentq(lambda d: false_yes(d, prior) - rate, 1e-3, 50))
