"""Level sets against the published loop, and the triangle against its own forward passes.

The loop of the authors' code is written here as it runs there: in every step one forward and one
backward pass for the gradient, and a second forward pass that judges the proposal. Both walk the
same pair with the same settings, and must end alike. Ours is timed as it is at first, and as it is
once its steps were compiled; the minute that compiling takes is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.setting import case, forwards, plain
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired
from engine.attribution.lst import LST, PUBLISHED
from engine.attribution.lst.method import batch_of_one
from engine.attribution.lst.simplex import barycentric, triangle
from engine.attribution.lst.traversal import Traversal
from engine.core.method import quiet
from engine.core.tally import counting
from engine.vision.case import PairCase, image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample

STEPS = 40  # of the paper's 400: the time of a step does not change along the walk
ALIKE = 0.02
CELLS = 25
COMPILED = 2.0, 2.7  # the eager goals, with both passes at least 1.5 times as fast


@dataclass(frozen=True, eq=False)
class End:
    """Where a walk came to."""

    confidence: float
    rmse: float

    def like(self, other: End) -> bool:
        """Whether both ends are the same to 2 %."""
        pairs = (self.confidence, other.confidence), (self.rmse, other.rmse)
        return all(abs(first - second) <= ALIKE * abs(second) for first, second in pairs)


@cache
def pair() -> PairCase:
    """The cat and the palace."""
    model = case().model
    return PairCase(case(), (image_case(model, sample("china"), Crop(), Target(0)).image,))


@cache
def compiled_pair() -> PairCase | None:
    """The same for a model whose steps are compiled; None where that cannot be done."""
    model = case().model.twin()
    if not model.differentiable(1).compile():
        return None
    return replace(pair(), source=replace(case(), model=model))


def method(steps: int, *, adaptive: bool = False) -> LST:
    """The paper's settings, with so many steps."""
    return LST(**PUBLISHED | {"steps": steps, "adaptive": adaptive})


def ours(steps: int, *, adaptive: bool = False, on: PairCase | None = None) -> End:
    """Our walk, without the log of images that the loop does not keep either."""
    on, lst_method = on or pair(), method(steps, adaptive=adaptive)
    walk = Traversal(
        on.model, *batch_of_one(on), lst_method.rules(), lst_method.start_noise(on.source)
    )
    for _ in range(steps):
        walk.step()
    return End(float(walk.confidence[0]), target_rmse(walk.x))


def published(network: nn.Module, memory_format: torch.memory_format, steps: int) -> End:
    """The loop of the authors' code, step by step."""
    lst_method = method(steps)
    rules = lst_method.rules()
    source, target, labels = batch_of_one(pair())
    source, target = source.to(memory_format=memory_format), target.to(memory_format=memory_format)
    with torch.no_grad():
        reference = network(source).softmax(1)[:, labels[0]]
    x = (source + lst_method.start_noise(case())).clamp(0, 1)
    memory, bound = torch.zeros_like(x), rules.epsilon or 0.0
    for _ in range(steps):
        pixels = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(
            F.cross_entropy(network(pixels), labels, reduction="sum"), pixels
        )
        to_target = target - x
        across = to_target - g * ((g * to_target).sum() / (g * g).sum())
        memory = (memory + bound / 2 * g).clamp(-bound, bound)
        proposal = (x + rules.eta * across - memory).clamp(0, 1)
        with torch.no_grad():
            good = reference - network(proposal).softmax(1)[:, labels[0]] < rules.delta
        x = torch.where(good.view(-1, 1, 1, 1), proposal, x)
    with torch.no_grad():
        confidence = network(x).softmax(1)[0, labels[0]]
    return End(float(confidence), target_rmse(x))


def target_rmse(x: Tensor) -> float:
    """RMSE to the target."""
    return float((x[0].cpu() - pair().others[0]).square().mean().sqrt())


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """The walk and the compiled one against the loop, in both memory formats; the triangle."""
    yield from walks("Level-set walk", pair(), (1.35, 1.8), rounds)
    name = "Level-set walk, compiled"
    if pair_case := compiled_pair():
        yield from walks(name, pair_case, COMPILED, rounds)
    else:
        yield BenchmarkRow.not_measured(name, "nothing can be compiled here")
    yield from halves(rounds)
    yield blends(rounds)


def walks(
    name: str, pair_case: PairCase, goals: tuple[float, float], rounds: int
) -> Iterator[BenchmarkRow]:
    """A walk of ours against the loop in the same memory format, and against the loop as it is."""
    is_channels_last = pair_case.model.pace("gradient").channels_last
    our_format = torch.channels_last if is_channels_last else torch.contiguous_format
    for against, channels_last, memory_format, goal in (
        ("the published loop in our memory format", is_channels_last, our_format, goals[0]),
        ("the published loop, contiguous", False, torch.contiguous_format, goals[1]),
    ):
        network = plain(channels_last)
        with counting() as tally:
            ends = ours(STEPS, on=pair_case), published(network, memory_format, STEPS)
        share = tally.compiled / max(1, sum(tally.asked.values()))
        note = f"{STEPS} steps, {share:.0%} of the passes compiled; "
        note += "ends alike" if ends[0].like(ends[1]) else f"ends {ends}"
        yield paired(
            name,
            lambda: ours(STEPS, on=pair_case),
            lambda network=network, memory_format=memory_format: published(
                network, memory_format, STEPS
            ),  # type: ignore[misc]
            against,
            goal,
            rounds,
            note,
        )


def halves(rounds: int) -> Iterator[BenchmarkRow]:
    """The adaptive walk in half the steps against the fixed one: how near it comes, its time."""
    steps = 2 * STEPS
    fixed, adaptive = ours(steps), ours(steps // 2, adaptive=True)
    yield BenchmarkRow.exact(
        "Level-set walk, adaptive: RMSE to the target ÷ fixed, twice the steps",
        adaptive.rmse / fixed.rmse,
        "×",
        most=1.0,
        note=f"{adaptive.rmse:.4f} after {steps // 2} steps, {fixed.rmse:.4f} after {steps}",
    )
    yield paired(
        "Level-set walk, adaptive",
        lambda: ours(steps // 2, adaptive=True),
        lambda: ours(steps),
        "fixed, twice the steps",
        None,
        min(rounds, 2),
    )


def blends(rounds: int) -> BenchmarkRow:
    """The triangle's 351 points against as many forward passes."""
    ends = torch.stack([pair().others[0], pair().others[0].flip(2)])
    weights = barycentric(CELLS) / CELLS
    return paired(
        f"Triangle, {len(weights)} points",
        lambda: triangle(case(), ends, weights, "raw targets", quiet),
        lambda: forwards(len(weights)),
        "its own forwards",
        0.90,
        rounds,
    )
