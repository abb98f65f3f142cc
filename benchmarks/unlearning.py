"""What a person waits for in Forget, and what some unlearners cost."""

from collections.abc import Iterator
from functools import cache
from itertools import count

from benchmarks.table import BenchmarkRow
from benchmarks.timing import within
from engine.core.run import answer
from engine.evaluation.forgetting.attack import attack
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
    ProtectImage,
    RandomLabels,
    Retrain,
    SalUn,
    Scoreboard,
    dampened,
    forget_case,
    request,
)
from engine.unlearning.protocol.metrics import evaluate_model
from engine.unlearning.ssd.damping import damped
from engine.unlearning.worst_forget.worst import search
from engine.vision import data as data_sets
from engine.vision.images.samples import sample
from engine.vision.models import embedded

TEN = (
    Retrain(),
    NoOp(),
    FineTune(),
    GradientAscent(),
    RandomLabels(),
    FisherForgetting(),
    IU(),
    L1Sparse(),
    SalUn(),
    SSD(),
    SCRUB(),
)
BOARD, SLIDER, ATTACK, SHARE = 30.0, 0.2, 2.0, 10.0  # seconds, and % of retraining's passes
HARD, WORST = 0.1, 2.0  # of the images, seconds
FILTER, PHOTOGRAPH_SIDE = 50.0, 224  # milliseconds, and px of a photograph as models see it


@cache
def forgetting_case(name: str, model: str) -> ForgetCase:
    """A class of some digits is to be forgotten by the model that ships."""
    data = data_sets.load(name)
    return forget_case(embedded.load(model), data, request.of_class(data, 3))


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """The scoreboard, SSD's slider, the attack, and shares of retraining's passes."""
    case = forgetting_case("digits", "digits-cnn")
    numbers = count(1000)
    yield within(
        f"Scoreboard on digits, {len(TEN) - 1} ways and retraining, one seed",
        lambda: answer(Scoreboard(), BoardCase(case.seeded(next(numbers)), TEN)),
        BOARD,
        1,
        note="from nothing; seconds of one run each",
    )
    large = forgetting_case("mnist-5k", "mnist-cnn")
    dampened(large, SSD())
    ratios = count(2)
    yield within(
        "SSD at another threshold, MNIST CNN",
        lambda: dampened(large, SSD(ratio=float(next(ratios)))),
        SLIDER,
        rounds,
        note="importances are there",
    )
    yield within(
        "SSD's slider with its figures, digits",
        lambda: damped(case, SSD(ratio=float(next(ratios)))),
        SLIDER,
        rounds,
        note=f"{len(case.data):,} images answered anew",
    )
    judgment = evaluate_model(large.model, large)
    yield within(
        "Membership attack, MNIST-5k",
        lambda: attack(judgment.retain, judgment.test, judgment.forget),
        ATTACK,
        rounds,
        note=f"{2 * len(judgment.test)} images fitted to",
    )
    yield within(
        f"The hardest {HARD:.0%} of the digits to forget",
        lambda: search(case.model, case.data, HARD, 0, 5, 1),
        WORST,
        rounds,
        note="five rounds",
    )
    photograph = sample("chelsea").pixels[:PHOTOGRAPH_SIDE, :PHOTOGRAPH_SIDE]
    yield within(
        f"CUDA on an image of {PHOTOGRAPH_SIDE} px",
        lambda: ProtectImage().apply(photograph),
        FILTER,
        rounds,
        unit="ms",
        note="filters are drawn anew each time",
    )
    for method in (SSD(), GradientAscent()):
        share = float(answer(method, case)["run"]["share of retraining"][0])
        yield BenchmarkRow.exact(
            f"{method.short}'s passes, digits, of retraining's", 100 * share, "%", most=SHARE
        )
