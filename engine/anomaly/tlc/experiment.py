"""TLC as an experiment: does evidence name rare classes, errors and unknown ones on a long tail?

Li et al., "Trustworthy Long-Tailed Classification" (2022), https://arxiv.org/abs/2111.09030
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.anomaly.tlc.drawings import DRAWINGS
from engine.anomaly.tlc.experts import Experts, engaged
from engine.anomaly.tlc.loss import TlcLoss
from engine.anomaly.tlc.one_chain import chains, evidence
from engine.core.method import Progress, Slider, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, trained_model
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.detection import auroc, error_auroc
from engine.vision.data import DataSet, Rows
from engine.vision.data.variants import LongTailed, OpenSet
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.small.weights import init_weights
from engine.vision.training import Recipe, outputs, shape_of, train

PLAIN, TLC_ROW, ALL_IN = "one network, softmax", "TLC", "TLC, every expert sees all"
RIGHT, HEAD, TAIL = "right", "frequent classes right", "rare classes right"
NAMES_TAIL, NAMES_WRONG, NAMES_UNKNOWN = (
    "uncertainty tells rare classes",
    "uncertainty tells errors",
    "uncertainty tells unknown digits",
)
USE_HEAD, USE_TAIL = "experts engaged, frequent classes", "experts engaged, rare classes"
PLAIN_RATE = 0.05
CHANCE = 0.5  # what telling errors counts as where there are none
HIDDEN_CLASSES = 2  # classes that nobody is told of
PICTURED_IMAGES = 8  # training images of a class, at most, in the picture

CLAIMS = (
    Claim(
        "It is right more often than one network",
        "a larger share of test images right than with one network and softmax",
        lambda of: of(TLC_ROW, RIGHT) - of(PLAIN, RIGHT),
    ),
    Claim(
        "It is right more often about rare classes",
        "a larger share of the rarest third of classes right than with one network",
        lambda of: of(TLC_ROW, TAIL) - of(PLAIN, TAIL),
    ),
    Claim(
        "Its uncertainty tells rare classes",
        "an AUROC of .65 or more for images of the rarest third",
        lambda of: of(TLC_ROW, NAMES_TAIL) - 0.65,
    ),
    Claim(
        "Its uncertainty tells errors",
        "an AUROC of .75 or more",
        lambda of: of(TLC_ROW, NAMES_WRONG) - 0.75,
    ),
    Claim(
        "Its uncertainty tells unknown digits",
        "an AUROC of .75 or more",
        lambda of: of(TLC_ROW, NAMES_UNKNOWN) - 0.75,
    ),
    Claim(
        "Its uncertainty tells errors better than softmax does",
        "a higher AUROC than one network's highest probability",
        lambda of: of(TLC_ROW, NAMES_WRONG) - of(PLAIN, NAMES_WRONG),
    ),
    Claim(
        "Rare classes engage more experts",
        "a tenth of the experts more on the rarest third than on the most frequent",
        lambda of: of(TLC_ROW, USE_TAIL) - of(TLC_ROW, USE_HEAD) - 0.1,
    ),
)


@dataclass(frozen=True)
class TLC(KeptExperiment):
    """Can experts with evidence be trusted on classes of which hardly an image was seen?

    Training images of each class become fewer by a constant factor. Three experts behind one first
    layer give evidence; what the chain of them leaves over is the uncertainty, and an image that
    leaves nothing engages no further expert. Beside it, one network with softmax, whose uncertainty
    is one minus its highest probability, and TLC whose experts all learn from every image. Rare are
    the rarest third of the known classes; two digits are unknown. Small networks on small images:
    the paper uses deeper ones on natural images. Figures of uncertainty are areas (AUROC), so that
    50 % is chance.
    """

    name = "TLC"
    revision = 3
    family = "anomaly"
    title = "Trust on a long tail (TLC)"
    paper = (
        "Li et al., Trustworthy Long-Tailed Classification (2022), https://arxiv.org/abs/2111.09030"
    )
    question = "Does evidence tell what was rarely seen, from what is unknown?"
    proof = (
        "tests/engine/anomaly/tlc/test_tlc.py"
        "::test_what_is_right_is_that_of_networks_trained_by_hand"
    )
    data = ("digits", "mnist-5k")
    measures = (RIGHT, HEAD, TAIL, NAMES_TAIL, NAMES_WRONG, NAMES_UNKNOWN, USE_HEAD, USE_TAIL)
    claims = CLAIMS
    drawings = DRAWINGS

    ratio: float = setting(
        50.0,
        Slider(1.0, 200.0, 1.0),
        "Ratio",
        "How much more often the first class comes than the last.",
    )
    experts: int = setting(3, Slider(2, 5, 1), "Experts", "Networks behind the first layer.")
    margin: float = setting(
        0.5, Slider(0.0, 1.0, 0.05), "Margin", "By which the rarest class must win, in cosines."
    )
    least: float = setting(
        0.54,
        Slider(0.05, 0.95, 0.01),
        "Left over",
        "Share of the most in a batch that must be left over for an image to engage an expert.",
    )
    epochs: int = setting(40, Slider(1, 200, 1), "Epochs", "How often each image is shown.")
    rate: float = setting(
        0.005,
        Slider(0.001, 0.2, 0.001, log=True),
        "Rate",
        "Of the experts, at its highest: "
        "logits of 30 times a cosine need a lower one than the network with softmax.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The same images for all; each seed hides two other digits and draws other rare images."""
        data = LongTailed(self.ratio, case.seed)(
            OpenSet(held_of(case.data), case.seed + 1)(case.data)
        )
        plain = Recipe("lenet", epochs=self.epochs, batch=64, rate=PLAIN_RATE, decay=0.0005)
        slow = replace(plain, rate=self.rate)
        recipes = {PLAIN: plain, TLC_ROW: slow, ALL_IN: slow}
        return {name: TrainCase(data, recipe, case.seed) for name, recipe in recipes.items()}

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of one network as usual, or of experts; of TLC's, the chain on three images."""
        training = self.conditions(case)[name]
        model = self.learned(name, training, progress)
        snapshots = self.chain(model, training.data) if name == TLC_ROW else {}
        return self.measured(model, training.data), snapshots

    def learned(self, name: str, training: TrainCase, progress: Progress) -> Classifier:
        """One network as usual, or experts with their loss."""
        if name == PLAIN:
            return trained_model(training, progress)
        data, recipe = training.data, training.recipe
        model = experts_for(data, self.experts, training.seed)
        rows = data.rows("train")
        per_epoch = ceil(len(rows) / recipe.batch)
        counts = np.bincount(data.labels[rows], minlength=len(data.classes))
        least = self.least if name == TLC_ROW else 0.0
        loss = TlcLoss(counts, recipe.epochs * per_epoch, per_epoch, self.margin, least=least)
        train(
            model,
            data,
            recipe,
            training.seed,
            objective=loss,
            after_step=loss.count,
            progress=progress,
        )
        return model

    def measured(self, model: Classifier, data: DataSet) -> Figures:
        """Shares right, areas of its uncertainty, and how many experts are engaged."""
        unknown = np.flatnonzero(data.truth["unknown"])
        rows = np.setdiff1d(data.rows("test"), unknown)
        labels = data.labels[rows]
        frequent, rare = thirds(data)
        head, tail = np.isin(labels, frequent), np.isin(labels, rare)
        known_judgment, unknown_judgment = (
            judge_images(model, data, rows),
            judge_images(model, data, unknown),
        )
        right = known_judgment.predicted == labels
        share = shares_engaged(known_judgment.left, self.least)
        return {
            RIGHT: right.mean(),
            HEAD: right[head].mean(),
            TAIL: right[tail].mean(),
            NAMES_TAIL: auroc(known_judgment.doubt[~tail], known_judgment.doubt[tail]),
            NAMES_WRONG: error_auroc(known_judgment.doubt, right, CHANCE),
            NAMES_UNKNOWN: auroc(known_judgment.doubt, unknown_judgment.doubt),
            USE_HEAD: share[head].mean(),
            USE_TAIL: share[tail].mean(),
        }

    def chain(self, model: Classifier, data: DataSet) -> Result:
        """The chain of experts on the first test image of three kinds."""
        is_unknown = data.truth["unknown"]
        known_rows = np.setdiff1d(data.rows("test"), np.flatnonzero(is_unknown))
        frequent, rare = thirds(data)
        groups = {
            f"{word} ({data.classes[label]})": known_rows[data.labels[known_rows] == label]
            for word, label in (("frequent", frequent[0]), ("rare", rare[-1]))
        }
        groups["unknown"] = np.flatnonzero(is_unknown)
        firsts = {name: int(rows[0]) for name, rows in groups.items() if len(rows)}
        return chains(model, data, firsts, known_rows, self.least)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Training images of the known classes, from the most frequent to the rarest."""
        data = next(iter(self.conditions(case).values())).data
        rows = data.rows("train")
        known_classes = np.unique(data.labels[rows])
        counts = [int((data.labels[rows] == label).sum()) for label in known_classes]
        shown_counts = [
            min(PICTURED_IMAGES, ceil(PICTURED_IMAGES * count / max(counts))) for count in counts
        ]
        grid = np.full(
            (len(known_classes), PICTURED_IMAGES, *data.images.shape[2:], 3), 255, np.uint8
        )
        for at, class_index in enumerate(known_classes):
            class_rows = rows[data.labels[rows] == class_index][: shown_counts[at]]
            grid[at, : len(class_rows)] = as_bytes(data.pixels(class_rows))
        names = tuple(
            f"{data.classes[label]} ({count})"
            for label, count in zip(known_classes, counts, strict=True)
        )
        return Pictures(
            grid,
            names,
            tuple(f"{at + 1}" for at in range(PICTURED_IMAGES)),
            f"Training images by class: {max(counts)} of the most frequent, {min(counts)} of the "
            "rarest.",
        )


@dataclass(frozen=True, eq=False)
class TlcJudgment:
    """Of N images: the class seen, how uncertain it is, and what each expert was left."""

    predicted: NDArray[np.int64]
    doubt: NDArray[np.float64]
    left: Sequence[Tensor]  # one more than there are experts; the first is 1


def held_of(data: DataSet) -> int:
    """How many classes are unknown; one where there are few."""
    return min(HIDDEN_CLASSES, len(data.classes) - 2)


def thirds(data: DataSet) -> tuple[list[int], list[int]]:
    """The most frequent and the rarest third of the classes that were learned."""
    counts = np.bincount(data.labels[data.rows("train")], minlength=len(data.classes))
    ranked_labels = [int(label) for label in counts.argsort(kind="stable")[::-1] if counts[label]]
    third = max(1, round(len(ranked_labels) / 3))
    return ranked_labels[:third], ranked_labels[-third:]


def experts_for(data: DataSet, count: int, seed: int) -> Classifier:
    """Untrained experts for the data, normalized as every small network is."""
    with torch.random.fork_rng(devices=[]):
        network = Experts(shape_of(data), count)
    init_weights(network, torch.Generator().manual_seed(seed))
    images = data.images[data.rows("train")]
    mean = (images.mean((0, 2, 3)) / 255).tolist()
    std = np.maximum(images.std((0, 2, 3)) / 255, 0.01).tolist()
    repeat = 3 // data.images.shape[1]
    return Classifier(
        network,
        f"{data.name}-experts",
        f"{data.card.title} · experts",
        data.side,
        mean * repeat,
        std * repeat,
        data.classes,
    )


def judge_images(model: Classifier, data: DataSet, rows: Rows) -> TlcJudgment:
    """What a network makes of some images; without experts, one minus the highest probability."""
    if not isinstance(model.network, Experts):
        probabilities = outputs(model, data, rows).double().softmax(1)
        unspent = [torch.ones(len(rows), dtype=torch.float64)] * 2
        return TlcJudgment(
            probabilities.argmax(1).numpy(), 1 - probabilities.max(1).values.numpy(), unspent
        )
    left = evidence(model, data, rows).left
    doubt = left[-1].clamp_min(1e-300).log().numpy()  # in order, where powers of e would run out
    return TlcJudgment(outputs(model, data, rows).argmax(1).numpy(), doubt, left)


def shares_engaged(left: Sequence[Tensor], least: float) -> NDArray[np.float64]:
    """The share of experts that each image engages, (N,), each judged by itself.

    An expert counts even after one that was not engaged, as in the training loss; the chain of
    single images (`chains`) stops at the first that is not.
    """
    return np.asarray(engaged(left, least).double().mean(0).numpy())
