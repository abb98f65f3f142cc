"""What every diagnostic shares: three models, the original, the unlearned and the retrained."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Case, Cost, Method, Progress, part_of, quiet
from engine.core.run import answer
from engine.unlearning.around import AfterCase, unfit
from engine.unlearning.given import GivenCase
from engine.unlearning.ways.network import own_copy, settled, untrained
from engine.unlearning.ways.retrain import Retrain
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.threads import one_thread

MODELS = ("original", "unlearned", "retrained")
MODELS_READY = 0.8  # share of the progress until all three models are there
CHUNK = 250  # images at a time


@dataclass(frozen=True)
class Diagnostic(Method[AfterCase], ABC):
    """A method that is asked about an unlearner, before and after it."""

    family: ClassVar[str] = "unlearning"
    cost: ClassVar[Cost] = "wait"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)


def compared_models(case: AfterCase, progress: Progress) -> dict[str, Classifier]:
    """The original, the unlearned and the retrained model, each by its name in MODELS.

    They are kept answers, or computed now. What a pruned model became is compared with the
    retrained model that has the same zeros. Of models that were given, the retrained one may be
    missing.
    """
    if isinstance(case, GivenCase):
        progress(MODELS_READY, "asking the given models")
        return case.copies()
    unlearned = answer(
        case.method, case.case, part_of(progress, 0.0, MODELS_READY / 2, lead=case.method.short)
    )
    reference = case.method.reference(
        case.case, part_of(progress, MODELS_READY / 2, MODELS_READY / 2)
    )
    retrained = answer(
        Retrain(), reference, part_of(progress, MODELS_READY / 2, MODELS_READY, lead=Retrain.short)
    )
    progress(MODELS_READY, "asking all three models")
    return {
        "original": settled(own_copy(case.model)),
        "unlearned": rebuilt(unlearned["model"], case.model.name),
        "retrained": rebuilt(retrained["model"], case.model.name),
    }


def blank(case: AfterCase) -> Classifier | None:
    """The original's network before it learned anything; None where it cannot be built anew."""
    inner = case.case
    return None if inner.lacks("retraining") else untrained(inner.model, inner.seed + 1)


def features(model: Classifier, data: DataSet, rows: Rows, progress: Progress = quiet) -> Tensor:
    """What the head sees of some images, (n, D), on the CPU."""
    parts = np.array_split(rows, max(1, -(-len(rows) // CHUNK)))
    results = []
    with one_thread():
        for part in parts:
            results.append(model.features(data.pixels(part)).cpu())
            progress(len(results) / len(parts), "looking at images")
    return torch.cat(results)


def sample_rows(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many rows, drawn by the seed, ascending."""
    return np.sort(np.random.default_rng([seed, 31]).permutation(rows)[:most])
