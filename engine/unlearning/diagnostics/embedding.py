"""Where images lie for each of the three models, in the two directions that differ most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, compared_models, features, sample_rows

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Embedding(Diagnostic):
    """Features before the head, by principal components; turned to lie on the original's.

    Each model has features of its own, so that the three pictures share no axes: each is turned
    and mirrored, not stretched, to fit the first as well as it can. A forgotten class that still is
    an island of its own is still told apart inside. Two directions show only part of it; how much
    is said.
    """

    name = "Embedding"
    title = "Embedding"
    needs = frozenset({"head"})
    proof = "tests/engine/unlearning/test_diagnostics.py::test_the_embedding_is_that_of_a_plain_svd"

    images: int = setting(
        400, Slider(20, 2000, 10), "Images", "At most so many, half of them to be forgotten."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: points, a row for each image; shown, the share of variance that two axes have."""
        models = compared_models(case, progress)
        data, splits, seed = case.case.data, case.case.splits, case.case.seed
        forget = sample_rows(splits.forget, self.images // 2, seed)
        rows = np.concatenate([forget, sample_rows(splits.retain, self.images - len(forget), seed)])
        places: dict[str, Doubles] = {}
        shares: list[float] = []
        for name, model in models.items():
            plane, share = principal(features(model, data, rows).double().numpy())
            places[name] = procrustes(plane, places["original"]) if places else plane
            shares.append(share)
        columns = {
            "id": (data.ids[rows], ""),
            "label": (data.labels[rows], ""),
            "forget": (np.isin(rows, forget).astype(np.uint8), ""),
        }
        for name in models:
            columns |= {
                f"{name} x": (places[name][:, 0], ""),
                f"{name} y": (places[name][:, 1], ""),
            }
        progress(1.0, "placed")
        return {
            "points": Table.of(columns),
            "shown": Table.of({"share": (shares, "share")}, tuple(models)),
        }


def principal(values: Doubles) -> tuple[Doubles, float]:
    """The first two principal components, (n, 2), and their share of the variance."""
    centered = values - values.mean(0)
    left, sizes, right = np.linalg.svd(centered, full_matrices=False)
    count = min(2, len(sizes))
    # an SVD leaves the signs open: the largest loading is made positive
    sign = np.sign(right[np.arange(count), np.abs(right[:count]).argmax(1)])
    plane = np.zeros((len(values), 2))
    plane[:, :count] = left[:, :count] * sizes[:count] * sign
    return plane, float((sizes[:count] ** 2).sum() / max((sizes**2).sum(), 1e-30))


def procrustes(plane: Doubles, onto: Doubles) -> Doubles:
    """Rotated and mirrored to lie on another as well as it can (orthogonal Procrustes)."""
    # the orthogonal factor of planeᵀ onto is the turn with the least squared distance
    left, _, right = np.linalg.svd(plane.T @ onto)
    return plane @ (left @ right)
