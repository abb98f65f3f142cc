"""Late rewinding: how long must a network learn before its ticket can be taken?

From the weights θk that the dense network has after k steps, three kinds of network are trained on
to the end T: the dense one, the ticket that magnitude pruning finds in it, and a random mask that
keeps as many weights of each layer. All have the rate and the order of images from step k on, and
a new optimizer. Frankle et al., "Stabilizing the Lottery Ticket Hypothesis" (2019),
https://arxiv.org/abs/1903.01611
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table, View
from engine.core.run import answer
from engine.evaluation.experiment import HOLDS, UNDECIDED, decided
from engine.evaluation.measures.drift import rank_correlation
from engine.sparsity.late_rewinding.between import ALPHAS
from engine.sparsity.late_rewinding.rewinds import Looks, Rewinds, one_after_another
from engine.vision.lab.case import TrainCase

SHARES = (0.0, 1.0, 0.01, 0.1, 0.05, 0.005, 0.02)  # of the steps; the first are always taken
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # accuracies that a training reaches, or does not
GROUND = 300  # test images at most that the loss of the plane is the mean of
PLANES = tuple(lead + name for lead in ("", "late ") for name in ("plane", "arms", "way"))
MONOTONE = -0.7  # Spearman's correlation of rewind point and distance, at most
CLAIMS = {
    "Late rewinding makes better tickets": "the mean accuracy of tickets rewound past 0 % is above "
    "that of the ticket from the first weights",
    "The later a ticket is rewound, the more stable it is": "distances and rewind points below "
    f"100 % correlate by −{abs(MONOTONE)} or less (Spearman), to pruning and to data order",
    "A ticket found by pruning is more stable than a random mask": "its distance to the dense "
    "network is below that of a random mask at each rewind point from 1 %",
}  # words → what they are taken to mean

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Rewinding(Method[TrainCase]):
    """Tickets taken from different moments of a training: are they as good, and as stable?

    A ticket is the part of a network that pruning keeps, with the weights that the network had
    after some steps (the rewind point), trained on from there. Rewound to 0 % it is the original
    lottery ticket, to 100 % the trained network just pruned. Stability to pruning is the distance
    between the kept weights of the trained dense network and those of the trained ticket, with the
    same order of images; stability to data order, between two tickets trained in two orders. Both
    distances stand beside those of a random mask that keeps as many weights of each layer, over the
    kept entries only. They fall with a later rewind point also because less training is left: read
    them beside the random mask. The barrier is how many points the error rises on the straight line
    between the two tickets; below about 2 they count as connected. BatchNorm's statistics are
    counted anew for each network on the line and in the plane. With one level the mask is found in
    one cut (one-shot), with more by iterative magnitude pruning, rewound to the same weights.
    """

    name = "Rewinding"
    family = "sparsity"
    title = "Late rewinding"
    cost = "job"
    revision = 2  # random masks as the lottery draws them; all are looked at after the same steps
    paper = "Frankle et al. 2019, https://arxiv.org/abs/1903.01611"
    needs = frozenset({"recipe"})
    proof = (
        "tests/engine/sparsity/late_rewinding/test_rewinding.py"
        "::test_every_figure_is_that_of_trainings_by_hand"
    )
    example = defaults(points=4, levels=1)
    nodes: ClassVar[int] = 11  # of a plane along each axis
    example_constants = defaults(nodes=3)
    argument_defaults = defaults(data="digits", recipe="architecture=resnet8,epochs=6,rate=0.1")

    density: float = setting(
        0.1, Slider(0.01, 0.9, 0.01), "Ticket", "The share of all weights that the ticket keeps."
    )
    levels: int = setting(
        1,
        Slider(1, 10, 1),
        "Levels",
        "In how many cuts the ticket is found, each with a training of its own.",
    )
    points: int = setting(
        6,
        Slider(4, 7, 1),
        "Rewind points",
        "From how many moments tickets are taken, between 0 % "
        "and 100 % of the steps. Where a training is so short that two are one step, from fewer.",
    )
    seeds: int = setting(
        2,
        Slider(1, 5, 1),
        "Seeds",
        "How often all is repeated with other first weights and orders. One seed decides no claim.",
    )

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: rewinding, means; claims; barrier, error by α; samples; runs; planes."""
        check(case)
        if self.seeds == 1:
            return combined([self.one_seed(case, progress)])
        mappings: list[Mapping[str, Any]] = []
        for at in range(self.seeds):
            seeded = replace(case, seed=(case.seed + at) % 2**32)
            part = part_of(progress, at / self.seeds, (at + 1) / self.seeds, lead=f"seed {at + 1}")
            mappings.append(answer(replace(self, seeds=1), seeded, part))
            progress((at + 1) / self.seeds, f"seed {at + 1}: measured", combined(mappings))
        return combined(mappings)

    def finding(self, case: TrainCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The best late ticket beside the original one and the dense network, and the claims."""
        table: Table = result["rewinding"]
        right, late = 100 * table["ticket"], np.flatnonzero(inner(table))
        outcomes = result["claims"]["outcome"].tolist()
        words = f"The ticket of {100 * self.density:.2g} % of the weights is right on "
        words += f"{right[0]:.1f} % of test images from the first weights"
        if len(late):
            best = late[right[late].argmax()]
            words += (
                f", at best on {right[best]:.1f} % when rewound to {table.rows[best]} of training"
            )
        words += f"; the dense network on {100 * table['dense'][0]:.1f} %. "
        words += f"{outcomes.count(HOLDS)} of {len(outcomes)} claims hold here"
        if undecided := outcomes.count(UNDECIDED):
            words += f", {undecided} undecided"
        return f"{words} ({self.seeds} seed{'s' if self.seeds > 1 else ''})."

    def one_seed(self, case: TrainCase, progress: Progress) -> Result:
        """Views of the case's seed: runs, barrier, samples, and the planes."""
        rewinds = Rewinds(case, self.density, self.levels, iter(()))
        steps, points = rewinds.steps, self.steps(rewinds.steps)
        trained_points = [k for k in points if k < steps]
        count = 1 + sum((5 if k else 4) + self.levels - 1 for k in trained_points)
        rewinds = replace(rewinds, told=one_after_another(progress, count), points=points)
        dense = rewinds.train(0, rewinds.first(), snapshots=rewinds.marks)
        looks = {step: rewinds.accuracy(state) for step, state in dense.items()}
        rows, errors, samples = [], [], []
        planes: dict[str, View] = {}
        for at, k in enumerate(points):
            ticket = rewinds.rewound(k, dense[k], dense[steps] if k in {0, steps} else None)
            rows.append([case.seed, k / steps, *ticket.figures.values()])
            errors.append(ticket.errors)
            samples.append(touched(rewinds, looks, k, ticket.accuracies))
            if at in {0, len(trained_points) - 1}:
                surroundings = rewinds.around(case.data.some("test", GROUND))
                lead, places = "late " if at else "", (ticket.start, *ticket.ends)
                planes |= {
                    lead + name: v for name, v in surroundings.plane(*places, self.nodes).items()
                }
        progress(1.0, "measured")
        figures = ("seed", "rewound to", *ticket.figures)
        names = [f"{100 * k / steps:.3g} %" for k in points]
        return {
            "runs": Table.grid(
                np.array(rows), names, figures, [unit_of(figure) for figure in figures]
            ),
            "barrier": Table.of(
                {"α": (np.linspace(0, 1, ALPHAS), "")}
                | {name: (error, "share") for name, error in zip(names, errors, strict=True)}
            ),
            "samples": Table.grid(
                np.concatenate(samples),
                [f"{name} · {100 * level:.0f} %" for name in names for level in LEVELS],
                ("accuracy", "dense", "ticket", "ticket and finding it"),
                ("share", "images", "images", "images"),
            ),
            **planes,
        }

    def steps(self, steps: int) -> tuple[int, ...]:
        """The rewind points of a training of so many steps; all but 0 % are past the first."""
        shares = SHARES[: self.points]
        return tuple(sorted({max(round(share * steps), 1) if share else 0 for share in shares}))


def check(case: TrainCase) -> None:
    """Raise BlindspotError for a training that cannot be rewound, or not be measured."""
    if case.recipe.epochs < 2:
        raise BlindspotError(
            "With one epoch, tickets trained in two orders would learn from different images: "
            "choose 2 epochs or more."
        )
    if not len(case.data.rows("test")):
        raise BlindspotError(f"{case.data.card.title} has no test images to measure tickets on.")


def touched(rewinds: Rewinds, dense: Looks, step: int, ticket: Looks) -> Numbers:
    """Images shown until each of LEVELS was first seen to be reached, (levels, 4); else NaN.

    The ticket's count begins at its rewind point. Finding it takes the steps before, and for each
    cut a training from there to the end.
    """
    before, whole = rewinds.shown(step), rewinds.shown(rewinds.steps)
    finding = before + rewinds.levels * (whole - before)
    results = []
    for level in LEVELS:
        dense_shown, ticket_shown = (
            min((rewinds.shown(at) for at, look in looks.items() if look >= level), default=np.nan)
            for looks in (dense, ticket)
        )
        results.append([level, dense_shown, ticket_shown - before, finding + ticket_shown - before])
    return np.array(results, np.float64)


def unit_of(figure: str) -> str:
    """The unit of a figure of a run."""
    if figure in {"rewound to", "dense", "ticket", "random", "barrier"}:
        return "share"
    return "°" if "angle" in figure else ""


def inner(table: Table) -> Numbers:
    """Which rows are rewound past the first weights and before the end."""
    return (table["rewound to"] > 0) & (table["rewound to"] < 1)


def combined(results: Sequence[Mapping[str, Any]]) -> Result:
    """The views of all seeds from those of each: means, claims, every run; the first one's planes.

    Where a seed never reached an accuracy, there is no mean of the images it took.
    """
    runs: list[Table] = [result["runs"] for result in results]
    figures = runs[0].order[1:]
    means = {name: (np.mean([table[name] for table in runs], 0), unit_of(name)) for name in figures}
    for name in ("dense", "ticket", "random"):
        ends = [table[name] for table in runs]
        means[f"lowest {name}"] = np.min(ends, 0), "share"
        means[f"highest {name}"] = np.max(ends, 0), "share"
    outcome, margin, tolerance = decided(np.array([margins(table) for table in runs]))
    judged = {"outcome": (outcome, ""), "margin": (margin, ""), "tolerance": (tolerance, "")}
    all_runs = {name: np.concatenate([table[name] for table in runs]) for name in runs[0].order}
    return {
        "rewinding": Table.of(means, runs[0].rows),
        "claims": Table.of(judged, tuple(CLAIMS), tuple(CLAIMS.values())),
        "barrier": mean_of([result["barrier"] for result in results]),
        **{name: results[0][name] for name in PLANES if name in results[0]},
        "samples": mean_of([result["samples"] for result in results]),
        "runs": replace(runs[0], columns=all_runs, rows=runs[0].rows * len(runs)),
    }


def mean_of(tables: Sequence[Table]) -> Table:
    """The mean of tables of one form, cell by cell."""
    means = {name: np.mean([table[name] for table in tables], 0) for name in tables[0].order}
    return replace(tables[0], columns=means)


def margins(run: Table) -> list[float]:
    """How far the figures of one seed are on the side of each of CLAIMS."""
    # at 100 % nothing is trained: both distances are 0 by construction and would help the claim
    late, below = inner(run), run["rewound to"] < 1
    better = run["ticket"][late].mean() - run["ticket"][0]
    orders = [
        rank_correlation(run["rewound to"][below], run[f"{what} distance"][below], signed=True)
        for what in ("pruning", "order")
    ]
    from_one = late & (run["rewound to"] > 0.005)  # 1 % of few steps, rounded; not 0.5 %
    nearer = 1 - run["pruning distance"] / np.maximum(run["pruning distance, random"], 1e-12)
    # the weaker of both correlations, and the nearest miss among rewind points, decide
    return [float(better), float(MONOTONE - max(orders)), float(nearer[from_one].min())]
