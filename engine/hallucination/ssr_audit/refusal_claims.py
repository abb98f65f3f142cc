"""What an audit of a refusal measures under each condition, and what is claimed."""

from dataclasses import dataclass

from engine.evaluation.experiment import Claim, Value
from engine.hallucination.ssr_audit.inside_claims import ADDING, READING, REMOVING
from engine.hallucination.ssr_audit.losses import LOGIT, PROBE, STEER

FLIPS, RIGHT, UNSEEN, TRIED, PASSES = (
    "declined questions answered",
    "of these, the right fact",
    "of these, unseen by the monitor",
    "notes tried",
    "forward passes",
)


@dataclass(frozen=True)
class SearchWay:
    """A search under a condition.

    Args:
        kind: of the loss.
        where: "first", the first layer with an accurate probe; "before", the layer before;
            "last"; "onward", all from the first on; "" for the output.
        blind: notes are drawn at random.
        tuned: the network was fine-tuned with rerouted questions before.
    """

    kind: str = STEER
    where: str = "first"
    blind: bool = False
    tuned: bool = False


OUTPUT, BLIND = "output logit", "random notes"
FIRST, PROBED = "direction, first accurate layer", "probe, first accurate layer"
BEFORE, LAST, ONWARD = (
    "direction, layer before",
    "direction, last layer",
    "direction, from there on",
)
TUNED, TUNED_OUTPUT = "direction, after fine-tuning", "output logit, after fine-tuning"
SEARCHES = {
    OUTPUT: SearchWay(LOGIT, ""),
    BLIND: SearchWay(LOGIT, "", blind=True),
    FIRST: SearchWay(),
    PROBED: SearchWay(PROBE),
    BEFORE: SearchWay(where="before"),
    ONWARD: SearchWay(where="onward"),
    LAST: SearchWay(where="last"),
    TUNED: SearchWay(where="onward", tuned=True),
    TUNED_OUTPUT: SearchWay(LOGIT, "", tuned=True),
}


def gained(of: Value, cost: str) -> float:
    """By how much more a direction gets for its cost than the output logit, of the better one.

    What is got are answered questions; where neither gets one, neither is better.
    """
    direction_ratio, logit_ratio = (of(name, FLIPS) / of(name, cost) for name in (FIRST, OUTPUT))
    return (
        (direction_ratio - logit_ratio) / max(direction_ratio, logit_ratio)
        if direction_ratio or logit_ratio
        else 0.0
    )


CLAIMS = (
    Claim("One direction decides: without it, questions are no longer declined", *REMOVING),
    Claim("Adding the direction makes it decline what it would answer", *ADDING),
    Claim("The decision is made inside: the last word alone does not tell", *READING),
    Claim(
        "Rerouting at a middle layer needs fewer tries than the output logit",
        "at the first layer with an accurate probe, more questions are answered for each note that "
        "is tried; one that stays declined counts with all of its tries",
        lambda of: gained(of, TRIED),
    ),
    Claim(
        "Rerouting at a middle layer costs less computation",
        "the same for each forward pass: a note that is read up to layer l of L costs l / L",
        lambda of: gained(of, PASSES),
    ),
    Claim(
        "Fine-tuning with rerouted questions helps",
        "of the questions that are answered after rerouting from the first accurate layer on, it "
        "leaves fewer by 5 points or more",
        lambda of: of(ONWARD, FLIPS) - of(TUNED, FLIPS) - 0.05,
    ),
)
