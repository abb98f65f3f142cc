"""Poisoning a fair representation as an experiment: can a few altered rows make it leak?

Liu et al., "Towards Poisoning Fair Representations" (2024), https://arxiv.org/abs/2309.16487
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Pictures, Result, Scores, Table, View
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import FIGURES, KeptExperiment
from engine.unlearning.eng.claims import (
    ANCHORS,
    AUC,
    CLAIMS,
    CLEAN,
    ENTROPY,
    MATCHED,
    RANDOM,
    TASK,
    TRANSFER,
    U,
)
from engine.unlearning.eng.drawings import DRAWINGS
from engine.unlearning.eng.figures import (
    anchored,
    by_columns,
    columns_apart,
    leaking,
    plane_picture,
    scattered,
    shares_table,
)
from engine.unlearning.eng.gradient_matching import (
    ElasticNet,
    FairVictim,
    MatchedPoison,
    copies,
    crafted,
    teach,
)
from engine.unlearning.eng.rows import FairRows, FairTable, drawn_table, measured_slices

TABLE, SLICES = "a drawn table", "measures of phantom slices"
OTHER = 1_000_003  # added to the seed of the attacker's own victim
TABLES: Memory[FairTable] = Memory(8)
POISONS: Memory[MatchedPoison] = Memory(24)  # two conditions of a seed ask for the same one


@dataclass(frozen=True)
class FairPoisoning(KeptExperiment):
    """Can a few altered rows make a fair representation tell the group again?

    A simulation, on drawn rows. A small encoder learns a task and is penalized where the two
    groups' means of its representation are apart, given the task. A fresh probe then tries to tell
    the group from the representation of test rows it has not seen: an AUC of 50 % is chance, and
    the lower its cross-entropy, as a share of that of guessing (H), the more leaks. An attacker
    adds a few altered copies of training rows, whose task and group stay. Their numbers are shifted
    so that a training step on them raises Fisher's discriminant U of the groups (gradient
    matching), by as little and in as few columns as pays (elastic net). The attacker follows the
    victim: it learned from clean rows, learns on with the poison, and the shifts are matched anew
    in each round. *Another victim*, with other first weights, meets the last of them from its first
    step on. Controls learn on as long: with clean rows, with shifts of the same sizes at random
    columns, and with copies of two anchor rows whose task is set to their group. No real person is
    in any row.
    """

    name = "ENG"
    family = "unlearning"
    title = "Poison a fair representation (ENG)"
    paper = (
        "Liu et al., Towards Poisoning Fair Representations (2024), "
        "https://arxiv.org/abs/2309.16487"
    )
    question = "Can a few altered training rows make a fair representation tell the group again?"
    proof = (
        "tests/engine/unlearning/eng/test_fair_poisoning.py"
        "::test_matched_rows_make_it_leak_and_the_same_shifts_at_random_do_not"
    )
    example = defaults(rounds=2)
    data = ("phantoms:side=48,contrast=1.5,size=1.6",)
    measures = (AUC, ENTROPY, TASK, U)
    charted = (AUC, ENTROPY, TASK)
    units = dict.fromkeys((U,), "")
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS
    main_drawing = Drawing("planes")
    victim_epochs: ClassVar[int] = 300
    curve_shares: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.15, 0.2)  # of poison
    example_constants = defaults(victim_epochs=20, curve_shares=(0.05,))

    rows: str = setting(
        TABLE,
        Choice((TABLE, SLICES)),
        "Rows",
        "A table of 12 columns whose causes are known, or "
        "12 measures of each phantom slice, where the group is upper or lower slices and the task "
        "is to find bright lesions.",
    )
    share: float = setting(
        0.1, Slider(0.0, 0.2, 0.01), "Poison", "Share of altered copies among the victim's rows."
    )
    lasso: float | None = setting(
        0.0025,
        Slider(0.0001, 0.05, 0.0001, log=True, off="none", start=0.0025),
        "Sparsity, λ₁",
        "Weight of the shifts' absolute sizes (L1): with more, fewer columns are shifted.",
    )
    ridge: float = setting(
        0.005, Slider(0.0, 0.05, 0.0005), "Smallness, λ₂", "Weight of the shifts' squares (L2)."
    )
    fairness: float = setting(
        1.0,
        Slider(0.0, 10.0, 0.1),
        "Fairness",
        "Weight of the victim's penalty on the distance "
        "between the groups' means; at 0 nothing is hidden.",
    )
    larger: float = setting(
        0.5, Slider(0.2, 0.8, 0.05), "Size of group 1", "Its share of all rows."
    )
    steps: int = setting(
        100, Slider(10, 400, 10), "Steps", "How often the shifts are improved in each round."
    )
    rounds: int = setting(
        10,
        Slider(1, 20, 1),
        "Rounds",
        "How often the shifts are matched anew while the victim learns on.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, Any]:  # noqa: ARG002
        """Clean rows, matched poison, and two controls with as many rows."""
        return dict.fromkeys((CLEAN, MATCHED, TRANSFER, RANDOM, ANCHORS))

    def before(self, case: ExperimentCase) -> str:
        """What is simulated, and how often."""
        return (
            "A simulation on drawn rows. A small network learns from them; with the first seed, at "
            f"other shares of poison too. {super().before(case)}"
        )

    def figures(
        self,
        condition: str,
        what: Any,
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """Those of the kept condition; with the first seed, the curve of matched poison, too."""
        with_curve = condition == MATCHED and "picture" in views
        part = part_of(progress, 0.0, 0.3 if with_curve else 1.0)
        result = super().figures(condition, what, case, part, views)
        if with_curve:
            views["curve"] = self.curve(case, part_of(progress, 0.3, 1.0))
        return result

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """What a probe reads in the representation that is learned, U, and the task."""
        table = self.table(case)
        victim = self.victim(name if self.share else CLEAN, case, progress)
        views: dict[str, View] = {"planes": plane_picture(name, victim, table)}
        if name == MATCHED and self.share:
            poison = self.poison(case)
            threshold = np.array([poison.threshold], np.float32)
            views["columns"] = by_columns(table, poison.deltas[-1])
            views["threshold"] = Scores(threshold, ("predicted threshold",), "share")
        return leaking(victim, table) | {TASK: victim.right(table.test)}, views

    def victim(self, way: str, case: ExperimentCase, progress: Progress = quiet) -> FairVictim:
        """Who learned clean rows, then altered ones too; under TRANSFER, both from the start."""
        table, size = self.table(case), len(self.table(case).columns)
        epochs, rng = self.victim_epochs, np.random.default_rng([case.seed, 63])
        added: Sequence[FairRows | None] = [None] * self.rounds
        if way != CLEAN:
            poison = self.poison(case, part_of(progress, 0.0, 0.8))
            if way == MATCHED:
                return poison.victim
            if way == TRANSFER:
                rows = table.train.joined(poison.turns[-1])
                return teach(FairVictim(size, case.seed + OTHER), rows, self.fairness, epochs)
            if way == RANDOM:
                added = scattered(table, poison, rng)
            else:
                added = [anchored(table, len(poison.rows), rng)] * self.rounds
        victim = FairVictim(size, case.seed)
        teach(victim, table.train, self.fairness, epochs, part_of(progress, 0.8, 1.0))
        for poisons in added:
            rows = table.train.joined(poisons) if poisons else table.train
            teach(victim, rows, self.fairness, epochs // self.rounds)
        return victim

    def curve(self, case: ExperimentCase, progress: Progress) -> Table:
        """Figures of matched poison by its share, each kept."""
        shares = sorted({0.0, self.share, *self.curve_shares})
        tables = []
        for done, share in enumerate(shares):
            lead = f"{100 * share:.0f} % poison"
            part = part_of(progress, done / len(shares), (done + 1) / len(shares), lead=lead)
            poisoned = replace(self, share=share).kept(MATCHED, case, part)
            tables.append(cast("Table", poisoned[FIGURES]))
        return shares_table(shares, tables)

    def table(self, case: ExperimentCase) -> FairTable:
        """The rows of one seed."""
        if self.rows == TABLE:
            return TABLES.made(
                f"{case.seed}|{self.larger}", lambda: drawn_table(self.larger, case.seed)
            )
        name = f"{case.data.fingerprint}|{case.seed}|{self.larger}"
        return TABLES.made(name, lambda: measured_slices(case.data, self.larger, case.seed))

    def poison(self, case: ExperimentCase, progress: Progress = quiet) -> MatchedPoison:
        """Matched poison of one seed; the last few are held."""
        table = self.table(case)
        rows = copies(table, self.share, np.random.default_rng([case.seed, 62]))
        net = ElasticNet(self.steps, self.lasso or 0.0, self.ridge)
        epochs = self.victim_epochs
        name = f"{replace(self, seeds=1)}|{case.data.fingerprint}|{case.seed}|{epochs}"
        craft = partial(crafted, table, rows, net, self.fairness, epochs, self.rounds)
        return POISONS.made(name, lambda: craft(case.seed, progress))

    def picture(self, case: ExperimentCase) -> Pictures:
        """Which columns differ by group, and which by task."""
        return columns_apart(self.table(case))

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """What the probe reads with poison and without, and how many claims hold."""
        table: Table = result["table"]
        after, before, noise = (table.cell(row, AUC) for row in (MATCHED, CLEAN, RANDOM))
        outcome = super().finding(case, result).partition("here. ")[2]
        return (
            f"In a simulation, {100 * self.share:.0f} % of matched rows take a probe of the group "
            f"from an AUC of {100 * before:.0f} % to {100 * after:.0f} % (the same shifts at "
            f"random: {100 * noise:.0f} %; chance: 50 %). {outcome}"
        )
