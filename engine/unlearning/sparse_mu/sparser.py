"""Ways to forget against sparsity: each asked of originals of which more and more was pruned.

Jia et al., "Model Sparsity Can Simplify Machine Unlearning" (2023),
https://arxiv.org/abs/2304.04934: the sparser the original, the nearer an unlearner should come to
retraining. What is retrained has the zeros of its original: like is compared with like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.method import Case, Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.experiment import HOLDS, NOT_HERE, decided
from engine.evaluation.forgetting.attack import informative
from engine.unlearning.around import BoardCase, unfit
from engine.unlearning.protocol.metrics import GAP
from engine.unlearning.protocol.scoreboard import GAPS, Scoreboard
from engine.unlearning.sparse_mu.prune_first import PruneFirst
from engine.unlearning.ways.retrain import Retrain

RATIOS = (0.0, 0.5, 0.8, 0.95)
FIGURES = (*GAP, *GAPS)
ATTACK = ("attack accuracy", "attack images")
NOTHING = "NoOp"

Runs = dict[float, list[Table]]  # of each ratio, the runs of each seed


@dataclass(frozen=True)
class SparseOriginals(Method[BoardCase]):
    """Does a model forget better that was sparse before it was asked to?

    Originals are trained anew, whole and with half, four fifths and 95 % of their weights cut, and
    each way forgets the same images. Every row is compared with a model that was retrained with the
    same zeros and seed, so that 0 is as good as can be. The paper finds gaps that fall with the
    sparsity, most of all for fine-tuning. The masks were found with the images that are to be
    forgotten. OMP cuts once, IMP in many levels, and SynFlow before training. A way comes nearer if
    its gap falls in the 90 % interval over paired seeds, by more than one forgotten image in each
    figure; one way in twenty may do so by chance. Where the attack on the retrained model says
    nothing, the gap without it counts.
    """

    name = "SparseOriginals"
    family = "unlearning"
    title = "Sparser originals"
    cost = "job"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    revision = 2  # it says whether the attack does
    proof = (
        "tests/engine/unlearning/sparse_mu/test_sparser.py"
        "::test_each_figure_is_that_of_the_way_on_the_sparse_original_by_hand"
    )

    by: str = setting(
        "OMP",
        Choice(("OMP", "IMP", "SynFlow")),
        "Pruned by",
        "OMP trains, cuts once and goes "
        "back to an early step; IMP does so level by level; SynFlow cuts before training.",
    )
    seeds: int = setting(
        3, Slider(1, 10, 1), "Seeds", "How often the originals are trained and forget."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)

    def __call__(self, case: BoardCase, progress: Progress = quiet) -> Result:
        """Views: table, a row for each way and ratio; runs, the same of each seed.

        Columns of both: ratio; UA, MIA, RA, TA, and the gap to the retrained model with and without
        MIA; the accuracy of the attack on the retrained model of that ratio, and the images it is
        of. The table has means over seeds, and beside each gap and share its standard deviation
        ("gap sd"); informative is whether the attack at that ratio says anything.
        """
        if any(isinstance(method, PruneFirst) for method in case.methods):
            raise BlindspotError("The originals are pruned already: leave out “Prune first”.")
        runs: Runs = {ratio: [] for ratio in RATIOS}
        plan = [(ratio, seed) for seed in range(self.seeds) for ratio in RATIOS]
        for number, (ratio, seed) in enumerate(plan):
            low, high = number / len(plan), (number + 1) / len(plan)
            seeded_case, lead = (
                case.case.seeded(case.case.seed + seed),
                f"{ratio:.0%} cut, seed {seed + 1}",
            )
            pruning = PruneFirst(by=self.by, ratio=ratio)
            half = (low + high) / 2
            sparse, _ = pruning.sparse(seeded_case, part_of(progress, low, half, lead=lead))
            part = part_of(progress, half, high, lead=lead)
            board = answer(Scoreboard(), BoardCase(sparse, case.methods), part)
            runs[ratio].append(with_attack(board["runs"], board["table"]))
            whole = len(runs[RATIOS[-1]])  # seeds of which every ratio is there
            partial = {"table": means(runs, whole)} if whole else None
            progress(high, f"{lead}: measured", partial)
        return {"table": means(runs, self.seeds), "runs": run_table(runs)}

    def finding(self, case: BoardCase, result: Mapping[str, Any]) -> str:
        """How many ways come nearer to retraining with most of the weights cut, beyond chance."""
        column = ranking_gap(result["table"])
        first, last = (by_way(result["runs"], ratio, column) for ratio in (RATIOS[0], RATIOS[-1]))
        names = [name for name in first if name not in {Retrain.short, NOTHING}]
        words = f"by {self.by} before it forgets {case.case.request.words}"
        lead = f"Cutting {100 * RATIOS[-1]:.0f} % of the weights {words}"
        without = "" if column == "gap" else " The attack says nothing, so MIA does not count."
        if self.seeds < 2:
            return (
                f"{lead}: one seed cannot say whether it brings ways nearer to retraining.{without}"
            )
        outcome, mean, _ = decided(
            np.reshape([first[name] - last[name] for name in names], (len(names), self.seeds)).T
        )
        # the least by which UA can change at all
        trifle = 1 / len(case.case.splits.forget)
        nearer, farther = (
            int(((outcome == side) & (np.abs(mean) > trifle)).sum()) for side in (HOLDS, NOT_HERE)
        )
        return (
            f"{lead} brings {nearer or 'none'} of {len(names)} ways nearer to retraining and takes "
            f"{farther or 'none'} farther from it (beyond chance over {self.seeds} seeds, and "
            "by more "
            f"than one image).{without}"
        )


def ranking_gap(table: Table) -> str:
    """The gap that counts: without the attack, unless that says something at every ratio."""
    return "gap" if table["informative"].all() else "gap without MIA"


def with_attack(runs: Table, board: Table) -> Table:
    """The runs of one seed, with the accuracy of the attack on the retrained model in each row."""
    attack_columns = {name: np.full(len(runs), board.cell(Retrain.short, name)) for name in ATTACK}
    return replace(
        runs,
        columns={**runs.columns, **attack_columns},
        order=(*runs.order, *ATTACK),
        units=(*runs.units, "share", ""),
    )


def by_way(runs: Table, ratio: float, column: str = "gap") -> dict[str, Any]:
    """A gap of each way at a ratio, a row of its seeds."""
    ratio_runs = runs.take(np.flatnonzero(runs["ratio"] == ratio).tolist())
    rows = np.array(ratio_runs.rows)
    return {name: ratio_runs[column][rows == name] for name in dict.fromkeys(ratio_runs.rows)}


def means(runs: Runs, seeds: int) -> Table:
    """Means and standard deviations over the first seeds; of one seed the deviation is not known.

    Args:
        runs: of each ratio, the runs of each seed.
        seeds: how many of them are there for every ratio.
    """
    names = runs[RATIOS[0]][0].rows
    results = [
        [[run[figure] for figure in FIGURES] for run in runs[ratio][:seeds]] for ratio in RATIOS
    ]
    cells: NDArray[np.float64] = np.array(results)  # (ratios, seeds, figures, ways)
    mean = cells.mean(1)
    spread = cells.std(1, ddof=1) if seeds > 1 else np.full_like(mean, np.nan)
    ratio = np.repeat(RATIOS, len(names))
    columns: dict[str, tuple[Any, str]] = {"ratio": (ratio, "share")}
    for at, figure in enumerate(FIGURES):
        columns[figure] = mean[:, at].ravel(), "share"
        columns[f"{figure} sd"] = spread[:, at].ravel(), "share"
    attack = [
        [np.mean([run[name][0] for run in runs[ratio][:seeds]]) for name in ATTACK]
        for ratio in RATIOS
    ]
    informative_flags = [float(informative(*row)) for row in attack]
    columns["informative"] = np.repeat(informative_flags, len(names)), ""
    return Table.of(columns, names * len(RATIOS))


def run_table(runs: Runs) -> Table:
    """Every run by itself, with the reason where there are no figures."""
    ratio_tables = [(ratio, seed) for ratio, seeds in runs.items() for seed in seeds]

    def all_of(column: str) -> Sequence[float]:
        return np.concatenate([table[column] for _, table in ratio_tables]).tolist()

    columns: dict[str, tuple[Any, str]] = {
        "way": (all_of("method"), ""),
        "seed": (all_of("seed"), ""),
        "ratio": (
            np.concatenate([np.full(len(table), ratio) for ratio, table in ratio_tables]),
            "share",
        ),
        **{figure: (all_of(figure), "share") for figure in FIGURES},
        "attack accuracy": (all_of("attack accuracy"), "share"),
        "attack images": (all_of("attack images"), ""),
    }
    rows = [row for _, table in ratio_tables for row in table.rows]
    return Table.of(columns, rows, [note for _, table in ratio_tables for note in table.notes])
