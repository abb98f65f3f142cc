"""The study: ten explainers on images with several labels, each measured and ranked.

Kakogeorgiou and Karantzalos, "Evaluating explainable artificial intelligence methods for
multi-label deep learning classification tasks in remote sensing" (2021),
https://arxiv.org/abs/2104.01375
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.attribution.study.case import StudyCase
from engine.attribution.study.findings import beside_paper, relied_on
from engine.attribution.study.images import StudyImage
from engine.attribution.study.measure import (
    RANDOM,
    Counter,
    MapMeasurement,
    TimedMap,
    alike,
    compute_map,
    count_passes,
    deletions,
    noise,
    of_map,
    on_mask,
    outline_of,
)
from engine.attribution.study.methods import has_own_map
from engine.attribution.study.ranking import METRICS, SOME, Metric, claims, ranked
from engine.core.method import Case, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.measures.outlines import outlined
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier

PAPER = "Kakogeorgiou & Karantzalos 2021, https://arxiv.org/abs/2104.01375"


def unfit(case: Case) -> str:
    """Why an explainer of the study cannot be asked, or ""."""
    if not isinstance(case, StudyCase):
        return ""
    first = case.images[0]
    question = case.question(first, first.labels[0])
    reasons = ((method.title, method.unmet(question)) for method in case.methods)
    return next((f"{title}: {reason}" for title, reason in reasons if reason), "")


@dataclass(frozen=True)
class Study(Method[StudyCase]):
    """Explainers side by side on the same images, measured in the same way and ranked.

    Every label that is there and that the model finds gets a map of each method, and the maps are
    held against the label's own mask (pointing game, relevance mass and rank), against the score
    (AUC-MoRF: how soon it falls when the strongest blocks are covered; the lower, the better),
    against small changes of the image (max-sensitivity), and against the maps of the image's other
    labels (cosine: near 1, the method paints the same whatever is asked). Where the model has a map
    of its own, outlines are held against the mask too (Dice), and every method explains the label's
    score less the second best's, which is also what falls: most of such a network's scores may be
    common to all classes. PNG size stands for how simple a map is to look at. A map can lie off the
    mask and still be true to a model that goes by something else: read where it lies beside
    AUC-MoRF.
    """

    name = "Study"
    family = "attribution"
    title = "Study of ten methods"
    cost = "job"
    paper = PAPER
    proof = (
        "tests/engine/attribution/study/test_study.py"
        "::test_on_a_network_whose_truth_is_known_every_figure_is_the_one_worked_out"
    )
    revision = 2

    draws: int = setting(
        2,
        Slider(1, 20, 1),
        "Changes",
        "How many small changes of the image max-sensitivity "
        "tries; each costs a map of every method. Usual are 10: the more, the larger the largest, "
        "so figures of different numbers of changes cannot be compared.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)

    def __call__(self, case: StudyCase, progress: Progress = quiet) -> Result:
        """Views: table, ranks, claims; rows, one for each method, image and label.

        The table has a row for each method and one for a random order; each metric's column is the
        mean over labels and images, and "… sd" the deviation over images of their means.
        """
        with count_passes(case.model) as (model, counter):
            work = StudyRun(case, model, counter, self.draws, progress)
            for number, image in enumerate(case.images):
                work.image(number, image)
        return views(case, work.rows)

    def finding(self, case: StudyCase, result: Mapping[str, Any]) -> str:
        """Which methods are the most reliable here, and whether the paper found the same."""
        return f"{relied_on(case, result['table'])} {beside_paper(result['table'])}"


@dataclass
class StudyRun:
    """A study under way."""

    case: StudyCase
    model: Classifier
    counter: Counter
    draws: int  # of max-sensitivity
    progress: Progress
    rows: list[MapMeasurement] = field(default_factory=list)

    def image(self, number: int, question: StudyImage) -> None:
        """Measure every method on one image."""
        results: list[dict[str, TimedMap]] = []
        parts = len(question.targets) + len(question.labels)
        for place, label in enumerate(question.targets):
            image_case = self.case.question(question, label, self.model)
            results.append(self.maps(image_case, number, place / parts))
        likeness = {
            method.name: alike([maps[method.name].values for maps in results])
            for method in self.case.methods
        }
        for place, label in enumerate(question.labels):
            image_case = self.case.question(question, label, self.model)
            self.label(question, place, image_case, results[place], likeness)
            self.report(
                number, (len(question.targets) + place + 1) / parts, "held against the truth"
            )
        so_far = views(self.case, self.rows)
        done = (number + 1) / len(self.case.images)
        self.progress(done, f"{number + 1} of {len(self.case.images)} images", so_far)

    def report(self, number: int, share: float, words: str) -> None:
        """Progress within an image, which stays below its end."""
        count = len(self.case.images)
        self.progress((number + 0.99 * share) / count, f"image {number + 1} of {count}: {words}")

    def maps(self, image_case: ImageCase, number: int, start: float) -> dict[str, TimedMap]:
        """A map of each method."""
        results = {}
        for method in self.case.methods:
            results[method.name] = compute_map(method, image_case, self.counter)
            self.report(number, start, method.title)
        return results

    def label(
        self,
        question: StudyImage,
        place: int,
        asked: ImageCase,
        maps: Mapping[str, TimedMap],
        likeness: Mapping[str, float],
    ) -> None:
        """The rows of one label."""
        label, mask = question.labels[place], question.masks[place]
        values = {name: done.values for name, done in maps.items()}
        seeds = self.case.seed, question.id, label
        areas = deletions(asked, values, *seeds)
        for method in self.case.methods:
            figures = of_map(method, asked, maps[method.name], mask, self.draws)
            figures |= {"AUC-MoRF": areas[method.name], "cross-label cosine": likeness[method.name]}
            self.rows.append(MapMeasurement(method.name, question.id, label, figures))
        nothing = noise((mask.shape[0], mask.shape[1]), *seeds)
        random_figures = on_mask(nothing, mask) | {"AUC-MoRF": areas[RANDOM]}
        if has_own_map(self.model):
            random_figures |= outline_of(outlined(nothing).inside, mask)
        self.rows.append(MapMeasurement(RANDOM, question.id, label, random_figures))


def views(case: StudyCase, rows: Sequence[MapMeasurement]) -> Result:
    """Table, ranks, claims and rows of what was measured."""
    table = averages_table([*(method.name for method in case.methods), RANDOM], rows)
    return {
        "table": table,
        "ranks": ranked(table),
        "claims": claims(table),
        "rows": measurement_table(case, rows),
    }


def averages_table(names: Sequence[str], rows: Sequence[MapMeasurement]) -> Table:
    """Means over labels and images, and deviations over images."""
    columns: dict[str, tuple[list[float], str]] = {}
    for metric in listed_of(rows):
        groups = [[row for row in rows if row.method == name] for name in names]
        columns[metric.name] = [mean(metric.of(group)) for group in groups], metric.unit
        columns[f"{metric.name} sd"] = (
            [deviation(metric.name, group) for group in groups],
            metric.unit,
        )
    counts = [float(sum(row.method == name for row in rows)) for name in names]
    columns["maps"] = counts, ""
    return Table.of(columns, names)


def listed_of(rows: Sequence[MapMeasurement]) -> list[Metric]:
    """The metrics of these rows: all but those that none of them has and not every study."""
    return [
        metric
        for metric in METRICS
        if metric.name not in SOME or any(metric.name in row.figures for row in rows)
    ]


def deviation(metric: str, rows: Sequence[MapMeasurement]) -> float:
    """The standard deviation over images of an image's mean; NaN of fewer than two."""
    images = sorted({row.image for row in rows})
    means = [
        mean(row.figures.get(metric, float("nan")) for row in rows if row.image == image)
        for image in images
    ]
    finite_means = [average for average in means if np.isfinite(average)]
    # over images, since maps of one image's labels are not independent
    return float(np.std(finite_means, ddof=1)) if len(finite_means) > 1 else float("nan")


def mean(values: Iterable[float]) -> float:
    """The mean of what is known."""
    finite_values = [number for number in values if np.isfinite(number)]
    return float(np.mean(finite_values)) if finite_values else float("nan")


def measurement_table(case: StudyCase, rows: Sequence[MapMeasurement]) -> Table:
    """Every row by itself: place of the method, image and label, then its figures."""
    places = {
        name: at for at, name in enumerate([*(method.name for method in case.methods), RANDOM])
    }
    columns: dict[str, tuple[list[float], str]] = {
        "method": ([float(places[row.method]) for row in rows], ""),
        "image": ([float(row.image) for row in rows], ""),
        "label": ([float(row.label) for row in rows], ""),
    }
    for metric in listed_of(rows):
        columns[metric.name] = list(metric.of(rows)), metric.unit
    names = [f"{row.method} · {row.image} · {case.model.labels[row.label]}" for row in rows]
    return Table.of(columns, names)
