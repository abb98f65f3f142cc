"""What Forget opens with, a class, four ways and a closer look at the best, and Experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine import data
from engine.case.opening import Question
from engine.experiment import ExperimentCase
from engine.models.catalog import load
from engine.unlearning import (
    EXPERIMENTS,
    SSD,
    AfterCase,
    BoardCase,
    Confidence,
    Confusion,
    Embedding,
    FineTune,
    Frontier,
    Judged,
    MembershipAttack,
    NegGradPlus,
    NoOp,
    Relearn,
    Retrain,
    SalUn,
    Scoreboard,
    Similarity,
    StillThere,
    Unlearner,
    forget_case,
    request,
)
from engine.unlearning.diagnostics.base import MODELS


@dataclass(frozen=True)
class Forgotten:
    """What the view Forget opens with."""

    data: str
    model: str
    label: int
    ways: tuple[type[Unlearner], ...]
    best: type[Unlearner]  # the way that comes nearest, and so the one that is looked at closely


FORGOTTEN = Forgotten("digits", "digits-cnn", 3, (FineTune, NegGradPlus, SalUn, SSD), NegGradPlus)


def questions() -> Iterator[Question]:
    """One view after the other."""
    yield from forget()
    yield from experiments()


def board_case() -> tuple[BoardCase, AfterCase]:
    """The ways on the scoreboard, and the best of them looked at closely."""
    digits = data.load(FORGOTTEN.data)
    case = forget_case(load(FORGOTTEN.model), digits, request.of_class(digits, FORGOTTEN.label))
    ways = (NoOp(), *(kind() for kind in FORGOTTEN.ways))
    return BoardCase(case, ways), AfterCase(case, FORGOTTEN.best())


def forget() -> Iterator[Question]:
    """The scoreboard, and what is looked at closely."""
    board, after = board_case()
    yield Retrain(), board.case
    yield FORGOTTEN.best(), board.case
    yield Scoreboard(), board
    for diagnostic in (
        Confidence,
        StillThere,
        Confusion,
        Embedding,
        Similarity,
        Relearn,
        Judged,
        Frontier,
    ):
        yield diagnostic(), after
    for name in MODELS:
        yield MembershipAttack(model=name), after


def experiments() -> Iterator[Question]:
    """Each on the data that it offers first."""
    for kind in EXPERIMENTS:
        yield kind(), ExperimentCase(data.load(kind.data[0]))
