"""An experiment whose conditions are kept one by one: a run goes on where another one stopped.

The key of a condition is the experiment's name and revision, the settings that it depends on, the
condition, data and seed. So a run with more seeds computes the new ones alone, and processes of a
sweep that ask for one seed each leave all that a run with these seeds needs.
"""

import json
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from engine.core.case_base import Case, Parts
from engine.core.errors import BlindspotError, Cancelled
from engine.core.method import Method, Precision, Progress, quiet
from engine.core.result import Pictures, Result, Table, View
from engine.core.run import answer
from engine.evaluation.experiment import Experiment, ExperimentCase, Figures
from engine.vision.data import DataSet

FIGURES = "figures"  # the view of a kept condition that is no snapshot


@dataclass(frozen=True)
class KeptExperiment(Experiment):
    """Each condition is computed by `condition`, as long as that takes, and kept."""

    free: ClassVar[tuple[str, ...]] = ("seeds",)  # settings that no condition depends on

    @abstractmethod
    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Figures under one condition, and small views worth seeing; a measure left out is NaN.

        Views of one name grow: a table by columns, or by rows where the columns are the same;
        pictures by rows, or, without captions, by columns where the rows are the same.
        """

    def kept(self, name: str, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Figures and views of a condition: kept, or computed now. Another one may ask for it."""
        return answer(Condition(), ConditionCase(self, name, case), progress)

    def figures(
        self,
        condition: str,
        what: Any,  # noqa: ARG002
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """Those of the kept condition; its snapshots join those of the conditions before it."""
        snapshots = dict(self.kept(condition, case, progress))
        table = cast("Table", snapshots.pop(FIGURES))
        for name, view in snapshots.items():
            views[name] = joined(views[name], view) if name in views else view
        return {measure: float(table[measure][0]) for measure in table.order}

    def before(self, case: ExperimentCase) -> str:
        """What is compared, and that it is kept."""
        return (
            f"Compared are: {'; '.join(self.conditions(case))}. Each is computed {self.seeds} "
            "times. It can be stopped and resumed: each that is done is kept."
        )


@dataclass(frozen=True, eq=False)
class ConditionCase(Case):
    """One condition of an experiment with one seed."""

    case_name: ClassVar[str] = "condition"
    what: ClassVar[str] = "a condition of an experiment"
    asks: ClassVar[str] = ""

    experiment: KeptExperiment
    condition: str
    case: ExperimentCase

    @property
    def data(self) -> DataSet:
        """What the experiment is made on."""
        return self.case.data

    @property
    def seed(self) -> int:
        """The only one."""
        return self.case.seed

    @property
    def lane(self) -> str:
        """The device whose lane computes it."""
        return self.case.lane

    @property
    def precision(self) -> Precision:
        """That of the experiment."""
        return self.case.precision

    def digest_parts(self) -> Parts:
        """Experiment, condition, data and seed; the settings in `free` are left out."""
        experiment = self.experiment
        settings = {k: v for k, v in experiment.settings().items() if k not in experiment.free}
        facts = [experiment.full_name(), experiment.revision, settings, self.condition]
        yield json.dumps(facts, sort_keys=True)
        yield f"|{self.case.fingerprint}"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        names = {"experiment": self.experiment.full_name(), "condition": self.condition}
        return super().facts() | names | {"alike": f"{'|'.join(names.values())}|{self.data.name}"}


@dataclass(frozen=True)
class Condition(Method[ConditionCase]):
    """One condition of an experiment with one seed: its figures, and what is worth seeing of it."""

    name = "Condition"
    family = "lab"
    title = "A condition of an experiment"
    cost = "job"
    proof = (
        "tests/engine/evaluation/test_kept_experiment.py"
        "::test_a_stopped_run_goes_on_at_the_first_missing"
    )

    def __call__(self, case: ConditionCase, progress: Progress = quiet) -> Result:
        """Views: figures, one row; and the condition's snapshots.

        Raises:
            BlindspotError: as the condition does; it says which one.
            ValueError: a figure is of no measure.
        """
        experiment, name = case.experiment, case.condition
        try:
            figures, snapshots = experiment.condition(name, case.case, progress)
        except Cancelled:
            raise
        except Exception as error:
            place = f"{experiment.title}, {name}, seed {case.seed}"
            if isinstance(error, BlindspotError):
                error.args = (f"{place}: {error}",)
            else:
                error.add_note(place)
            raise
        if unknown := figures.keys() - {*experiment.measures}:
            raise ValueError(f"{experiment.title}, {name}: no measure is called {unknown}")
        columns = {
            measure: ([float(figures.get(measure, "nan"))], experiment.units.get(measure, ""))
            for measure in experiment.measures
        }
        return {FIGURES: Table.of(columns, [name]), **snapshots}


def joined(before: View, view: View) -> View:
    """Two views of one name as one, see `condition`; the second alone where they do not fit."""
    match before, view:
        case Table(), Table() if before.order == view.order:
            columns = {
                name: (np.concatenate([before[name], view[name]]), unit)
                for name, unit in zip(view.order, view.units, strict=True)
            }
            return Table.of(columns, before.rows + view.rows)
        case Table(), Table() if len(before) == len(view):
            units = dict(zip(before.order + view.order, before.units + view.units, strict=True))
            beside = {**before.columns, **view.columns}
            return replace(before, columns=beside, order=tuple(beside), units=tuple(units.values()))
        case Pictures(), Pictures() if before.rows == view.rows and not view.captions:
            images = np.concatenate([before.images, view.images], 1)
            return replace(view, images=images, columns=before.columns + view.columns)
        case Pictures(), Pictures():
            return replace(
                view,
                images=np.concatenate([before.images, view.images]),
                rows=before.rows + view.rows,
                captions=before.captions + view.captions,
            )
    return view


__all__ = ["Condition", "ConditionCase", "KeptExperiment"]
