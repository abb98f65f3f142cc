"""What is still there: what features tell of forgotten images, whatever the head says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.case import ForgetCase
from engine.unlearning.diagnostics.base import (
    MODELS_READY,
    Diagnostic,
    blank,
    compared_models,
    features,
    sample_rows,
)
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier

MOST = 2000  # retained images that a probe learns from
BLOCK = 256  # forgotten images whose distances are held at a time
Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class StillThere(Diagnostic):
    """What a new head could still read from the features of the forgotten images.

    A linear probe is taught the labels on frozen features, half of the forgotten images among
    them, and is scored on the other half. A model that only stopped saying a class's name still has
    it; so, by the way, has every model that learned to see well: compare with the retrained model
    and with an untrained one, not with 0. Neighbors are the training images nearest in features.
    """

    name = "StillThere"
    title = "What is still there"
    needs = frozenset({"head"})
    revision = 2  # all features are divided by the size of those of the images that stay
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_a_model_whose_head_alone_was_cut_still_has_it_all"
    )

    neighbors: int = setting(
        5, Slider(1, 20, 1), "Neighbors", "How many nearest training images are looked at."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: figures, a row for each model, and for an untrained one where its network can be
        built anew; neighbors, the unlearned model's, ids by image.

        Probe is the share of held-out forgotten images whose label the probe finds; probe on the
        class the same on test images of a forgotten class (NaN otherwise); alike the mean share of
        neighbors with the same label.
        """
        models = compared_models(case, progress)
        if (fresh := blank(case)) is not None:
            models["untrained"] = fresh
        rows: list[dict[str, float]] = []
        near: Rows | None = None
        for number, (name, model) in enumerate(models.items()):
            low, high = (
                MODELS_READY + (1 - MODELS_READY) * (number + offset) / len(models)
                for offset in (0, 1)
            )
            part = part_of(progress, low, high, lead=name)
            result, places = feature_figures(model, case.case, self.neighbors, part)
            rows.append(result)
            near = places if name == "unlearned" else near
            progress(high, f"read the {name} model's features")
        ids = case.case.data.ids
        nearest = np.zeros((0, 0), np.int64) if near is None else ids[near]
        columns: dict[str, tuple[Any, str]] = {"id": (ids[case.case.splits.forget], "")}
        columns |= {f"nearest {k + 1}": (neighbor, "") for k, neighbor in enumerate(nearest.T)}
        return {
            "figures": Table.of(
                {name: ([shares[name] for shares in rows], "share") for name in rows[0]},
                tuple(models),
            ),
            "neighbors": Table.of(columns),
        }


def feature_figures(
    model: Classifier, case: ForgetCase, count: int, progress: Progress = quiet
) -> tuple[dict[str, float], Rows]:
    """What a model's features tell, and each forgotten image's nearest training images."""
    data, splits = case.data, case.splits
    half = sample_rows(splits.forget, len(splits.forget) // 2, case.seed)
    held_out = np.setdiff1d(splits.forget, half)
    probe_rows = np.concatenate([sample_rows(splits.retain, MOST, case.seed), half])
    learned: Doubles = features(model, data, splits.train, progress).double().numpy()
    # one scale for all images, so that the probe's penalty weighs the same for every model
    scale = max(float(np.abs(learned[np.isin(splits.train, splits.retain)]).mean()), 1e-12)
    values = {int(row): vector / scale for row, vector in zip(splits.train, learned, strict=True)}

    def of(rows: Rows) -> Doubles:
        return np.stack([values[int(row)] for row in rows])

    probe = probed(of(probe_rows), data.labels[probe_rows])
    figures = {
        "probe": float((probe.predict(of(held_out)) == data.labels[held_out]).mean()),
        "probe on the class": float("nan"),
    }
    if len(splits.gone):
        gone: Doubles = features(model, data, splits.gone).double().numpy()
        predictions = probe.predict(gone / scale)
        figures["probe on the class"] = float((predictions == data.labels[splits.gone]).mean())
    near = nearest_rows(of(splits.forget), splits.forget, of(splits.train), splits.train, count)
    same_label = data.labels[near] == data.labels[splits.forget][:, None]
    return {**figures, "alike": float(same_label.mean())}, near


class ConstantProbe:
    """A probe that was taught one label only."""

    def __init__(self, label: int) -> None:
        self.label = label

    def predict(self, values: Doubles) -> Whole:
        """Always that one."""
        return np.full(len(values), self.label)


def probed(values: Doubles, labels: Whole) -> Any:
    """A linear probe."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) == 1:
        return ConstantProbe(int(labels[0]))
    return LogisticRegression(max_iter=300).fit(values, labels)


def nearest_rows(lookup: Doubles, own: Rows, values: Doubles, rows: Rows, count: int) -> Rows:
    """The rows of the nearest images by Euclidean distance, without itself, (n, k).

    Of images that are equally near, the first. It holds BLOCK × len(rows) distances at a time.
    """
    sizes, count = (values**2).sum(1), min(count, len(rows) - 1)
    result = np.empty((len(lookup), count), rows.dtype)
    for start in range(0, len(lookup), BLOCK):
        part = slice(start, start + BLOCK)
        # ‖a − b‖² = ‖a‖² + ‖b‖² − 2ab: no array of images × images × features
        square = (lookup[part] ** 2).sum(1)[:, None] + sizes
        square -= 2 * lookup[part] @ values.T
        # by row, not by a distance of 0: copies of an image are neighbors
        square[own[part, None] == rows] = np.inf
        result[part] = rows[smallest(square, count)]
    return result


def smallest(values: Doubles, count: int) -> Whole:
    """The places of the smallest numbers of each row, ascending, the first of equal ones: (n, k).

    As a stable sort has them, without sorting whole rows.
    """
    places = np.argpartition(values, count, axis=1)[:, count]
    result = np.empty((len(values), count), np.int64)
    for neighbors, row, place in zip(result, values, places, strict=True):
        near = np.flatnonzero(~(row > row[place]))  # what is no number comes last, as in a sort
        neighbors[:] = near[np.argsort(row[near], kind="stable")][:count]
    return result
