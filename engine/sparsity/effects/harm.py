"""Harm: what a pruned model loses that its accuracy does not show.

Which classes and which images pay first (Hooker et al., "What Do Compressed Deep Neural Networks
Forget?" 2019, https://arxiv.org/abs/1911.05248, call images whose answer changes
pruning-identified exemplars), whether probabilities still mean what they say, how the model bears
worse images, and whether it still looks at the same places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from engine.core.errors import BlindspotError
from engine.core.method import Choice, Progress, Slider, quiet, setting
from engine.core.result import Array, Floats, HeatMap, Result, Table, View
from engine.evaluation.corruptions import FLAT, corrupted
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.measures.calibration import (
    Calibration,
    calibration,
    fitted_temperature,
    log_softmax,
)
from engine.evaluation.measures.drift import rank_correlation, top_overlap
from engine.sparsity.masks.pruning import Pruning
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier
from engine.vision.training import outputs
from engine.vision.weights.case import PruneCase, agreement_only

LEVELS = (1, 2, 3)  # of worse images
SEVERITIES: dict[str, Callable[[int, int], float]] = {  # by level and side
    "noise": lambda level, _: 0.16 * level,
    # half a pixel at least for each level: images of digits are small
    "blur": lambda level, side: max(0.12, 6 / side) * level,
    "contrast": lambda level, _: 0.2 * (1 + level) / FLAT,  # 0.6, 0.4 and 0.2 of it are left
    "brightness": lambda level, _: 0.2 * level,
    "pixelate": lambda level, _: level / 8,
}
HEATS = ("gradient", "Grad-CAM")
DRAWS = 1000  # of the bootstrap
ENDS = (2.5, 97.5)  # per cent
MAPS = ("row", "rank correlation", "top tenth IoU", "dense", "pruned")


@dataclass(frozen=True)
class Harm(Pruning):
    """What a pruned model loses that its accuracy does not show.

    Classes: shares of right answers before and after. Images: whose answer changes. Calibration:
    ECE and MCE are differences between confidence and hits, so 0 is best; they are given as they
    are and after a temperature that was fitted on validation images. Corruptions: accuracy on
    worse images, with the 95 % interval of the difference. Drift: how much of the order of a heat
    map, and of its top tenth, is left, each for the class that the dense model sees; 1 is no
    change, and two unrelated maps share about 0.05 of their top tenths. For photographs without
    known labels the dense model's answers stand in for them, and calibration is left out.
    """

    name = "Harm"
    title = "What is lost"
    cost = "wait"
    paper = "Hooker et al. 2019, https://arxiv.org/abs/1911.05248"
    proof = "tests/engine/sparsity/test_harm.py::test_nothing_is_lost_where_nothing_is_cut"
    revision = 4

    images: int = setting(
        400,
        Slider(10, 2000, 10),
        "Images",
        "Test images at most, drawn by the seed, as many of each class.",
    )
    maps: int = setting(20, Slider(1, 200, 1), "Heat maps", "Images whose heat maps are compared.")
    heat: str = setting(
        "gradient", Choice(HEATS), "Heat map", "Which map; without convolution it is the gradient."
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: classes, images, calibration, dense, pruned (reliability), corruptions, drift."""

        def share(start: float, end: float) -> Progress:
            return lambda done, words="", partial=None: progress(
                start + (end - start) * done, words, partial
            )

        masks = self.masks(case, share(0, 0.2))
        return harm(
            case, self.made(case, masks), self.images, self.maps, self.heat, share(0.2, 1.0)
        )


def harm(
    case: PruneCase,
    model: Classifier,
    images: int = 400,
    maps: int = 20,
    heat: str = "gradient",
    progress: Progress = quiet,
) -> dict[str, View]:
    """Hold any model, pruned, retrained or other, beside the case's dense one.

    Args:
        case: the dense model and the data.
        model: the other one, with the same classes.
        images: test images at most.
        maps: images whose heat maps are compared.
        heat: one of HEATS.
        progress: told after each part.
    """
    for net in (case.model, model):
        net.pace("exact")  # which settles the memory format, before anything is computed
    rows = case.data.some("test", images, case.seed)
    labels = case.data.labels[rows]
    before = outputs(case.model, case.data, rows).numpy()
    after = outputs(model, case.data, rows).numpy()
    progress(0.2, "looked at the test images")
    views: dict[str, View] = {
        "classes": classes_table(before, after, labels, case.data.classes),
        "images": images_table(case, rows, before, after),
    }
    if not agreement_only(case):
        views |= calibration_views(case, model, before, after, labels)
    progress(0.3, "measured probabilities")

    def share(start: float, end: float) -> Progress:
        return lambda done, words="", partial=None: progress(
            start + (end - start) * done, words, partial
        )

    views["corruptions"] = corruption_table(case, model, rows, share(0.3, 0.7))
    views["drift"] = drift_table(case, model, rows[:maps], heat, share(0.7, 1.0))
    return views


def classes_table(before: Array, after: Array, labels: Array, classes: tuple[str, ...]) -> Table:
    """Each class that has test images: how many, right before, right after, the change, flips."""
    present = np.unique(labels)
    dense_answers, pruned_answers = before.argmax(1), after.argmax(1)
    lines = []
    for label in present:
        members = labels == label
        a, b = (dense_answers[members] == label).mean(), (pruned_answers[members] == label).mean()
        lines.append(
            [members.sum(), a, b, b - a, (dense_answers[members] != pruned_answers[members]).mean()]
        )
    return Table.grid(
        np.array(lines, np.float64),
        tuple(classes[label] for label in present),
        ("images", "dense", "pruned", "change", "answers changed"),
        ("", "share", "share", "share", "share"),
    )


def images_table(case: PruneCase, rows: Rows, before: Array, after: Array) -> Table:
    """Each image: its label, both answers, and the probability of the dense answer in both.

    Those whose answer changes come first, and among them those of which the dense model was surest.
    """
    a, b = (np.exp(log_softmax(logits)) for logits in (before, after))
    positions = np.arange(len(rows))
    dense_answers, pruned_answers = a.argmax(1), b.argmax(1)
    dense_probability, pruned_probability = a[positions, dense_answers], b[positions, dense_answers]
    # lexsort's last key counts first: changed answers, then by how sure the dense model was
    order = np.lexsort((-dense_probability, dense_answers == pruned_answers))
    values = np.stack(
        [
            rows,
            case.data.labels[rows],
            dense_answers,
            pruned_answers,
            dense_probability,
            pruned_probability,
            pruned_probability - dense_probability,
        ],
        1,
    )
    return Table.grid(
        values[order].astype(np.float64),
        tuple(str(image_id) for image_id in case.data.ids[rows][order]),
        ("row", "label", "dense answer", "pruned answer", "dense", "pruned", "change"),
        ("", "", "", "", "probability", "probability", "probability"),
    )


def calibration_views(
    case: PruneCase, model: Classifier, before: Array, after: Array, labels: Array
) -> dict[str, View]:
    """The figures of both models, also at their own fitted temperature, and both reliabilities."""
    lines, views = [], {}
    validation = case.data.rows("validation")
    for name, net, logits in (("dense", case.model, before), ("pruned", model, after)):
        plain = calibration(logits, labels)
        temperature = float("nan")
        scaled: Calibration | None = None
        if len(validation):
            validation_logits = outputs(net, case.data, validation).numpy()
            # on validation images: fitted to the test images themselves it would flatter its ECE
            temperature = fitted_temperature(validation_logits, case.data.labels[validation])
            scaled = calibration(logits, labels, temperature)
        lines.append(
            [
                plain.accuracy,
                plain.ece,
                plain.adaptive_ece,
                plain.mce,
                plain.brier,
                plain.nll,
                temperature,
                *((scaled.ece, scaled.mce, scaled.brier, scaled.nll) if scaled else (np.nan,) * 4),
            ]
        )
        views[name] = reliability_table(plain)
    table = Table.grid(
        np.array(lines),
        ("dense", "pruned"),
        (
            "accuracy", "ECE", "adaptive ECE", "MCE", "Brier", "NLL", "temperature",
            "ECE after", "MCE after", "Brier after", "NLL after",
        ),
        ("share", "share", "share", "share", "", "nat", "", "share", "share", "", "nat"),
    )  # fmt: skip
    return {"calibration": table, **views}


def reliability_table(bins: Calibration) -> Table:
    """Each bin of confidence: where it lies, how many images, mean confidence and hits."""
    edges = np.linspace(0, 1, len(bins.counts) + 1)
    values = np.stack([edges[:-1], edges[1:], bins.counts, bins.confidence, bins.hits], 1)
    return Table.grid(
        values,
        tuple(f"{low:.2f}–{high:.2f}" for low, high in pairwise(edges)),
        ("from", "to", "images", "confidence", "right"),
        ("probability", "probability", "", "probability", "share"),
    )


def corruption_table(case: PruneCase, model: Classifier, rows: Rows, progress: Progress) -> Table:
    """Accuracy of both on worse images, and the difference with its 95 % interval."""
    labels = case.data.labels[rows]
    pixels = case.data.pixels(rows)
    lines, names = [], []
    conditions = [(kind, level) for kind in SEVERITIES for level in LEVELS]
    for done, (kind, level) in enumerate(conditions, start=1):
        severity = SEVERITIES[kind](level, pixels.shape[-1])
        corrupted_pixels = corrupted(pixels, kind, severity, case.seed)
        hits = [
            (net.logits(corrupted_pixels).argmax(1).numpy() == labels).astype(np.float64)
            for net in (case.model, model)
        ]
        low, high = interval(hits[1] - hits[0], case.seed)
        lines.append([level, hits[0].mean(), hits[1].mean(), (hits[1] - hits[0]).mean(), low, high])
        names.append(f"{kind} {level}")
        progress(done / len(conditions), "looking at worse images")
    columns = ("severity", "dense", "pruned", "change", "low", "high")
    return Table.grid(np.array(lines), tuple(names), columns, ("", *("share",) * 5))


def interval(differences: Array, seed: int) -> tuple[float, float]:
    """The 95 % interval of a mean, by drawing images again with replacement."""
    draws = np.random.default_rng([seed, 7]).integers(
        0, len(differences), (DRAWS, len(differences))
    )
    # of paired differences: both models saw the same images, so what they share cancels
    low, high = np.percentile(differences[draws].mean(1), ENDS)
    return float(low), float(high)


def drift_table(
    case: PruneCase, model: Classifier, rows: Rows, heat: str, progress: Progress
) -> Table:
    """Each image: how alike its two maps are, and the probability of the dense answer in both.

    The images whose maps changed most come first. NaN where a map is flat.
    """
    draw_map = map_of(heat, case.model)
    lines = []
    for done, row in enumerate(rows, start=1):
        image = case.data.pixels(np.array([row]))[0].contiguous()
        dense = case.model.logits(image[None])[0].softmax(0)
        target = int(dense.argmax())
        # both maps for the dense answer: maps of two classes would differ without any drift
        pruned_probability = model.logits(image[None])[0].softmax(0)[target].item()
        first, second = (draw_map(net, image, target) for net in (case.model, model))
        lines.append(
            [
                row,
                rank_correlation(first, second),
                top_overlap(first, second),
                dense[target].item(),
                pruned_probability,
            ]
        )
        progress(done / len(rows), "comparing heat maps")
    values = np.array(lines, np.float64)
    order = np.argsort(values[:, MAPS.index("rank correlation")], kind="stable")
    return Table.grid(
        values[order].astype(np.float32),
        tuple(str(image_id) for image_id in case.data.ids[rows][order]),
        MAPS,
        ("", "", "", "probability", "probability"),
    )


def map_of(heat: str, model: Classifier) -> Callable[[Classifier, torch.Tensor, int], Floats]:
    """What draws a heat map of one image for one class."""
    if heat not in HEATS:
        raise BlindspotError(f"There is no heat map {heat!r} here: choose {' or '.join(HEATS)}.")
    cam = heat == "Grad-CAM" and not model.lacks("map")
    method = GradCam(raising=False) if cam else Gradient()

    def draw(net: Classifier, image: torch.Tensor, target: int) -> Floats:
        result = method(ImageCase(net, image, Target(target)))["map"]
        assert isinstance(result, HeatMap)  # noqa: S101 - what both methods promise
        return result.values

    return draw
