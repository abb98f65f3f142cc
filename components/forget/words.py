"""Names and numbers of Forget, as a person reads them."""

from engine.unlearning import UNLEARNERS

GOAL, BEFORE = "Retrain", "NoOp"
TITLES = {kind.short: kind.title for kind in UNLEARNERS} | {
    GOAL: "Retrained without them",
    BEFORE: "Nothing done",
}
FIGURES = {
    "UA": ("forgotten images wrong", "the share of the forgotten images it now gets wrong"),
    "RA": ("others right", "the share of the training images that stay it gets right"),
    "TA": ("test right", "the share of test images it gets right; without a forgotten class"),
    "MIA": (
        "taken for strangers",
        "the share of forgotten images that a membership attacker takes "
        "for images it never learned",
    ),
}
OF_A_MODE = {
    "mode still right": "the share of test images of the mode it still gets right; other images "
    "may teach that too, as the retrained model shows",
    "rest of the class": "the share of test images of the same class, without the mode, it gets "
    "right: this is to be kept",
    "other classes": "the share of test images of other classes it gets right",
}
TINY = 0.1  # percent


def percent(share: float) -> str:
    """A share in whole percent, with a digit near both ends."""
    value = 100 * share
    if 0 < value < TINY:
        return f"under {TINY} %"
    if 100 - TINY < value < 100:
        return f"over {100 - TINY} %"
    return f"{value:.1f} %" if 0 < value < 1 or 99 < value < 100 else f"{value:.0f} %"


def signed(off: float) -> str:
    """A signed distance in points."""
    return "±0" if abs(off) < 0.0005 else f"{100 * off:+.1f}".replace("-", "−")


def time(seconds: float) -> str:
    """Seconds, short."""
    return "under 0.1 s" if seconds < 0.1 else f"{seconds:.1f} s"


def row_label(way: str) -> str:
    """A row's name for a person: "SalUn (share=0.5)" with its title for the short name."""
    short, bracket, settings = way.partition(" (")
    return TITLES.get(short, short) + bracket + settings
