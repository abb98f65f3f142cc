"""How alike the three models' layers are, for forgotten and for retained images.

Linear centered kernel alignment, ‖Yᵀ X‖² / (‖Xᵀ X‖ ‖Yᵀ Y‖) of centered outputs. Kornblith et al.,
"Similarity of Neural Network Representations Revisited" (2019), https://arxiv.org/abs/1905.00414
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, compared_models, sample_rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread


@dataclass(frozen=True)
class Similarity(Diagnostic):
    """How alike two models' outputs are, layer by layer: 1 is the same up to turning and scaling.

    Forgetting that sits only in the last layers leaves the early ones as they were. Compare the
    unlearned model's likeness to the retrained with the original's: with few images all are high.
    """

    name = "Similarity"
    title = "Likeness of layers"
    paper = "Kornblith et al. 2019, https://arxiv.org/abs/1905.00414"
    needs = frozenset({"head"})
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_likeness_is_the_formula_on_whole_matrices"
    )

    images: int = setting(
        200, Slider(10, 1000, 10), "Images", "At most so many of each kind, drawn by the seed."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: forget and retain, a row for each layer, a column for each pair of models."""
        models = compared_models(case, progress)
        results = {}
        for part in ("forget", "retain"):
            rows = sample_rows(getattr(case.case.splits, part), self.images, case.case.seed)
            grams = {
                n: layers_of(model, case.case.data.pixels(rows)) for n, model in models.items()
            }
            names = tuple(grams["original"])
            columns = {
                f"{first} – {second}": (
                    [alignment(grams[first][layer], grams[second][layer]) for layer in names],
                    "share",
                )
                for first, second in combinations(models, 2)
            }
            results[part] = Table.of(columns, names)
        progress(1.0, "compared")
        return results


def layers_of(model: Classifier, pixels: Tensor) -> dict[str, Tensor]:
    """The centered Gram matrix (n, n) of every layer's output, and of the logits."""
    with one_thread(), torch.no_grad():
        results = {layer.name: gram(model.outputs(pixels, layer.name)) for layer in model.layers}
        results["logits"] = gram(model(pixels.to(model.device)))
    return results


def gram(values: Tensor) -> Tensor:
    """X Xᵀ of centered rows, in double."""
    flat = values.detach().flatten(1).cpu().double()
    # over images, each unit apart: CKA is of centered outputs
    flat = flat - flat.mean(0)
    return flat @ flat.T


def alignment(first: Tensor, second: Tensor) -> float:
    """Linear CKA of two Gram matrices; NaN where a layer says the same of all images."""
    size = float(first.norm() * second.norm())
    # ‖YᵀX‖² = tr(XXᵀ YYᵀ), and so for the norms: n × n in place of units × units
    return float((first * second).sum()) / size if size > 0 else float(np.nan)
