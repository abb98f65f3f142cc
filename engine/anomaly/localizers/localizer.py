"""What every localizer shares: fitted to patches of normal images, it maps where others are odd.

A localizer writes `fit`, which gives a rule; the rest is the protocol: the map on one scale, a
threshold from held-out normal images, mask and boxes, and the normal patches nearest to each patch.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

from engine.anomaly.localizers.patches import (
    DEPTHS,
    Maps,
    NormalPatches,
    layers_at,
    maps_of,
    normal_patches,
)
from engine.anomaly.localizers.regions import boxes_above
from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Cost, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Scores, Table
from engine.evaluation.detection.bank import Doubles
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.conformal import Conformal
from engine.evaluation.detection.detector import noted
from engine.evaluation.detection.held import held_bytes
from engine.evaluation.detection.standing import first_line

NEAREST = 5  # normal patches that are named for each patch
ROOM = 256 * 2**20  # bytes of fitted rules that are remembered
AT_ONCE = 8  # held-out images that are mapped at a time


@dataclass(frozen=True, eq=False)
class NearestPatches:
    """The normal patches nearest to each of P patches, nearest first, all (P, k).

    Args:
        image: which of the images that the rule was fitted to.
        row, column: where on the grid.
        distance: to it.
    """

    image: Tensor
    row: Tensor
    column: Tensor
    distance: Tensor


class PatchRule(ABC):
    """What was learned from normal patches."""

    notes: tuple[str, ...] = ()

    @abstractmethod
    def distances(self, maps: Maps) -> Tensor:
        """How odd each place is, (n, h, w), at least 0."""

    @abstractmethod
    def nearest(self, maps: Maps, count: int) -> NearestPatches:
        """The `count` normal patches, or fewer, that answer each patch of one image."""

    def judged(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """The distances, and how odd each image is as a whole, (n,): the highest one, usually."""
        distances = self.distances(maps)
        return distances, distances.flatten(1).amax(1)


@dataclass(frozen=True, eq=False)
class CalibratedRule:
    """A rule, and what it makes of held-out normal images: (n,) each."""

    rule: PatchRule
    highest: Doubles  # value of each map
    scores: Doubles  # of each image as a whole

    @property
    def nbytes(self) -> int:
        """Bytes of what it holds."""
        return held_bytes(vars(self.rule)) + self.highest.nbytes + self.scores.nbytes


@dataclass(frozen=True)
class Localizer(Method[FamiliarCase]):
    """A way of telling where an image is odd among normal ones."""

    family = "anomaly"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"normal", "patches"})
    unit: ClassVar[str] = "distance"

    normals: int = setting(
        40,
        Slider(1, 100, 1),
        "Normal images used",
        "How many it is fitted to; fewer where "
        "there are fewer. Others, which are held out, give the threshold.",
    )
    depth: str = setting(
        "middle",
        Choice(DEPTHS),
        "Layers",
        "Which layers are compared: early ones see fine texture, late ones see parts of objects.",
    )
    blur: float = setting(
        1.8,
        Slider(0.0, 5.0, 0.1, "%"),
        "Blur",
        "Width of the Gaussian that smooths the map, in percent of the image's side.",
    )
    alpha: float = setting(
        0.05,
        Slider(0.01, 0.3, 0.01),
        "False alarms",
        "The share of normal images in which anything at all may lie above the threshold.",
    )

    @abstractmethod
    def fit(
        self, case: FamiliarCase, normal: NormalPatches, progress: Progress = quiet
    ) -> PatchRule:
        """A rule fitted to the maps `normal.fit`, of at least one image."""

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Views: map, mask, boxes, patches, held, figures and notes."""
        layers = layers_at(case.model, self.depth)
        progress(0.0, "looking at the image")
        subject = maps_of(case.model, case.image[None], layers)
        normal, learned = self.prepared(case, part_of(progress, 0.02, 0.95))
        distances, scores = learned.rule.judged(subject)
        values, score = self.smooth(distances, case.model.side)[0], float(scores[0])
        threshold, problem = first_line(Conformal(learned.highest), self.alpha)
        notes = (*normal.notes, *learned.rule.notes, *((problem,) if problem else ()))
        result: Result = {
            "map": HeatMap(values, self.unit, signed=False),
            "mask": HeatMap((values > threshold).astype(np.float32), "above the threshold", False),
            "boxes": boxes_above(values, threshold, self.unit),
            "patches": self.answered(learned.rule, subject, distances[0], case, normal),
            "held": self.held(learned, case, normal),
            "figures": self.figures(values, score, threshold, learned, len(normal.fit_rows)),
            "notes": noted(notes),
        }
        progress(1.0, "mapped")
        return result

    def prepared(
        self, case: FamiliarCase, progress: Progress = quiet
    ) -> tuple[NormalPatches, CalibratedRule]:
        """The normal images, and the rule that is fitted to them."""
        layers = layers_at(case.model, self.depth)
        normal = normal_patches(case, self.normals, layers, part_of(progress, 0.0, 0.5))
        return normal, self.learned(case, normal, part_of(progress, 0.5, 1.0, "comparing patches"))

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The oddest place, and how many normal images are that odd anywhere."""
        table = result["figures"]
        figures = {name: float(table[name][0]) for name in table.order}
        below = round(figures["below"] * figures["held out"])
        where = f"{place_of(figures['left'], figures['top'])}, above what {below} of "
        where += f"{figures['held out']:.0f} normal images reach anywhere"
        if figures["smallest p"] > self.alpha:
            return (
                f"The oddest place is the {where}; too few for a threshold at "
                f"{100 * self.alpha:.3g} % false alarms."
            )
        if figures["highest"] > figures["threshold"]:
            return f"The oddest place is the {where}."
        return f"Nothing stands out: the oddest place is the {where}."

    def learned(
        self, case: FamiliarCase, normal: NormalPatches, progress: Progress
    ) -> CalibratedRule:
        """The rule and its held-out figures, made once for these normal images."""

        def make() -> CalibratedRule:
            rule = self.fit(case, normal, part_of(progress, 0.0, 0.6))
            highest, scores = [], []
            count = len(normal.held_rows)
            for start in range(0, count, AT_ONCE):
                chunk = tuple(layer[start : start + AT_ONCE] for layer in normal.held)
                distances, whole = rule.judged(chunk)
                # of the whole map: the line bounds false alarms anywhere in an image
                highest.append(self.smooth(distances, case.model.side).max((1, 2)))
                scores.append(whole.numpy())
                progress(0.6 + 0.4 * min(start + AT_ONCE, count) / count, "held-out normal images")
            return CalibratedRule(
                rule, *(np.concatenate(p).astype(np.float64) for p in (highest, scores))
            )

        settings = {
            name: setting_value
            for name, setting_value in self.settings().items()
            if name != "alpha"
        }
        hasher = blake2b(json.dumps([self.full_name(), self.revision, settings]).encode())
        hasher.update(f"{case.model.fingerprint}|{case.normal.fingerprint}|{case.seed}|".encode())
        hasher.update(normal.fit_rows.tobytes() + b"|" + normal.held_rows.tobytes())
        return _learned.made(hasher.hexdigest(), make)

    def smooth(self, distances: Tensor, side: int) -> Floats:
        """Maps of the image's size, (n, side, side), of distances (n, h, w)."""
        width = self.blur / 100 * side
        down, across = (smoothing(length, side, width) for length in distances.shape[1:])
        result: Floats = (down @ distances.float() @ across.T).numpy()
        return result

    def answered(
        self,
        rule: PatchRule,
        subject: Maps,
        distances: Tensor,
        case: FamiliarCase,
        normal: NormalPatches,
    ) -> Table:
        """A row for each patch: where it is, how odd, and the normal patches nearest to it."""
        near = rule.nearest(subject, NEAREST)
        rows, columns = distances.shape
        row, column = np.divmod(np.arange(rows * columns), columns)
        ids = case.normal.ids[normal.fit_rows]
        results = {
            "row": (row, ""),
            "column": (column, ""),
            "distance": (distances.flatten().numpy(), self.unit),
        }
        for at in range(near.image.shape[1]):
            results |= {
                f"image {at + 1}": (ids[near.image[:, at].numpy()], "id"),
                f"row {at + 1}": (near.row[:, at].numpy(), ""),
                f"column {at + 1}": (near.column[:, at].numpy(), ""),
                f"distance {at + 1}": (near.distance[:, at].numpy(), self.unit),
            }
        return Table.of(results)

    def held(self, learned: CalibratedRule, case: FamiliarCase, normal: NormalPatches) -> Scores:
        """The highest value that each held-out normal image reaches anywhere."""
        names = tuple(str(image_id) for image_id in case.normal.ids[normal.held_rows])
        return Scores(learned.highest.astype(np.float32), names, self.unit)

    def figures(
        self, values: Floats, score: float, threshold: float, learned: CalibratedRule, fitted: int
    ) -> Table:
        """One row: the image among the held-out normal images."""
        anywhere, whole = Conformal(learned.highest), Conformal(learned.scores)
        highest = float(values.max())
        row, column = np.unravel_index(values.argmax(), values.shape)
        height, width = values.shape
        return Table.of(
            {
                "highest": (np.array([highest]), self.unit),
                "threshold": (np.array([threshold]), self.unit),
                "below": (np.array([(learned.highest < highest).mean()]), "share"),
                "p": (anywhere.p(np.array([highest])), "probability"),
                "smallest p": (np.array([anywhere.smallest]), "probability"),
                "image score": (np.array([score]), self.unit),
                "p of image score": (whole.p(np.array([score])), "probability"),
                "left": (np.array([(column + 0.5) / width]), "share"),
                "top": (np.array([(row + 0.5) / height]), "share"),
                "fitted": (np.array([fitted]), "images"),
                "held out": (np.array([len(learned.highest)]), "images"),
            },
            ("this image",),
        )


_learned: Memory[CalibratedRule] = Memory(ROOM, lambda learned: learned.nbytes)


@lru_cache(maxsize=32)
def smoothing(places: int, side: int, width: float) -> Tensor:
    """A matrix (side, places) that enlarges `places` values linearly and then blurs them.

    Both are linear and treat rows and columns apart, so a map D becomes A D Bᵀ.

    Args:
        places: how many values there are.
        side: px.
        width: standard deviation of the Gaussian, px; 0 for none.
    """
    identity = torch.eye(places, dtype=torch.float64)[None]
    # what a linear map does to the columns of the identity is its matrix
    large = F.interpolate(identity, side, mode="linear")[0].T.numpy()
    return torch.from_numpy(ndi.gaussian_filter1d(large, width, axis=0) if width else large).float()


def place_of(left: float, top: float) -> str:
    """Which ninth of the image a place lies in, given as shares of its sides."""
    across, down = (min(int(3 * share), 2) for share in (left, top))
    column, row = ("left", "middle", "right")[across], ("upper", "middle", "lower")[down]
    return "middle" if column == row else f"{row} {column}"


def at_places(index: Tensor, columns: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Image, row and column of patches numbered through all images of one grid."""
    return index // (rows * columns), index // columns % rows, index % columns
