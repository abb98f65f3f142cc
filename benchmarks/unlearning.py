"""What a person waits for in Forget, against its budget, and what some unlearners cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from statistics import median
from time import perf_counter

from benchmarks.timing import Ratio, timed
from engine import data as data_sets
from engine.models import embedded
from engine.run import answer
from engine.unlearning import (
    IU,
    SCRUB,
    SSD,
    BoardCase,
    FineTune,
    FisherForgetting,
    ForgetCase,
    GradientAscent,
    L1Sparse,
    NoOp,
    RandomLabels,
    Retrain,
    SalUn,
    Scoreboard,
    dampened,
    forget_case,
    request,
)
from engine.unlearning.diagnostics.damping import damped
from engine.unlearning.protocol.attack import attack
from engine.unlearning.protocol.metrics import judged

TEN = (
    Retrain(), NoOp(), FineTune(), GradientAscent(), RandomLabels(), FisherForgetting(), IU(),
    L1Sparse(), SalUn(), SSD(), SCRUB(),
)  # fmt: skip
BOARD, SLIDER, ATTACK, SHARE = 30.0, 0.2, 2.0, 0.1  # seconds, and a share of retraining's samples


@cache
def asked(name: str, model: str) -> ForgetCase:
    """A class of some digits is to be forgotten by the model that ships."""
    data = data_sets.load(name)
    return forget_case(embedded.load(model), data, request.of_class(data, 3))


def within(name: str, budget: float, work: Callable[[], object], rounds: int, note: str) -> Ratio:
    """A row: how many times the work fits into its budget."""
    taken = [timed(work) for _ in range(rounds)]
    return Ratio(
        name,
        f"{budget:g} s",
        budget / median(taken),
        budget / max(taken),
        budget / min(taken),
        1.0,
        median(taken),
        note,
    )


def rows(rounds: int) -> Iterator[Ratio]:
    """The scoreboard, SSD's slider, the attack, and shares of retraining's passes."""
    case = asked("digits", "digits-cnn")
    numbers = count(1000)
    yield within(
        f"Scoreboard on digits, {len(TEN) - 1} ways and retraining, one seed",
        BOARD,
        lambda: answer(Scoreboard(), BoardCase(case.seeded(next(numbers)), TEN)),
        1,
        "from nothing; seconds of one run each",
    )
    large = asked("mnist-5k", "mnist-cnn")
    dampened(large, SSD())
    ratios = count(2)
    yield within(
        "SSD at another threshold, MNIST CNN",
        SLIDER,
        lambda: dampened(large, SSD(ratio=float(next(ratios)))),
        rounds,
        "importances are there",
    )
    yield within(
        "SSD's slider with its figures, digits",
        SLIDER,
        lambda: damped(case, SSD(ratio=float(next(ratios)))),
        rounds,
        f"{len(case.data):,} images answered anew",
    )
    said = judged(large.model, large)
    yield within(
        "Membership attack, MNIST-5k",
        ATTACK,
        lambda: attack(said.retain, said.test, said.forget),
        rounds,
        f"{2 * len(said.test)} images fitted to",
    )
    for method in (SSD(), GradientAscent()):
        start = perf_counter()
        share = float(answer(method, case)["run"]["share of retraining"][0])
        yield Ratio(
            f"{method.short}'s passes, digits",
            f"{SHARE:.0%} of retraining's",
            SHARE / share,
            SHARE / share,
            SHARE / share,
            1.0,
            perf_counter() - start,
            f"{share:.1%}",
        )
