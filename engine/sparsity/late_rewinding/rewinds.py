"""Everything that is trained on from the weights of one step, with one seed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Progress, part_of
from engine.sparsity.late_rewinding.between import (
    Doubles,
    Surroundings,
    barrier,
    distance_and_angle,
)
from engine.sparsity.lth.levels import random_masks
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.data import Rows
from engine.vision.lab.case import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recorder, bake, fresh, outputs, train
from engine.vision.weights.masks import Masks

TEST = 1000  # test images at most
OTHER_ORDER = 2**31  # what is added to the seed for the second order of images
MARKS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # when accuracy is taken

Weights = Mapping[str, Tensor]
Looks = dict[int, float]  # steps that are done → test accuracy


@dataclass(frozen=True)
class RewoundTicket:
    """What came of one rewind point.

    Args:
        step: the rewind point.
        start: the masked weights that the tickets begin with.
        ends: the tickets after training in two orders of images.
        figures: by name.
        errors: (ALPHAS,), share of wrong answers on the line between the tickets.
        accuracies: of the first ticket on its way.
    """

    step: int
    start: Weights
    ends: tuple[Weights, Weights]
    figures: dict[str, float]
    errors: Doubles
    accuracies: Looks


@dataclass(frozen=True)
class Rewinds:
    """Trainings from chosen steps of one dense training.

    Args:
        case: of the dense training.
        density: what a ticket keeps.
        levels: in how many cuts.
        told: the progress of each training in turn.
        points: the rewind points, at which accuracy is taken too, of the dense network and tickets.
    """

    case: TrainCase
    density: float
    levels: int
    told: Iterator[Progress]
    points: Collection[int] = ()

    @lazy
    def steps(self) -> int:
        """Of the whole training."""
        return self.case.recipe.epochs * batches_of(self.case)

    @lazy
    def rows(self) -> Rows:
        """The test images."""
        return self.case.data.some("test", TEST)

    @lazy
    def model(self) -> Classifier:
        """A network of the case's form, for measuring; it has no weights of its own."""
        return fresh(self.case.data, self.case.recipe, self.case.seed).eval()

    @property
    def marks(self) -> set[int]:
        """The steps at which accuracy is taken, the same in all trainings that come to them."""
        return {round(mark * self.steps) for mark in MARKS} | {self.steps, *self.points}

    def first(self) -> Weights:
        """The weights that the case's seed draws."""
        return fresh(self.case.data, self.case.recipe, self.case.seed).network.state_dict()

    def train(
        self,
        step: int,
        start: Weights,
        masks: Masks | None = None,
        *,
        other_order: bool = False,
        snapshots: Collection[int] = (),
    ) -> dict[int, Weights]:
        """Weights after some steps and at the end of a training that goes on from a step.

        Args:
            step: where it begins; at the last one nothing is trained, only masked.
            start: the weights there.
            masks: of what stays; all where left out.
            other_order: whether images come in another order than in the dense training.
            snapshots: the steps; those before the first are left out.

        Raises:
            BlindspotError: the step is past the end.
        """
        if not 0 <= step <= self.steps:
            raise BlindspotError(
                f"This training has {self.steps} steps: it cannot be rewound to step {step}."
            )
        model = fresh(self.case.data, self.case.recipe, self.case.seed)
        model.network.load_state_dict(dict(start))
        if step == self.steps:
            bake(model.network, masks or {})
            return {step: {k: tensor.cpu() for k, tensor in model.network.state_dict().items()}}
        seed = (self.case.seed + OTHER_ORDER * other_order) % 2**32
        recorder = Recorder(
            tuple(sorted({snapshot for snapshot in snapshots if snapshot >= step} | {self.steps}))
        )
        train(
            model,
            self.case.data,
            self.case.recipe,
            seed,
            masks=masks or {},
            start=step,
            recorder=recorder,
            progress=next(self.told),
        )
        return dict(recorder.weights)

    def rewound(self, step: int, start: Weights, dense: Weights | None) -> RewoundTicket:
        """The ticket of a rewind point, and a random mask beside it, each in two orders.

        Args:
            step: the rewind point.
            start: the dense network's weights there.
            dense: its weights at the end, trained from there with a new optimizer; trained here
                where left out.
        """
        dense = self.train(step, start)[self.steps] if dense is None else dense
        masks = self.found(step, start, dense)
        figures = {"step": float(step), "dense": self.accuracy(dense)}
        # distances fall as less training is left; only beside the random mask do they say something
        kinds = {"ticket": masks, "random": random_masks(masks, self.case.seed)}
        pairs, snapshots = {}, {}
        for kind, kind_masks in kinds.items():
            first = self.train(step, start, kind_masks, snapshots={step, *self.marks})
            second = self.train(step, start, kind_masks, other_order=True)
            pairs[kind] = first[self.steps], second[self.steps]
            snapshots[kind] = first
            figures[kind] = self.accuracy(first[self.steps])
            suffix = "" if kind == "ticket" else f", {kind}"
            for what, pair in (("pruning", (dense, pairs[kind][0])), ("order", pairs[kind])):
                distance, angle = distance_and_angle(*pair, kind_masks)
                figures |= {f"{what} distance{suffix}": distance, f"{what} angle{suffix}": angle}
        errors = self.around(self.rows).line(*pairs["ticket"])[:, 1]
        figures["barrier"] = barrier(errors)
        ticket_accuracies = {
            mark: self.accuracy(state) for mark, state in snapshots["ticket"].items()
        }
        masked = {name: masks.get(name, 1) * tensor.cpu() for name, tensor in start.items()}
        return RewoundTicket(step, masked, pairs["ticket"], figures, errors, ticket_accuracies)

    def found(self, step: int, start: Weights, dense: Weights) -> Masks:
        """The masks of the ticket: cut by magnitude, level after level, from the same weights."""
        # equal shares of what is left: (1 − share)^levels = density
        masks, share = full_masks(self.model), 1 - self.density ** (1 / self.levels)
        for level in range(self.levels):
            ends = self.train(step, start, masks)[self.steps] if level else dense
            masks = prune_smallest(self.holding(ends), masks, share)
        return masks

    def holding(self, weights: Weights) -> Classifier:
        """The network for measuring, with these weights."""
        self.model.network.load_state_dict(dict(weights))
        return self.model

    def accuracy(self, weights: Weights) -> float:
        """The share of test images that is right."""
        data = self.case.data
        right = outputs(self.holding(weights), data, self.rows).argmax(1) == data.targets(self.rows)
        return right.float().mean().item()

    def around(self, rows: Rows) -> Surroundings:
        """Networks with weights that no training made, asked about some images."""
        return Surroundings(self.model, self.case.data, rows)

    def shown(self, step: int) -> int:
        """How many images the steps before this one have shown."""
        count, batches = len(self.case.data.rows("train")), batches_of(self.case)
        epochs, rest = divmod(step, batches)
        # batches are array_split's: the first `larger` of an epoch have one image more
        size, larger = divmod(count, batches)
        return epochs * count + rest * size + min(rest, larger)


def batches_of(case: TrainCase) -> int:
    return -(-len(case.data.rows("train")) // case.recipe.batch)


def one_after_another(progress: Progress, count: int) -> Iterator[Progress]:
    """The progress of each of so many trainings; what is measured last has a share too."""
    for at in range(count):
        lead = f"training {at + 1} of {count}"
        yield part_of(progress, at / (count + 1), (at + 1) / (count + 1), lead=lead)
