"""Words that several sections of the Prune view share."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share with as many digits as it needs."""
    return f"{100 * share:.3g} %"
