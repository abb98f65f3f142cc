"""What other methods' maps do as orders of the regions that LiMA has put in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.kernel_shap import KernelShap
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.partition import SHAPE, SHAPE_HELP, Partition
from engine.attribution.heatmaps.rise import Rise
from engine.attribution.lima.findings import best_orders
from engine.attribution.lima.method import COVER, COVER_HELP, REGIONS, REGIONS_HELP, LiMA
from engine.attribution.lima.seeing import segment_image
from engine.core.method import Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Table
from engine.core.run import answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.measures.showing import Ranks, region_curves
from engine.vision.case import ImageCase
from engine.vision.case.target import Target

MAPS = 0.8  # of the progress


@dataclass(frozen=True)
class OtherMaps(Method[ImageCase]):
    """Maps of five other methods, turned into orders of the same regions and judged alike.

    A region's value is the mean of the map in it; the region with the highest goes first. Then
    regions are shown one by one (insertion, a large area is good) and hidden one by one (deletion,
    a small one is good), as for LiMA, which searches for just that and should win at it.
    """

    name = "OtherMaps"
    family = "attribution"
    title = "Other maps on the same regions"
    cost = "wait"
    paper = "Chen et al. 2025, https://arxiv.org/abs/2504.00470, table 1"
    needs = frozenset({"class", "one of many"})
    revision = 2  # Grad-CAM reads transformers too
    proof = (
        "tests/engine/attribution/lima/test_other_maps.py::test_exact_maps_order_the_parts_of_a_sum"
    )

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(50, REGIONS, "How many regions", REGIONS_HELP)
    cover: str = setting("black", COVER, "Hide with", COVER_HELP)
    samples: int = setting(
        500, Slider(100, 5000, 100), "Samples", "Images that RISE and KernelSHAP look at."
    )

    def methods(self, case: ImageCase) -> Iterator[Method[ImageCase]]:
        """The methods that fit the case; those that hide something hide it alike."""
        for method in (
            KernelShap(
                shape=self.shape, regions=self.regions, samples=self.samples, cover=self.cover
            ),
            Rise(masks=self.samples, cover=self.cover),
            Occlusion(cover=self.cover),
            IntegratedGradients(baseline=self.cover),
            GradCam(),
        ):
            if not method.unmet(case):
                yield method

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """areas: under insertion and deletion, a row for each map that puts regions in order."""
        partition = segment_image(case, self.shape, self.regions, self.cover).partition
        methods = list(self.methods(case))
        orders: dict[str, Ranks] = {}
        for number, method in enumerate(methods):
            share = MAPS / len(methods)
            step = part_of(progress, number * share, (number + 1) * share)
            heat = answer(method, case, step)["map"]
            if isinstance(heat, HeatMap) and np.ptp(heat.values):
                orders[method.title] = by_mean(partition, heat.values)
        probability_case = replace(case, target=Target(case.target.index, reading="probability"))
        result = region_curves(
            probability_case, orders, cover=self.cover, progress=part_of(progress, MAPS, 1.0)
        ).values()
        inserted = [region_curve.insertion_area for region_curve in result]
        deleted = [region_curve.deletion_area for region_curve in result]
        unit = "probability"
        areas = {"insertion": (inserted, unit), "deletion": (deleted, unit)}
        return {"areas": Table.of(areas, rows=list(orders))}

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Which map shows and which hides best."""
        return best_orders(result["areas"])


def area_table(
    result: Mapping[str, Any], others: Mapping[str, Any], band: Mapping[str, Any] | None = None
) -> Table:
    """Areas of a search, of other orders, and the mean of random ones where they are known.

    Args:
        result: an answer of `LiMA`.
        others: an answer of `OtherMaps` or `RandomOrder` about the same regions.
        band: an answer of `RandomOrder`.
    """
    areas = others["areas"]
    rows = {LiMA.title: result["areas"].values}
    rows |= {name: [areas.cell(name, way) for way in areas.order] for name in areas.rows}
    if band is not None:
        rows["Random order, mean"] = [band["areas"][way].mean() for way in areas.order]
    values = np.array(list(rows.values()), np.float32)
    return Table.grid(values, tuple(rows), ("insertion", "deletion"), ("probability",) * 2)


def by_mean(partition: Partition, values: Floats) -> Ranks:
    """For every pixel the place of its region, (H, W), 0 for the one with the highest mean."""
    sums = partition.sums(torch.from_numpy(np.array(values, np.float64))[None])
    # the mean: by sums, large regions would come first for their size
    means = sums / torch.bincount(partition.labels.flatten(), minlength=partition.count)
    places = torch.empty(partition.count, dtype=torch.int64)
    places[means.argsort(descending=True, stable=True)] = torch.arange(partition.count)
    ranks: Ranks = places[partition.labels].numpy()
    return ranks
