"""N:M flow as an experiment: recipes that train a network to N of every M weights.

Bambhaniya et al., "Progressive Gradient Flow for Robust N:M Sparsity Training in Transformers"
(2024), https://arxiv.org/abs/2402.04744
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.method import Choice, Slider, setting
from engine.core.result import Pictures
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, Trained, TrainingExperiment
from engine.sparsity.nm_flow.nm_weights import (
    EXPONENTIAL,
    LINEAR,
    NMRegime,
    NMWeight,
    Pattern,
    geometric,
    largest_weights,
    split,
    stepwise,
)
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, fresh, outputs

DENSE, STE, SR_STE = "dense", "STE", "SR-STE"
MD_LINEAR, MD_EXP = "MdGf linear", "MdGf exponential"
SD_STEP, SD_GEO = "SdGf stepwise", "SdGf geometric"
MILD_SR, MILD_MD = "SR-STE at 2:4", "MdGf at 2:4"
RIGHT, SURE = "test images right", "probability of the right class"
PATTERN_KEPT = "weights kept where the pattern is"
MILD = (2, 4)
PATTERNS = ("1:16", "1:32", "1:8", "1:4", "2:8", "2:4")
NETWORKS = {"small ViT": "vit", "ResNet-8": "resnet8"}
SCALED, STRAIGHT = "β of it", "all of it"
BLUE, ORANGE, LINE = (0, 60, 160), (230, 110, 0), 120  # kept, cut but counting, between groups
TIMES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)  # shares of the training, in the picture
BLOCK = (16, 32)  # outputs and inputs of a weight in the picture
CELL = 6  # px to a weight

CLAIMS = (
    Claim(
        "Fading out (MdGf) is at least as good as SR-STE",
        "as many test images right, or more, at the pattern with an exponential decay",
        lambda of: of(MD_EXP, RIGHT) - of(SR_STE, RIGHT),
    ),
    Claim(
        "Narrowing step by step (SdGf) is at least as good as SR-STE",
        "as many test images right, or more, with the stepwise schedule",
        lambda of: of(SD_STEP, RIGHT) - of(SR_STE, RIGHT),
    ),
    Claim(
        "At 2:4 the recipes are close",
        "less than half a point between exponential MdGf and SR-STE",
        lambda of: 0.005 - abs(of(MILD_MD, RIGHT) - of(MILD_SR, RIGHT)),
    ),
)


@dataclass(frozen=True)
class NMFlowExperiment(TrainingExperiment):
    """Does it help to prune gradually while a network learns?

    Of every M consecutive inputs, the N largest weights count in the forward pass; which these are
    is found anew at every step, from all weights. The recipes differ in what becomes of the others.
    STE gives them the whole gradient, though they count nothing. SR-STE draws them to zero besides.
    Mask decay (MdGf) lets them count β times, with β falling from 1 to 0. Structure decay (SdGf)
    begins with patterns that keep more (stepwise) or with larger groups (geometric). Control: the
    same network, dense. The pattern holds in the linear layers of the ViT's feed-forward blocks, or
    in convolutions along their input channels, and exactly so in the end. Small networks on small
    images, for a few minutes: the paper trains ViT-B on ImageNet for 350 epochs.
    """

    name = "NMFlow"
    family = "sparsity"
    title = "Training with N of every M weights (N:M flow)"
    paper = (
        "Bambhaniya et al., Progressive Gradient Flow for Robust N:M Sparsity Training in "
        "Transformers (2024), https://arxiv.org/abs/2402.04744"
    )
    question = "Does it help to prune gradually while a network learns?"
    proof = (
        "tests/engine/sparsity/nm_flow/test_nm_flow.py"
        "::test_every_figure_is_that_of_networks_trained_by_hand"
    )
    data = ("digits", "mnist-5k")
    measures = (RIGHT, SURE, PATTERN_KEPT)
    axis = "%"
    claims = CLAIMS

    pattern: str = setting("1:16", Choice(PATTERNS), "Pattern", "N of every M weights are kept.")
    network: str = setting("small ViT", Choice(tuple(NETWORKS)), "Network", "What is trained.")
    half_life: float = setting(
        0.06,
        Slider(0.0, 0.5, 0.01),
        "Half-life of β",
        "When β is one half in MdGf, as a "
        "share of the training; 0 is STE's forward pass. The paper's c = 0.0001 is 0.06 of its "
        "training.",
    )
    backward: str = setting(
        SCALED,
        Choice((SCALED, STRAIGHT)),
        "Gradient of pruned weights",
        "In MdGf: β of it is the derivative, all of it is what the published code gives.",
    )
    pull: float = setting(
        0.0002,
        Slider(0.0, 0.001, 0.00005),
        "λ",
        "How strongly SR-STE draws pruned weights to 0; 0 is STE.",
    )
    dense: float = setting(
        0.0, Slider(0.0, 0.4, 0.05), "Dense phase", "Share of the training before anything is cut."
    )
    tune: float = setting(
        0.0,
        Slider(0.0, 0.5, 0.05),
        "Fine-tuning",
        "Share of the training, at its end, with β = 0 and the last pattern.",
    )
    epochs: int = setting(20, Slider(1, 200, 1), "Epochs", "How often each image is shown.")

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """Dense, each recipe at the pattern, and two of them at 2:4."""
        recipe = Recipe(
            NETWORKS[self.network],
            epochs=self.epochs,
            batch=64,
            optimizer="AdamW",
            rate=0.003,
            decay=0.01,
            schedule="one cycle",
        )
        plain = TrainCase(case.data, recipe, case.seed)
        regimes = self.regimes(self.kept)
        regimes |= {MILD_SR: self.regimes(MILD)[SR_STE], MILD_MD: self.regimes(MILD)[MD_EXP]}
        return {DENSE: plain} | {
            name: replace(plain, regime=regime) for name, regime in regimes.items()
        }

    @property
    def kept(self) -> Pattern:
        """The pattern in numbers."""
        n, m = self.pattern.split(":")
        return int(n), int(m)

    def regimes(self, pattern: Pattern) -> dict[str, NMRegime]:
        """The recipes by name."""
        ste = NMRegime(pattern, dense=self.dense, tune=self.tune)
        decay = replace(ste, half_life=self.half_life, straight=self.backward == STRAIGHT)
        return {
            STE: ste,
            SR_STE: replace(ste, pull=self.pull),
            MD_LINEAR: replace(decay, fade=LINEAR),
            MD_EXP: replace(decay, fade=EXPONENTIAL),
            SD_STEP: replace(ste, frames=stepwise(pattern)),
            SD_GEO: replace(ste, frames=geometric(pattern)),
        }

    def measure(self, trained: Trained, case: ExperimentCase) -> Figures:
        """Test images right, how sure it is of their class, and weights that are not 0."""
        rows = case.data.rows("test")
        logits, labels = outputs(trained.model, case.data, rows), case.data.targets(rows)
        label_probabilities = logits.double().softmax(1).gather(1, labels[:, None])
        regime = trained.training.regime
        pattern = regime.pattern if isinstance(regime, NMRegime) else self.kept
        weights = [
            trained.model.network.get_parameter(part.name)
            for part in split(trained.model, pattern)[0]
        ]
        count = sum(int(weight.count_nonzero()) for weight in weights)
        return {
            RIGHT: (logits.argmax(1) == labels).double().mean().item(),
            SURE: label_probabilities.mean().item(),
            PATTERN_KEPT: count / sum(weight.numel() for weight in weights),
        }

    def before(self, case: ExperimentCase) -> str:
        """What is trained, and where the pattern does not fit."""
        return f"{super().before(case)} {self.left_dense(self.untrained(case))}".strip()

    def untrained(self, case: ExperimentCase) -> Classifier:
        """The network with its first weights."""
        return fresh(case.data, self.conditions(case)[DENSE].recipe, case.seed)

    def left_dense(self, model: Classifier) -> str:
        """Which layers stay dense, in a sentence; "" where none does."""
        names = [part.layer for part in split(model, self.kept)[1]]
        if not names:
            return ""
        stay, possessive = ("stays", "its") if len(names) == 1 else ("stay", "their")
        why = f"{self.kept[1]} does not divide {possessive} number of inputs"
        return f"Dense {stay} {', '.join(names)}: {why}."

    def picture(self, case: ExperimentCase) -> Pictures:
        """A block of an untrained weight as the forward pass sees it, by recipe and time."""
        model = self.untrained(case)
        dense = self.left_dense(model)
        part = split(model, self.kept)[0][0]
        weight = model.network.get_parameter(part.name).detach()
        regimes = self.regimes(self.kept)
        del regimes[STE]  # as SR-STE: they differ in the gradient
        images, captions = [], []
        for regime in regimes.values():
            under = NMWeight(regime, part.shape[1])
            for done in TIMES:
                under.at(done)
                images.append(block(weight, under))
                captions.append(caption(under))
        grid = np.stack(images).reshape(len(regimes), len(TIMES), *images[0].shape)
        finding = (
            "Weights that the forward pass sees: kept (blue), fading (orange), cut (white). "
            f"{dense}"
        )
        rows = (f"{STE}, {SR_STE}", *list(regimes)[1:])
        columns = tuple(f"{100 * done:.0f} % done" for done in TIMES)
        return Pictures(grid, rows, columns, finding.strip(), captions=tuple(captions))


def caption(under: NMWeight) -> str:
    """The pattern, and β where it is neither 0 nor 1."""
    pattern = f"{under.pattern[0]}:{under.pattern[1]}"
    return pattern if under.beta == 0 else f"{pattern}, β = {under.beta:.2g}"


def block(weight: torch.Tensor, under: NMWeight) -> NDArray[np.uint8]:
    """The first weights as cells: blue kept, orange pruned but counting; lines part the groups."""
    with torch.no_grad():
        magnitudes, sparse = under(weight).abs(), largest_weights(weight, under.pattern)
    # a root, since most weights are far below the largest and would be white
    strength = np.sqrt(corner(magnitudes / weight.abs().max()))
    cells = 255 - strength * (255 - np.where(corner(sparse), BLUE, ORANGE))
    image = np.rint(cells).astype(np.uint8).repeat(CELL, 0).repeat(CELL, 1)
    image[:, CELL * under.pattern[1] - 1 : -1 : CELL * under.pattern[1]] = LINE
    return image


def corner(values: torch.Tensor) -> NDArray[Any]:
    """The first outputs and inputs, (16, 32, 1); of a convolution at the kernel's first place."""
    plane = values.flatten(2)[..., 0] if values.dim() > 2 else values
    return plane[: BLOCK[0], : BLOCK[1], None].cpu().numpy()
