"""What reprogramming sparse networks is said to cost, as margins over figures of named conditions.

Dense is judged against the mean over tickets: the least of several margins in each seed would be
below zero by chance alone. Where no ticket is as good as dense on the source task, the claims about
such a ticket have no margin (NaN) and stay undecided.

A point on the source task and ten for a prompt are those of the sheet in shared/papers/sparsity.md;
"well below", which has no number there, is taken to mean more than that point.
"""

from engine.evaluation.experiment import Claim, Value

DENSE = "dense"
TICKET_SHARES = (0.4, 0.2, 0.1, 0.05)  # shares of the weights, a ticket each
TICKETS = tuple(f"ticket {100 * share:g} %" for share in TICKET_SHARES)
LP, VP = "right with a new head", "right inside a prompt"
LP_FEW, VP_FEW = f"{LP}, few images", f"{VP}, few images"
SOURCE, BARE = "right on the source task", "right without a prompt"
LP_ERROR, VP_ERROR = "ECE with a new head", "ECE inside a prompt"
LP_COOLED, VP_COOLED = f"{LP_ERROR}, at its temperature", f"{VP_ERROR}, at its temperature"
ALIKE = 0.01  # below dense on the source task, and a ticket still counts as good there
NONE = "undecided if a seed has no such ticket"


def dense_lead(of: Value, ticket: str, measure: str) -> float:
    """By how much the dense network is ahead."""
    return of(DENSE, measure) - of(ticket, measure)


def lost_alike(of: Value, measure: str) -> float:
    """By how much dense leads the sparsest ticket as good as it on the source task; NaN if none."""
    good = [ticket for ticket in TICKETS if dense_lead(of, ticket, SOURCE) < ALIKE]
    return dense_lead(of, good[-1], measure) if good else float("nan")


def better(of: Value, measure: str) -> float:
    """By how much an error of dense is below the mean over tickets."""
    return sum(-dense_lead(of, ticket, measure) for ticket in TICKETS) / len(TICKETS)


CLAIMS = (
    Claim(
        "A ticket as good as dense on the source task loses more inside a prompt than with a new "
        "head",
        "the drop from dense is larger, for the sparsest ticket within a point on the source task; "
        f"{NONE}",
        lambda of: lost_alike(of, VP) - lost_alike(of, LP),
    ),
    Claim(
        "Inside a prompt such a ticket is well below dense",
        f"more than a point, for the same ticket; {NONE}",
        lambda of: lost_alike(of, VP) - ALIKE,
    ),
    Claim(
        "Dense is better calibrated than its tickets with a new head",
        "a smaller calibration error (ECE) than their mean",
        lambda of: better(of, LP_ERROR),
    ),
    Claim(
        "Dense is better calibrated than its tickets inside a prompt",
        "a smaller calibration error (ECE) than their mean",
        lambda of: better(of, VP_ERROR),
    ),
    Claim(
        "A learned prompt is worth more than the binding of classes alone",
        "10 points more right than with a gray border, dense",
        lambda of: of(DENSE, VP) - of(DENSE, BARE) - 0.1,
    ),
)
