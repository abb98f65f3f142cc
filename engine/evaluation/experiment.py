"""An experiment: several conditions, measured alike, over several seeds.

An experiment names its conditions, its measures, the paper's claims and one picture. The conditions
of a `TrainingExperiment` are networks to train: each training is an answer of `lab.Train`, kept,
shared by all experiments and resumed where it was stopped. Those of a `ClosedFormExperiment` are
computed in seconds and trained nowhere. What takes longer, such as networks with a loss of their
own, is a `KeptExperiment` (engine/evaluation/kept_experiment.py).

A claim is a margin: how far a figure lies above the threshold that the claim needs. It *holds* when
the mean margin over seeds is above zero by more than its tolerance, is *not so here* when it is
below zero by more than that, and is *undecided* otherwise. The tolerance is the half-width of the
90 % confidence interval of the mean (Student's t); with one seed there is none.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.case_base import Case, Parts, Precision
from engine.core.device import best_device
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.naming import named_by
from engine.core.pictures import Pixels, amplified_difference, as_bytes
from engine.core.result import Pictures, Result, Scores, Table, View
from engine.core.run import answer
from engine.vision import data as data_sets
from engine.vision.arguments import name_of, named_data, seed_argument
from engine.vision.case import ImageCase
from engine.vision.data import DataSet
from engine.vision.lab import Train, TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt

HOLDS, UNDECIDED, NOT_HERE = 1, 0, -1
OUTCOMES = {HOLDS: "holds", UNDECIDED: "undecided", NOT_HERE: "not so"}
CONFIDENCE = 0.95  # one-sided
AMPLIFIED = 3  # times, in pictures of a difference
MEASURED = 0.9  # share of a condition's progress at which its training is over

Figures = Mapping[str, float]  # by measure
Value = Callable[[str, str], float]  # (condition, measure) → its figure with one seed
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExperimentCase(Case):
    """The data that an experiment is made on, and its first seed; "exact" is the only precision."""

    case_name: ClassVar[str] = "experiment"
    what: ClassVar[str] = "a data set to train on"
    asks: ClassVar[str] = ""

    data: DataSet = named_by(data_sets.load, name_of, data=named_data("digits"))
    seed: int = named_by(
        default=0,
        seed=seed_argument("Of the first training of each condition; the others follow it."),
    )
    precision: Precision = "exact"

    @property
    def lane(self) -> str:
        """The device whose lane trains."""
        return str(best_device())

    def digest_parts(self) -> Parts:
        """Data and seed; a precision that is refused is another question than the kept one."""
        yield f"experiment|{self.data.fingerprint}|{self.seed}"
        if self.precision != "exact":
            yield f"|{self.precision}"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {"alike": self.data.name}  # in seconds


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper that figures can support or contradict.

    Args:
        words: the claim.
        test: what it is taken to mean, such as "below half of the accuracy of clean training".
        margin: of the figures of one seed, how far they are on the claim's side of the threshold.
    """

    words: str
    test: str
    margin: Callable[[Value], float]


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that was trained under one condition."""

    condition: str
    training: TrainCase
    model: Classifier


@dataclass(frozen=True)
class SeedFigures:
    """The figures of one condition with one seed."""

    condition: str
    seed: int
    figures: Figures


@dataclass(frozen=True)
class ChangedImage(Method[ImageCase]):
    """A change of one image, and what the model makes of both; a subclass makes the change."""

    short: ClassVar[str] = ""  # its name where several are chosen from
    main: ClassVar[str] = "strength"  # the setting that stands above the picture; 0 changes nothing
    amplified: ClassVar[int] = AMPLIFIED  # times, in the picture of the difference

    @abstractmethod
    def change(
        self, case: ImageCase, before: Pixels, progress: Progress
    ) -> tuple[Pixels, Mapping[str, Pixels]]:
        """The changed image, of the same size (H, W, 3), and what else is shown beside it."""

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: picture, the image before and after; probability of the target's class."""
        before = as_bytes(case.image)
        after, extra_views = self.change(case, before, part_of(progress, 0.0, 0.5, "changing"))
        progress(0.5, "changed")
        images = np.stack([before, after]).transpose(0, 3, 1, 2) / np.float32(255)
        logits = case.model.logits(torch.from_numpy(images))
        probabilities = case.model.probabilities(logits)[:, case.target.index].numpy()
        progress(1.0, "asked the model")
        gray_levels = np.abs(after.astype(np.float64) - before).mean()
        difference_image = amplified_difference(before, after, self.amplified)
        panels = {
            "before": before,
            "after": after,
            f"difference × {self.amplified}": difference_image,
        }
        panels |= extra_views
        picture = Pictures(
            np.stack(list(panels.values()))[None],
            ("your image",),
            tuple(panels),
            f"A pixel changes by {gray_levels:.1f} of 255 gray levels on average.",
        )
        return {
            "picture": picture,
            "probability": Scores(probabilities, ("before", "after"), "probability"),
        }


@dataclass(frozen=True)
class ImageChange(ChangedImage):
    """A change of one image that needs no model; it can be made to an image of any size."""

    cost = "live"

    @abstractmethod
    def apply(self, pixels: Pixels) -> Pixels:
        """The changed image, of the same size (H, W, 3)."""

    def change(
        self,
        case: ImageCase,  # noqa: ARG002
        before: Pixels,
        progress: Progress,  # noqa: ARG002
    ) -> tuple[Pixels, Mapping[str, Pixels]]:
        """As `apply`, with nothing beside it."""
        return self.apply(before), {}


@dataclass(frozen=True)
class Experiment(Method[ExperimentCase]):
    """Conditions, measures, claims and a picture; a subclass says which."""

    cost = "job"
    question: ClassVar[str]  # as a person would ask it
    data: ClassVar[tuple[str, ...]]  # names of the data sets it makes sense on, the usual one first
    measures: ClassVar[tuple[str, ...]]  # the one that matters most first; shares, but for `units`
    charted: ClassVar[tuple[str, ...]] = ()  # those that the chart shows; all if left out
    units: ClassVar[Mapping[str, str]] = MappingProxyType({})  # of measures that are no shares
    claims: ClassVar[tuple[Claim, ...]]
    margin_unit: ClassVar[str] = "share"  # of the claims' margins
    axis: ClassVar[str] = "% of images"  # what the measures are shares of
    own_image: ClassVar[type[ImageChange] | None] = None  # the same done to a person's own image

    seeds: int = setting(
        3,
        Slider(1, 10, 1),
        "Seeds",
        "How often each condition is trained. One seed decides "
        "nothing: a claim is judged by its spread over seeds.",
    )

    def __init_subclass__(cls) -> None:
        """A question that names no data is about the usual ones."""
        super().__init_subclass__()
        if hasattr(cls, "data") and "argument_defaults" not in vars(cls):
            cls.argument_defaults = defaults(data=cls.data[0])

    @abstractmethod
    def conditions(self, case: ExperimentCase) -> Mapping[str, Any]:
        """What is compared with the case's seed, by the condition's name; the reference first."""

    @abstractmethod
    def figures(
        self,
        condition: str,
        what: Any,
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """A figure for each of `measures` under one of the conditions, `what` it is.

        What else is worth seeing of it is put into `views`. Those of the first seed are kept, and
        its later conditions find those of the earlier ones there.
        """

    @abstractmethod
    def picture(self, case: ExperimentCase) -> View:
        """The one picture that makes the point; it needs no training."""

    def more(self, case: ExperimentCase) -> Result:  # noqa: ARG002
        """Views of this experiment alone, with the case's seed."""
        return {}

    @abstractmethod
    def before(self, case: ExperimentCase) -> str:
        """What a run does, in a sentence or two, for the person who starts it."""

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What came of the first claim, how many hold, and with how many seeds that was decided."""
        seeds = len(set(result["runs"]["seed"].tolist()))
        claims: Table = result["claims"]
        outcomes = claims["outcome"].tolist()
        words = f"{claims.rows[0]}: {OUTCOMES[outcomes[0]]} here. "
        words += f"{outcomes.count(HOLDS)} of {len(outcomes)} claims hold"
        if undecided_count := outcomes.count(UNDECIDED):
            words += f", {undecided_count} undecided"
        return f"{words} ({seeds} seed{'s' if seeds > 1 else ''})."

    def seeded_cases(self, case: ExperimentCase) -> Sequence[ExperimentCase]:
        """The case with each seed that is run: the one place that says how many there are."""
        return [replace(case, seed=case.seed + offset) for offset in range(self.seeds)]

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: picture; table, means with their spread; claims; runs, every figure."""
        views: dict[str, View] = {"picture": self.picture(case)}
        plan = [
            (seeded, condition, what)
            for seeded in self.seeded_cases(case)
            for condition, what in self.conditions(seeded).items()
        ]
        progress(0.0, "starting", {**views})
        runs: list[SeedFigures] = []
        for done, (seeded, condition, what) in enumerate(plan):
            low, high = done / len(plan), (done + MEASURED) / len(plan)
            lead = f"{condition}, seed {seeded.seed}"
            part = part_of(progress, low, high, otherwise="training", lead=lead)
            collected: dict[str, View] = views if seeded.seed == case.seed else {}
            result = self.figures(condition, what, seeded, part, collected)
            runs.append(SeedFigures(condition, seeded.seed, result))
            views["table"] = summary(runs, self.measures, self.units)
            progress((done + 1) / len(plan), f"{lead}: measured", {**views})
        views |= {
            "claims": judge_claims(self.claims, runs, self.margin_unit),
            "runs": figure_table(runs, self.measures, self.units),
        }
        return {**views, **self.more(case)}


@dataclass(frozen=True)
class TrainingExperiment(Experiment):
    """Each condition is a network to train, which is then measured."""

    @abstractmethod
    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """What is trained with the case's seed, by the condition's name; the reference first."""

    def train(self, condition: str, training: TrainCase, progress: Progress) -> Classifier:  # noqa: ARG002
        """The network of one condition; one whose loss no recipe can say overrides it."""
        return trained_model(training, progress)

    @abstractmethod
    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:
        """A figure for each of `measures`."""

    def seen(self, trained: Trained, case: ExperimentCase) -> Result:  # noqa: ARG002
        """Views of a trained network, beside its figures."""
        return {}

    def figures(
        self,
        condition: str,
        what: TrainCase,
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],
    ) -> Figures:
        """Those of the trained network."""
        trained = Trained(condition, what, self.train(condition, what, progress))
        views.update(self.seen(trained, case))
        return self.measure(trained, case)

    def before(self, case: ExperimentCase) -> str:
        """What is trained, and whether it is kept."""
        own_loss = type(self).train is not TrainingExperiment.train
        note = (
            "networks with a loss of their own begin anew" if own_loss else "what is done is kept"
        )
        return (
            f"A network is trained on each of: {'; '.join(self.conditions(case))}. Each "
            f"{self.seeds} times. It can be stopped and resumed; {note}."
        )


@dataclass(frozen=True)
class ClosedFormExperiment(Experiment):
    """Each condition is computed by `measured` in about a second, without a network."""

    axis = "%"
    compared: ClassVar[tuple[str, ...]]  # names of the conditions, the reference first

    seeds: int = setting(
        10,
        Slider(1, 20, 1),
        "Seeds",
        "How often each condition is drawn and computed. One seed "
        "decides nothing: a claim is judged by its spread over seeds.",
    )

    @abstractmethod
    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """A figure for each of `measures` under one condition, with the case's seed."""

    def conditions(self, case: ExperimentCase) -> Mapping[str, Any]:  # noqa: ARG002
        """The names in `compared`."""
        return dict.fromkeys(self.compared)

    def figures(
        self,
        condition: str,
        what: Any,  # noqa: ARG002
        case: ExperimentCase,
        progress: Progress,
        views: dict[str, View],  # noqa: ARG002
    ) -> Figures:
        """As `measured`."""
        progress(0.0, "computing")
        return self.measured(condition, case)

    def before(self, case: ExperimentCase) -> str:
        """What is compared, and that it takes seconds."""
        return (
            f"Compared are: {', '.join(self.conditions(case))}; each is drawn and computed "
            f"{self.seeds} times. No network is trained; it takes seconds."
        )


def trained_model(training: TrainCase, progress: Progress = quiet) -> Classifier:
    """The network of a training: kept, or trained now."""
    return rebuilt(answer(Train(), training, progress)["model"])


def summary(
    runs: Sequence[SeedFigures], measures: Sequence[str], units: Mapping[str, str]
) -> Table:
    """Mean and standard deviation over seeds of each measure, a row for each condition."""
    rows = list(dict.fromkeys(run.condition for run in runs))
    columns: dict[str, tuple[Any, str]] = {}
    for measure in measures:
        values = [[r.figures[measure] for r in runs if r.condition == row] for row in rows]
        unit = units.get(measure, "share")
        columns[measure] = [np.mean(numbers) for numbers in values], unit
        columns[deviation_column(measure)] = (
            [deviation(np.array(numbers)) for numbers in values],
            unit,
        )
    return Table.of(columns, rows)


def deviation_column(measure: str) -> str:
    """The name of the column with a measure's standard deviation over seeds."""
    return f"{measure} (sd)"


def measure_columns(table: Table) -> list[str]:
    """The columns that have a deviation over seeds."""
    return [name for name in table.order if deviation_column(name) in table.order]


def deviation(values: Doubles) -> float:
    """The standard deviation of a sample (n,); NaN of a single value."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def figure_table(
    runs: Sequence[SeedFigures], measures: Sequence[str], units: Mapping[str, str]
) -> Table:
    """Every figure, a row for each condition and seed."""
    columns: dict[str, tuple[Any, str]] = {"seed": ([run.seed for run in runs], "")}
    columns |= {
        name: ([run.figures[name] for run in runs], units.get(name, "share")) for name in measures
    }
    return Table.of(columns, [run.condition for run in runs])


def judge_claims(
    claims: Sequence[Claim], runs: Sequence[SeedFigures], unit: str = "share"
) -> Table:
    """Outcome, mean margin and tolerance of each claim; the note is its test."""
    by_seed: dict[int, dict[str, Figures]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, {})[run.condition] = run.figures
    margins = np.array(
        [[margin(claim, figures) for claim in claims] for figures in by_seed.values()]
    )
    outcome, mean, tolerance = decided(margins)
    columns = {"outcome": (outcome, ""), "margin": (mean, unit), "tolerance": (tolerance, unit)}
    return Table.of(columns, [claim.words for claim in claims], [claim.test for claim in claims])


def margin(claim: Claim, figures: Mapping[str, Figures]) -> float:
    """A claim's margin with the figures of one seed, by condition."""
    return claim.margin(lambda condition, measure: figures[condition][measure])


def decided(margins: Doubles) -> tuple[NDArray[np.int64], Doubles, Doubles]:
    """Outcome, mean and tolerance of each claim from its margins (seeds, claims)."""
    from scipy.stats import t as student

    seeds = len(margins)
    mean = margins.mean(0)
    if seeds < 2:
        return np.zeros(len(mean), np.int64), mean, np.full(len(mean), np.nan)
    tolerance = student.ppf(CONFIDENCE, seeds - 1) * margins.std(0, ddof=1) / np.sqrt(seeds)
    return np.where(abs(mean) > tolerance, np.sign(mean), 0).astype(np.int64), mean, tolerance
