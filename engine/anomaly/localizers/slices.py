"""A scan slice by slice: which slice is the strangest, and where in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.localizers.localizer import place_of
from engine.anomaly.localizers.parts import PartsCase, judge_parts, reached
from engine.core.case_base import Parts, value_parts
from engine.core.method import Cost, Method, Progress, Slider, quiet, setting
from engine.core.result import Floats, Grids, Result, Table
from engine.evaluation.detection.detector import noted
from engine.evaluation.detection.rows import evenly
from engine.vision.data import Rows
from engine.vision.images import Crop, Scan, SliceChoice, square


@dataclass(frozen=True, eq=False)
class ScanCase(PartsCase):
    """The slices of a scan along one plane, among normal images.

    Args:
        scan: whose slices they are.
        view: plane, volume and window; which slice it names plays no part.
        crop: the square of each slice that the model sees.
    """

    case_name: ClassVar[str] = "slices"
    what: ClassVar[str] = "a scan of several slices, a classifier and normal images"

    scan: Scan
    view: SliceChoice
    crop: Crop

    @property
    def count(self) -> int:
        """The slices of the plane."""
        plane = self.view.plane or self.scan.planes[0]
        return self.scan.count(plane)

    @property
    def size(self) -> str:
        """The number of slices."""
        return f"{self.count} slices"

    def whole_parts(self) -> Parts:
        """The scan, and how its slices are looked at."""
        view = replace(self.scan.settled(replace(self.view, slice=None)), slice=None)
        yield f"|{self.scan.digest}|{view!r}|"
        yield from value_parts(self.crop)

    def places(self, most: int) -> Rows:
        """The slices that are looked at, at most so many, evenly spread."""
        return evenly(np.arange(self.count), most)

    def slice_pixels(self, place: int) -> Tensor:
        """A slice as the model sees it, (3, side, side)."""
        picture = self.scan.picture(replace(self.view, slice=place))
        return torch.from_numpy(square(picture, self.crop, self.model.side))


@dataclass(frozen=True)
class SliceBySlice(Method[ScanCase]):
    """How odd each slice of a scan is: the highest value of its map, by the localizer above.

    All slices are judged by one rule and on one scale, in the chosen window. The threshold holds
    for each slice by itself: of normal slices the chosen share reaches it, so in a long scan some
    do although nothing is wrong. Slices of other heights than the normal images have are odd too,
    such as those at the ends of a scan.
    """

    name = "SliceBySlice"
    family = "anomaly"
    title = "Slice by slice"
    cost: ClassVar[Cost] = "wait"
    needs = frozenset({"normal", "patches"})
    proof = (
        "tests/engine/anomaly/localizers/test_slices.py"
        "::test_each_slice_has_the_map_that_the_localizer_gives_it_alone"
    )

    most: int = setting(
        100, Slider(4, 300, 1), "Slices at most", "Longer scans are sampled evenly."
    )

    def __call__(self, case: ScanCase, progress: Progress = quiet) -> Result:
        """Views: slices, maps (on the rule's grid), held, figures and notes."""
        progress(0.0, "reading slices")
        places, localizer = case.places(self.most), case.localizer
        images: Iterator[Tensor] = map(case.slice_pixels, places.tolist())
        parts = judge_parts(case, images, len(places), progress)
        highest, tops, lefts = [], [], []
        for distance in parts.distances:
            values = localizer.smooth(distance[None], case.model.side)[0]
            row, column = np.unravel_index(values.argmax(), values.shape)
            highest.append(values.max())
            tops.append((row + 0.5) / len(values))
            lefts.append((column + 0.5) / len(values))
        figures, notes = parts.figures(localizer.alpha, localizer.unit)
        held_scores = parts.learned.highest
        if len(places) < case.count:
            notes = (*notes, f"{len(places)} of {case.count} slices were looked at.")
        result: Result = {
            "slices": Table.of(
                {
                    "slice": (places + 1, ""),
                    "highest": (np.array(highest, np.float32), localizer.unit),
                    "below": ([(held_scores < score).mean() for score in highest], "share"),
                    "left": (lefts, "share"),
                    "top": (tops, "share"),
                }
            ),
            "maps": Grids(parts.distances[:, None].numpy(), localizer.unit),
            "held": parts.held(localizer.unit),
            "figures": figures,
            "notes": noted(notes),
        }
        progress(1.0, "all slices")
        return result

    def finding(self, case: ScanCase, result: Mapping[str, Any]) -> str:
        """The strangest slice, and how many reach the threshold."""
        table = result["slices"]
        at = strangest(table)[0]
        above = int((table["highest"] > result["figures"]["threshold"][0]).sum())
        held_count = int(result["figures"]["held out"][0])
        where = place_of(float(table["left"][at]), float(table["top"][at]))
        return (
            f"Slice {table['slice'][at]} of {case.count} is the strangest, {where}: above what "
            f"{round(table['below'][at] * held_count)} of {held_count} normal images reach. "
            + reached(result, above, case.localizer.alpha, f"{len(table)} slices")
        )


def strangest(table: Table) -> Rows:
    """The rows of a table of slices, the strangest first."""
    return np.argsort(-table["highest"], kind="stable")


def slice_maps(case: ScanCase, result: Mapping[str, Any]) -> Mapping[int, Floats]:
    """The map of each slice that was looked at, by its place from 0, (side, side)."""
    grids = torch.from_numpy(np.array(result["maps"].values))
    return {
        int(number) - 1: case.localizer.smooth(grid, case.model.side)[0]
        for number, grid in zip(result["slices"]["slice"], grids, strict=True)
    }
