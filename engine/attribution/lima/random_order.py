"""What regions in random order do: the band without which no curve says anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.attribution.heatmaps.partition import SHAPE, SHAPE_HELP
from engine.attribution.lima.findings import random_order_range
from engine.attribution.lima.method import COVER, COVER_HELP, REGIONS, REGIONS_HELP
from engine.attribution.lima.seeing import segment_image
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Curve, Result, Table
from engine.evaluation.measures import showing
from engine.vision.case import ImageCase
from engine.vision.case.target import Target

PLACES = 51  # areas at which curves with steps of their own are compared


@dataclass(frozen=True)
class RandomOrder(Method[ImageCase]):
    """The same regions shown and hidden in random order, some times over.

    An order of regions is worth something where its curve leaves the band between the lowest and
    the highest of these.
    """

    name = "RandomOrder"
    family = "attribution"
    title = "Random order"
    cost = "wait"
    needs = frozenset({"class", "one of many"})
    proof = "tests/engine/attribution/lima/test_other_maps.py::test_the_band_holds_what_a_sum_gives"

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(50, REGIONS, "How many regions", REGIONS_HELP)
    cover: str = setting("black", COVER, "Hide with", COVER_HELP)
    orders: int = setting(5, Slider(2, 50, 1), "Orders", "How many random orders are looked at.")

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """The band of both curves over the share of the image, and the area under each order."""
        labels = segment_image(case, self.shape, self.regions, self.cover).partition.labels.numpy()
        generator = np.random.default_rng(case.seed)
        count = int(labels.max()) + 1
        orders = {
            str(number): generator.permutation(count)[labels].astype(np.int64)
            for number in range(self.orders)
        }
        probability_case = replace(case, target=Target(case.target.index, reading="probability"))
        results = list(
            showing.region_curves(
                probability_case, orders, cover=self.cover, progress=progress
            ).values()
        )
        area = np.linspace(0, 1, PLACES, dtype=np.float32)
        label = case.model.labels[case.target.index]
        views: dict[str, Curve] = {}
        for name in ("insertion", "deletion"):
            curves = np.stack(
                [np.interp(area, result.area, getattr(result, name)) for result in results]
            )
            for end, values in (("low", curves.min(0)), ("high", curves.max(0))):
                views[f"{name} {end}"] = Curve(
                    area, values.astype(np.float32), "share of the image", label, "probability"
                )
        areas = Table.of(
            {
                "insertion": ([result.insertion_area for result in results], "probability"),
                "deletion": ([result.deletion_area for result in results], "probability"),
            },
            rows=[f"order {number + 1}" for number in range(self.orders)],
        )
        return {**views, "areas": areas}

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Where the areas of random orders lie."""
        return random_order_range(result["areas"])
