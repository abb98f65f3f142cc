"""DM-Direct: what a datamodel says that the model would answer without the images, and the truth.

Georgiev et al., "Attribute-to-Delete" (2024), https://arxiv.org/abs/2410.23232.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Case, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.forgetting.klom import Doubles, margins
from engine.evaluation.measures.drift import rank_correlation
from engine.unlearning.case import ForgetCase
from engine.unlearning.dmm.datamodel import networks_setting, of_parts, ridge_setting
from engine.unlearning.dmm.trainings import (
    ALL,
    HALF,
    PART,
    STAYS,
    judges,
    logits_of,
    too_many_for,
    train_part,
)
from engine.vision.data import Rows
from engine.vision.training import outputs

GROUPS = ("forget", "retain", "test")
TRUTH = 0.3  # share of the progress until the true change is known


def images_setting() -> int:
    """How many images are looked at."""
    return setting(
        100,
        Slider(10, 300, 10),
        "Images",
        "At most so many of the forgotten, of those that stay, and of the test.",
    )


def sample_groups(case: ForgetCase, most: int) -> tuple[Rows, NDArray[np.int64]]:
    """At most so many rows of each group, drawn by the case's seed, and the group of each."""
    results = []
    for rows in (case.splits.forget, case.splits.retain, case.splits.test):
        order = np.random.default_rng([case.seed, 43]).permutation(rows)
        results.append(np.sort(order[:most]))
    return np.concatenate(results), np.repeat(np.arange(3), [len(rows) for rows in results])


@dataclass(frozen=True)
class DMDirect(Method[ForgetCase]):
    """What the model would answer without the forgotten images, by a datamodel; no weight changes.

    The change of an image's margin (logit of its label above the soft maximum of the others, in
    nats) as the datamodel predicts it, beside the change that is seen in twenty networks that were
    really trained without the images. The rank correlation says how much of the one the other
    tells. It grows with the number of networks that the datamodel is made of; near 0, DMM is taught
    noise.
    """

    name = "DMDirect"
    family = "unlearning"
    title = "DM-Direct: answers without new weights"
    cost = "job"
    needs = frozenset({"retraining"})
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    proof = (
        "tests/engine/unlearning/dmm/test_trainings.py"
        "::test_the_true_change_is_that_of_oracles_and_the_predicted_one_of_the_datamodel"
    )

    networks: int = networks_setting()
    ridge: float = ridge_setting()
    images: int = images_setting()

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or too_many_for(case)

    def __call__(self, case: ForgetCase, progress: Progress = quiet) -> Result:
        """Views: images, a row for each; quality, a row for each group; growing, by networks.

        Images: id, group (0 forgotten, 1 stays, 2 test), the model's margin now (before) and by the
        datamodel (direct); predicted and true, the mean change over twenty originals. Quality and
        growing have rank correlations of these two, NaN where nothing differs; quality has the
        slope of the true change over the predicted one, too.
        """
        progress(0.0, "looking for networks that are there already")
        rows, group = sample_groups(case, self.images)
        labels = case.data.labels[rows]
        ways = ((ALL, 0, 0.0, TRUTH / 2), (STAYS, judges(0), TRUTH / 2, TRUTH))
        whole, oracles = (
            logits_of(train_part(case, learns, part, part_of(progress, low, high)))[:, rows]
            for learns, part, low, high in ways
        )
        before = outputs(case.model, case.data, rows).numpy()
        original_margins = margins(whole, labels).mean(0)
        true = margins(oracles, labels).mean(0) - original_margins
        trained_parts, growing = [], []
        views: Result = {}
        parts = -(-self.networks // PART)
        for part in range(parts):
            low, high = (TRUTH + (1 - TRUTH) * at / parts for at in (part, part + 1))
            trained_parts.append(train_part(case, HALF, part, part_of(progress, low, high)))
            count = min(self.networks, PART * len(trained_parts))
            gained = of_parts(case, trained_parts, count, self.ridge)[rows]
            # logits are predicted, margins follow: a margin is not linear in them
            predicted = margins(whole + gained, labels).mean(0) - original_margins
            growing.append([count, *(rank(predicted, true, group == index) for index in range(3))])
            columns = {
                "id": (case.data.ids[rows], ""),
                "group": (group, ""),
                "before": (margins(before, labels), "nat"),
                "direct": (margins(before + gained, labels), "nat"),
                "predicted": (predicted, "nat"),
                "true": (true, "nat"),
            }
            by_count = zip(("networks", *GROUPS), np.array(growing).T, strict=True)
            views = {
                "images": Table.of(columns),
                "quality": quality(predicted, true, group),
                "growing": Table.of({name: (column, "") for name, column in by_count}),
            }
            progress(high, f"a datamodel of {count} networks", views)
        return views

    def finding(self, case: ForgetCase, result: Mapping[str, Any]) -> str:
        """How well the change is predicted."""
        table: Table = result["quality"]
        forget, retain = (
            f"{table.cell(name, 'rank correlation'):.2f}".replace("-", "−") for name in GROUPS[:2]
        )
        count = int(result["growing"]["networks"][-1])
        return (
            f"A datamodel of {count} networks predicts how margins of {case.request.words} change "
            f"with a rank correlation of {forget} (images that stay: {retain}; 1 is right, "
            "0 is chance)."
        )


def quality(predicted: Doubles, true: Doubles, group: NDArray[np.int64]) -> Table:
    """Rank correlation and slope of each group, and how many images it has."""
    masks = [group == index for index in range(3)]
    columns = {
        "rank correlation": ([rank(predicted, true, mask) for mask in masks], ""),
        "slope": ([slope(predicted[mask], true[mask]) for mask in masks], ""),
        "images": ([float(mask.sum()) for mask in masks], ""),
    }
    return Table.of(columns, GROUPS)


def rank(predicted: Doubles, true: Doubles, own: NDArray[np.bool_]) -> float:
    """Spearman's correlation of some images; NaN where nothing differs."""
    if own.sum() < 3:
        return float("nan")
    return rank_correlation(predicted[own], true[own], signed=True)


def slope(predicted: Doubles, true: Doubles) -> float:
    """Of the least-squares line of the true change over the predicted one; NaN without a spread."""
    if len(predicted) < 3 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.polyfit(predicted, true, 1)[0])
