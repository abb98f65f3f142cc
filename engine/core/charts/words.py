"""Numbers in a sentence or a cell."""

NONE = "–"  # what is not known


def signed(value: float) -> str:
    """A number that may lie below zero in a sentence, with a minus that is one."""
    return f"{value:.2f}".replace("-", "−")


def percent(share: float) -> str:
    """A share in a sentence, with as many digits as it needs."""
    return f"{100 * share:.3g} %"
