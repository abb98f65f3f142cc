"""What a trained network says of each tile of some bags, and whether that is right."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.attribution.mhim.bags import BagArrays, Flags
from engine.attribution.mhim.mining import bag_network
from engine.attribution.mhim.network import ATTENTION
from engine.evaluation.measures.detection import auroc
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread

Numbers = NDArray[np.float32]

MEASURES = ("bag AUC", "key tiles found", "easy ones", "hard ones")


@dataclass(frozen=True, eq=False)
class BagPredictions:
    """What a network says of some bags.

    Args:
        probabilities: of each class, (B, classes).
        attention: what each tile counts for, (B, N); of max and mean pooling, what the tile by
            itself says of the bag's own class.
        by_class: what each tile says of each class, (B, N, classes).
    """

    probabilities: Numbers
    attention: Numbers
    by_class: Numbers


def evaluate_bags(model: Classifier, bags: BagArrays, rows: Rows) -> BagPredictions:
    """A network about some bags, without dropout and masks."""
    network = bag_network(model)
    with torch.inference_mode(), one_thread():
        result = network.read(bags.features[torch.from_numpy(rows)])
        by_class = network.class_scores(result).float().cpu().numpy()
        probabilities = result.logits.softmax(1).float().cpu().numpy()
        attention = result.weights.float().cpu().numpy()
    if network.pooling != ATTENTION:
        labels = bags.slides.labels[rows]
        attention = np.take_along_axis(by_class, labels[:, None, None], 2)[..., 0]
    return BagPredictions(probabilities, attention, by_class)


def bag_auc(probabilities: Numbers, labels: NDArray[np.int64]) -> float:
    """The area under the ROC curve; with more than two classes, the mean of one against the rest.

    NaN where only one class is there.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        return float("nan")
    # of two classes, either against the other gives the same area
    scored_classes = classes[-1:] if probabilities.shape[1] == 2 else classes
    scores = probabilities.astype(np.float64)
    return float(
        np.mean(
            [
                auroc(scores[labels != label, label], scores[labels == label, label])
                for label in scored_classes
            ]
        )
    )


def found_keys(scores: Numbers, key: Flags) -> Flags:
    """The key tiles among the best tiles of their bag, as many as it has key tiles, (B, N)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(scores.shape[1])[None], 1)
    return key & (rank < key.sum(1, keepdims=True))


def recall(scores: Numbers, key: Flags, among: Flags) -> float:
    """The share of some key tiles that are found; NaN where there is none."""
    targets = key & among
    return (
        float((found_keys(scores, key) & among).sum() / targets.sum()) if targets.any() else np.nan
    )


def tile_auroc(scores: Numbers, key: Flags, among: Flags) -> float:
    """The chance that a key tile scores above one of some others of its bag; mean over bags."""
    areas = [
        auroc(score[others & ~keys].astype(np.float64), score[keys].astype(np.float64))
        for score, keys, others in zip(scores, key, among, strict=True)
        if keys.any() and (others & ~keys).any()
    ]
    return float(np.mean(areas)) if areas else float("nan")


def figures(said: BagPredictions, bags: BagArrays, rows: Rows) -> Mapping[str, float]:
    """Bag AUC, and the shares of all, easy and hard key tiles that are found, by MEASURES."""
    key, hard = bags.layout.key[rows], bags.layout.hard[rows]
    every = np.ones_like(key)
    return {
        "bag AUC": bag_auc(said.probabilities, bags.slides.labels[rows]),
        **{
            name: recall(said.attention, key, among)
            for name, among in zip(MEASURES[1:], (every, ~hard, hard), strict=True)
        },
    }
