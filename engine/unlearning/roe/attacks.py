"""What an attacker who knows everything puts into the training images, and what it could reach."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.experiment import ExperimentCase
from engine.unlearning.roe.election import Ballots
from engine.unlearning.roe.partitions import Digests, Partitions, digests_of
from engine.vision.data import DataSet, Rows

TRIES = 200_000  # pixels that are changed in search of a bucket; usually a few hundred


@dataclass(frozen=True)
class Poison:
    """One poison.

    Args:
        bucket: that it lands in.
        image: (C, H, W), uint8.
        row: of the training image that it takes the place of; None where it is added.
    """

    bucket: int
    image: NDArray[np.uint8]
    row: int | None


def relabeled(
    case: ExperimentCase, own: Partitions, order: list[int], row: int, classes: tuple[int, int]
) -> list[Poison]:
    """The training image of each bucket that is most like the asked one and not yet the rival's.

    Images of the answer's class come first. Buckets with no such image are left out.
    """
    data, rows = case.data, case.data.rows("train")
    buckets = own.buckets(digests_of(data.images[rows], case.seed))
    image = data.images[row].astype(np.float32).ravel()
    distances = np.linalg.norm(data.images[rows].reshape(len(rows), -1) - image, axis=1)
    is_other = data.labels[rows] != classes[0]
    results = []
    for bucket in order:
        candidates = np.flatnonzero((buckets == bucket) & (data.labels[rows] != classes[1]))
        if len(candidates):
            # the last key counts first: other classes after the answer's, then by distance
            best = int(
                rows[candidates[np.lexsort((distances[candidates], is_other[candidates]))[0]]]
            )
            results.append(Poison(bucket, data.images[best], best))
    return results


def landing(
    image: NDArray[np.uint8],
    own: Partitions,
    requested: list[int],
    seed: int,
    rng: np.random.Generator,
) -> dict[int, NDArray[np.uint8]]:
    """A copy of the image for each bucket: one pixel has another value, at random."""
    missing, result = set(requested), {}
    for _ in range(TRIES):
        if not missing:
            break
        copy = image.copy()
        copy[tuple(rng.integers(size) for size in image.shape)] = rng.integers(256)
        bucket = int(own.buckets(digests_of(copy[None], seed))[0])
        if bucket in missing:
            missing.remove(bucket)
            result[bucket] = copy
    return result


def with_poisons(data: DataSet, poisons: list[Poison], rival: int) -> DataSet:
    """The data with the poisons behind it, under the rival's label."""
    count = len(poisons)
    ids = data.ids.max() + 1 + np.arange(count)
    return replace(
        data,
        images=np.concatenate([data.images, np.stack([poison.image for poison in poisons])]),
        labels=np.append(data.labels, np.full(count, rival, np.int64)),
        ids=np.append(data.ids, ids),
        split=np.append(data.split, np.zeros(count, np.uint8)),
        truth={},
    )


def sort_rows(rows: Rows, digests: Digests, labels: NDArray[np.int64]) -> Rows:
    """Rows by digest, then by label, as every network is shown its images."""
    return rows[np.lexsort((labels[rows], digests[rows]))]


def against(ballot: Ballots, says: int, rival: int) -> Ballots:
    """One network's ballot (1, classes) with the rival first and the answer last."""
    score = -ballot.astype(np.int64)
    # places are negated, so that 1 beats all of them (at most 0) and −classes loses to all
    score[:, rival], score[:, says] = 1, -score.shape[1]
    order = np.argsort(-score, axis=1, kind="stable")
    return np.argsort(order, axis=1).astype(np.uint8)
