"""Unknown: whether a pruned model still tells images that it cannot know from those that it can.

Detectors and unknown images are those of the anomaly family. Larger scores are more unusual;

    AUROC = P(s(unknown) > s(known)) + P(s(unknown) = s(known)) / 2

Each model is asked for itself: its detectors are fitted to what it makes of the normal images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table, View
from engine.evaluation.detection import sources
from engine.evaluation.detection.bank import Bank, Doubles, Ints
from engine.evaluation.detection.case import DataCase
from engine.evaluation.detection.detector import Detector, noted
from engine.evaluation.detection.energy import Energy
from engine.evaluation.detection.gather import bank_of
from engine.evaluation.detection.knn import KNN
from engine.evaluation.detection.mahalanobis import Mahalanobis
from engine.evaluation.detection.msp import MSP
from engine.evaluation.detection.rows import evenly, split
from engine.evaluation.measures.detection import auroc, fpr95
from engine.sparsity.effects.harm import DRAWS, ENDS
from engine.sparsity.masks.pruning import Pruning
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.weights.case import PruneCase, agreement_only

DETECTORS: tuple[type[Detector], ...] = (KNN, Mahalanobis, MSP, Energy)
OTHERS = ("scenes", "digits")  # another data set: the first that is not what the model learned
WORSE = ("noise",)  # known images with a corruption that stand for unknown ones
TEST = 2  # as a data set's split has it
COLUMNS = (
    "dense AUROC",
    "pruned AUROC",
    "change",
    "low",
    "high",
    "dense FPR95",
    "pruned FPR95",
    "known images",
    "known groups",
    "unknown images",
)
UNITS = (*("share",) * 7, "", "", "")


@dataclass(frozen=True)
class Unknown(Pruning):
    """How well the dense and the pruned model tell unknown images from known ones.

    AUROC is how often an unknown image scores as more unusual than a known one: 1 is always, 0.5
    is chance. FPR95 is the share of known images that are flagged when 95 % of the unknown ones
    are: 0 is best. Known are test images; unknown are classes that were held out, if there are
    any, another data set, and known images with noise. KNN and Mahalanobis are fitted to the train
    images, anew for each model. The interval is that of the change, 95 %, by drawing the images
    (of photographs and patients: all that belong together) again. A model in which nothing is left
    gives every image the same score, and chance.
    """

    name = "Unknown"
    title = "Unknown images"
    cost = "wait"
    enumerates = DETECTORS
    proof = (
        "tests/engine/sparsity/test_unknown.py"
        "::test_where_nothing_is_cut_both_models_tell_unknown_images_apart_exactly_alike"
    )

    images: int = setting(
        400, Slider(10, 1000, 10), "Known images", "Test images at most, spread over all of them."
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: told, a row for each kind of unknown image and detector; notes, in sentences."""
        masks = self.masks(case, part_of(progress, 0.0, 0.2))
        return told_apart(case, self.made(case, masks), self.images, part_of(progress, 0.2, 1.0))


@dataclass(frozen=True, eq=False)
class Images:
    """What both models are shown."""

    fit: DataSet
    known: DataSet
    unknown: Mapping[str, DataSet]  # by title


@dataclass(frozen=True, eq=False)
class UnknownScores:
    """What one model makes of them."""

    fit: Bank
    known: Bank
    unknown: tuple[Bank, ...]


def told_apart(
    case: PruneCase, model: Classifier, images: int = 400, progress: Progress = quiet
) -> dict[str, View]:
    """Hold any model's sense of the unknown beside that of the case's dense one.

    Args:
        case: the dense model and the data.
        model: the other one.
        images: known images at most.
        progress: told after each part.
    """
    for net in (case.model, model):
        net.pace("exact")  # which settles the memory format, before anything is computed
    image_sets = images_of(case, images)
    progress(0.1, "made the unknown images")
    model_banks = [
        seen_by(net, image_sets, part_of(progress, 0.1 + 0.4 * at, 0.5 + 0.4 * at))
        for at, net in enumerate((case.model, model))
    ]
    known = image_sets.known  # each image by itself where no groups are known
    groups = np.asarray(known.truth.get("group", np.arange(len(known))), np.int64)
    notes: list[str] = []
    scores = {
        kind: [detector_scores(kind(), outputs, notes) for outputs in model_banks]
        for kind in DETECTORS
    }
    lines, names = [], []
    for place, title in enumerate(image_sets.unknown, start=1):
        for kind, (dense, pruned) in scores.items():
            pairs = [(row[0], row[place]) for row in (dense, pruned)]
            lines.append(table_row(pairs[0], pairs[1], groups, case.seed))
            names.append(f"{title} · {kind.title}")
    progress(1.0, "compared")
    return {
        "told": Table.grid(np.array(lines, np.float64), tuple(names), COLUMNS, UNITS),
        "notes": noted(tuple(dict.fromkeys(notes))),
    }


def images_of(case: PruneCase, most: int) -> Images:
    """Images to fit to, known ones that are none of these, and each kind of unknown ones.

    Ten photographs are too few for that: the squares of the anomaly family stand in for them, with
    every other photograph held out.
    """
    data = sources.normal(sources.PHOTOGRAPHS) if agreement_only(case) else case.data
    fit, held_out = split(data)
    tested = held_out[data.split[held_out] == TEST]
    offered = {
        source.name: source.title for source in sources.unknown_sources(data) if not source.reason
    }
    other_name = next(name for name in OTHERS if name in offered)
    names = [name for name in (sources.HELD_OUT, other_name, *WORSE) if name in offered]
    return Images(
        data.take(fit),
        data.take(evenly(tested if len(tested) else held_out, most)),
        {offered[name]: sources.unknown(name, data, case.model, case.seed) for name in names},
    )


def seen_by(model: Classifier, image_sets: Images, progress: Progress) -> UnknownScores:
    """The banks of one model; its features of these images are kept."""
    has_labels = image_sets.fit.classes[: len(model.labels)] == model.labels
    groups = [(image_sets.fit, has_labels), (image_sets.known, has_labels)]
    groups += [(images, False) for images in image_sets.unknown.values()]
    banks = [
        bank_of(
            DataCase(model, data),
            data,
            labeled=labeled,
            progress=part_of(progress, at / len(groups), (at + 1) / len(groups)),
        )
        for at, (data, labeled) in enumerate(groups)
    ]
    return UnknownScores(banks[0], banks[1], tuple(banks[2:]))


def detector_scores(
    method: Detector, unknown_scores: UnknownScores, notes: list[str]
) -> list[Doubles]:
    """Scores of the known images, then of each kind of unknown ones; NaN where there are none."""
    banks = (unknown_scores.known, *unknown_scores.unknown)
    if reason := numberless(banks) or method.misfit(unknown_scores.fit):
        notes.append(f"{method.title}: {reason}")
        return [np.full(len(bank), np.nan) for bank in banks]
    rule = method.fitted(unknown_scores.fit).rule
    return [rule(bank).score for bank in banks]


def numberless(banks: Sequence[Bank]) -> str:
    """What to say of a model whose logits are no numbers, or ""."""
    if all(np.isfinite(bank.logits).all() for bank in banks):
        return ""
    return "a model's logits are no numbers, so that it tells nothing apart."


Pair = tuple[Doubles, Doubles]  # scores of known and of unknown images


def table_row(dense: Pair, pruned: Pair, groups: Ints, seed: int) -> list[float]:
    """A row of the table; NaN throughout a model whose scores are no numbers."""
    dense_measures, pruned_measures = measures(*dense), measures(*pruned)
    low, high = change_between(dense, pruned, groups, seed)
    counts = [len(dense[0]), len(np.unique(groups)), len(dense[1])]
    return [
        dense_measures[0],
        pruned_measures[0],
        pruned_measures[0] - dense_measures[0],
        low,
        high,
        dense_measures[1],
        pruned_measures[1],
        *counts,
    ]


def measures(normal_scores: Doubles, unknown_scores: Doubles) -> tuple[float, float]:
    """AUROC and FPR95; NaN where scores are no numbers."""
    if not (np.isfinite(normal_scores).all() and np.isfinite(unknown_scores).all()):
        return np.nan, np.nan
    return auroc(normal_scores, unknown_scores), fpr95(normal_scores, unknown_scores)


def change_between(dense: Pair, pruned: Pair, groups: Ints, seed: int) -> tuple[float, float]:
    """The 95 % interval of the change of AUROC, by drawing images again with replacement.

    Known images are drawn in whole groups (those of one photograph or patient together), and both
    models are shown the same draw.
    """
    differences = above(*pruned) - above(*dense)  # (unknown, known)
    if not np.isfinite(differences).all():
        return np.nan, np.nan
    rng = np.random.default_rng([seed, 11])
    clusters, cluster_numbers = np.unique(groups, return_inverse=True)
    # slices of one patient are alike: drawn singly they would make the interval too narrow
    normal_counts = bootstrap_counts(rng, len(clusters))[:, cluster_numbers]
    unknown_counts = bootstrap_counts(rng, len(differences))
    # AUROC is a mean over pairs: counts as weights give each draw's without building the draw
    resampled = ((unknown_counts @ differences) * normal_counts).sum(1) / (
        normal_counts.sum(1) * unknown_counts.sum(1)
    )
    low, high = np.percentile(resampled, ENDS)
    return float(low), float(high)


def bootstrap_counts(rng: np.random.Generator, count: int) -> Doubles:
    """How often each of `count` things is drawn, (DRAWS, count)."""
    return rng.multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float64)


def above(normal_scores: Doubles, unknown_scores: Doubles) -> Doubles:
    """1 where an unknown image scores above a known one, ½ where alike, (unknown, known)."""
    if not (np.isfinite(normal_scores).all() and np.isfinite(unknown_scores).all()):
        return np.full((len(unknown_scores), len(normal_scores)), np.nan)
    return np.asarray(np.sign(unknown_scores[:, None] - normal_scores) / 2 + 0.5)
