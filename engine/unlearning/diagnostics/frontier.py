"""Forgetting against keeping, as the one setting that trades them is turned."""

from dataclasses import dataclass, replace

import numpy as np

from engine.core.errors import BlindspotError, Cancelled, TooBusy
from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.unlearning.around import WAY, AfterCase
from engine.unlearning.diagnostics.base import Diagnostic
from engine.unlearning.protocol.metrics import forgetting, gap, keeping
from engine.unlearning.protocol.scoreboard import scores
from engine.unlearning.ways.retrain import Retrain
from engine.unlearning.ways.unlearner import Unlearner

NAMES = ("UA", "MIA", "RA", "TA", "gap", "forgetting", "keeping")


@dataclass(frozen=True)
class Frontier(Diagnostic):
    """The unlearner along its own dial: how near to retraining it forgets, and how near it keeps.

    Both are 1 at the retrained model, in the upper right corner. A curve that bends far from there
    can only forget by destroying. The first row is the unlearner as it was asked about, the others
    are places along its dial, which is named.
    """

    name = "Frontier"
    title = "Forgetting against keeping"
    cost = "job"
    needs = frozenset({WAY})
    proof = (
        "tests/engine/unlearning/test_diagnostics.py::test_the_frontier_is_made_of_single_answers"
    )

    points: int = setting(5, Slider(2, 7, 1), "Points", "Along the dial, evenly.")

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: points, a row for the method as asked and one for each place of its dial."""
        methods = dial_variants(case.method, self.points)
        rows: list[list[float]] = []
        name = case.method.dial[0] if case.method.dial else ""
        for number, method in enumerate(methods):
            part = part_of(progress, number / len(methods), (number + 0.95) / len(methods))
            value = getattr(method, name) if name else np.nan
            rows.append([np.nan if value is None else float(value), *self.row(method, case, part)])
            progress(
                (number + 1) / len(methods), method.label, {"points": table(name, methods, rows)}
            )
        return {"points": table(name, methods, rows)}

    def row(self, method: Unlearner, case: AfterCase, progress: Progress) -> list[float]:
        """The figures of one place; NaN where it failed."""
        try:
            reference = method.reference(case.case, part_of(progress, 0.0, 0.2))
            expected = scores(answer(Retrain(), reference, part_of(progress, 0.2, 0.6)))
            result = scores(answer(method, case.case, part_of(progress, 0.6, 1.0)))
        except (Cancelled, TooBusy):
            raise
        except BlindspotError:
            return [np.nan] * len(NAMES)
        result["gap"] = gap(result, expected)
        result["forgetting"], result["keeping"] = (
            forgetting(result, expected),
            keeping(result, expected),
        )
        return [result[name] for name in NAMES]


def dial_variants(method: Unlearner, points: int) -> list[Unlearner]:
    """The method itself, and others that differ in its dial only."""
    if method.dial is None:
        return [method]
    name, values = method.dial
    places = np.unique(np.linspace(0, len(values) - 1, points).round().astype(int))
    return [method, *(replace(method, **{name: values[place]}) for place in places)]


def table(name: str, methods: list[Unlearner], rows: list[list[float]]) -> Table:
    """The places that are done."""
    values = np.array(rows)
    columns = {name or "none": (values[:, 0], "")}
    columns |= {name: (values[:, k + 1], "share") for k, name in enumerate(NAMES)}
    return Table.of(columns, [method.label for method in methods[: len(rows)]])
