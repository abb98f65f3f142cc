"""The lottery ticket: a sparse network found by training, put back to its first weights.

Level after level: train to the end, cut the smallest of the weights that stay, put those left back
to their values at step k, train again. θk of the dense training is the same for all levels. The
paper's code cuts one weight more at each level; here it is exactly round(share · kept). Frankle and
Carbin 2019, arXiv 1803.03635.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from typing import Any

import numpy as np

from engine.core.method import Method, Progress, Slider, Switch, defaults, part_of, quiet, setting
from engine.core.result import Result, Table, View
from engine.evaluation.experiment import decided
from engine.sparsity.lth.levels import ARMS, TicketPlan, TicketRun, as_model, stops
from engine.sparsity.masks.compare import overlap
from engine.vision.lab import TrainCase
from engine.vision.models.card import card_of, checkpoint, networks
from engine.vision.training import Recipe

CLAIMED = 0.03, 0.10  # densities at which the ticket is said to be ahead
AHEAD = 0.02  # in accuracy, by how much
NEAR = 0.01  # of right answers, what the ticket may lack
LOST = "the levels that were finished are no longer kept, so it begins with the first"
RECIPES = {
    "MLP": Recipe("mlp", epochs=30, optimizer="Adam", rate=0.001, schedule="constant"),
    "MLP, 8 epochs": Recipe("mlp", epochs=8, optimizer="Adam", rate=0.0012, schedule="constant"),
    "LeNet, 4 epochs": Recipe(
        "lenet", epochs=4, optimizer="Adam", rate=0.0012, schedule="constant"
    ),
}
FIRST = "architecture=mlp,epochs=30,optimizer=Adam,rate=0.001,schedule=constant"  # RECIPES["MLP"]


@dataclass(frozen=True)
class Lottery(Method[TrainCase]):
    """Which part of a network could have learned alone, from the weights that it began with.

    A network is trained, its smallest weights are cut, and those that stay are put back to where
    they began; so again, level after level. What is left is the ticket. It is trained beside two
    controls: the same mask with a new random start, and a random mask that keeps as many weights in
    each layer and begins as the ticket does. Accuracy is the share of right answers on test images
    at the end of training; it is never the best epoch's. The early-stop step is the one of the
    lowest loss on validation images. A ticket ahead of the new start says that mask and first
    weights belong together; where all three are alike, the mask alone or any sparse network does.
    """

    name = "LTH"
    family = "sparsity"
    title = "Lottery ticket"
    cost = "job"
    revision = 2  # the first seed's new start is kept beside its ticket
    paper = "Frankle & Carbin 2019, https://arxiv.org/abs/1803.03635"
    needs = frozenset({"recipe"})
    argument_defaults = defaults(recipe=FIRST)
    proof = (
        "tests/engine/sparsity/lth/test_lottery.py"
        "::test_each_level_is_the_rewound_network_cut_and_trained_by_itself"
    )

    share: float = setting(
        0.2,
        Slider(0.0, 0.9, 0.05),
        "Cut at each level",
        "Of the weights that stay, which share goes. Small cuts need more levels.",
    )
    levels: int = setting(
        15,
        Slider(0, 20, 1),
        "Levels",
        "How often it is cut and trained again: with 20 % a level, "
        "3.5 % of the weights are left after 15.",
    )
    rewind: float = setting(
        0.0,
        Slider(0.0, 90.0, 0.1, unit="%"),
        "Put back to",
        "How much of the training is over where a ticket begins: 0 % is the first random weights. "
        "A new start has then been trained as long.",
    )
    seeds: int = setting(
        3,
        Slider(1, 5, 1),
        "Seeds",
        "How many networks are made so, all trained at once. One seed decides nothing.",
    )
    head: bool = setting(
        default=True,
        control=Switch(),
        label="Cut the last layer too",
        help="Whether weights of the layer that gives the answers are cut and counted.",
    )

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: levels, runs, curves, layers, overlap, claims, networks, anew, start."""
        key = json.dumps([case.fingerprint, self.settings(), self.revision], sort_keys=True)
        name = f"tickets-{blake2b(key.encode(), digest_size=16).hexdigest()}"
        plan = TicketPlan(
            case, self.share, self.levels, self.rewind / 100, self.seeds, self.head, name
        )
        run = TicketRun(plan)
        again = f" again: {LOST}" if run.lost else ""
        while not run.over:
            ends = run.done / (self.levels + 1), (run.done + 1) / (self.levels + 1)
            lead = f"level {run.done} of {self.levels}{again}"
            run.level(part_of(progress, *ends, "training", lead))
            progress(ends[1], f"level {run.done - 1} is trained", self.views(run))
        result = self.views(run)
        run.drop()
        return result

    def views(self, run: TicketRun) -> Result:
        """What is known after some levels."""
        runs = as_runs(run)
        return {
            "levels": as_levels(run, runs),
            "runs": runs,
            "curves": as_curves(run),
            "layers": as_layers(run),
            "overlap": as_overlap(run),
            "claims": claims(runs, run.plan.steps),
            **self.kept(run),
        }

    def kept(self, run: TicketRun) -> Result:
        """The first seed's ticket and new start of each level, and the weights all begin with."""
        case, origin = run.plan.case, {"settings": self.settings(), "made_by": self.full_name()}
        common: dict[str, Any] = origin | {
            "data": case.data.name,
            "recipe": case.recipe.as_dict(),
            "seed": case.seed,
        }
        views: dict[str, View] = {}
        for arm, (name, ends) in enumerate((("networks", run.trained), ("anew", run.anew))):
            models, cards = [], []
            for weights, masks, right in zip(ends, run.masks, run.accuracy, strict=False):
                models.append(as_model(run.models[0], weights, masks[0]))
                title = f"{ARMS[arm]} of {100 * masks[0].density:.2g} %"
                figures = {"test accuracy": round(float(right[arm, 0]), 4)}
                cards.append(card_of(models[-1], title=title, figures=figures, **common))
            views[name] = networks(models, cards)
        first = {name: tensor[0] for name, tensor in run.start.items()}
        start_model = as_model(run.models[0], first, run.masks[0][0])
        title = f"at step {run.plan.start}"
        views["start"] = checkpoint(start_model, card_of(start_model, title=title, **common))
        return views

    def finding(self, case: TrainCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What the smallest ticket of at least 3 % is right on, and the same mask anew."""
        levels: Table = result["levels"]
        return said_of(levels, usual_level(levels), seeds_of(result["runs"]))


def usual_level(levels: Table) -> int:
    """The last level with at least 3 % of the weights."""
    return int(np.flatnonzero(levels["density"] >= CLAIMED[0])[-1])


def seeds_of(runs: Table) -> int:
    """With how many seeds it was tried."""
    return len(np.unique(runs["seed"]))


def said_of(levels: Table, level: int, seeds: int) -> str:
    """What the networks of a level get right, in one sentence; and why it is the last."""
    ticket, restarted = (f"{100 * levels[arm][level]:.1f} %" for arm in ARMS[:2])
    density = f"{100 * levels['density'][level]:.2g} %"
    mean = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    words = (
        f"At {density} of its weights the ticket is right on {ticket} of the test images, the same "
        f"mask with a new start on {restarted} ({mean})."
    )
    if not level:
        words = f"The whole network is right on {ticket} of the test images ({mean})."
    return f"{words} {levels.notes[-1]}".strip()


def as_runs(run: TicketRun) -> Table:
    """Every network: its level, seed, density, accuracy and early-stop step; named by its kind."""
    rows, lines = [], []
    for level, (right, loss) in enumerate(zip(run.accuracy, run.loss, strict=True)):
        steps = stops(loss, run.plan.looks)
        for arm, kind in enumerate(ARMS):
            for place, seed in enumerate(run.plan.drawn):
                density = run.masks[level][place].density
                rows.append(kind)
                lines.append([level, seed, density, right[arm, place], steps[arm, place]])
    columns = ("level", "seed", "density", "accuracy", "early stop")
    return Table.grid(np.array(lines), rows, columns, ("", "", "share", "share", "step"))


def as_levels(run: TicketRun, runs: Table) -> Table:
    """Each level: density, weights, and of each kind the mean over seeds with both ends."""
    shape = (run.done, len(ARMS), run.plan.seeds)
    right, stop = (runs[name].reshape(shape) for name in ("accuracy", "early stop"))
    masks = [run.masks[level][0] for level in range(run.done)]
    columns: dict[str, tuple[Any, str]] = {
        "density": ([mask.density for mask in masks], "share"),
        "weights": ([mask.kept for mask in masks], ""),
    }
    for arm, kind in enumerate(ARMS):
        accuracies = right[:, arm]
        columns[kind] = accuracies.mean(1), "share"
        columns[f"{kind}, lowest"] = accuracies.min(1), "share"
        columns[f"{kind}, highest"] = accuracies.max(1), "share"
        columns[f"{kind}, early stop"] = stop[:, arm].mean(1), "step"
    notes = [""] * (run.done - 1) + [run.ended]
    return Table.of(columns, [f"level {level}" for level in range(run.done)], notes)


def as_curves(run: TicketRun) -> Table:
    """The validation loss at each look of each level, mean over seeds with both ends."""
    loss = np.stack(run.loss)  # (levels, looks, arms, K)
    level, look = np.indices(loss.shape[:2])
    columns: dict[str, tuple[Any, str]] = {
        "level": (level.ravel(), ""),
        "step": (np.array(run.plan.looks)[look.ravel()], "step"),
    }
    for arm, kind in enumerate(ARMS):
        losses = loss[:, :, arm].reshape(-1, run.plan.seeds)
        columns[kind] = losses.mean(1), "nat"
        columns[f"{kind}, lowest"] = losses.min(1), "nat"
        columns[f"{kind}, highest"] = losses.max(1), "nat"
    return Table.of(columns)


def as_layers(run: TicketRun) -> Table:
    """The share that stays in each layer at each level, mean over seeds."""
    parts = run.masks[0][0].parts
    sizes = np.array([part.size for part in parts])
    counts = np.array([[mask.counts for mask in masks] for masks in run.masks[: run.done]])
    rows = [f"level {level}" for level in range(run.done)]
    names = [part.layer for part in parts]
    return Table.grid((counts / sizes).mean(1), rows, names, ["share"] * len(parts))


def as_overlap(run: TicketRun) -> Table:
    """How alike the tickets of two seeds are at each level, beside what chance would give."""
    rows, lines = [], []
    for level, masks in enumerate(run.masks[: run.done]):
        for first, second in combinations(range(run.plan.seeds), 2):
            result = overlap(masks[first], masks[second])
            rows.append(f"seeds {run.plan.drawn[first]} and {run.plan.drawn[second]}")
            lines.append([level, first, second, masks[first].density, result.iou, result.chance])
    columns = ("level", "first", "second", "density", "IoU", "chance")
    values = np.array(lines).reshape(-1, len(columns))
    return Table.grid(values, rows, columns, ("", "", "", "share", "share", "share"))


def claims(runs: Table, steps: int) -> Table:
    """What the paper claims at 3 to 10 % of the weights, judged over seeds as in an experiment.

    The margin of a seed is the mean over those levels; without such a level there is no claim.
    """
    low, high = CLAIMED
    inside = (runs["density"] >= low) & (runs["density"] <= high)
    by_arm = {kind: inside & (np.array(runs.rows) == kind) for kind in ARMS}
    seeds = np.unique(runs["seed"])

    def mean(kind: str, column: str) -> Any:
        groups = [runs[column][by_arm[kind] & (runs["seed"] == seed)] for seed in seeds]
        return np.array([group.mean() for group in groups])

    if not inside.any():
        return Table.of({name: ([], "share") for name in ("outcome", "margin", "tolerance")})
    right = {kind: mean(kind, "accuracy") for kind in ARMS}
    dense = np.array(
        [runs["accuracy"][(runs["seed"] == seed) & (runs["density"] == 1)][0] for seed in seeds]
    )
    sooner = (mean("new start", "early stop") - mean("ticket", "early stop")) / steps
    shares = sorted({round(100 * density, 1) for density in runs["density"][inside].tolist()})
    where = f"on average at {', '.join(f'{share:g}' for share in shares)} % of the weights"
    margins_and_tests = {
        "The ticket is as good as the whole network": (
            right["ticket"] - dense + NEAR,
            f"at most {100 * NEAR:.0f} point less right, {where}",
        ),
        "The ticket beats the same mask with a new start": (
            right["ticket"] - right["new start"] - AHEAD,
            f"at least {100 * AHEAD:.0f} points more right, {where}",
        ),
        "The ticket beats a random mask": (
            right["ticket"] - right["random mask"] - AHEAD,
            f"at least {100 * AHEAD:.0f} points more right, with as many weights in each layer",
        ),
        "The ticket learns sooner than the new start": (
            sooner,
            "an earlier lowest validation loss, in percent of all steps",
        ),
    }
    decidable = {
        words: pair for words, pair in margins_and_tests.items() if np.isfinite(pair[0]).all()
    }
    outcome, margin, tolerance = decided(
        np.stack([margins for margins, _ in decidable.values()], 1)
    )
    columns = {
        "outcome": (outcome, ""),
        "margin": (margin, "share"),
        "tolerance": (tolerance, "share"),
    }
    return Table.of(columns, list(decidable), [test for _, test in decidable.values()])
