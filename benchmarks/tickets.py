"""The lottery ticket's trainings: convolutions passed by themselves, and what a person waits for.

One pass for all networks is how they were trained before: grouped convolutions and the pooling of
many channels. Both take the same steps of LTH with three seeds: nine networks.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.table import BenchmarkRow, number
from benchmarks.timing import paired, timed
from engine.core.method import quiet
from engine.sparsity.lth.levels import ARMS, TicketPlan, TicketRun
from engine.sparsity.lth.lottery import RECIPES
from engine.vision import data as data_sets
from engine.vision.lab import TrainCase
from engine.vision.models.stack import Stack
from engine.vision.models.threads import one_thread
from engine.vision.training import fresh
from engine.vision.training.objective import cross_entropy
from engine.vision.training.stacked import StackedLoss

SEEDS, LEVELS = 3, 12
COUNT = SEEDS * len(ARMS)  # networks
STEPS = 5  # and one look at the validation images
LENET = "LeNet, 4 epochs"
WAITS = {("digits", "MLP"): 60, ("mnist-5k", LENET): 360}  # seconds for all levels


@cache
def losses(together: int) -> StackedLoss:
    """The batches of nine LeNets on MNIST-5k, so many of them passed at once."""
    data, recipe = data_sets.load("mnist-5k"), RECIPES[LENET]
    stack = Stack([fresh(data, recipe, seed) for seed in range(COUNT)], together=together)
    stack.train()
    train_rows = np.stack([data.rows("train")] * COUNT)
    return StackedLoss(
        stack, data, train_rows, recipe, tuple(range(COUNT)), cross_entropy, data.targets()
    )


def trained(together: int) -> None:
    """Gradients of some steps, and a look, in one of both ways."""
    loss = losses(together)
    with one_thread():
        for place, batch_rows in enumerate(loss.parts(0)[:STEPS]):
            loss(batch_rows, (0, place))[0].backward()
        loss.validated_each()
    for weight in loss.network.parameters():
        weight.grad = None


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """LeNets on MNIST-5k, each by itself on two threads, against one pass for all; all levels."""
    yield paired(
        f"{COUNT} × LeNet on MNIST-5k, by themselves",
        lambda: trained(1),
        lambda: trained(COUNT),
        "one pass for all",
        1.5,
        rounds,
        f"{STEPS} steps and a look",
    )
    yield from whole_lottery()


def whole_lottery() -> Iterator[BenchmarkRow]:
    """The levels after the dense one are alike: one is timed, and stands for all."""
    for (name, network), goal in WAITS.items():
        case = TrainCase(data_sets.load(name), RECIPES[network])
        run = TicketRun(TicketPlan(case, 0.2, LEVELS, 0.0, SEEDS, True, "tickets-benchmark"))
        seconds = timed(lambda r=run: r.level(quiet))
        run.drop()
        yield BenchmarkRow.of(
            f"LTH, {network}, {name}, {SEEDS} seeds: {LEVELS} levels and the dense network",
            [(LEVELS + 1) * seconds],
            "s",
            most=goal,
            note=f"by one level of {number(seconds)} s",
        )
