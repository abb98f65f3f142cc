"""Iterative magnitude pruning with rewinding, several seeds and their controls at once.

A level trains 3 K networks as one stack: the tickets of K seeds, each one's masks with a new random
start, and random masks with its own layer densities. Then the smallest of each ticket's weights
go, and the next level begins at the same weights θk as every level: the weights and BatchNorm's
statistics after k steps of the dense training. The optimizer is new, and the order of images goes
on from step k. What a finished level leaves is kept in a file, so that a run that was stopped goes
on with the level under way, in the middle of its training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.keeping.store import remove
from engine.core.method import Progress
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.lab import TrainCase
from engine.vision.models.bits import unpacked_bits
from engine.vision.models.classifier import Classifier
from engine.vision.training import StackRecorder, fresh, train_stacked
from engine.vision.training.state import part, read_state, state_file, unfinished, write_state
from engine.vision.weights.masks import Masks, masks_of

ARMS = ("ticket", "new start", "random mask")
NEW_START = 1_000  # how far the seed of a new start lies from the ticket's
UNDER_WAY = "-level"  # how the name of the file of the level under way ends
NOTE = {"kind": "tickets"}  # of the files of a run that was stopped
MOST_BYTES = 128 * 2**20  # of the networks that are kept
LOOKS = 25  # how often the validation images are looked at in a training

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class TicketPlan:
    """What is to be done: the settings of a method and its case.

    Args:
        case: data, recipe and the first seed.
        share: of the weights that stay, what goes at each level.
        levels: how often, at most.
        rewind: the share of the steps after which a ticket begins.
        seeds: how many; they follow the case's.
        head: whether the last layer is pruned.
        name: of its files.
    """

    case: TrainCase
    share: float
    levels: int
    rewind: float
    seeds: int
    head: bool
    name: str

    @property
    def drawn(self) -> list[int]:
        """The seeds."""
        return [(self.case.seed + more) % 2**32 for more in range(self.seeds)]

    @property
    def steps(self) -> int:
        """Of a whole training."""
        recipe = self.case.recipe
        return recipe.epochs * -(-len(self.case.data.rows("train")) // recipe.batch)

    @property
    def start(self) -> int:
        """The step k that tickets are rewound to; at least one step is left."""
        # int() rounds down, so that a small share of few steps is the first weights
        return min(int(self.rewind * self.steps), self.steps - 1)

    @property
    def looks(self) -> tuple[int, ...]:
        """The steps after which the validation images are looked at."""
        places = np.linspace(self.start, self.steps, LOOKS + 1)[1:]
        return tuple(np.unique(places.round().astype(int)).tolist())


@dataclass
class TicketRun:
    """What is known after some levels, of K seeds.

    Args:
        plan: what is done.
        start: θk of the tickets and then of the new starts, (2 K, *shape).
        masks: of each level, K; those of the next level too, unless it ended.
        trained: the first seed's ticket at the end of each level.
        anew: the first seed's new start under the same mask at the end of each level.
        accuracy: share of right test answers, (arms, K) for each level.
        loss: on validation images at each look, (looks, arms, K) for each level; NaN without any.
        ended: why there are fewer levels than were asked for, or "".
    """

    plan: TicketPlan
    start: Weights = field(default_factory=dict)
    masks: list[list[Masks]] = field(default_factory=list)
    trained: list[Weights] = field(default_factory=list)
    anew: list[Weights] = field(default_factory=list)
    accuracy: list[NDArray[np.float64]] = field(default_factory=list)
    loss: list[NDArray[np.float64]] = field(default_factory=list)
    ended: str = ""

    def __post_init__(self) -> None:
        case, seeds = self.plan.case, self.plan.drawn
        if not len(case.data.rows("test")):
            raise BlindspotError(f"{case.data.card.title} has no test images to measure with.")
        self.check_size()
        others = [(seed + NEW_START) % 2**32 for seed in seeds]
        self.models = [fresh(case.data, case.recipe, seed) for seed in [*seeds, *others, *seeds]]
        self.file = state_file(f"{self.plan.name}-levels")
        self.masks.append([full_masks(self.models[0], head=self.plan.head)] * len(seeds))
        self.restore()

    @property
    def done(self) -> int:
        """Levels that are trained; level 0 is the dense network."""
        return len(self.accuracy)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.done > self.plan.levels or bool(self.ended)

    def check_size(self) -> None:
        """Raise BlindspotError where the networks that are kept would take too much room."""
        case, count = self.plan.case, 2 * (self.plan.levels + 1)
        state = fresh(case.data, case.recipe, case.seed).network.state_dict()
        size = count * sum(tensor.numel() * tensor.element_size() for tensor in state.values())
        if size > MOST_BYTES:
            raise BlindspotError(
                f"The tickets and new starts of {self.plan.levels} levels would take "
                f"{size / 2**20:.0f} MB, and {MOST_BYTES / 2**20:.0f} MB are kept at most: ask for "
                "fewer levels or a smaller network."
            )

    @property
    def lost(self) -> bool:
        """Whether levels were finished whose file is gone, as states touched longest ago go."""
        records = (record for record in unfinished() if record.name == self.plan.name + UNDER_WAY)
        return any(record.note.get("level", 0) > self.done for record in records)

    def drop(self) -> None:
        """Let go of the file: the answer is whole."""
        remove(self.file)

    def level(self, progress: Progress) -> None:
        """Train one level, measure it, and cut for the next."""
        plan, masks = self.plan, self.masks[-1]
        # each layer's own count, so that the control differs in which weights stay alone
        control_masks = [
            random_masks(mask, seed) for mask, seed in zip(masks, plan.drawn, strict=True)
        ]
        # level 0 runs from step 0 and leaves θk on its way; later levels begin there
        snapshots = () if self.start else (plan.start,)
        recorder = StackRecorder(snapshots, looks=plan.looks)
        self.rewind()
        train_stacked(
            self.models,
            plan.case.data,
            plan.case.recipe,
            plan.drawn * len(ARMS),
            masks=[*masks, *masks, *control_masks],
            start=plan.start if self.start else 0,
            recorder=recorder,
            keep=state_file(f"{plan.name}{UNDER_WAY}"),
            note=NOTE | {"level": self.done},
            progress=progress,
        )
        if not self.start:
            weight = recorder.weights[plan.start]
            names = self.models[0].network.state_dict()
            self.start = {name: weight[name][: 2 * plan.seeds].clone() for name in names}
        self.measure(recorder)
        self.cut()
        self.write()

    def rewind(self) -> None:
        """Put all networks back to θk, the random masks to the ticket's; not before it is known."""
        places = [*range(2 * self.plan.seeds), *range(self.plan.seeds)]
        for model, place in zip(self.models, places, strict=True):
            if self.start:
                state = {name: tensor[place] for name, tensor in self.start.items()}
                model.network.load_state_dict(state)

    def measure(self, recorder: StackRecorder) -> None:
        """Note what the networks of a level get right, and how they came there."""
        data, shape = self.plan.case.data, (len(ARMS), self.plan.seeds)
        rows = data.rows("test")
        assert recorder.loss is not None  # noqa: S101  # train_stacked has set it
        _, shares = recorder.loss.each_on(rows)
        self.accuracy.append(shares.numpy().reshape(shape))
        looks = [recorder.weights[step]["validation loss"] for step in self.plan.looks]
        self.loss.append(torch.stack(looks).numpy().reshape(-1, *shape))
        for place, ends in ((0, self.trained), (self.plan.seeds, self.anew)):
            state = self.models[place].network.state_dict()
            ends.append({name: tensor.cpu().clone() for name, tensor in state.items()})

    def cut(self) -> None:
        """The masks of the next level; where a layer would be empty, this level is the last."""
        if self.done > self.plan.levels:
            return
        pairs = zip(self.models, self.masks[-1], strict=False)
        try:
            self.masks.append(
                [prune_smallest(model, masks, self.plan.share) for model, masks in pairs]
            )
        except BlindspotError as error:
            self.ended = str(error)

    def write(self) -> None:
        """Keep what the levels left."""
        tensors = {f"start/{name}": tensor for name, tensor in self.start.items()}
        for kind, ends in (("trained", self.trained), ("anew", self.anew)):
            for level, weights in enumerate(ends):
                tensors |= {f"{kind} {level}/{name}": weight for name, weight in weights.items()}
        for level, masks in enumerate(self.masks):
            bits = {f"masks {level} {place}/": mask.packed() for place, mask in enumerate(masks)}
            tensors |= {
                lead + name: torch.from_numpy(array)
                for lead, bit in bits.items()
                for name, array in bit.items()
            }
        place = {
            "question": self.plan.name,
            "note": NOTE,
            "ended": self.ended,
            "done": self.done / (self.plan.levels + 1),
            "masks": len(self.masks),
            "accuracy": [numbers.tolist() for numbers in self.accuracy],
            "loss": [numbers.tolist() for numbers in self.loss],
        }
        write_state(self.file, place, tensors)

    def restore(self) -> None:
        """Go on from the kept levels, if there are any."""
        if (state := read_state(self.file, self.plan.name)) is None:
            return
        place, tensors = state
        parts = self.masks[0][0].parts
        shapes = {layer.name: layer.shape for layer in parts}
        self.start = part(tensors, "start/")
        self.accuracy = [np.array(numbers) for numbers in place["accuracy"]]
        self.loss = [np.array(numbers, np.float64) for numbers in place["loss"]]
        self.ended = place["ended"]
        self.trained = [part(tensors, f"trained {level}/") for level in range(self.done)]
        self.anew = [part(tensors, f"anew {level}/") for level in range(self.done)]
        self.masks = [
            [
                masks_of(
                    unpacked_bits(arrays(part(tensors, f"masks {level} {seed}/")), shapes), parts
                )
                for seed in range(self.plan.seeds)
            ]
            for level in range(place["masks"])
        ]


def arrays(tensors: Weights) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def random_masks(masks: Masks, seed: int) -> Masks:
    """Random masks that keep as many weights in each layer; nested as those are, for one seed."""
    rng = np.random.default_rng([seed, NEW_START])
    rows = []
    for layer, count in zip(masks.parts, masks.counts, strict=True):
        row = np.zeros(layer.size, np.bool_)
        # the permutation does not depend on count: a smaller count is a part of a larger one
        row[rng.permutation(layer.size)[:count]] = True
        rows.append(row)
    return replace(masks, flat=np.concatenate(rows))


def as_model(like: Classifier, weights: Weights, masks: Masks) -> Classifier:
    """A network of that form with these weights, which carries the masks."""
    model = like.twin(paced=False)
    model.network.load_state_dict(weights)
    model.masks = masks.packed()
    return model


def stops(loss: NDArray[np.float64], looks: Sequence[int]) -> NDArray[np.float64]:
    """The step of the lowest validation loss, (arms, K) of (looks, arms, K); NaN without any."""
    steps = np.array(looks, np.float64)[loss.argmin(0)]
    # argmin takes a NaN for the lowest
    steps[~np.isfinite(loss).all(0)] = np.nan
    return steps
