"""What protection by clusters does to features: a map of them, and how many images have moved."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Result, Table
from engine.unlearning.uc.cluster_noise import Clusters, Doubles, Labels
from engine.vision.data import DataSet

MAPPED = 400  # images on the map
BEFORE, AFTER, RANDOM = "clean", "protected", "random noise"


@dataclass(frozen=True, eq=False)
class Moved:
    """Features of the training images, (n, D) each, and where their clusters were to go, (K,).

    `features` has them by BEFORE, AFTER and RANDOM: of clean images, of protected ones, and of
    those with one random noise for each cluster, as large as the protection's.
    """

    clusters: Clusters
    targets: Labels
    features: dict[str, Doubles]

    def views(self, data: DataSet) -> Result:
        """Views: map, a row for each image; clusters, a row for each, with where it is to go."""
        sampled = np.unique(np.linspace(0, len(self.clusters.of) - 1, MAPPED).astype(np.int64))
        directions, middle = axes(self.features[BEFORE][sampled])
        centers = (self.clusters.centers - middle) @ directions.T
        columns: dict[str, tuple[NDArray[Any], str]] = {
            "id": (data.ids[data.rows("train")][sampled], ""),
            "cluster": (self.clusters.of[sampled] + 1, ""),
            "target": (self.targets[self.clusters.of[sampled]] + 1, ""),
        }
        for name in (BEFORE, AFTER):
            places = (self.features[name][sampled] - middle) @ directions.T
            columns |= {f"{name} x": (places[:, 0], ""), f"{name} y": (places[:, 1], "")}
        memberships = [self.clusters.of == cluster for cluster in range(len(centers))]
        protected = [self.features[AFTER][rows].mean(0) for rows in memberships]
        ends = (np.stack(protected) - middle) @ directions.T
        cluster_columns = {
            "images": ([int(rows.sum()) for rows in memberships], ""),
            "target": (self.targets + 1, ""),
            "x": (centers[:, 0], ""),
            "y": (centers[:, 1], ""),
            f"{AFTER} x": (ends[:, 0], ""),
            f"{AFTER} y": (ends[:, 1], ""),
        }
        for name in self.features:
            is_moved = self.there(name)
            cluster_columns[share_of(name)] = (
                [is_moved[rows].mean() for rows in memberships],
                "share",
            )
        overall = [self.there(name).mean() for name in self.features]
        return {
            "map": Table.of(columns),
            "clusters": Table.of(
                cluster_columns, [f"cluster {number + 1}" for number in range(len(memberships))]
            ),
            "moved": Table.of({share_of("images"): (overall, "share")}, list(self.features)),
        }

    def there(self, name: str) -> NDArray[np.bool_]:
        """Which images lie nearest to the center that their cluster was to go to, (n,)."""
        return self.clusters.nearest(self.features[name]) == self.targets[self.clusters.of]


def share_of(name: str) -> str:
    """The column with the share of images that lie nearest to their target."""
    return f"{name} nearest to the target"


def axes(values: Doubles) -> tuple[Doubles, Doubles]:
    """The two directions in which features (n, D) differ most, (2, D), and their mean, (D,)."""
    middle = values.mean(0)
    vectors = np.linalg.svd(values - middle, full_matrices=False)[2]
    components = np.zeros((2, values.shape[1]))
    components[: len(vectors[:2])] = vectors[:2]
    # an SVD leaves the signs open: the largest loading is made positive
    sign = np.sign(components[[0, 1], np.abs(components).argmax(1)])
    return components * np.where(sign, sign, 1)[:, None], middle
