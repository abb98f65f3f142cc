"""Whether heat maps follow an attack: maps of an image before and after, and how they agree."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from engine.attribution.heatmaps.attention_rollout import AttentionRollout
from engine.attribution.heatmaps.c_lime import CLime
from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus
from engine.attribution.heatmaps.gradient_rollout import GradientRollout
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.kernel_shap import KernelShap
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.lrp import Lrp
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.rise import Rise
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.attribution.heatmaps.smooth_grad import SmoothGrad
from engine.core.errors import DoesNotFit
from engine.core.method import Choice, Method, Progress, part_of, quiet, setting
from engine.core.result import HeatMap, Result, Table
from engine.core.run import answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.drift import rank_correlation
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target

MAPS: tuple[type[Method[ImageCase]], ...] = (
    GradCam,
    LayerCam,
    Occlusion,
    IntegratedGradients,
    DeepLift,
    Lrp,
    GradientXInput,
    GuidedBackprop,
)
MORE: tuple[type[Method[ImageCase]], ...] = (
    GradCamPlusPlus, ScoreCam, Rise, Lime, CLime, KernelShap, Gradient, SmoothGrad, GuidedGradCam,
    AttentionRollout, GradientRollout, OwnMap,
)  # fmt: skip
KINDS = {kind.title: kind for kind in (*MAPS, *MORE)}
EIGHT = "eight usual maps"
SAME, NEW = "old class", "what it says now"
TIMES = ("before", "after")
FOLLOWS, STAYS = 0.5, 0.9  # rank correlations below and above which a map moved and stayed


@dataclass(frozen=True)
class MapsFollow(Method[PairCase]):
    """Which heat maps notice an attack: each is made before it and after it, and compared.

    The first number is how much the map of the old class is still the same after the attack
    (Spearman's rank correlation of all pixels, 1 is the same order). The second compares the map of
    the old class before with that of the class that is said now. A map that stays though the answer
    is another one shows the object and not the reason; one that moves wildly is fragile. Neither
    alone makes a map right or wrong.
    """

    name = "MapsFollow"
    family = "attribution"
    title = "Which heat map followed"
    cost = "wait"
    paper = "Ghorbani, Abid & Zou 2019, https://arxiv.org/abs/1710.10547"
    enumerates = (*MAPS, *MORE)
    needs = frozenset({"class", "one of many", "pair"})
    revision = 2
    proof = (
        "tests/engine/attribution/robustness/test_followed.py"
        "::test_the_correlations_are_those_of_maps_made_one_by_one"
    )
    map: str = setting(
        EIGHT, Choice((EIGHT, *KINDS)), "Heat map", "Which is compared; by itself eight usual ones."
    )
    targets: ClassVar[tuple[int, int]] = (1, 1)

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: followed, a row for each method; said, the model's first class before and after;
        and of each method its maps before, after and now."""
        before, after, now = self.cases(case)
        kinds = self.kinds(before)
        rows: list[list[float]] = []
        maps: dict[str, HeatMap] = {}
        for number, kind in enumerate(kinds):
            progress(number / len(kinds), f"{kind.title}: before and after")
            heat_maps = []
            for place, image_case in enumerate((before, after, now)):
                low = (number + place / 3) / len(kinds)
                part = part_of(progress, low, low + 1 / 3 / len(kinds), kind.title)
                heat_maps.append(self.map_of(kind(), image_case, part))
            rows.append(
                [
                    rank_correlation(heat_maps[0].values, heat_map.values)
                    for heat_map in heat_maps[1:]
                ]
            )
            words = ("before", "after", "now")
            maps |= {
                f"{kind.title} {word}": heat for word, heat in zip(words, heat_maps, strict=True)
            }
        progress(1.0, "compared")
        titles = [kind.title for kind in kinds]
        table = Table.grid(np.array(rows, np.float32), titles, (SAME, NEW), ("Spearman",) * 2)
        predicted = [[first_class(moment_case)] for moment_case in (before, after)]
        classes = Table.grid(np.array(predicted, np.float32), TIMES, ("class",), ("number",))
        return {"followed": table, "said": classes, **maps}

    def kinds(self, case: ImageCase) -> list[type[Method[ImageCase]]]:
        """The methods whose maps are compared. Raises DoesNotFit where none fits the model."""
        if self.map != EIGHT:
            kind = KINDS[self.map]
            if reason := kind.unmet(case):
                raise DoesNotFit(f"{kind.title} cannot be compared: {reason}")
            return [kind]
        if kinds := [kind for kind in MAPS if not kind.unmet(case)]:
            return kinds
        raise DoesNotFit(f"No heat map method fits {case.model.title}.")

    def cases(self, case: PairCase) -> tuple[ImageCase, ImageCase, ImageCase]:
        """The old class before and after, and the class that is said after."""
        if len(case.others) != 1:
            raise DoesNotFit("Choose one changed image to compare with.")
        source = case.source
        old = replace(source, target=Target(source.target.index))
        after = replace(old, image=case.others[0])
        return old, after, replace(after, target=Target(first_class(after)))

    def map_of(
        self, method: Method[ImageCase], image_case: ImageCase, progress: Progress
    ) -> HeatMap:
        """A map, kept for the views that ask for it too."""
        heat = answer(method, image_case, progress)["map"]
        assert isinstance(heat, HeatMap)  # noqa: S101  # every heat map method gives one
        return heat

    def finding(self, case: PairCase, result: Mapping[str, Any]) -> str:
        """Which map moved most and which least, and which are the same whatever is asked about."""
        table, changed = result["followed"], answer_changed(result)
        values = np.array(table[NEW if changed else SAME])
        if not np.isfinite(values).any():
            return "Every heat map is flat before or after the attack: none can be compared."
        low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
        if not changed:
            return (
                "The attack did not change the answer, so there is nothing to follow: rank "
                f"correlations of the maps before and after it lie between {values[low]:.2f} "
                f"({table.rows[low]}) and {values[high]:.2f} ({table.rows[high]})."
            )
        moved, class_note = int((values < FOLLOWS).sum()), any_class(case, result)
        if len(values) == 1:
            followed = "moved with the answer" if moved else "did not move with the answer"
            return f"{table.rows[0]} {followed} (rank correlation {values[0]:.2f}).{class_note}"
        return (
            f"{moved} of {len(values)} heat maps moved with the answer (rank correlation below "
            f"{FOLLOWS:g}): {table.rows[low]} most ({values[low]:.2f}), {table.rows[high]} least "
            f"({values[high]:.2f}).{class_note}"
        )


def first_class(case: ImageCase) -> int:
    """The class that the model puts first."""
    return int(case.model.logits(case.image[None])[0].argmax())


def answer_changed(result: Mapping[str, Any]) -> bool:
    """Whether the model's first class is another one after the attack."""
    before, after = result["said"]["class"]
    return bool(before != after)


def any_class(case: PairCase, result: Mapping[str, Any]) -> str:
    """Which maps are the same for the old class and the one said now; "" where none is."""
    if case.source.target.index == int(result["said"]["class"][1]):
        return ""
    alike = [title for title in result["followed"].rows if same_for_both(result, title)]
    if not alike:
        return ""
    verb = "does" if len(alike) == 1 else "do"
    return f" {' and '.join(alike)} {verb} not depend on the class, only on the image."


def same_for_both(result: Mapping[str, Any], title: str) -> bool:
    """Whether the maps of both classes after the attack are one and the same, and not flat."""
    old, now = (result[f"{title} {word}"].values for word in ("after", "now"))
    return bool(np.array_equal(old, now) and np.ptp(old))
