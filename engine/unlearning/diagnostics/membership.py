"""The membership attack laid open: what it was fitted to, and where it draws the line."""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Choice, Progress, Slider, quiet, setting
from engine.core.result import Curve, Result, Table
from engine.evaluation.forgetting.attack import attack, attacker, band, matched
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import MODELS, Diagnostic, compared_models
from engine.unlearning.protocol.metrics import evaluate_model

GRID = 401


@dataclass(frozen=True)
class MembershipAttack(Diagnostic):
    """How the attacker tells members from strangers by the model's confidence, and what it says
    of the forgotten images.

    Where both histograms lie on each other, the attacker's accuracy is near one half: then its word
    counts for nothing, whatever it says of the forgotten images. Members and strangers are drawn by
    the seed, as many of each class. The decision is positive where it
    says "member"; it may change more than once.
    """

    name = "MembershipAttack"
    title = "Membership attack"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    revision = 2
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_the_attackers_line_gives_its_own_efficacy"
    )

    model: str = setting("unlearned", Choice(MODELS), "Model", "Which of the three is attacked.")
    bins: int = setting(20, Slider(5, 60, 1), "Bins", "Of the histograms.")

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: histogram, shares of members, strangers and forgotten by bins of confidence;
        decision, over confidence; regions, from where to where it says "member" (1) or not (0);
        figures, one row.
        """
        models = compared_models(case, progress)
        if self.model not in models:
            raise BlindspotError("There is no retrained model to attack: none was given.")
        if not len(case.case.splits.test):
            raise BlindspotError(
                "There are no test images: an attack needs images that no model learned from."
            )
        answers = evaluate_model(models[self.model], case.case)
        members, non_members = matched(answers.retain, answers.test, answers.seed)
        fitted = attacker(members.confidence, non_members.confidence)
        grid = np.linspace(0, 1, GRID)
        # of one feature the whole rule can be drawn: a radial kernel may change sides several times
        decision = fitted.decision_function(grid[:, None])
        result = attack(answers.retain, answers.test, answers.forget, seed=answers.seed)
        edges = np.linspace(0, 1, self.bins + 1)
        samples_by_name = {
            "members": members,
            "strangers": non_members,
            "forgotten": answers.forget,
        }
        counts = {
            name: np.histogram(sample.confidence, edges)[0] / len(sample)
            for name, sample in samples_by_name.items()
        }
        progress(1.0, "attacked")
        return {
            "histogram": Table.of(
                {
                    "from": (edges[:-1], "probability"),
                    "to": (edges[1:], "probability"),
                    **{name: (count, "share") for name, count in counts.items()},
                }
            ),
            "decision": Curve(
                grid.astype(np.float32), decision.astype(np.float32), "confidence", "decision", ""
            ),
            "regions": regions(grid, decision),
            "figures": Table.of(
                {
                    "MIA": ([result.efficacy], "share"),
                    "attack accuracy": ([result.accuracy], "share"),
                    "informative": ([float(result.informative)], ""),
                    "fitted to": ([float(result.images)], "images"),
                    "band": ([band(result.images)], "share"),
                }
            ),
        }


def regions(grid: np.ndarray[tuple[int], np.dtype[np.float64]], decision: np.ndarray) -> Table:
    """Where the decision keeps its sign; ends are where it is 0 on the line between two points."""
    member = decision > 0
    sign_changes = np.flatnonzero(member[1:] != member[:-1])
    slope = decision[sign_changes + 1] - decision[sign_changes]
    places = (
        grid[sign_changes]
        - decision[sign_changes] * (grid[sign_changes + 1] - grid[sign_changes]) / slope
    )
    ends = np.concatenate([[0.0], places, [1.0]])
    is_member_region = member[np.concatenate([[0], sign_changes + 1])]
    return Table.of(
        {
            "from": (ends[:-1], "probability"),
            "to": (ends[1:], "probability"),
            "member": (is_member_region.astype(np.float64), ""),
        }
    )
