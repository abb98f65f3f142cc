"""QuadAttacK and its two baselines as methods: three losses in one loop with one budget."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from engine.attribution.quadattack.order_losses import AD, CW, QUAD, Loss, order_loss, polyhedron_of
from engine.attribution.quadattack.order_search import (
    OrderSearch,
    OrderSearchRules,
    OrderStep,
    search_order,
)
from engine.attribution.quadattack.ordered_case import OrderedCase, ordered_prefix
from engine.attribution.robustness.scored import Rescored, seen_words, unsure
from engine.attribution.robustness.way import AttackTrajectory
from engine.core.errors import BlindspotError
from engine.core.method import Cost, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.measures.levels import levels_of, levels_to_pixels

PAPER = "Paniagua, Grainger & Wu 2023, https://arxiv.org/abs/2312.11510"
RATE = Slider(0.0002, 0.02, 0.0002, log=True)
PROOF = "tests/engine/attribution/quadattack/test_quadattack.py::"


@dataclass(frozen=True)
class OrderedAttack(Method[OrderedCase]):
    """What the three attacks share: the loop, its budget, and what is said of the outcome."""

    family = "attribution"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"class", "gradient", "head", "one of many"})
    paper: ClassVar[str | None] = PAPER
    revision = 2

    steps: int = setting(
        60,
        Slider(1, 200, 1),
        "Steps",
        "Each costs a forward and a backward pass; the authors take 30 or 60.",
    )
    searches: int = setting(
        1, Slider(1, 9, 1), "Searches", "How often λ is halved in on; each takes all the steps."
    )
    rate: float = setting(0.0022, RATE, "Learning rate", "Of AdamW, in pixel values.")
    weight: float = setting(
        20.0,
        Slider(0.0, 100.0, 1.0),
        "Largest λ",
        "The order counts λ times as much as the size "
        "of the change; the search begins at half of this. With 0 only the size counts.",
    )

    def __call__(self, case: OrderedCase, progress: Progress = quiet) -> Result:
        """Views: pictures, classes (those of the list first), figures, search by step, and the way.

        Raises:
            BlindspotError: no features at all give this order.
        """
        model, levels = case.model, levels_of(case.asked.image)
        self.refuse_impossible(case)
        rules = OrderSearchRules(self.steps, self.searches, self.rate, self.weight)
        total = self.searches * (self.steps + 1)

        trajectory = AttackTrajectory(
            levels, model.logits(levels_to_pixels(levels)[None])[0], total
        )

        def note(at: int, step: OrderStep, image: Tensor, logits: Tensor) -> None:
            trajectory.note(image, logits)
            words = f"step {at}: {step.right} of {len(case.order)} places right"
            progress(at / total, words)

        loss = self.loss(case)
        result = search_order(model, levels, case.order, loss, rules, case.asked.generator(), note)
        rescored = Rescored.of(case.asked, levels, result.change)
        progress(1.0, "asked again about the rounded image")
        return {
            **rescored.views(case.order),
            "success": outcome_table(result, case, rescored),
            "search": steps_of(result),
            **trajectory.views(rescored, case.order[0]),
        }

    @abstractmethod
    def loss(self, case: OrderedCase) -> Loss:
        """What is lowered until the order holds."""

    @property
    def kappa(self) -> float:
        """By how many logits each class is to lead the next."""
        return 0.0

    def refuse_impossible(self, case: OrderedCase) -> None:
        """Raise BlindspotError where no features at all give the order."""
        if polyhedron_of(case.model, case.order, self.kappa).empty:
            raise BlindspotError(
                f"{case.model.title} cannot say these classes in this order, whatever it sees: no "
                f"features at all give it with a margin of {self.kappa:g} logits. Choose fewer "
                "classes, or another order."
            )

    def finding(self, case: OrderedCase, result: Mapping[str, Any]) -> str:
        """Whether the order was found, and with how small a change."""
        right, requested = (int(result["success"][name][0]) for name in ("right", "wanted"))
        figures, labels = result["figures"], case.model.labels
        size = f"{figures['RMS'][0]:.2g}/255 in the mean and {figures['L∞'][0]:.0f}/255 at most"
        if right == requested:
            names = ", ".join(labels[index] for index in case.order)
            count = f"{requested} classes" if requested > 1 else "class"
            words = f"It says your {count} in your order ({names}) after changes of {size}."
        else:
            words = (
                f"{self.title} did not find your order in {self.steps} steps: its best try, drawn "
                f"here, has {right} of {requested} places right, with changes of {size}."
            )
        return words + unsure(result) + seen_words(result)


def outcome_table(search: OrderSearch, case: OrderedCase, rescored: Rescored) -> Table:
    """Whether the 8-bit image has the order, by a ranking made anew from the exact model."""
    ranking = rescored.order[1].tolist()
    right = ordered_prefix(case.order, ranking)
    columns = {
        "success": (float(right == len(case.order)), "yes or no"),
        "right": (float(right), "places"),
        "wanted": (float(len(case.order)), "places"),
        "step": (float(search.at), "step"),
    }
    return Table.of(
        {name: (np.array([number], np.float32), unit) for name, (number, unit) in columns.items()}
    )


def steps_of(search: OrderSearch) -> Table:
    """Every step: how far from the order, how large the change, and how many places are right."""
    rows = search.log
    return Table.of(
        {
            "step": (np.arange(len(rows), dtype=np.float32), "step"),
            "loss": (np.array([row.loss for row in rows], np.float32), ""),
            "size": (np.array([row.size for row in rows], np.float32), "L2"),
            "places right": (np.array([row.right for row in rows], np.float32), "places"),
            "λ": (np.array([row.weight for row in rows], np.float32), ""),
        }
    )


@dataclass(frozen=True)
class MarginAttack(OrderedAttack):
    """An ordered attack that asks for a margin between the classes."""

    margin: float = setting(
        0.2, Slider(0.0, 2.0, 0.1), "Margin κ", "By how many logits each class is to lead the next."
    )

    @property
    def kappa(self) -> float:
        """The margin."""
        return self.margin


@dataclass(frozen=True)
class QuadAttacK(MarginAttack):
    """A list of wrong classes that the model is made to say, in the order of the list.

    In each step the nearest point is computed, in what the model's last layer sees, at which the
    first K classes are the list; the image is moved a little towards it and kept as near to the
    original as that allows. It is a stress test far harsher than one wrong class: where a long list
    is found with a change that nobody sees, the model's whole ranking means little beside it. The
    changed image has 8 bits a value and is asked about again; only that answer counts.
    """

    name = "QuadAttacK"
    title = "QuadAttacK"
    proof = PROOF + "test_every_step_goes_where_a_plain_loop_of_the_formulas_goes"

    def loss(self, case: OrderedCase) -> Loss:
        """The squared distance to the nearest features that have the order."""
        return order_loss(QUAD, case.model, case.order, self.margin)


@dataclass(frozen=True)
class OrderedCW(MarginAttack):
    """For comparison: Carlini and Wagner's hinge at each place of the list, in the same loop.

    It asks of each place that the class there leads all that are to follow, by the margin κ, and
    adds up what is missing. Budget, size, rounding and what counts as success are as those of
    QuadAttacK, so that the two differ in the loss alone.
    """

    name = "OrderedCW"
    title = "CW^K (comparison)"
    proof = PROOF + "test_the_baselines_lower_their_own_formulas"

    def loss(self, case: OrderedCase) -> Loss:
        """The hinge at each place."""
        return order_loss(CW, case.model, case.order, self.margin)


@dataclass(frozen=True)
class OrderedAD(OrderedAttack):
    """For comparison: a distribution in which the classes have the order, approached in the loop.

    The listed classes get logits from 10 down in steps of 0.3, all others their mean cosine with
    the listed ones among the weights of the model's last layer (AD-W); the authors take word
    vectors. It has no margin κ: how far the classes are apart is part of that distribution.
    """

    name = "OrderedAD"
    title = "AD-W (comparison)"
    proof = PROOF + "test_the_baselines_lower_their_own_formulas"

    def loss(self, case: OrderedCase) -> Loss:
        """The divergence from a distribution that has the order."""
        return order_loss(AD, case.model, case.order, self.kappa)
