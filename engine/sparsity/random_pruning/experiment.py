"""Random masks before training, in networks from narrow to wide, each beside its dense twin.

Liu et al., "The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for
Sparse Training" (2022), https://arxiv.org/abs/2202.02643
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.method import Choice, Progress, Slider, defaults, quiet, setting
from engine.core.result import Pictures, Result, Table, WeightScores
from engine.evaluation.experiment import (
    ExperimentCase,
    Figures,
    Trained,
    TrainingExperiment,
    deviation,
    deviation_column,
    measure_columns,
)
from engine.evaluation.measures.calibration import calibration, log_softmax
from engine.evaluation.measures.detection import auroc
from engine.sparsity.criteria.chance import Random
from engine.sparsity.criteria.slopes import normalized
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.masks.enforce import pruned
from engine.sparsity.masks.pruner import MaskRules, Pruner
from engine.sparsity.random_pruning.claims import (
    BEFORE,
    CLAIMS,
    DENSE,
    ERROR,
    PICKED,
    RIGHT,
    RULES,
    SCRAMBLED_AUROC,
    SHUFFLED,
    SNIP,
    SNIP_RATIO,
    WIDTHS,
    at,
)
from engine.vision.data import DataSet
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import Recipe, Regime, fresh, outputs
from engine.vision.weights.case import PruneCase
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import prunable_parts

NETWORKS = {"ResNet-8": "resnet8", "LeNet": "lenet", "MLP": "mlp"}
TILE = 12  # weights along a side of a tile in the picture
PICTURED_LAYERS = 5  # layers in the picture, from the first to the last
EDGE, BEYOND = 96, 128  # gray levels around a tile, and where a layer has no more weights
DATA = ("digits", "mnist-5k")


@dataclass(frozen=True)
class MaskedFromStart(Regime):
    """Of the untrained network's weights, head included, all but a share stay 0 all along.

    Args:
        rule: how many stay in each layer, drawn: one of RULES, or "SNIP ratio"; or "SNIP", where
            its scores choose. Each layer keeps one at least.
        density: the share that stays. A lower one's drawn masks lie inside those of a higher one.
    """

    rule: str
    density: float

    def masks(self, model: Classifier, data: DataSet, seed: int) -> Masks:
        """The masks of that network; another seed draws others."""
        case = PruneCase(model, data, seed=seed)
        if self.rule == SNIP:
            pruner = Pruner(model, sensitivity(case), MaskRules(head=True))
        else:
            scores = cast(WeightScores, Random()(case)["scores"])
            ratios = sensitivity(case) if self.rule == SNIP_RATIO else None
            # the head counts too, as in the published code: small and dense under ERK
            pruner = Pruner(model, scores, MaskRules(self.rule, head=True), ratios)
        return pruner.at(1 - self.density)


def by_width(gaps: Table) -> str:
    """How far each rule is below dense in the narrowest and in the widest network."""
    narrow, wide = gaps.rows[0], gaps.rows[-1]
    results = [
        f"{name} {100 * gaps.cell(narrow, name):.1f} at {narrow}, "
        f"{100 * gaps.cell(wide, name):.1f} at {wide}"
        for name in measure_columns(gaps)
    ]
    words = f"Points below the dense network of the same width: {'; '.join(results)}."
    return words.replace("-", "−")


GAPS = Drawing(
    "gaps",
    "What sparsity costs, by width",
    chart=lambda result: Lines(
        x="width",
        series={rule: rule for rule in measure_columns(result["gaps"])},
        intervals={rule: (deviation_column(rule),) for rule in measure_columns(result["gaps"])},
        ticks=result["gaps"]["width"].tolist(),
        log=True,
        line=0.0,
        title="dense minus sparse (points)",
        x_title="width (times the usual channels)",
    ),
    finding=lambda result: by_width(result["gaps"]),
)


@dataclass(frozen=True)
class RandomPruning(TrainingExperiment):
    """What does it cost to train a network with most of its weights missing from the start?

    Which weights are missing is drawn before training; only how many stay in each layer is
    chosen: the same share of each (uniform), or more in small layers (ER, and ERK, which counts a
    kernel's sides too). Gap: test accuracy of the dense network of the same width minus that of
    the sparse one. SNIP scores weights by the loss before training and keeps the best; SNIP
    ratio keeps as many in each layer, drawn. Confidence is the highest probability; scrambled
    images are test images with their pixels in random places. Small networks on small images.
    """

    name = "RandomPruning"
    family = "sparsity"
    title = "Random pruning of narrow and wide networks"
    paper = (
        "Liu et al., The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive "
        "Baseline for Sparse Training (2022), https://arxiv.org/abs/2202.02643"
    )
    question = "Can a network learn when most of its weights are missing, drawn at random?"
    proof = (
        "tests/engine/sparsity/random_pruning/test_width.py"
        "::test_every_figure_is_that_of_networks_masked_and_trained_by_hand"
    )
    example = defaults(network="MLP")
    data = DATA
    measures = (RIGHT, BEFORE, ERROR, SCRAMBLED_AUROC)
    claims = CLAIMS
    drawings = (GAPS,)

    density: float = setting(
        0.1, Slider(0.01, 1.0, 0.01, log=True), "Density", "The share of all weights that stays."
    )
    network: str = setting(
        "ResNet-8",
        Choice(tuple(NETWORKS)),
        "Network",
        "What is trained. ResNet-8 has BatchNorm, "
        "as the paper's networks do; the others have none.",
    )
    epochs: int = setting(10, Slider(1, 60, 1), "Epochs", "How often it sees each image.")

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Dense and by each rule at every width; SNIP's choice and its shares at the usual one."""
        results = {
            at(rule, width): self.training(case, rule, width)
            for width in WIDTHS
            for rule in (DENSE, *RULES)
        }
        results[PICKED] = self.training(case, SNIP, 1.0)
        results[SHUFFLED] = self.training(case, SNIP_RATIO, 1.0)
        return results

    def training(self, case: ExperimentCase, rule: str, width: float) -> TrainCase:
        """From the seed's first weights, which all networks of a width share."""
        recipe = Recipe(NETWORKS[self.network], epochs=self.epochs, decay=0.0005, width=width)
        regime = None if rule == DENSE else MaskedFromStart(rule, self.density)
        return TrainCase(case.data, recipe, case.seed, regime=regime)

    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:
        """Accuracy trained and untrained, and what the trained network's confidence is worth."""
        rows = case.data.rows("test")
        labels = case.data.labels[rows]
        logits = outputs(trained.model, case.data, rows).numpy()
        odd = scrambled(case.data, case.seed)
        unknown = outputs(trained.model, odd, odd.rows("test")).numpy()
        before = outputs(untrained(trained.training), case.data, rows).numpy()
        return {
            RIGHT: float((logits.argmax(1) == labels).mean()),
            BEFORE: float((before.argmax(1) == labels).mean()),
            ERROR: calibration(logits, labels).ece,
            SCRAMBLED_AUROC: auroc(doubt(logits), doubt(unknown)),
        }

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: those of every experiment; gaps, a row for each width."""
        result = super().__call__(case, progress)
        runs = result["runs"]
        assert isinstance(runs, Table)  # noqa: S101 - what an experiment gives
        return {**result, "gaps": gaps(runs)}

    def picture(self, case: ExperimentCase) -> Pictures:
        """Some weights of each layer of the usual width under each rule, white where they stay."""
        model = fresh(case.data, self.training(case, DENSE, 1.0).recipe, case.seed)
        masks = [
            MaskedFromStart(rule, self.density).masks(model, case.data, case.seed) for rule in RULES
        ]
        parts = masks[0].parts
        places = np.unique(
            np.linspace(0, len(parts) - 1, PICTURED_LAYERS).round().astype(int)
        ).tolist()
        shares = [[mask.counts[place] / parts[place].size for place in places] for mask in masks]
        tiles = [[mask_tile(mask.array(parts[place].name)) for place in places] for mask in masks]
        densities = [
            f"{share:.0%} of layer {place + 1}"
            for share, place in zip(shares[-1], places, strict=True)
        ]
        return Pictures(
            np.stack(tiles),
            RULES,
            tuple(f"layer {place + 1}" for place in places),
            f"White weights stay, {self.density:.0%} in all; {RULES[-1]} keeps "
            f"{', '.join(densities)}.",
            captions=tuple(
                f"{share:.0%} of {parts[place].size:,}"
                for row in shares
                for share, place in zip(row, places, strict=True)
            ),
        )


def sensitivity(case: PruneCase) -> WeightScores:
    """SNIP's scores from one batch on one thread: the same bits whenever a training goes on."""
    twin = case.model.twin(paced=False).requires_grad_(requires_grad=True)
    pixels, targets = case.batch(Snip.each)
    with one_thread(), torch.enable_grad():
        F.cross_entropy(twin(pixels.to(twin.device)), targets.to(twin.device)).backward()
    weights = dict(twin.network.named_parameters())
    results = {}
    for part in prunable_parts(twin):
        weight = weights[part.name]
        assert weight.grad is not None  # noqa: S101 - the loss depends on every layer
        results[part.name] = (weight.detach() * weight.grad).abs().cpu()
    return WeightScores(normalized(results), "share", "sum")


def untrained(training: TrainCase) -> Classifier:
    """The network that a training begins with, masked as it is trained."""
    model = fresh(training.data, training.recipe, training.seed)
    if training.regime is None:
        return model
    return pruned(model, training.regime.masks(model, training.data, training.seed))


def scrambled(data: DataSet, seed: int) -> DataSet:
    """The test images, each with its pixels in random places: as bright, and nothing known."""
    test = data.take(data.rows("test"))
    count, channels, *sides = test.images.shape
    pixels = test.images.reshape(count, channels, -1)
    # one permutation for all channels of an image: colors stay together
    places = np.random.default_rng([seed, 7]).random((count, 1, pixels.shape[2])).argsort(2)
    images = np.take_along_axis(pixels, places, 2).reshape(count, channels, *sides)
    return replace(test, name=f"{data.name}/scrambled", images=images)


def doubt(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Minus the highest probability of each image."""
    return -np.exp(log_softmax(logits).max(1))


def gaps(runs: Table) -> Table:
    """By width, how many more test images the dense network has right: mean and deviation."""
    seeds = runs["seed"]
    right = dict(zip(zip(runs.rows, seeds.tolist(), strict=True), runs[RIGHT], strict=True))
    columns = {"width": (np.array(WIDTHS), "×")}
    for rule in RULES:
        by_seed = np.array(
            [
                [right[at(DENSE, w), seed] - right[at(rule, w), seed] for seed in np.unique(seeds)]
                for w in WIDTHS
            ]
        )
        columns[rule] = by_seed.mean(1), "share"
        columns[deviation_column(rule)] = np.array([deviation(row) for row in by_seed]), "share"
    return Table.of(columns, [f"× {width:g}" for width in WIDTHS])


def mask_tile(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The first weights of a layer in a gray frame, (TILE + 2, TILE + 2, 1); white ones stay."""
    pixels = np.full(TILE**2, BEYOND, np.uint8)
    flat = 255 * mask.ravel()[: TILE**2].astype(np.uint8)
    pixels[: len(flat)] = flat
    return np.pad(pixels.reshape(TILE, TILE), 1, constant_values=EDGE)[..., None]
