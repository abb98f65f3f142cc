"""The share of protected images as an experiment: how many must be protected?

Huang et al., "Unlearnable Examples: Making Personal Data Unexploitable" (2021),
https://arxiv.org/abs/2101.04898
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.charts.words import percent
from engine.core.method import Progress, defaults, quiet
from engine.core.result import Pictures, Result, Table
from engine.evaluation.experiment import (
    Claim,
    ExperimentCase,
    deviation,
    deviation_column,
    measure_columns,
)
from engine.unlearning.protection.victims import (
    CUDA,
    RIGHT,
    LabelWiseVictims,
    partly,
    protected_rows,
    way_setting,
)
from engine.vision.data import DataSet
from engine.vision.lab import TrainCase

SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 1.0)
PARTS = SHARES[1:-1]  # of which something is left to learn from
MOST = 200  # epochs that a recipe may have
MIXED, ALONE = "all images", "the clean ones alone"
PICTURED_IMAGES = 10  # images in the picture


def mixed_condition(share: float) -> str:
    """The condition of all images, of which a share is protected."""
    return f"{share:.0%} protected"


def clean_condition(share: float) -> str:
    """The condition of the images that are left clean, without the others."""
    return f"{1 - share:.0%} clean, nothing else"


CLAIMS = (
    Claim(
        "When all images are protected, little is learned",
        "clean test accuracy over 30 points below that after clean training",
        lambda of: of(mixed_condition(0), RIGHT) - of(mixed_condition(1), RIGHT) - 0.3,
    ),
    Claim(
        "One clean image in five is enough to learn from",
        "with 80 % protected at most 10 points below clean training, and with all over 10",
        lambda of: min(
            of(mixed_condition(0.8), RIGHT) - of(mixed_condition(0), RIGHT) + 0.1,
            of(mixed_condition(0), RIGHT) - of(mixed_condition(1), RIGHT) - 0.1,
        ),
    ),
    Claim(
        "Protected images add nothing to the clean ones",
        "with 80 % protected at most 5 points above training on the clean ones alone",
        lambda of: of(clean_condition(0.8), RIGHT) - of(mixed_condition(0.8), RIGHT) + 0.05,
    ),
)


def mixtures(table: Table) -> str:
    """What is learned by the share that is protected, mixed and without the protected images."""
    results = []
    for row in table.rows:
        values = [table.cell(row, name) for name in measure_columns(table)]
        figures = " and ".join(percent(value) for value in values if np.isfinite(value))
        results.append(f"{row}: {figures}")
    return (
        f"Clean test images right with {' and with '.join(measure_columns(table))}. "
        f"{'; '.join(results)}. "
        "Where the lines meet, protected images add nothing."
    )


PROTECTED = Drawing(
    "shares",
    "What is learned when some images stay clean",
    chart=lambda result: Lines(
        x="share",
        series={column: column for column in measure_columns(result["shares"])},
        intervals={
            column: (deviation_column(column),) for column in measure_columns(result["shares"])
        },
        ticks=(100 * result["shares"]["share"]).tolist(),
        span=(0, 104),
        title="clean test images right (%)",
        x_title="training images protected (%)",
    ),
    finding=lambda result: mixtures(result["shares"]),
)


@dataclass(frozen=True)
class ProtectedShare(LabelWiseVictims):
    """How many of the images must be protected for a protection to hold?

    A network learns a mixture of protected and clean images, drawn by the seed, and is tested on
    clean ones. Beside it another learns the clean ones alone, with about as many steps, but in 200
    epochs at most: what the mixture has more was learned from protected images, too. Noise is made
    for all images, and put on some of them. Small networks on small images.
    """

    name = "ProtectedShare"
    family = "unlearning"
    title = "How many images must be protected"
    paper = (
        "Huang et al., Unlearnable Examples: Making Personal Data Unexploitable (2021), "
        "https://arxiv.org/abs/2101.04898"
    )
    question = "Does a protection help when some images stay as they are?"
    proof = (
        "tests/engine/unlearning/protection/test_defenses.py"
        "::test_every_figure_is_that_of_networks_trained_on_images_mixed_by_hand"
    )
    example = defaults(victim="MLP", way="random noise for each class")
    claims = CLAIMS
    main_drawing = PROTECTED
    revision = 2  # some clean images are enough only where none are not

    way: str = way_setting()

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Every share, and what it leaves clean."""
        whole = dict.fromkeys(map(mixed_condition, SHARES), self.training(case))
        # as many steps as on all images, so that fewer images are not also less training
        epochs = {share: min(MOST, round(self.epochs / (1 - share))) for share in PARTS}
        return whole | {
            clean_condition(part): self.training(case, epochs=epochs[part]) for part in PARTS
        }

    def learned_from(self, condition: str, case: ExperimentCase, progress: Progress) -> DataSet:
        """The mixture, or what is clean of it."""
        clean, seed = case.data, case.seed
        share = next(
            share
            for share in SHARES
            if condition in {mixed_condition(share), clean_condition(share)}
        )
        if condition != mixed_condition(share):
            return clean.take(
                np.setdiff1d(np.arange(len(clean)), protected_rows(clean, share, seed))
            )
        if not share:
            return clean
        return partly(clean, self.protect(self.way, case, progress), share, seed)

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: those of every experiment; shares, a row for each share that is protected."""
        result = super().__call__(case, progress)
        runs = result["runs"]
        assert isinstance(runs, Table)  # noqa: S101 - what an experiment gives
        return {**result, "shares": over_shares(runs)}

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images of which more and more are protected, with CUDA, which can be seen."""
        sample_rows = case.data.some("train", PICTURED_IMAGES)
        after = self.protect(CUDA, case)
        rows = [partly(case.data, after, share, case.seed).images[sample_rows] for share in SHARES]
        return Pictures(
            np.stack(rows).transpose(0, 1, 3, 4, 2),
            tuple(map(mixed_condition, SHARES)),
            case.data.class_names(sample_rows),
            "Drawn with CUDA's filters, which can be seen, whatever the protection: from row to "
            "row more of the images are protected.",
        )


def over_shares(runs: Table) -> Table:
    """Mean and deviation of accuracy over the share that is protected, mixed and alone."""
    right = {name: runs[RIGHT][np.array(runs.rows) == name] for name in dict.fromkeys(runs.rows)}
    columns: dict[str, tuple[Any, str]] = {"share": (np.array(SHARES), "share")}
    for title, name in ((MIXED, mixed_condition), (ALONE, clean_condition)):
        by_share = [right.get(name(share), np.array([np.nan])) for share in SHARES]
        if name is clean_condition:
            by_share[0] = right[mixed_condition(0)]  # all of them are clean
        columns[title] = [accuracies.mean() for accuracies in by_share], "share"
        columns[deviation_column(title)] = (
            [deviation(accuracies) for accuracies in by_share],
            "share",
        )
    return Table.of(columns, [mixed_condition(share) for share in SHARES])
